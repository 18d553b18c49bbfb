// @ts-check
// The tables below the canvas: who fills the address manager, where its addresses are, and what changed.

import { number } from "../../lib/columns.js";
import { untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { BACK, CAME, TRIED } from "./compare.js";
import { age, endpoint, slotName } from "./entry.js";
import { NEW_SLOTS } from "./geometry.js";
import { MAX_BUCKETS } from "./statistics.js";

/** @import { Comparison } from "./compare.js" */
/** @import { Tables } from "./columns.js" */
/** @import { Filler, Outcome, Share } from "./statistics.js" */

/** Rows of a table at most. */
export const MOST = 1000;

/** @type {(outcome: Outcome) => number | null} */
const reachable = (outcome) => (outcome.tried ? outcome.reachable / outcome.tried : null);

/**
 * The share of addresses with a node.
 * @template {{outcome: Outcome}} Row
 * @returns {import("../../lib/table.js").Column<Row>}
 */
function reachableColumn() {
    return {
        key: "reachable",
        label: "Reachable",
        title: "of the addresses that the connectivity check tried, those at which a node answered",
        value: (row) => reachable(row.outcome),
        text: (row) => {
            const { tried, reachable: there } = row.outcome;
            return tried ? `${f.percent(there / tried)} of ${f.count(tried)}` : "–";
        },
        hint: (row) => (row.outcome.tried ? "" : "not known here: needs the connectivity check"),
        align: "right",
        sort: "desc",
    };
}

/**
 * @template {{name: string}} Row
 * @param {string} label
 * @param {(name: string) => void} onSearch
 * @param {(name: string) => string} search
 * @returns {import("../../lib/table.js").Column<Row>}
 */
function nameColumn(label, onSearch, search) {
    return {
        key: "name",
        label,
        value: (row) => row.name,
        text: (row) => f.printable(row.name, 60),
        node: (row) => {
            const el = document.createElement("button");
            el.type = "button";
            el.className = "link mono";
            el.title = "Highlight its slots";
            el.textContent = f.printable(row.name, 60);
            el.addEventListener("click", () => onSearch(search(row.name)));
            return el;
        },
        head: true,
    };
}

/**
 * Who fills it.
 * @param {(text: string) => void} onSearch
 */
export function fillerList(onSearch) {
    return table({
        caption: "Groups of sources by how many buckets of the new table they reach",
        empty: "There is no entry.",
        sort: "-buckets",
        rowKey: (/** @type {Filler} */ row) => row.name,
        columns: [
            nameColumn("From", onSearch, (name) => `from:${name}`),
            number(
                "buckets",
                "Buckets",
                (row) => row.buckets,
                f.count,
                `of the new table; Bitcoin Core lets a group into ${MAX_BUCKETS} of 1,024`,
            ),
            number("entries", "New", (row) => row.entries, f.count, "used slots of the new table"),
            number(
                "share",
                "Of all",
                (row) => row.entries / NEW_SLOTS,
                f.percent,
                "of the 65,536 slots of the new table",
            ),
            number("tried", "Tried", (row) => row.tried, f.count, "used slots of the tried table"),
            number("sources", "Sources", (row) => row.sources, f.count, "different addresses of the group"),
            number("groups", "To groups", (row) => row.groups, f.count, "different network groups of what they sent"),
            reachableColumn(),
        ],
    });
}

/**
 * Where addresses are.
 * @param {string} caption
 * @param {string} label
 * @param {string} empty
 * @param {(text: string) => void} onSearch
 * @param {(name: string) => string} search
 */
export function shareList(caption, label, empty, onSearch, search) {
    return table({
        caption,
        empty,
        sort: "-new",
        rowKey: (/** @type {Share & {share: number}} */ row) => row.name,
        columns: [
            nameColumn(label, onSearch, search),
            number("new", "New", (row) => row.new, f.count, "used slots of the new table"),
            number("tried", "Tried", (row) => row.tried, f.count, "used slots of the tried table"),
            number("share", "Share", (row) => row.share, f.percent, "of all used slots"),
            number("addresses", "Different", (row) => row.addresses, f.count, "different addresses"),
            reachableColumn(),
        ],
    });
}

/** @typedef {Share & {share: number, reached: boolean | null, expected: number | null}} NetworkRow */

/** The networks, with what would be expected. */
export function networkList() {
    return table({
        caption: "Entries by network, and what would be expected",
        empty: "There is no entry.",
        sort: "-new",
        rowKey: (/** @type {NetworkRow} */ row) => row.name,
        columns: [
            { key: "name", label: "Network", value: (row) => row.name, text: (row) => f.network(row.name), head: true },
            {
                key: "reached",
                label: "The node",
                title: "whether the node can connect to it, by getnetworkinfo",
                value: (row) => (row.reached === null ? null : row.reached ? 1 : 0),
                text: (row) => (row.reached === null ? "–" : row.reached ? "can reach it" : "cannot reach it"),
            },
            number("new", "New", (row) => row.new, f.count, "used slots of the new table"),
            number("tried", "Tried", (row) => row.tried, f.count, "used slots of the tried table"),
            number("share", "Share", (row) => row.share, f.percent, "of all different addresses"),
            number(
                "expected",
                "Expected",
                (row) => row.expected,
                f.percent,
                "if the node kept what its peers send: see below",
                "tracepoints",
            ),
            reachableColumn(),
        ],
    });
}

/**
 * @typedef {object} Change
 * @property {string} what
 * @property {string} key
 * @property {Tables} tables where its fields are
 * @property {number} entry
 * @property {number} slot -1: none
 */

/** Entries that changed. */
export function changeList() {
    return table({
        caption: "Entries that came, went, or moved between the tables",
        empty: "Nothing changed.",
        sort: "what",
        rowKey: (/** @type {Change} */ row) => row.key,
        columns: [
            { key: "what", label: "What", value: (row) => row.what, head: true },
            {
                key: "address",
                label: "Address",
                value: (row) => row.tables.addresses[row.entry],
                node: (row) => untrusted(endpoint(row.tables, row.entry), 46),
                class: "mono",
            },
            {
                key: "network",
                label: "Network",
                value: (row) => row.tables.networkNames[row.tables.networks[row.entry]],
                text: (row) => f.network(row.tables.networkNames[row.tables.networks[row.entry]]),
            },
            {
                key: "time",
                label: "Last seen",
                value: (row) => row.tables.times[row.entry],
                text: (row) => age(row.tables, row.entry),
                hint: (row) => f.utc(row.tables.times[row.entry] * 1000),
                sort: "desc",
            },
            {
                key: "source",
                label: "Source",
                value: (row) => row.tables.sourceNames[row.tables.sources[row.entry]],
                node: (row) => untrusted(row.tables.sourceNames[row.tables.sources[row.entry]], 46),
                class: "mono",
            },
            {
                key: "slot",
                label: "Slot",
                value: (row) => row.slot,
                text: (row) => (row.slot < 0 ? "–" : slotName(row.slot)),
            },
        ],
    });
}

/** @type {[code: number, what: string][]} */
const KINDS = [
    [CAME, "came"],
    [TRIED, "moved to tried"],
    [BACK, "moved back to new"],
];

/**
 * The rows of changes: some of each kind if there are very many.
 * @param {Comparison} comparison
 * @returns {Change[]}
 */
export function changesOf({ before, after, what, gone }) {
    const most = Math.floor(MOST / 2);
    const rows = KINDS.flatMap(([code, name]) => {
        const found = [];
        for (let entry = what.indexOf(code); entry >= 0 && found.length < most; entry = what.indexOf(code, entry + 1)) {
            found.push({ what: name, key: `${name} ${entry}`, tables: after, entry, slot: after.slots.indexOf(entry) });
        }
        return found;
    });
    const went = gone
        .slice(0, most)
        .map((entry) => ({ what: "went", key: `went ${entry}`, tables: before, entry, slot: -1 }));
    return [...rows, ...went];
}
