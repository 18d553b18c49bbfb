// A decoded body as a tree that opens and closes. Everything in it may come from strangers: it enters as text, in
// quotes, and long lists and texts are shown in parts. Hashes stand without quotes and can be copied.

import { clear, h } from "../../lib/dom.js";
import { printable } from "../../lib/format.js";

const PART = 50;
const TEXT = 240;
const LONGEST = 20_000;
const OPEN_UP_TO = 12;
const TOLD = 1500;
const HASH = /^[0-9a-f]{64}$/;

// The tree of a value; objects and short lists at the top are open.
export function tree(value) {
    return h("div", { class: "tree mono" }, isBranch(value) ? children(value, 0) : leaf(value));
}

const isBranch = (v) => v !== null && typeof v === "object";

function entries(value) {
    return Array.isArray(value) ? value.map((v, i) => [i, v]) : Object.entries(value);
}

// What a branch holds, in parts of PART entries.
function children(value, depth) {
    const all = entries(value);
    const box = h("ul", {});
    let shown = 0;
    function more() {
        button.parentNode?.remove();
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
            if (!target) return;
            if (target.tagName === "LI") target.tabIndex = -1;
            target.focus();
        },
    });
    more();
    if (!all.length) box.append(h("li", { class: "muted" }, "empty"));
    return box;
}

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

function about(value, size) {
    if (Array.isArray(value)) return size === 1 ? "1 entry" : `${size} entries`;
    const id = value.txid ?? value.hash ?? value.block_hash;
    if (typeof id === "string") return printable(id, 20);
    return size === 1 ? "1 field" : `${size} fields`;
}

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

// Quotes within are escaped, so that a text cannot look as if it ended earlier, or as a number.
function quoted(text, max) {
    return `"${printable(text, max).replace(/["\\]/g, "\\$&")}"`;
}

function hash(value) {
    const text = h("span", { class: "tree-value" }, value);
    const said = h("span", { class: "muted", role: "status" });
    const say = (words) => {
        said.textContent = ` ${words}`;
        window.setTimeout(() => said.replaceChildren(), TOLD);
    };
    // Browsers give pages the clipboard on loopback and over TLS only; elsewhere the reader copies what is selected.
    async function copy() {
        try {
            await navigator.clipboard.writeText(value);
            say("copied");
        } catch {
            window.getSelection()?.selectAllChildren(text);
            say("selected");
        }
    }
    const label = `Copy ${value.slice(0, 6)}…${value.slice(-6)}`;
    const button = h("button", { type: "button", class: "link", "aria-label": label, onclick: copy }, "copy");
    return h("span", {}, text, " ", button, said);
}
