// @ts-check
// Our own pings: how far the nodes are behind with their messages over time; and how to get what is needed for that.

import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { ago, clock, number } from "../../lib/columns.js";
import { clear, h, section } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { howTo, howToNodes, inWords } from "../../lib/own.js";
import { times } from "../../lib/series.js";
import { table } from "../../lib/table.js";
import { waiting } from "./now.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["PingOwnNode"]} OwnNode */

const ABOUT =
    "We ping each node every second over a P2P connection of our own. A node answers when it has worked off what came before, " +
    "so the time shows how far its message handler is behind. Where a line is broken, the node answered nothing, or " +
    "there was no connection.";

/** @param {Context} ctx */
export function own(ctx) {
    const note = h("p", { class: "muted small" }, ABOUT);
    const body = h("div", {});
    const plot = chart(body, {
        label: "Our own pings",
        unit: "s",
        height: 170,
        series: [
            { name: "median", color: () => colors.named("blue") },
            { name: "longest", color: () => colors.named("vermillion"), dash: [6, 3] },
        ],
    });
    const nodes = nodeTable();
    const recent = recentTable();
    body.append(
        h("h3", {}, "Nodes"),
        nodes.el,
        h("h3", {}, "The last pings"),
        h("div", { class: "recent" }, recent.el),
    );
    const missing = lacking(ctx);
    return {
        el: section("Our own pings: the nodes' backlog", note, missing.el, body),
        /** @param {Api["PingOwn"]} data */
        set(data) {
            missing.set(data.nodes);
            // What was measured before stays, with its age.
            const any = data.source === "p2p";
            body.hidden = !any;
            if (!any) return;
            const { series } = data;
            plot.set(times(series, series.median.length), [series.median, series.max]);
            nodes.set(data.nodes);
            recent.set(data.recent);
        },
        destroy: () => plot.destroy(),
    };
}

function nodeTable() {
    return table({
        caption: "Our connection to each node, and its pings",
        sort: "node",
        rowKey: (/** @type {OwnNode} */ n) => n.node,
        columns: [
            { key: "node", label: "Node", value: (n) => n.node, text: (n) => f.printable(n.node, 40), head: true },
            number("now", "Last", (n) => n.connection?.ping_seconds, f.seconds, "how long the last answer took"),
            number("median", "Median", (n) => n.median_seconds, f.seconds, "of the last 600"),
            number("p99", "p99", (n) => n.p99_seconds, f.seconds, "99 of 100 took less"),
            number("longest", "Longest", (n) => n.longest_seconds, f.seconds, "of the last 600"),
            number(
                "wait",
                "No answer for",
                (n) => waiting(n.connection),
                f.seconds,
                "since the ping that it has not answered",
            ),
            { ...ago("last", "Last answer", (n) => n.connection?.pong), align: "right" },
            {
                key: "connection",
                label: "Connection",
                value: (n) => n.connection?.state ?? "none",
                text: (n) => (n.connection ? inWords(n.connection) : "none"),
                hint: (n) => f.printable(n.connection?.reason ?? "", 300),
            },
        ],
    });
}

function recentTable() {
    return table({
        caption: "Our last pings, newest first",
        rowKey: (/** @type {Api["OwnPing"]} */ p) => `${p.node}/${p.time}`,
        columns: [
            clock("time", "Time", (p) => p.time),
            { key: "node", label: "Node", value: (p) => p.node, text: (p) => f.printable(p.node, 40), head: true },
            number("seconds", "Answer after", (p) => p.seconds, f.seconds),
        ],
    });
}

/**
 * Of which nodes there is no connection, and how to get one.
 * @param {Context} ctx
 */
function lacking(ctx) {
    const el = h("div", { class: "notices" });
    let shown = "";
    return {
        el,
        /** @param {OwnNode[]} nodes */
        set(nodes) {
            const without = nodes.filter((n) => n.connection?.state !== "open");
            // Those of which the same is to be said together.
            /** @type {Map<string, OwnNode[]>} */
            const alike = new Map();
            for (const n of without) {
                const key = JSON.stringify([n.connection && inWords(n.connection), howTo(n.connection)]);
                alike.set(key, [...(alike.get(key) ?? []), n]);
            }
            const next = JSON.stringify([[...alike.keys()], without.map((n) => n.node), ctx.info.public]);
            if (next === shown) return;
            shown = next;
            const open = without.length === nodes.length;
            clear(
                el,
                [...alike.values()].map((group) => notice(group, open, !ctx.info.public)),
            );
        },
    };
}

/**
 * @param {OwnNode[]} nodes
 * @param {boolean} open whether all of it is shown at first
 * @param {boolean} advise whether the reader may change something
 */
function notice(nodes, open, advise) {
    const names = nodes.slice(0, 5).map((n) => f.printable(n.node, 40));
    if (nodes.length > names.length) names.push(`${nodes.length - names.length} more`);
    const [{ connection }] = nodes;
    const what = [
        h("strong", {}, `No P2P connection to ${names.join(", ")}`),
        connection ? `: ${inWords(connection)}. ` : ". ",
    ];
    if (!advise) return h("p", { class: "notice" }, what);
    return h(
        "details",
        { class: "notice blind", open },
        h("summary", {}, what, "How to get one"),
        howToNodes(connection),
    );
}
