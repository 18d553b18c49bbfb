// @ts-check
// The log page: filters, lines, and what stands beside them.

import { clear, h, labelled, select, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { KeptSearch } from "./kept.js";
import { LineList } from "./list.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Filter, LogModel } from "./model.js" */
/** @import { Side } from "./side.js" */

/** Milliseconds without another key after which the reader has typed. */
const TYPING = 250;
/** @type {[value: string, label: string][]} */
const LEVELS = [
    ["", "All levels"],
    ["debug", "debug and up"],
    ["info", "info and up"],
    ["warning", "warning and up"],
    ["error", "error"],
];

export class LogView {
    #ctx;
    #model;
    #side;
    #category;
    #text;
    #note = h("span", { class: "muted small log-note", role: "status" });
    #suppressing = h("div", { class: "notices" });
    /** @type {number | undefined} */
    #timer;
    /** @type {KeptSearch | null} */
    #kept = null;

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {LogModel} model
     * @param {Side} side
     * @param {(next: Partial<Filter>) => void} onChange
     */
    constructor(root, ctx, model, side, onChange) {
        this.#ctx = ctx;
        this.#model = model;
        this.#side = side;
        this.lines = new LineList(!ctx.node);
        const { filter } = model;
        const level = select(LEVELS, filter.level, (value) => onChange({ level: value }));
        this.#category = select([["", "All categories"]], "", (value) => onChange({ category: value }));
        this.#text = h("input", {
            type: "search",
            value: ctx.params.get("text") ?? "",
            placeholder: "e.g. peer=5",
            oninput: () => {
                window.clearTimeout(this.#timer);
                this.#timer = window.setTimeout(() => onChange({ text: this.#text.value.trim() }), TYPING);
            },
        });
        const unknown = h("input", {
            type: "checkbox",
            checked: filter.unknown,
            onchange: () => onChange({ unknown: unknown.checked }),
        });
        const toolbar = h(
            "div",
            { class: "toolbar" },
            labelled("Level", level),
            labelled("Category", this.#category),
            labelled("Text", this.#text),
            h("label", { class: "check" }, unknown, "unknown lines only"),
            this.#note,
        );
        const main = h("section", { class: "card log-main", "aria-label": "Lines" }, toolbar, this.lines.el);
        root.append(this.#suppressing, h("div", { class: "log-layout" }, main, side.el));
        // The public sees no line as it was written.
        if (!ctx.info.public) {
            this.#kept = new KeptSearch(ctx);
            root.append(this.#kept.el);
        }
        this.#describe();
    }

    /** The filter is another one. */
    filtered() {
        this.#category.value = this.#model.filter.category;
    }

    /** @param {Api["Log"]} data with the lines that the server kept */
    seed(data) {
        this.lines.seed(this.#model.seed(data.lines));
        this.#describe();
        this.#categories(data.counts.map((c) => c.category));
    }

    /** @param {Api["Log"]} data */
    counts(data) {
        this.#side.set(data);
        this.#categories(data.counts.filter((c) => c.count > 0).map((c) => c.category));
        clear(this.#suppressing, data.suppressing ? suppressing() : null);
    }

    /** @param {number} n lines were dropped because the page was too slow */
    dropped(n) {
        setText(this.#note, `This page was too slow for ${f.count(n)} lines.`);
    }

    stop() {
        window.clearTimeout(this.#timer);
        this.lines.stop();
        this.#kept?.stop();
    }

    /** @param {string[]} names */
    #categories(names) {
        const fresh = this.#model.know(names);
        if (!fresh && this.#category.options.length > 1) return;
        const all = [...this.#model.categories].sort();
        clear(
            this.#category,
            h("option", { value: "" }, "All categories"),
            all.map((c) => h("option", { value: c }, f.printable(c, 30))),
        );
        this.#category.value = this.#model.filter.category;
    }

    /** Why there may be no line. */
    #describe() {
        let text = "No line yet: they appear as the node writes them.";
        if (this.#model.any) text = "No line that is still kept fits the filter; new ones appear as they come.";
        else if (this.#ctx.info.sources?.log === false) {
            text = "Nothing reads debug.log here.";
        }
        this.lines.empty(text);
    }
}

function suppressing() {
    const text = "Lines are missing from debug.log itself: something makes it write far too much.";
    return h("p", { class: "notice bad" }, h("strong", {}, "The node limits its log. "), text);
}
