// @ts-check
// Counts by type and network, as -netinfo ends, without our own connection. A count is a button that shows only those.

import { clear, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { CONNECTION_TYPES, NETWORKS } from "../../lib/names.js";
import { hintAtMore } from "../../lib/scroll.js";
import { direction } from "./netinfo.js";

/** @typedef {Api["Peer"]} Peer */
/** @typedef {Record<string, string | null>} Keys keys of the filter with their words */
/** @typedef {[key: string, label: string, keys: Keys, test: (peer: Peer) => boolean]} Row */
/** @typedef {{key: string, label: string, keys: Keys, counts: number[], total: number}} Counts */

/** @type {Row[]} */
const ROWS = [
    ["in", "in", { dir: "in", type: null }, (p) => direction(p) === "in"],
    ["out", "out", { dir: "out", type: null }, (p) => direction(p) === "out"],
    ...CONNECTION_TYPES.slice(1).map(
        /** @returns {Row} */ (t) => [
            t,
            f.connectionType(t),
            { type: f.connectionType(t), dir: null },
            (p) => f.typeName(p.connection_type) === t,
        ],
    ),
    ["total", "total", { dir: null, type: null }, () => true],
];

const MAIN = ["in", "out", "total"];

/**
 * The table.
 * @param {(keys: Keys) => void} choose called with the keys of the filter that a count stands for
 */
export function summary(choose) {
    const label = "Peers by type and network";
    const el = h("div", { class: "table-wrap", role: "region", tabindex: "0", "aria-label": label });
    let shown = "";
    hintAtMore(el);

    return {
        el,
        /** @param {Peer[]} all */
        set(all) {
            const peers = all.filter((p) => !p.closed && !p.own);
            const networks = networksOf(peers);
            const rows = rowsOf(peers, networks);
            const state = JSON.stringify([networks, rows]);
            if (state === shown) return;
            shown = state;
            const held = focusedCell(el);
            clear(el, tableOf(networks, rows, choose));
            if (held) cellOf(el, held)?.focus({ preventScroll: true });
        },
    };
}

/**
 * The networks that have peers; all if none has.
 * @param {Peer[]} peers
 */
function networksOf(peers) {
    const present = new Set(peers.map((p) => p.network).filter(Boolean));
    const known = NETWORKS.filter((x) => present.has(x));
    const others = [...present].filter((x) => !NETWORKS.includes(x)).slice(0, 4);
    return present.size ? [...known, ...others] : NETWORKS;
}

/**
 * @param {Peer[]} peers
 * @param {string[]} networks
 * @returns {Counts[]}
 */
function rowsOf(peers, networks) {
    return ROWS.map(([key, label, keys, test]) => {
        const mine = peers.filter(test);
        const counts = networks.map((x) => mine.filter((p) => p.network === x).length);
        return { key, label, keys, counts, total: mine.length };
    }).filter((row) => row.total || MAIN.includes(row.key));
}

/** @param {HTMLElement} el */
function focusedCell(el) {
    const active = document.activeElement;
    return active instanceof HTMLElement && el.contains(active) ? (active.dataset.cell ?? null) : null;
}

/**
 * @param {HTMLElement} el
 * @param {string} cell
 * @returns {HTMLElement | null}
 */
function cellOf(el, cell) {
    return el.querySelector(`[data-cell="${CSS.escape(cell)}"]`);
}

/**
 * @param {string[]} networks
 * @param {Counts[]} rows
 * @param {(keys: Keys) => void} choose
 */
function tableOf(networks, rows, choose) {
    const caption = "Open connections by type and network; a number shows only these";
    const headings = networks.map((x) =>
        h("th", { scope: "col", class: "num", title: f.printable(x, 40) }, f.network(x)),
    );
    const first = h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Type"));
    const last = h("th", { scope: "col", class: "num" }, "total");
    return h(
        "table",
        { class: "data summary" },
        h("caption", { class: "visually-hidden" }, caption),
        h("thead", {}, h("tr", {}, first, headings, last)),
        h(
            "tbody",
            {},
            rows.map((row) => rowOf(row, networks, choose)),
        ),
    );
}

/**
 * @param {Counts} row
 * @param {string[]} networks
 * @param {(keys: Keys) => void} choose
 */
function rowOf({ key, label, keys, counts, total }, networks, choose) {
    /** @type {(count: number, name: string, net: string | null) => HTMLElement} */
    const cell = (count, name, net) => {
        if (!count) return h("td", { class: "num" }, h("span", { class: "muted" }, "0"));
        const props = { type: "button", class: "link", dataset: { cell: `${key}/${name}` }, title: "Show only these" };
        const onclick = () => choose({ ...keys, net });
        return h("td", { class: "num" }, h("button", { ...props, onclick }, f.count(count)));
    };
    return h(
        "tr",
        { class: `sum-${MAIN.includes(key) ? "main" : "part"}` },
        h("th", { scope: "row", title: key }, label),
        counts.map((count, i) => cell(count, networks[i], f.network(networks[i]))),
        cell(total, "total", null),
    );
}
