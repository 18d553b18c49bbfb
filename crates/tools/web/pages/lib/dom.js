// Builds the page from nodes. Text of strangers enters only as text nodes; nothing here parses HTML.

import { printable } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

// Makes an element. props: class, attributes as text (true: present, false/null: absent), on<event> functions,
// dataset and style objects (style through the CSSOM). children: nodes, text, numbers, arrays of these, null.
export function h(tag, props, ...children) {
    return fill(document.createElement(tag), props, children);
}

// The same for SVG.
export function svg(tag, props, ...children) {
    return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(el, props, children) {
    for (const [name, value] of Object.entries(props ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name === "class") el.setAttribute("class", value);
        else if (name === "dataset") Object.assign(el.dataset, value);
        else if (name === "style") for (const [k, v] of Object.entries(value)) setStyle(el, k, v);
        else if (name.startsWith("on") && typeof value === "function") el.addEventListener(name.slice(2), value);
        else if (name === "value" || name === "checked" || name === "selected") el[name] = value;
        else el.setAttribute(name, value === true ? "" : String(value));
    }
    append(el, children);
    return el;
}

function setStyle(el, name, value) {
    if (name.includes("-")) el.style.setProperty(name, value);
    else el.style[name] = value;
}

// Appends children of any allowed form.
export function append(el, ...children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false || child === true) continue;
        el.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return el;
}

// Empties an element and puts children in, if any.
export function clear(el, ...children) {
    el.replaceChildren();
    return append(el, children);
}

// Sets the text of an element only if it differs: no work for the browser, no lost selection.
export function setText(el, text) {
    const value = String(text ?? "");
    if (el.textContent !== value) el.textContent = value;
    return el;
}

let ids = 0;

// An id which is unique in the page.
export function uid(prefix = "u") {
    ids += 1;
    return `${prefix}-${ids}`;
}

// A card with a heading (h2).
export function section(title, ...children) {
    const id = uid("h");
    return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), children);
}

// What stands where there is nothing: what is missing and what would show it.
export function empty(text) {
    return h("p", { class: "empty" }, text);
}

// Text of a stranger: control characters visible, cut to max, the whole of it (bounded) as the title.
export function stranger(text, max = 80, props = null) {
    const whole = printable(text, 2000);
    const shown = printable(text, max);
    return h("span", { title: whole === shown ? null : whole, ...props }, shown);
}

// A control with a visible label.
export function labelled(label, control) {
    return h("label", { class: "field" }, h("span", { class: "field-label" }, label), control);
}

// A select with options [[value, label]...] or [value...].
export function select(options, value, onchange, props = null) {
    const el = h("select", { ...props, onchange: () => onchange(el.value) });
    for (const option of options) {
        const [key, label] = Array.isArray(option) ? option : [option, option];
        el.append(h("option", { value: key }, label));
    }
    el.value = value;
    return el;
}

// A small label. kind: "", "good", "warn", "bad", "info".
export function badge(text, kind = "", title = null) {
    return h("span", { class: `badge ${kind}`, title }, text);
}

// A number with its name, for a row of them (class "tiles"): {el, set(value, note?)}.
export function tile(label, title = null) {
    const value = h("span", { class: "tile-value" }, "–");
    const note = h("span", { class: "tile-note" });
    const el = h("div", { class: "tile", title }, h("span", { class: "tile-label" }, label), value, note);
    return {
        el,
        set(text, more = "", kind = "") {
            setText(value, text);
            setText(note, more);
            value.className = `tile-value ${kind}`.trim();
        },
    };
}
