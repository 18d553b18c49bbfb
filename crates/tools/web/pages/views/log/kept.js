// @ts-check
// Kept logs: a search by time, peer, address and text in what was written to files.

import { ApiError, getBytes } from "../../lib/api.js";
import { clear, h, labelled, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

/** @import { Context } from "../../lib/context.js" */

/**
 * What `logs` answers.
 * @typedef {object} Kept
 * @property {{node: string, time: string | null, line: string}[]} lines
 * @property {boolean} more
 * @property {boolean} late
 * @property {{node: string, since: string, until: string}[]} gaps
 * @property {number} damaged
 * @property {number} read
 * @property {number} parts
 * @property {number} bytes
 * @property {string[]} nodes
 */

/** @type {[key: string, label: string, placeholder: string][]} */
const FIELDS = [
    ["since", "From", "2026-01-31T12:00:00Z or 2h"],
    ["until", "Until", "2026-01-31T12:10:00Z or 1h"],
    ["peer", "Peer", "7"],
    ["addr", "Address", "203.0.113.7 or 203.0.113.0/24"],
    ["text", "With text", "disconnecting"],
];
/** What is asked for if no time is given: the search begins at the oldest file otherwise. */
const LATELY = "1h";
/** Lines that are asked for at once. */
const LIMIT = 500;
/** Characters of a line that are shown. */
const MAX_TEXT = 1000;

export class KeptSearch {
    #ctx;
    /** @type {{key: string, label: string, input: HTMLInputElement}[]} */
    #inputs;
    #status = h("p", { class: "small muted", role: "status" });
    #lines = h("ol", { class: "kept-lines lines" });
    #asked = new AbortController();

    /** @param {Context} ctx */
    constructor(ctx) {
        this.#ctx = ctx;
        this.#inputs = FIELDS.map(([key, label, placeholder]) => {
            const value = ctx.params.get(`kept_${key}`) ?? "";
            return { key, label, input: h("input", { type: "search", value, placeholder }) };
        });
        const form = h(
            "form",
            { class: "toolbar", onsubmit: (/** @type {Event} */ event) => this.#submit(event) },
            this.#inputs.map(({ label, input }) => labelled(label, input)),
            h("button", { type: "submit", class: "button" }, "Find"),
        );
        this.el = h(
            "section",
            { class: "card log-kept", "aria-label": "Kept logs" },
            h("h2", {}, "Kept logs"),
            form,
            this.#status,
            this.#lines,
        );
        setText(this.#status, "Lines of earlier times, from the files in which logs are kept.");
        if (this.#inputs.some(({ input }) => input.value)) this.#find();
    }

    stop() {
        this.#asked.abort();
    }

    /** @param {Event} event */
    #submit(event) {
        event.preventDefault();
        const since = this.#inputs[0].input;
        if (!this.#inputs.slice(0, 2).some(({ input }) => input.value.trim())) since.value = LATELY;
        this.#ctx.set(Object.fromEntries(this.#inputs.map(({ key, input }) => [`kept_${key}`, input.value.trim()])));
        this.#find();
    }

    async #find() {
        this.#asked.abort();
        this.#asked = new AbortController();
        const { signal } = this.#asked;
        setText(this.#status, "Looking …");
        const query = Object.fromEntries(this.#inputs.map(({ key, input }) => [key, input.value.trim()]));
        try {
            const bytes = await getBytes("logs", { node: this.#ctx.node, limit: LIMIT, ...query }, signal);
            if (!signal.aborted) this.#show(JSON.parse(new TextDecoder().decode(bytes)));
        } catch (error) {
            if (signal.aborted) return;
            clear(this.#lines);
            const text = error instanceof ApiError ? error.message : "The answer makes no sense.";
            setText(this.#status, f.printable(text, 300));
        }
    }

    /** @param {Kept} kept */
    #show(kept) {
        const many = !this.#ctx.node && kept.nodes.length > 1;
        clear(
            this.#lines,
            kept.lines.map(({ node, line }) =>
                h(
                    "li",
                    {},
                    many ? h("span", { class: "muted" }, `${f.printable(node, 40)} `) : null,
                    f.printable(line, MAX_TEXT),
                ),
            ),
        );
        setText(this.#status, summary(kept));
    }
}

/** @param {Kept} kept */
function summary(kept) {
    const { lines, more, late, gaps, damaged, read, parts, bytes } = kept;
    const texts = [
        `${f.count(lines.length)} lines; ${f.count(read)} of ${f.count(parts)} parts were read (${f.bytes(bytes)}).`,
    ];
    if (late) texts.push("The time for a search was over: give a shorter time.");
    else if (more) texts.push("There are more: they begin at the time of the last one.");
    for (const { node, since, until } of gaps) {
        texts.push(`Lines of ${f.printable(node, 40)} may be missing from ${f.utc(since)} to ${f.utc(until)}.`);
    }
    if (damaged) texts.push(`${f.count(damaged)} files could not be read to their end.`);
    return texts.join(" ");
}
