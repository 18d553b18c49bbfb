// @ts-check
// A decoded body as a tree that opens and closes. Everything in it is untrusted: it enters as text, in
// quotes, and long lists and texts are shown in parts. Hashes stand without quotes and can be copied.

import { clear, h } from "../../lib/dom.js";
import { printable } from "../../lib/format.js";

const PART = 50;
const TEXT = 240;
const LONGEST = 20_000;
const OPEN_UP_TO = 12;
/** For how many milliseconds it is written that a hash was copied. */
const NOTED = 1500;
const HASH = /^[0-9a-f]{64}$/;

/**
 * The tree of a value; objects and short lists at the top are open.
 * @param {unknown} value
 */
export function tree(value) {
    return h("div", { class: "tree mono" }, isBranch(value) ? children(value, 0) : leaf(value));
}

/** @type {(v: unknown) => v is Record<string, unknown> | unknown[]} */
const isBranch = (v) => v !== null && typeof v === "object";

/**
 * @param {Record<string, unknown> | unknown[]} value
 * @returns {[string | number, unknown][]}
 */
function entries(value) {
    return Array.isArray(value) ? value.map((v, i) => [i, v]) : Object.entries(value);
}

/**
 * What a branch holds, in parts of PART entries.
 * @param {Record<string, unknown> | unknown[]} value
 * @param {number} depth
 */
function children(value, depth) {
    const all = entries(value);
    const box = h("ul", {});
    let shown = 0;
    function more() {
        button.parentElement?.remove();
        const next = all.slice(shown, shown + PART);
        for (const [key, v] of next) box.append(item(key, v, depth));
        shown += next.length;
        const left = all.length - shown;
        if (!left) return;
        button.textContent = `${Math.min(PART, left)} more of ${all.length}`;
        box.append(h("li", {}, button));
    }
    const button = h("button", {
        type: "button",
        class: "link",
        onclick: () => {
            const place = shown;
            more();
            // The button went away under the reader: the first of the new entries is where to go on.
            const first = box.children[place];
            const target = first?.querySelector("summary") ?? first;
            if (!(target instanceof HTMLElement)) return;
            if (target.tagName === "LI") target.tabIndex = -1;
            target.focus();
        },
    });
    more();
    if (!all.length) box.append(h("li", { class: "muted" }, "empty"));
    return box;
}

/**
 * @param {string | number} key
 * @param {unknown} value
 * @param {number} depth
 */
function item(key, value, depth) {
    const name = h("span", { class: "tree-key" }, printable(key, 60));
    if (!isBranch(value)) return h("li", { class: "tree-leaf" }, name, " ", leaf(value));
    const size = entries(value).length;
    const box = h("details", {}, h("summary", {}, name, " ", h("span", { class: "muted" }, about(value, size))));
    // A branch is filled when it is opened first.
    const fill = () => {
        if (box.open && box.children.length === 1) box.append(children(value, depth + 1));
    };
    box.addEventListener("toggle", fill);
    if (depth < 2 && size <= OPEN_UP_TO) {
        box.open = true;
        fill();
    }
    return h("li", {}, box);
}

/**
 * @param {Record<string, unknown> | unknown[]} value
 * @param {number} size
 */
function about(value, size) {
    if (Array.isArray(value)) return size === 1 ? "1 entry" : `${size} entries`;
    const id = value.txid ?? value.hash ?? value.block_hash;
    if (typeof id === "string") return printable(id, 20);
    return size === 1 ? "1 field" : `${size} fields`;
}

/** @param {unknown} value */
function leaf(value) {
    if (value === null) return h("span", { class: "muted" }, "null");
    if (typeof value !== "string") return h("span", { class: "tree-value" }, String(value));
    if (value === "") return h("span", { class: "muted" }, "empty text");
    if (HASH.test(value)) return hash(value);
    const box = h("span", { class: "tree-value text" }, quoted(value, TEXT));
    if (value.length <= TEXT) return box;
    const all = h(
        "button",
        {
            type: "button",
            class: "link",
            onclick: () => {
                clear(box, quoted(value, LONGEST));
                all.remove();
            },
        },
        value.length <= LONGEST ? `all ${value.length} characters` : `${LONGEST} of ${value.length} characters`,
    );
    return h("span", {}, box, " ", all);
}

/**
 * Quotes within are escaped, so that a text cannot look as if it ended earlier, or as a number.
 * @param {string} text
 * @param {number} max
 */
function quoted(text, max) {
    return `"${printable(text, max).replace(/["\\]/g, "\\$&")}"`;
}

/**
 * A hash, with a button that copies it.
 * @param {string} value
 */
function hash(value) {
    const text = h("span", { class: "tree-value" }, value);
    const status = h("span", { class: "muted", role: "status" });
    /** @param {string} words */
    const write = (words) => {
        status.textContent = ` ${words}`;
        window.setTimeout(() => status.replaceChildren(), NOTED);
    };
    // Browsers give pages the clipboard on loopback and over TLS only; elsewhere the reader copies what is selected.
    async function copy() {
        try {
            await navigator.clipboard.writeText(value);
            write("copied");
        } catch {
            window.getSelection()?.selectAllChildren(text);
            write("selected");
        }
    }
    const label = `Copy ${value.slice(0, 6)}…${value.slice(-6)}`;
    const button = h("button", { type: "button", class: "link", "aria-label": label, onclick: copy }, "copy");
    return h("span", {}, text, " ", button, status);
}
