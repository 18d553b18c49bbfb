// @ts-check
// The tables of the health page: sources, losses, gaps, and clients of the live feed.

import { ago, clock, number } from "../../lib/columns.js";
import { badge } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** @typedef {Api["Extractor"]} Extractor */

/** @param {{count: number}[]} list */
export const total = (list) => list.reduce((n, d) => n + d.count, 0);

/** @param {Extractor} s */
const state = (s) => (s.ended ? "ended" : "down");

/** Where events come from. */
export function sourceTable() {
    return table({
        caption: "Sources by node",
        empty: "No source has reported. An extractor that runs reports its status every few seconds.",
        sort: "node",
        rowKey: (/** @type {Extractor} */ s) => `${s.node}/${s.extractor}`,
        columns: [
            { key: "node", label: "Node", value: (s) => s.node, head: true },
            { key: "extractor", label: "Source", value: (s) => s.extractor },
            {
                key: "up",
                label: "State",
                value: (s) => (s.up ? 1 : 0),
                text: (s) => (s.up ? "up" : state(s)),
                node: (s) => (s.up ? badge("up", "good") : badge(state(s), "bad")),
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
            { ...number("dropped", "Dropped", (s) => total(s.dropped)), hint: (s) => reasons(s.dropped) },
            {
                key: "counters",
                label: "Counters",
                value: (s) => counters(s.counters),
                class: "wrap small",
                sort: false,
            },
        ],
    });
}

/** Where events were lost, and why. */
export function stageTable() {
    return table({
        caption: "Lost events by stage and reason",
        empty: "Nothing was lost at any stage.",
        sort: "-count",
        rowKey: (/** @type {Api["LossStage"]} */ s) => `${s.stage}/${s.reason}`,
        columns: [
            { key: "stage", label: "Stage", value: (s) => s.stage, head: true },
            { key: "reason", label: "Reason", value: (s) => s.reason },
            number("count", "Events", (s) => s.count),
        ],
    });
}

/** Holes in the sequence numbers. */
export function gapTable() {
    return table({
        caption: "Gaps, newest first",
        empty: "No gap: the sequence numbers of every run are complete.",
        sort: "-time",
        rowKey: (/** @type {Api["Gap"]} */ g) => `${g.node}/${g.run}/${g.source}/${g.from}/${g.time}`,
        columns: [
            clock("time", "Seen", (g) => g.time),
            { key: "node", label: "Node", value: (g) => g.node },
            { key: "source", label: "Source", value: (g) => g.source },
            number("missing", "Missing", (g) => g.missing),
            {
                key: "from",
                label: "Between",
                value: (g) => g.from,
                text: between,
                class: "mono",
                hint: (g) => `run ${g.run}`,
            },
        ],
    });
}

/** Who reads the live feed. */
export function clientTable() {
    /** @type {Record<string, string>} */
    const kinds = { ws: "WebSocket", sse: "server-sent events" };
    return table({
        caption: "Clients of the live feed",
        empty: "No browser or program reads the live feed.",
        sort: "-dropped",
        rowKey: (/** @type {Api["Client"]} */ c) => String(c.id),
        columns: [
            { key: "id", label: "Client", value: (c) => c.id, text: (c) => f.printable(c.id, 30), head: true },
            { key: "kind", label: "By", value: (c) => c.kind, text: (c) => kinds[c.kind] ?? c.kind },
            {
                key: "since",
                label: "Since",
                value: (c) => f.millis(c.since),
                text: (c) => f.ago(c.since),
                hint: (c) => f.utc(c.since),
                align: "right",
            },
            number("sent", "Sent", (c) => c.sent),
            number("waiting", "Waiting", (c) => c.waiting),
            number("dropped", "Missed", (c) => c.dropped, f.count, "events that this client was too slow for"),
        ],
    });
}

/** @param {Api["LossDropped"][]} dropped */
function reasons(dropped) {
    return dropped
        .filter((d) => d.count > 0)
        .map((d) => `${d.stage}, ${d.reason}: ${f.count(d.count)}`)
        .join("\n");
}

/** @param {Api["LossCounter"][]} list */
function counters(list) {
    return list
        .filter((c) => c.value)
        .map((c) => `${c.name}${c.label ? ` ${c.label}` : ""} ${f.count(c.value)}`)
        .join(", ");
}

/** @param {Api["Gap"]} g */
function between(g) {
    return g.from === null || g.from === undefined ? "–" : `${f.clock(g.from)} … ${f.clock(g.to)}`;
}
