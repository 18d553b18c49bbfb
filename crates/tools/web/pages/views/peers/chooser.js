// @ts-check
// The choice of columns.

import { clear, h } from "../../lib/dom.js";

/** @import { PeerColumn } from "./columns.js" */

const GROUPS = [
    ["netinfo", "Of -netinfo"],
    ["ours", "More"],
];

/**
 * @param {PeerColumn[]} all
 * @param {(key: string, on: boolean) => void} onColumn
 * @param {(keys: string[] | null) => void} onPreset null: the usual columns
 */
export function chooser(all, onColumn, onPreset) {
    const el = h("fieldset", { class: "panel columns", hidden: true });

    /** @type {(label: string, keys: string[] | null) => HTMLElement} */
    const preset = (label, keys) => {
        const onclick = () => onPreset(keys);
        return h("button", { type: "button", class: "button", dataset: { key: `preset ${label}` }, onclick }, label);
    };
    /** @type {(columns: PeerColumn[]) => string[]} */
    const keysOf = (columns) => columns.map((c) => c.key);

    /**
     * @param {PeerColumn} column
     * @param {boolean} checked
     */
    function box(column, checked) {
        const input = h("input", {
            type: "checkbox",
            checked,
            dataset: { key: column.key },
            onchange: () => onColumn(column.key, input.checked),
        });
        return h("label", { class: "check", title: column.title }, input, column.label);
    }

    /**
     * @param {string} name
     * @param {string} label
     * @param {Set<string>} keys
     */
    function group(name, label, keys) {
        const boxes = all.filter((c) => c.group === name).map((c) => box(c, keys.has(c.key)));
        return h(
            "div",
            { role: "group", "aria-label": label },
            h("h3", {}, label),
            h("div", { class: "boxes" }, boxes),
        );
    }

    return {
        el,
        /** @param {Set<string>} keys of the columns that are shown */
        set(keys) {
            const active = document.activeElement;
            const held = active instanceof HTMLElement && el.contains(active) ? active.dataset.key : undefined;
            const netinfo = keysOf(all.filter((c) => c.group === "netinfo"));
            clear(
                el,
                h("legend", { class: "visually-hidden" }, "Columns"),
                h(
                    "div",
                    { class: "presets" },
                    preset("Usual", null),
                    preset("As -netinfo", netinfo),
                    preset("All", keysOf(all)),
                ),
                GROUPS.map(([name, label]) => group(name, label, keys)),
            );
            if (held === undefined) return;
            /** @type {HTMLElement | null} */
            const again = el.querySelector(`[data-key="${CSS.escape(held)}"]`);
            again?.focus({ preventScroll: true });
        },
    };
}
