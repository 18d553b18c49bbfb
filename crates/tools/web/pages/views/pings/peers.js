// The table of peers by ping, with a sparkline of each one's last pings.

import * as colors from "../../lib/colors.js";
import { h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { spark } from "../../lib/spark.js";
import { table } from "../../lib/table.js";

const key = (p) => `${p.node}/${p.id}`;

// {el, set(peers), filter(text), shown}
export function peers(ctx) {
    // Sparklines stay the same nodes, so that a change of one peer's pings builds nothing anew.
    const sparks = new Map();

    function sparkline(p) {
        let entry = sparks.get(key(p));
        if (!entry) {
            entry = { line: spark({ width: 120, height: 22 }), last: "" };
            sparks.set(key(p), entry);
        }
        const history = p.history ?? [];
        const state = `${history.length} ${history[history.length - 1]?.time}`;
        if (state !== entry.last) {
            entry.last = state;
            const values = history.map((x) => x.seconds);
            // A single ping is a level line.
            entry.line.set(
                values.length === 1 ? [values[0], values[0]] : values,
                values.length
                    ? `${values.length} pings, from ${f.seconds(Math.min(...values))} to ` +
                          `${f.seconds(Math.max(...values))}`
                    : "no pings",
            );
        }
        return entry.line.el;
    }

    const right = { align: "right", sort: "desc" };
    const t = table({
        caption: "Peers by ping",
        empty: "No peer is known. Peers are known from RPC (getpeerinfo), tracepoints, or debug.log.",
        sort: ctx.params.get("sort") || "-ping",
        onSort: (sort) => ctx.set({ sort: sort === "-ping" ? null : sort }),
        onRow: (p) => ctx.go("peer", { node: p.node, id: p.id }),
        rowKey: key,
        columns: [
            {
                key: "id",
                label: "Peer",
                value: (p) => p.id,
                text: (p) => String(p.id),
                head: true,
                node: (p) => h("a", { href: ctx.href("peer", { node: p.node, id: p.id }) }, String(p.id)),
            },
            ...(ctx.node ? [] : [{ key: "node", label: "Node", value: (p) => p.node }]),
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
            {
                key: "ping",
                label: "Ping",
                title: "how long the last one took",
                value: (p) => p.ping_seconds,
                text: (p) => f.seconds(p.ping_seconds),
                ...right,
            },
            {
                key: "min",
                label: "Least",
                title: "the shortest one",
                value: (p) => p.min_ping_seconds,
                text: (p) => f.seconds(p.min_ping_seconds),
                ...right,
            },
            {
                key: "wait",
                label: "Waiting",
                title: "how long a ping has been without an answer",
                value: (p) => p.ping_wait_seconds,
                text: (p) => f.seconds(p.ping_wait_seconds),
                ...right,
            },
            {
                key: "history",
                label: "Last pings",
                title: "up to 60, each line from 0 to its own longest",
                value: (p) => p.history?.length ?? 0,
                text: () => "",
                node: sparkline,
                sort: false,
                class: "history",
            },
        ],
    });
    return {
        el: t.el,
        set(list) {
            const now = new Set(list.map(key));
            for (const k of sparks.keys()) if (!now.has(k)) sparks.delete(k);
            t.set(list);
        },
        filter: (text) => t.filter(text),
        get shown() {
            return t.shown;
        },
    };
}

function type(p) {
    const name = p.connection_type ?? p.direction;
    if (!name) return "–";
    return h(
        "span",
        {},
        h(
            "span",
            { style: { color: colors.forType(name) }, "aria-hidden": "true" },
            colors.mark(colors.shapeForType(name)),
        ),
        ` ${f.printable(name, 30)}`,
    );
}
