// @ts-check
// The tables of losses, gaps, and clients of the live feed.

import { clock, number } from "../../lib/columns.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

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

/** @param {Api["Gap"]} g */
function between(g) {
    return g.from === null || g.from === undefined ? "–" : `${f.clock(g.from)} … ${f.clock(g.to)}`;
}
