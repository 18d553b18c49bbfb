// @ts-check
// The table of sources: where events come from, with what each lost and counted itself.

import { ago, number } from "../../lib/columns.js";
import { badge } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { inShort, reasons, total } from "./counters.js";

/** @typedef {Api["Extractor"] & {missing?: boolean}} Source */

/** @type {Record<string, [rank: number, kind: string]>} what needs a person comes first */
const STATES = { down: [0, "bad"], ended: [1, "bad"], missing: [2, "warn"], up: [3, "good"] };
const DOCTOR = "peer-observer doctor says why, on the machine of the node";

/** @param {Source} s */
function state(s) {
    if (s.missing) return "missing";
    if (s.up) return "up";
    return s.ended ? "ended" : "down";
}

/**
 * The sources that there are, and those that a node lacks.
 * @param {Api["Losses"]} data
 * @returns {Source[]}
 */
export function rowsOf({ sources, missing }) {
    const lacking = missing.map(({ node, extractor }) => ({
        node,
        extractor,
        missing: true,
        up: false,
        ended: false,
        last_event: null,
        last_status: null,
        started: null,
        process: null,
        dropped: [],
        counters: [],
    }));
    return [...sources, ...lacking].sort(
        (a, b) => a.node.localeCompare(b.node, "en", { numeric: true }) || a.extractor.localeCompare(b.extractor),
    );
}

/** The table. */
export function sourceTable() {
    return table({
        caption: "Sources by node",
        empty: "No source has reported. An extractor that runs reports its status every few seconds.",
        sort: "state",
        rowKey: (/** @type {Source} */ s) => `${s.node}/${s.extractor}`,
        columns: [
            { key: "node", label: "Node", value: (s) => s.node, text: (s) => f.printable(s.node, 40), head: true },
            { key: "extractor", label: "Source", value: (s) => s.extractor },
            {
                key: "state",
                label: "State",
                value: (s) => STATES[state(s)][0],
                text: state,
                node: (s) => badge(state(s), STATES[state(s)][1]),
            },
            { ...ago("last", "Last event", (s) => s.last_event), align: "right" },
            {
                ...ago("status", "Last report", (s) => s.last_status, "when the extractor last reported its status"),
                align: "right",
            },
            {
                key: "started",
                label: "Runs since",
                value: (s) => f.millis(s.started),
                text: (s) => f.dateTime(s.started),
                hint: (s) => f.utc(s.started),
                align: "right",
            },
            {
                ...number("dropped", "Lost", (s) => (s.missing ? null : total(s.dropped))),
                title: "events that it lost itself",
                hint: (s) => reasons(s.dropped),
            },
            {
                key: "counters",
                label: "Counted",
                value: (s) => (s.missing ? DOCTOR : inShort(s.counters)),
                sort: false,
            },
        ],
    });
}
