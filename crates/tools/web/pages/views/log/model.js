// @ts-check
// The filter of the lines, and which lines come before and after those that the server kept.

import { levels, lineOf, passes } from "./line.js";

/** @import { Line } from "./line.js" */

/** So many lines are asked for. */
const SEED = 1000;
/** So many categories can be chosen. */
const CATEGORIES = 100;

/** @typedef {{level: string, category: string, text: string, unknown: boolean}} Filter text is in lower case */

export class LogModel {
    /** @type {Filter} */
    filter;
    /** @type {Set<string>} the categories that can be chosen */
    categories;
    /** @type {Line[]} what came while the server was asked for the lines before */
    #early = [];
    #seeding = true;

    /** @param {URLSearchParams} params of the page's address */
    constructor(params) {
        const level = params.get("level") ?? "";
        const category = params.get("category") ?? "";
        this.filter = {
            level: levels.includes(level) ? level : "",
            category,
            text: (params.get("text") ?? "").toLowerCase(),
            unknown: params.get("unknown") === "1",
        };
        this.categories = new Set(category ? [category] : []);
    }

    /**
     * Changes the filter; returns it for the page's address.
     * @param {Partial<Filter>} next
     */
    change(next) {
        Object.assign(this.filter, next);
        const { level, category, text, unknown } = this.filter;
        this.filter.text = text.toLowerCase();
        this.#seeding = true;
        this.#early = [];
        return { level, category, text, unknown: unknown ? "1" : null };
    }

    /** Whether anything is filtered. */
    get any() {
        const { level, category, text, unknown } = this.filter;
        return Boolean(level || category || text || unknown);
    }

    /** What to ask the server for. */
    query() {
        const { category, text, unknown } = this.filter;
        return { limit: SEED, category, text, unknown: unknown ? 1 : "" };
    }

    /**
     * The lines of an answer, oldest first, and those that came live meanwhile and are newer.
     * @param {Api["LogLine"][]} lines newest first
     * @returns {Line[]}
     */
    seed(lines) {
        const seeded = lines.filter((line) => passes(line, this.filter)).reverse();
        /** @type {Map<string, string>} the time of a node's newest line */
        const newest = new Map();
        for (const { node, time } of lines) {
            const known = newest.get(node);
            if (known === undefined || known < time) newest.set(node, time);
        }
        const later = this.#early.filter((line) => !(line.time <= (newest.get(line.node) ?? "")));
        this.#early = [];
        this.#seeding = false;
        return [...seeded, ...later];
    }

    /**
     * The line of a live event, if it is to be shown now.
     * @param {FeedEvent} event
     * @returns {Line | null}
     */
    take(event) {
        if (event.source !== "log") return null;
        const line = lineOf(event);
        if (!passes(line, this.filter)) return null;
        if (!this.#seeding) return line;
        this.#early.push(line);
        if (this.#early.length > SEED) this.#early.shift();
        return null;
    }

    /**
     * Adds categories to choose from; returns whether any is new.
     * @param {string[]} names
     */
    know(names) {
        const before = this.categories.size;
        for (const name of names) if (this.categories.size < CATEGORIES) this.categories.add(name);
        return this.categories.size > before;
    }
}
