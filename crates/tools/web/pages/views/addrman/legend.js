// @ts-check
// The categories of the colours with their numbers; one may be chosen, which then stands out.

import * as colors from "../../lib/colors.js";
import { clear, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { toneOf } from "./colouring.js";

/** @import { Category } from "./colouring.js" */

/** @param {(index: number) => void} onChoose -1: none any more */
export function legend(onChoose) {
    const items = h("ul", { class: "addrman-legend" });
    let shown = "";
    /**
     * @param {Category} category
     * @param {number} i
     * @param {boolean} pressed
     */
    const item = (category, i, pressed) => {
        const swatch = h("span", { class: "addrman-swatch", "aria-hidden": "true" });
        swatch.style.background = toneOf(category);
        const button = h(
            "button",
            {
                type: "button",
                class: "legend-item",
                "aria-pressed": String(pressed),
                title: pressed ? "Highlight nothing" : "Highlight these",
                dataset: { index: String(i) },
                onclick: () => onChoose(pressed ? -1 : i),
            },
            swatch,
            h("span", {}, f.printable(category.label, 60)),
            h("span", { class: "legend-value" }, f.count(category.count)),
        );
        return h("li", {}, button);
    };
    return {
        el: items,
        /**
         * @param {Category[]} list
         * @param {number} chosen -1: none
         */
        set(list, chosen) {
            const key = JSON.stringify([list, chosen, colors.theme()]);
            if (key === shown) return;
            shown = key;
            const active = document.activeElement;
            const focused = active instanceof HTMLElement && items.contains(active) ? active.dataset.index : undefined;
            const all = list.map((category, i) => ({ category, i })).filter(({ category }) => category.count > 0);
            clear(
                items,
                all.map(({ category, i }) => item(category, i, i === chosen)),
            );
            if (focused === undefined) return;
            const buttons = [...items.querySelectorAll("button")];
            buttons.find((button) => button.dataset.index === focused)?.focus();
        },
    };
}
