// @ts-check
// What can be chosen above the canvas: node, tables, what they are compared with, colours, what is highlighted, zoom, files.

import { clear, h, labelled, select } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { CRITERIA } from "./colouring.js";
import { ALIKE, HELP } from "./search.js";

/** @import { Choice } from "../../lib/dom.js" */

/** Milliseconds after which what is typed is looked for. */
const TYPED = 200;

/**
 * @typedef {object} ToolbarOptions
 * @property {string} color
 * @property {string} like
 * @property {(node: string) => void} onNode
 * @property {(which: string) => void} onTables
 * @property {(which: string) => void} onBefore
 * @property {(color: string) => void} onColor
 * @property {(like: string) => void} onLike
 * @property {(text: string) => void} onSearch
 * @property {(file: File) => void} onFile
 */

/** @param {ToolbarOptions} on */
export function toolbar(on) {
    const node = select([], "", on.onNode);
    const nodeField = labelled("Node", node);
    const tables = select([], "", on.onTables);
    const before = select([], "", on.onBefore);
    const color = select(CRITERIA, on.color, on.onColor);
    const like = select([["", "Nothing"], ...ALIKE], on.like, on.onLike);
    /** @type {number | undefined} */
    let timer;
    const search = h("input", {
        type: "search",
        class: "addrman-search",
        title: HELP,
        placeholder: "address, as:, from:, port:…",
        autocomplete: "off",
        spellcheck: "false",
        oninput: () => {
            window.clearTimeout(timer);
            timer = window.setTimeout(() => on.onSearch(search.value), TYPED);
        },
    });
    const file = h("input", {
        type: "file",
        accept: ".json,application/json",
        class: "visually-hidden",
        "aria-label": "A file with the JSON of getrawaddrman",
        tabindex: "-1",
        onchange: () => {
            const [chosen] = file.files ?? [];
            if (chosen) on.onFile(chosen);
            file.value = "";
        },
    });
    const open = h(
        "button",
        {
            type: "button",
            class: "button",
            title: "The JSON of getrawaddrman; it stays in this browser. It can be dropped on the page, too.",
            onclick: () => file.click(),
        },
        "Open a file",
    );

    /**
     * @param {HTMLSelectElement} el
     * @param {Choice[]} choices
     * @param {string} value
     */
    function offer(el, choices, value) {
        const next = JSON.stringify(choices);
        if (el.dataset.shown !== next) {
            el.dataset.shown = next;
            clear(
                el,
                choices.map((choice) => {
                    const [key, label] = Array.isArray(choice) ? choice : [choice, choice];
                    return h("option", { value: key }, f.printable(label, 60));
                }),
            );
        }
        el.value = value;
    }

    return {
        el: h(
            "div",
            { class: "toolbar" },
            nodeField,
            labelled("Tables", tables),
            labelled("Compared with", before),
            labelled("Colour by", color),
            labelled("Highlight", like),
            labelled("Find", search),
            h("span", { class: "addrman-open" }, open, file),
        ),
        /**
         * @param {string[]} names
         * @param {string} value
         */
        nodes(names, value) {
            nodeField.hidden = names.length < 2;
            offer(node, names, value);
        },
        /**
         * @param {Choice[]} choices
         * @param {string} value
         */
        tables: (choices, value) => offer(tables, choices, value),
        /**
         * @param {Choice[]} choices
         * @param {string} value
         */
        before: (choices, value) => offer(before, choices, value),
        /** @param {string} value */
        color(value) {
            color.value = value;
        },
        /** @param {string} value */
        like(value) {
            like.value = value;
        },
        /** @param {string} text */
        search(text) {
            search.value = text;
            on.onSearch(text);
        },
        end: () => window.clearTimeout(timer),
    };
}

/**
 * The buttons of the zoom.
 * @param {(step: number) => void} onZoom 1, -1, or 0 to show all
 */
export function zoomButtons(onZoom) {
    /** @type {(text: string, label: string, step: number) => HTMLButtonElement} */
    const button = (text, label, step) =>
        h(
            "button",
            { type: "button", class: "button", "aria-label": label, title: label, onclick: () => onZoom(step) },
            text,
        );
    const [smaller, larger, all] = [button("−", "Smaller", -1), button("+", "Larger", 1), button("All", "Show all", 0)];
    return {
        el: h("div", { class: "addrman-zoom" }, smaller, larger, all),
        /** @param {{larger: boolean, smaller: boolean}} can */
        set(can) {
            larger.disabled = !can.larger;
            smaller.disabled = !can.smaller;
            all.disabled = !can.smaller;
        },
    };
}
