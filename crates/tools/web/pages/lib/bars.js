// @ts-check
// Horizontal bars in a table, which follow the theme.

import { onTheme } from "./colors.js";
import { clear, h, setText } from "./dom.js";
import * as format from "./format.js";
import { hintAtMore } from "./scroll.js";
import { formatter } from "./series.js";

/** @import { Unit } from "./series.js" */

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {number} value
 * @property {string | (() => string)} [color] a function for the theme
 * @property {string} [title]
 * @property {string} [text] in place of the value
 * @property {string} [href] where the label leads
 */

/**
 * @typedef {object} BarsOptions
 * @property {string} title the caption
 * @property {string} [label] the heading of the labels, for screen readers
 * @property {Unit} [unit]
 * @property {number} [max] of the scale; the largest value unless set
 * @property {string} [empty] what stands there without rows
 * @property {boolean} [hideTitle]
 */

/**
 * @param {HTMLElement} el
 * @param {BarsOptions} options
 */
export function bars(el, options) {
    const write = formatter(options.unit ?? format.count);
    const body = h("tbody");
    const caption = h("caption", { class: options.hideTitle ? "visually-hidden" : null }, options.title);
    const headings = [options.label ?? "What", "Bar", "Value"].map((text) => h("th", { scope: "col" }, text));
    const head = h("thead", { class: "visually-hidden" }, h("tr", {}, headings));
    const table = h("table", { class: "bars" }, caption, head, body);
    const nothing = h("p", { class: "empty", hidden: true }, options.empty ?? "Nothing yet.");
    const wrap = h("div", { class: "bars-wrap" }, table, nothing);
    el.append(wrap);
    hintAtMore(wrap);

    /** @type {ReturnType<typeof rowOf>[]} */
    const rows = [];
    /** @type {Bar[]} */
    let shown = [];
    let placed = false;
    const offTheme = onTheme(() => {
        placed ||= wrap.isConnected;
        if (placed && !wrap.isConnected) offTheme();
        else set(shown);
    });

    /** @param {Bar[]} bars_ */
    function set(bars_) {
        shown = bars_;
        placed ||= wrap.isConnected;
        const top = options.max ?? Math.max(1e-12, ...bars_.map((bar) => bar.value ?? 0));
        while (rows.length > bars_.length) rows.pop()?.el.remove();
        while (rows.length < bars_.length) {
            const row = rowOf();
            rows.push(row);
            body.append(row.el);
        }
        for (const [i, bar] of bars_.entries()) rows[i].set(bar, top, write);
        table.hidden = bars_.length === 0;
        nothing.hidden = bars_.length !== 0;
    }

    return {
        el: wrap,
        set,
        /** @param {string} text what stands there without rows */
        empty: (text) => setText(nothing, text),
        destroy() {
            offTheme();
            wrap.remove();
        },
    };
}

function rowOf() {
    const label = h("th", { scope: "row" });
    const fill = h("div", { class: "bar-fill" });
    const value = h("td", { class: "num" });
    const el = h("tr", {}, label, h("td", { class: "bar-cell" }, h("div", { class: "bar-track" }, fill)), value);
    return {
        el,
        /**
         * @param {Bar} bar
         * @param {number} top the end of the scale
         * @param {(n: Maybe) => string} write
         */
        set(bar, top, write) {
            const name = format.printable(bar.label, 60);
            if (bar.href) clear(label, h("a", { href: bar.href }, name));
            else setText(label, name);
            if (bar.title) label.title = bar.title;
            else label.removeAttribute("title");
            fill.hidden = !bar.value;
            fill.style.width = `${Math.max(0, Math.min(100, ((bar.value ?? 0) / top) * 100))}%`;
            fill.style.background = (typeof bar.color === "function" ? bar.color() : bar.color) ?? "";
            setText(value, bar.text ?? write(bar.value));
        },
    };
}
