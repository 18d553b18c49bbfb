// @ts-check
// Many nodes: a row for each, the worst first.

import { ago, number } from "../../lib/columns.js";
import { badge, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { isAway, looksOf, sinceWhen } from "../../lib/state.js";
import { table } from "../../lib/table.js";
import { both, rank } from "./model.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["Node"]} Node */

/** @param {Context} ctx */
export function fleet(ctx) {
    return table({
        caption: "Nodes, the worst first",
        sort: "state",
        rowKey: (/** @type {Node} */ n) => n.node,
        rowClass: (n) => (isAway(n) ? "stale" : null),
        columns: [
            {
                key: "node",
                label: "Node",
                value: (n) => n.node,
                node: (n) => h("a", { href: ctx.href("overview", { node: n.node }) }, f.printable(n.node, 40)),
                head: true,
            },
            {
                key: "state",
                label: "State",
                value: rank,
                text: (n) => looksOf(n.state).word,
                node: (n) => badge(looksOf(n.state).word, looksOf(n.state).kind),
                hint: (n) => sinceWhen(n.state_since, n.state_reason),
            },
            { ...ago("since", "Since", (n) => n.state_since), align: "right" },
            number("height", "Height", (n) => n.height),
            { ...ago("block", "Last block", (n) => n.tip_changed), align: "right" },
            {
                ...number("peers", "Peers", (n) => n.connections.total),
                hint: (n) => `${f.count(n.connections.inbound)} in, ${f.count(n.connections.outbound)} out`,
            },
            rate("messages", "Messages", (n) => both(n.rates.messages_in, n.rates.messages_out), f.rate),
            rate("traffic", "Traffic", (n) => both(n.rates.bytes_in, n.rates.bytes_out), f.byteRate),
            number("mempool", "Mempool", (n) => n.mempool?.transactions),
            {
                key: "sources",
                label: "Sources",
                value: (n) => n.sources.filter((s) => !s.up).length,
                text: (n) => `${n.sources.filter((s) => s.up).length} of ${n.sources.length}`,
                hint: (n) => n.sources.map((s) => `${s.source}: ${s.state}`).join(", "),
                sort: "desc",
                align: "right",
            },
            number("lost", "Lost", (n) => n.lost),
            { ...ago("event", "Last event", (n) => n.last_event), align: "right" },
            {
                key: "version",
                label: "Version",
                value: (n) => n.version,
                text: (n) => f.printable(n.version ?? "–", 40),
            },
        ],
    });
}

/**
 * @param {string} key
 * @param {string} label
 * @param {(node: Node) => Maybe} value
 * @param {(value: Maybe) => string} text
 */
function rate(key, label, value, text) {
    return {
        key,
        label,
        value,
        text: (/** @type {Node} */ n) => text(isAway(n) ? null : value(n)),
        sort: "desc",
        align: "right",
    };
}
