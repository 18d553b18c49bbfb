// Tables of a peer: replies, messages by type, misbehaviour, and its lines of the log.

import * as colors from "../../lib/colors.js";
import { clear, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

// How long replies took, of either side.
export function replies(empty) {
    const seconds = (key, label, title) => ({
        key,
        label,
        title,
        align: "right",
        sort: "desc",
        value: (r) => r[`${key}_seconds`],
        text: (r) => f.seconds(r[`${key}_seconds`]),
    });
    return table({
        caption: "How long replies took",
        empty,
        sort: "-count",
        rowKey: (r) => `${r.request}/${r.reply}/${r.by}`,
        columns: [
            { key: "request", label: "Request → reply", head: true, value: (r) => `${r.request} → ${r.reply}` },
            {
                key: "by",
                label: "Replies",
                title: "Who replies",
                value: (r) => (r.by === "peer" ? "the peer" : "the node"),
            },
            {
                key: "count",
                label: "Count",
                align: "right",
                sort: "desc",
                value: (r) => r.count,
                text: (r) => f.count(r.count),
            },
            {
                key: "open",
                label: "Open",
                title: "Requests that wait for a reply",
                align: "right",
                sort: "desc",
                value: (r) => r.open,
                text: (r) => f.count(r.open),
            },
            seconds("last", "Last"),
            seconds("median", "Median"),
            seconds("p99", "99 %", "99 of 100 took no longer"),
        ],
    });
}

export function byMessage(empty) {
    return table({
        caption: "Count and size of messages",
        empty,
        sort: "-count",
        rowKey: (m) => `${m.message}/${m.direction}`,
        columns: [
            {
                key: "message",
                label: "Message",
                head: true,
                value: (m) => m.message,
                node: (m) =>
                    h(
                        "span",
                        {},
                        h(
                            "span",
                            {
                                class: "kind-mark",
                                style: { color: colors.forMessage(m.message) },
                                "aria-hidden": "true",
                            },
                            colors.mark(colors.shapeForMessage(m.message)),
                        ),
                        f.printable(m.message, 24),
                    ),
            },
            {
                key: "direction",
                label: "Direction",
                value: (m) => (m.direction === "inbound" ? "← received" : "→ sent"),
            },
            {
                key: "count",
                label: "Count",
                align: "right",
                sort: "desc",
                value: (m) => m.count,
                text: (m) => f.count(m.count),
            },
            {
                key: "bytes",
                label: "Bytes",
                align: "right",
                sort: "desc",
                value: (m) => m.bytes,
                text: (m) => f.bytes(m.bytes),
            },
            {
                key: "mean",
                label: "Mean size",
                align: "right",
                sort: "desc",
                value: (m) => (m.count ? m.bytes / m.count : null),
                text: (m) => (m.count ? f.bytes(Math.round(m.bytes / m.count)) : "–"),
            },
            {
                key: "last",
                label: "Last",
                align: "right",
                sort: "desc",
                value: (m) => m.last,
                text: (m) => f.ago(m.last),
                hint: (m) => f.utc(m.last),
            },
        ],
    });
}

export function misbehaviours() {
    return table({
        caption: "What it did wrong",
        empty: "It has not misbehaved.",
        sort: "-time",
        rowKey: (m) => `${m.time}/${m.message}/${m.action}`,
        columns: [
            {
                key: "time",
                label: "Time",
                value: (m) => m.time,
                text: (m) => f.clock(m.time),
                hint: (m) => f.utc(m.time),
            },
            {
                key: "message",
                label: "What",
                head: true,
                class: "wrap",
                value: (m) => m.message,
                text: (m) => f.printable(m.message ?? "–", 200),
            },
            {
                key: "action",
                label: "Consequence",
                value: (m) => m.action,
                text: (m) => f.printable(m.action ?? "–", 60),
            },
        ],
    });
}

// The last lines of debug.log that name the peer, the newest first. {el, set(lines)}
export function logLines(sources) {
    const el = h("ul", { class: "log-lines" });
    let state = null;
    return {
        el,
        set(lines) {
            const next = JSON.stringify(lines);
            if (next === state) return;
            state = next;
            clear(
                el,
                [...lines]
                    .reverse()
                    .map((l) =>
                        h(
                            "li",
                            {},
                            h("time", { title: f.utc(l.time) }, f.clock(l.time, true)),
                            " ",
                            h("span", { class: "muted" }, f.printable(l.category ?? "", 24)),
                            " ",
                            f.printable(l.text, 400),
                        ),
                    ),
            );
            if (lines.length) return;
            clear(
                el,
                h(
                    "li",
                    { class: "muted" },
                    sources.log
                        ? "No line of debug.log names it. With -debug=net the node writes much more of its peers."
                        : "The log extractor does not run: nothing reads debug.log. See the manual, debug.log.",
                ),
            );
        },
    };
}
