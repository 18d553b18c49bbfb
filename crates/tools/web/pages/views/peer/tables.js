// @ts-check
// Tables of a peer: replies, messages by type, the last messages, misbehaviour, and its lines of the log.

import * as colors from "../../lib/colors.js";
import { ago, number } from "../../lib/columns.js";
import { clear, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** @import { Message } from "./measures.js" */

/** @param {string} direction */
const inWords = (direction) => (direction === "inbound" ? "← received" : "→ sent");

/**
 * How long replies took, of either side.
 * @param {string} empty
 */
export function replies(empty) {
    return table({
        caption: "How long replies took",
        empty,
        sort: "-count",
        rowKey: (/** @type {Api["PeerReplies"]} */ r) => `${r.request}/${r.reply}/${r.by}`,
        columns: [
            { key: "request", label: "Request → reply", head: true, value: (r) => `${r.request} → ${r.reply}` },
            {
                key: "by",
                label: "Replies",
                title: "Who replies",
                value: (r) => (r.by === "peer" ? "the peer" : "the node"),
            },
            number("count", "Count", (r) => r.count),
            number("open", "Open", (r) => r.open, f.count, "Requests that wait for a reply"),
            number("last", "Last", (r) => r.last_seconds, f.seconds),
            number("median", "Median", (r) => r.median_seconds, f.seconds),
            number("p99", "99 %", (r) => r.p99_seconds, f.seconds, "99 of 100 took no longer"),
        ],
    });
}

/**
 * Count and size of messages by type.
 * @param {string} empty
 */
export function byMessage(empty) {
    /** @type {(m: Api["ByMessage"]) => number | null} */
    const mean = (m) => (m.count ? m.bytes / m.count : null);
    return table({
        caption: "Count and size of messages",
        empty,
        sort: "-count",
        rowKey: (/** @type {Api["ByMessage"]} */ m) => `${m.message}/${m.direction}`,
        columns: [
            { key: "message", label: "Message", head: true, value: (m) => m.message, node: (m) => named(m.message) },
            { key: "direction", label: "Direction", value: (m) => inWords(m.direction) },
            number("count", "Count", (m) => m.count),
            number("bytes", "Bytes", (m) => m.bytes, f.bytes),
            { ...number("mean", "Mean size", mean), text: (m) => f.bytes(rounded(mean(m))) },
            { ...ago("last", "Last", (m) => m.last), align: "right" },
        ],
    });
}

/** @param {number | null} n */
const rounded = (n) => (n === null ? null : Math.round(n));

/** @param {string} message its type */
function named(message) {
    const props = { class: "kind-mark", style: { color: colors.forMessage(message) }, "aria-hidden": "true" };
    const mark = h("span", props, colors.mark(colors.shapeForMessage(message)));
    return h("span", {}, mark, f.printable(message, 24));
}

/**
 * The last messages.
 * @param {(seq: number) => Message | undefined} find a message by its number
 */
export function messageTable(find) {
    /** @param {Message} m */
    function replyTo(m) {
        if (m.reply_to === null || m.reply_to === undefined) return "";
        const request = find(m.reply_to);
        return request ? `${f.printable(request.message, 24)} of ${f.clock(request.time, true)}` : "an earlier message";
    }
    return table({
        caption: "The last messages",
        empty: "No message of this type.",
        sort: "-time",
        rowKey: (/** @type {Message} */ m) => m.seq,
        columns: [
            {
                key: "time",
                label: "Time",
                value: (m) => m.time,
                text: (m) => f.clock(m.time, true),
                hint: (m) => f.utc(m.time),
            },
            { key: "direction", label: "Direction", value: (m) => inWords(m.direction) },
            {
                key: "message",
                label: "Message",
                head: true,
                value: (m) => m.message,
                text: (m) => f.printable(m.message, 24),
            },
            number("size", "Size", (m) => m.size, f.bytes),
            { key: "about", label: "About", value: (m) => m.about, text: (m) => f.printable(m.about, 80) },
            { key: "reply", label: "Reply to", value: (m) => m.reply_to, text: replyTo },
            number(
                "after",
                "After",
                (m) => m.after_seconds,
                (s) => ((s ?? null) === null ? "" : f.seconds(s)),
            ),
        ],
    });
}

/** What the peer did wrong. */
export function misbehaviours() {
    return table({
        caption: "What it did wrong",
        empty: "It has not misbehaved.",
        sort: "-time",
        rowKey: (/** @type {Api["PeerMisbehaviour"]} */ m) => `${m.time}/${m.message}/${m.action}`,
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
                text: (m) => f.printable(m.message, 200),
            },
            {
                key: "action",
                label: "Consequence",
                value: (m) => m.action,
                text: (m) => f.printable(m.action, 60),
            },
        ],
    });
}

/**
 * The last lines of debug.log that name the peer, the newest first.
 * @param {Api["Info"]["sources"]} sources
 */
export function logLines(sources) {
    const el = h("ul", { class: "log-lines" });
    const none = sources.log
        ? "No line of debug.log names it. With -debug=net the node writes much more of its peers."
        : "Nothing reads debug.log here.";
    /** @type {string | null} */
    let state = null;
    return {
        el,
        /** @param {Api["PeerEntry"][]} lines */
        set(lines) {
            const next = JSON.stringify(lines);
            if (next === state) return;
            state = next;
            clear(el, lines.length ? lines.toReversed().map(logLine) : h("li", { class: "muted" }, none));
        },
    };
}

/** @param {Api["PeerEntry"]} l */
function logLine(l) {
    const time = h("time", { title: f.utc(l.time) }, f.clock(l.time, true));
    const category = h("span", { class: "muted" }, f.printable(l.category, 24));
    return h("li", {}, time, " ", category, " ", f.printable(l.text, 400));
}
