// @ts-check
// The table of message types: rate, count, bytes and size of each, by direction.

import { ago, number } from "../../lib/columns.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { direction, message } from "./marks.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["MessageType"]} MessageType */

/**
 * @param {Context} ctx
 * @param {(type: MessageType) => void} onRow called when one is chosen
 * @param {string} prefix of the key in the address by which it is sorted
 */
export function types(ctx, onRow, prefix = "") {
    const sortKey = `${prefix}sort`;
    /** The bytes of all. */
    let total = 0;
    /** @type {(t: MessageType) => number | null} */
    const share = (t) => (total ? t.bytes / total : null);
    const list = table({
        caption: "Messages by type and direction",
        empty: "No message is known yet: tracepoints report all messages, RPC the bytes by type.",
        sort: ctx.params.get(sortKey) || "-bytes",
        onSort: (sort) => ctx.set({ [sortKey]: sort === "-bytes" ? null : sort }),
        onRow,
        rowKey: (r) => `${r.message}/${r.direction}`,
        columns: [
            {
                key: "message",
                label: "Type",
                value: (r) => r.message,
                head: true,
                text: (r) => f.printable(r.message, 24),
                node: (r) => message(r.message),
            },
            { key: "direction", label: "Direction", value: (r) => r.direction, node: (r) => direction(r.direction) },
            number("rate", "Messages/s", (r) => r.rate, f.rate, "in the last 10 s", "net"),
            number("count", "Messages", (r) => r.count, f.count, "since this began", "net"),
            number("byte_rate", "Bytes/s", (r) => r.byte_rate, f.byteRate, "in the last 10 s", "net"),
            number("bytes", "Bytes", (r) => r.bytes, f.bytes),
            number("share", "Share", share, f.percent, "of all bytes in this table"),
            number("mean", "Mean size", (r) => r.mean_size, f.bytes, "of a message", "net"),
            { ...ago("last", "Last", (r) => r.last), align: "right" },
        ],
    });
    return {
        el: list.el,
        /** @param {MessageType[]} rows */
        set(rows) {
            total = rows.reduce((n, r) => n + r.bytes, 0);
            list.set(rows);
        },
    };
}
