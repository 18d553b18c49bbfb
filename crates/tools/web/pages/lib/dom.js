// @ts-check
// Builds the page from nodes. Untrusted text enters only as text nodes; nothing here parses HTML.

import { printable } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. props: class, attributes as text (true: present, false or null: absent), on<event> functions, dataset
 * and style objects (style through the CSSOM). children: nodes, text, numbers, arrays of these, null.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 */
export function h(tag, props, ...children) {
    return fill(document.createElement(tag), props, children);
}

/**
 * The same for SVG.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 */
export function svg(tag, props, ...children) {
    return fill(document.createElementNS(SVG, tag), props, children);
}

/**
 * @template {HTMLElement | SVGElement} El
 * @param {El} el
 * @param {Props | null | undefined} props
 * @param {Child[]} children
 */
function fill(el, props, children) {
    for (const [name, value] of Object.entries(props ?? {})) {
        if (value !== null && value !== undefined && value !== false) setProp(el, name, value);
    }
    return append(el, children);
}

/**
 * @param {HTMLElement | SVGElement} el
 * @param {string} name
 * @param {any} value anything but null, undefined and false
 */
function setProp(el, name, value) {
    if (name === "class") el.setAttribute("class", value);
    else if (name === "dataset") Object.assign(el.dataset, value);
    else if (name === "style") for (const [k, v] of Object.entries(value)) setStyle(el, k, String(v));
    else if (name.startsWith("on") && typeof value === "function") el.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") Object.assign(el, { [name]: value });
    else el.setAttribute(name, value === true ? "" : String(value));
}

/**
 * @param {HTMLElement | SVGElement} el
 * @param {string} name a custom property ("--x"), or a property of CSS as the CSSOM spells it
 * @param {string} value
 */
function setStyle(el, name, value) {
    if (name.includes("-")) el.style.setProperty(name, value);
    else Object.assign(el.style, { [name]: value });
}

/**
 * Appends children of any allowed form, and returns the element.
 * @template {Element} El
 * @param {El} el
 * @param {...Child} children
 */
export function append(el, ...children) {
    for (const child of children) {
        if (Array.isArray(child)) append(el, ...child);
        else if (child !== null && child !== undefined && child !== false && child !== true) {
            el.append(child instanceof Node ? child : document.createTextNode(String(child)));
        }
    }
    return el;
}

/**
 * Empties an element and puts children in, if any.
 * @template {Element} El
 * @param {El} el
 * @param {...Child} children
 */
export function clear(el, ...children) {
    el.replaceChildren();
    return append(el, children);
}

/**
 * Sets the text of an element only if it differs: no work for the browser, no lost selection.
 * @template {Element} El
 * @param {El} el
 * @param {string | number | null | undefined} text
 */
export function setText(el, text) {
    const value = String(text ?? "");
    if (el.textContent !== value) el.textContent = value;
    return el;
}

let ids = 0;

/** An id which is unique in the page. */
export function uid(prefix = "u") {
    ids += 1;
    return `${prefix}-${ids}`;
}

/**
 * A card with a heading (h2).
 * @param {string} title
 * @param {...Child} children
 */
export function section(title, ...children) {
    const id = uid("h");
    return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), children);
}

/**
 * What stands where there is nothing: what is missing and what would show it.
 * @param {string} text
 */
export function empty(text) {
    return h("p", { class: "empty" }, text);
}

/**
 * Untrusted text: control characters visible, cut to max characters, the whole of it (bounded) as the title.
 * @param {unknown} text
 * @param {Props | null} [props]
 */
export function untrusted(text, max = 80, props = null) {
    const whole = printable(text, 2000);
    const shown = printable(text, max);
    return h("span", { title: whole === shown ? null : whole, ...props }, shown);
}

/**
 * A control with a visible label.
 * @param {string} label
 * @param {Child} control
 */
export function labelled(label, control) {
    return h("label", { class: "field" }, h("span", { class: "field-label" }, label), control);
}

/** @typedef {string | string[]} Choice a value that is its own label, or [value, label] */

/**
 * A select.
 * @param {readonly Choice[]} options
 * @param {string} value what is selected at first
 * @param {(value: string) => void} onchange
 * @param {Props | null} [props]
 */
export function select(options, value, onchange, props = null) {
    const el = h("select", { ...props, onchange: () => onchange(el.value) });
    for (const option of options) {
        const [key, label] = Array.isArray(option) ? option : [option, option];
        el.append(h("option", { value: key }, label));
    }
    el.value = value;
    return el;
}

/**
 * A small label.
 * @param {string} text
 * @param {string} kind "", "good", "warn", "bad" or "info"
 * @param {string | null} title
 */
export function badge(text, kind = "", title = null) {
    return h("span", { class: `badge ${kind}`, title }, text);
}

/** @typedef {ReturnType<typeof tile>} Tile */

/**
 * A number with its name, for a row of them (class "tiles"): set(value, note, kind) shows it.
 * @param {string} label
 * @param {string | null} title
 */
export function tile(label, title = null) {
    const value = h("span", { class: "tile-value" }, "–");
    const note = h("span", { class: "tile-note" });
    const el = h("div", { class: "tile", title }, h("span", { class: "tile-label" }, label), value, note);
    return {
        el,
        /**
         * @param {string} text
         * @param {string} more a note below
         * @param {string} kind "", "good", "warn" or "bad"
         */
        set(text, more = "", kind = "") {
            setText(value, text);
            setText(note, more);
            value.className = `tile-value ${kind}`.trim();
        },
    };
}

/**
 * A row of tiles.
 * @param {string} label what they are about, for screen readers
 * @param {Record<string, Tile>} tiles
 * @param {string} more further classes
 */
export function tileRow(label, tiles, more = "") {
    const items = Object.values(tiles).map((t) => t.el);
    return h("section", { class: `tiles ${more}`.trim(), "aria-label": label }, items);
}
