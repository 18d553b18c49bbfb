// @ts-check
// What stands beside the lines: rates by category, when the node limited its log, and which categories are on.

import { number } from "../../lib/columns.js";
import { badge, clear, h, section, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** So many rate limits are listed. */
const LIMITS = 30;

export class Side {
    #counts;
    #unknown = h("p", { class: "small muted" });
    #limits = h("ul", { class: "limits" });
    #switches = h("div", { class: "switches" });

    /** @param {(category: string) => void} onCategory called when a category is chosen */
    constructor(onCategory) {
        this.#counts = table({
            caption: "Lines by category and level",
            empty: "No line has been seen yet.",
            sort: "-rate",
            rowKey: (/** @type {Api["LogCount"]} */ c) => `${c.category}/${c.level}`,
            onRow: (c) => onCategory(c.category),
            columns: [
                { key: "category", label: "Category", value: (c) => c.category, head: true },
                { key: "level", label: "Level", value: (c) => c.level },
                number("rate", "Rate", (c) => c.rate, f.rate),
                { ...number("count", "Lines", (c) => c.count), hint: (c) => f.bytes(c.bytes) },
            ],
        });
        this.el = h(
            "div",
            { class: "log-side" },
            section("Rates", this.#counts.el, this.#unknown),
            section("Rate limits", this.#limits),
            section("Categories that are on", this.#switches),
        );
    }

    /** @param {Api["Log"]} data */
    set(data) {
        const counts = data.counts.filter((c) => c.count > 0);
        const total = counts.reduce((n, c) => n + c.count, 0);
        this.#counts.set(counts);
        const unknown = `${f.count(data.unknown)} of ${f.count(total)} lines are of a kind that peer-observer does not know.`;
        setText(this.#unknown, data.unknown === null ? "" : unknown);
        const limits = data.rate_limits.slice(0, LIMITS).map(limit);
        clear(this.#limits, limits.length ? limits : h("li", { class: "muted" }, "The node has not limited its log."));
        clear(this.#switches, switches(data.categories));
    }
}

/** @param {Api["RateLimit"]} l */
function limit(l) {
    return h(
        "li",
        {},
        badge(l.begins ? "begins" : "ends", l.begins ? "warn" : "good"),
        " ",
        h("time", { title: f.utc(l.time) }, f.clock(l.time)),
        " ",
        h("span", { class: "muted" }, f.printable(l.node, 24)),
        " ",
        h("span", { class: "mono" }, f.printable(l.location, 80)),
        " ",
        f.printable(l.function, 80),
        l.bytes ? h("span", { class: "muted" }, ` ${f.bytes(l.bytes)} left out`) : null,
    );
}

/**
 * The categories that are on, by node.
 * @param {Api["LogCategory"][]} categories
 * @returns {Child}
 */
function switches(categories) {
    const nodes = Map.groupBy(categories, (c) => c.node);
    if (!nodes.size) {
        const text = "Not known here: that needs RPC.";
        return h("p", { class: "muted" }, text);
    }
    return [...nodes].map(([node, all]) => {
        const on = all.filter((c) => c.on).map((c) => badge(f.printable(c.category, 30)));
        const list = on.length ? on : h("span", { class: "muted" }, "none");
        return h("div", {}, h("h3", {}, f.printable(node, 40)), h("p", { class: "badges" }, list));
    });
}
