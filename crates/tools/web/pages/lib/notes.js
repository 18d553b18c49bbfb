// @ts-check
// Notes about what is missing on a page, and what would show it.

import { h } from "./dom.js";

/** A place for notes, which are built anew only when others are to be shown. */
export function notes() {
    const el = h("div", { class: "notices" });
    let shown = "";
    return {
        el,
        /** @param {string[]} texts */
        set(texts) {
            const next = texts.join("\n");
            if (next === shown) return;
            shown = next;
            el.replaceChildren(...texts.map((text) => h("p", { class: "notice" }, text)));
        },
    };
}
