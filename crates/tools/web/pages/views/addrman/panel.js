// @ts-check
// What is known of the slot that is chosen, beside the canvas, and of the one that is pointed at, in a box beside the pointer.

import { clear, h, section } from "../../lib/dom.js";
import { fill } from "./entry.js";
import { ALIKE } from "./search.js";

/** @import { Known } from "./colouring.js" */
/** @import { Tables } from "./columns.js" */

const NOTHING =
    "Point at a slot, or move with the arrow keys. A click, or Enter, keeps it here and what is highlighted.";

/**
 * @param {(key: string) => void} onLike highlights what is like the slot in this
 * @param {() => void} onClose
 */
export function panel(onLike, onClose) {
    const list = h("dl", { class: "facts" });
    const nothing = h("p", { class: "muted small" }, NOTHING);
    const buttons = h("div", { class: "chips", role: "group", "aria-label": "Highlight what is alike" });
    const close = h("button", { type: "button", class: "link small", onclick: onClose }, "Let go");
    const el = section("Slot", nothing, list, buttons, close);
    return {
        el,
        /**
         * @param {Tables | null} tables
         * @param {number} slot -1: none
         * @param {Known} known
         * @param {string} like what is highlighted
         * @param {boolean} chosen it stays
         */
        set(tables, slot, known, like, chosen) {
            const none = !tables || slot < 0;
            nothing.hidden = !none;
            list.hidden = none;
            close.hidden = !chosen;
            buttons.hidden = !chosen || none || tables.slots[slot] < 0;
            if (none) return;
            fill(list, tables, slot, known);
            if (buttons.hidden) return;
            clear(
                buttons,
                ALIKE.map(([key, name]) => {
                    const onclick = () => onLike(key);
                    return h(
                        "button",
                        { type: "button", class: "chip", "aria-pressed": String(key === like), onclick },
                        name,
                    );
                }),
            );
        },
    };
}

/** @param {HTMLElement} stage */
export function tip(stage) {
    const list = h("dl", { class: "facts" });
    const el = h("div", { class: "addrman-tip", "aria-hidden": "true", hidden: true }, list);
    return {
        el,
        hide() {
            el.hidden = true;
        },
        /**
         * @param {Tables} tables
         * @param {number} slot
         * @param {Known} known
         * @param {number} x of the pointer
         * @param {number} y
         */
        show(tables, slot, known, x, y) {
            fill(list, tables, slot, known);
            el.hidden = false;
            const { clientWidth: width, clientHeight: height } = stage;
            const right = x > width / 2;
            el.style.left = right ? "auto" : `${x + 16}px`;
            el.style.right = right ? `${width - x + 16}px` : "auto";
            el.style.top = `${Math.max(0, Math.min(y + 12, height - el.offsetHeight - 4))}px`;
        },
    };
}
