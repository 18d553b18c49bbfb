// @ts-check
// Notes about what is missing on a page, and what would show it.

import { h } from "./dom.js";

/** A place for notes, which are built anew only when others are to be shown. */
export function notes() {
    const el = h("div", { class: "notices" });
    let shown = "[]";
    return {
        el,
        /** @param {(string | [point: string, text: string])[]} texts a point is written in bold */
        set(texts) {
            const next = JSON.stringify(texts);
            if (next === shown) return;
            shown = next;
            el.replaceChildren(...texts.map((text) => h("p", { class: "notice" }, content(text))));
        },
    };
}

/** @param {string | [point: string, text: string]} text */
function content(text) {
    return typeof text === "string" ? text : [h("strong", {}, text[0]), text[1]];
}
