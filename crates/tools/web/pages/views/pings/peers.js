// @ts-check
// The table of peers by ping, with a sparkline of each one's last pings.

import * as colors from "../../lib/colors.js";
import { nodeColumn, number, peerLink } from "../../lib/columns.js";
import { h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { spark } from "../../lib/spark.js";
import { table } from "../../lib/table.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Spark } from "../../lib/spark.js" */
/**
 * @template Row
 * @typedef {import("../../lib/table.js").Column<Row>} Column
 */
/** @typedef {Api["PingsOfPeer"]} Peer */

/** @param {Peer} p */
const key = (p) => `${p.node}/${p.id}`;

/** @param {Context} ctx */
export function peers(ctx) {
    const lines = sparklines();
    const list = table({
        caption: "Peers by ping",
        empty: "No peer is known. Peers are known from RPC (getpeerinfo), tracepoints, or debug.log.",
        sort: ctx.params.get("sort") || "-ping",
        onSort: (sort) => ctx.set({ sort: sort === "-ping" ? null : sort }),
        onRow: (p) => ctx.go("peer", { node: p.node, id: p.id }),
        rowKey: key,
        columns: [...peerColumns(ctx), ...pingColumns(lines.of)],
    });
    return {
        el: list.el,
        /** @param {Peer[]} all */
        set(all) {
            lines.keep(all);
            list.set(all);
        },
        /** @param {string} text */
        filter: (text) => list.filter(text),
        get shown() {
            return list.shown;
        },
    };
}

/**
 * @param {Context} ctx
 * @returns {Column<Peer>[]}
 */
function peerColumns(ctx) {
    return [
        {
            key: "id",
            label: "Peer",
            value: (p) => p.id,
            text: (p) => String(p.id),
            head: true,
            node: (p) => peerLink(ctx, p.node, p.id),
        },
        ...nodeColumn(ctx),
        {
            key: "addr",
            label: "Address",
            value: (p) => p.addr,
            class: "mono addr",
            text: (p) => f.printable(p.addr ?? "–", 44),
            hint: (p) => f.printable(p.addr ?? "", 200),
        },
        {
            key: "type",
            label: "Type",
            value: (p) => p.connection_type ?? p.direction,
            text: (p) => f.printable(p.connection_type ?? p.direction ?? "–", 30),
            node: type,
        },
    ];
}

/**
 * @param {(peer: Peer) => Node} sparkline
 * @returns {Column<Peer>[]}
 */
function pingColumns(sparkline) {
    return [
        number("ping", "Ping", (p) => p.ping_seconds, f.seconds, "how long the last one took"),
        number("min", "Least", (p) => p.min_ping_seconds, f.seconds, "the shortest one"),
        number("wait", "Waiting", (p) => p.ping_wait_seconds, f.seconds, "how long a ping has been without an answer"),
        {
            key: "history",
            label: "Last pings",
            title: "up to 60, each line from 0 to its own longest",
            value: (p) => p.history.length,
            text: () => "",
            node: sparkline,
            sort: false,
            class: "history",
        },
    ];
}

/** The sparklines stay the same nodes, so that a change of one peer's pings builds nothing anew. */
function sparklines() {
    /** @type {Map<string, {line: Spark, last: string}>} */
    const sparks = new Map();
    return {
        /**
         * @param {Peer} p
         * @returns {Node}
         */
        of(p) {
            const entry = sparks.get(key(p)) ?? { line: spark({ width: 120, height: 22 }), last: "" };
            sparks.set(key(p), entry);
            const state = `${p.history.length} ${p.history.at(-1)?.time}`;
            if (state === entry.last) return entry.line.el;
            entry.last = state;
            const values = p.history.map((x) => x.seconds);
            const range = `${f.seconds(Math.min(...values))} to ${f.seconds(Math.max(...values))}`;
            // A single ping is a level line.
            entry.line.set(
                values.length === 1 ? [values[0], values[0]] : values,
                values.length ? `${values.length} pings, from ${range}` : "no pings",
            );
            return entry.line.el;
        },
        /** @param {Peer[]} all forgets those of others */
        keep(all) {
            const keys = new Set(all.map(key));
            for (const k of sparks.keys()) if (!keys.has(k)) sparks.delete(k);
        },
    };
}

/** @param {Peer} p */
function type(p) {
    const name = p.connection_type ?? p.direction;
    if (!name) return "–";
    const mark = colors.mark(colors.shapeForType(name));
    return h(
        "span",
        {},
        h("span", { style: { color: colors.forType(name) }, "aria-hidden": "true" }, mark),
        ` ${f.printable(name, 30)}`,
    );
}
