// The table of message types: rate, count, bytes and size of each, by direction.

import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { direction, message } from "./marks.js";

const RIGHT = { align: "right", sort: "desc" };

// {el, set(types, counted)}; onRow(type) when one is chosen.
export function types(ctx, onRow) {
    let all = { bytes: 0 };
    const share = (t) => (all.bytes ? t.bytes / all.bytes : null);
    const t = table({
        caption: "Messages by type and direction",
        empty:
            "No message is known. The tracepoint extractor tells of all messages; the RPC extractor of bytes by " +
            "type. See the manual, tracepoints.",
        sort: ctx.params.get("sort") || "-bytes",
        onSort: (sort) => ctx.set({ sort: sort === "-bytes" ? null : sort }),
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
            {
                key: "rate",
                label: "Messages/s",
                title: "in the last 10 s",
                value: (r) => r.rate,
                text: (r) => f.rate(r.rate),
                ...RIGHT,
            },
            { key: "count", label: "Messages", value: (r) => r.count, text: (r) => f.count(r.count), ...RIGHT },
            {
                key: "byte_rate",
                label: "Bytes/s",
                title: "in the last 10 s",
                value: (r) => r.byte_rate,
                text: (r) => f.byteRate(r.byte_rate),
                ...RIGHT,
            },
            { key: "bytes", label: "Bytes", value: (r) => r.bytes, text: (r) => f.bytes(r.bytes), ...RIGHT },
            {
                key: "share",
                label: "Share",
                title: "of all bytes in this table",
                value: share,
                text: (r) => f.percent(share(r)),
                ...RIGHT,
            },
            { key: "mean", label: "Mean size", value: (r) => r.mean_size, text: (r) => f.bytes(r.mean_size), ...RIGHT },
            {
                key: "last",
                label: "Last",
                value: (r) => f.millis(r.last),
                text: (r) => f.ago(r.last),
                hint: (r) => f.utc(r.last),
                ...RIGHT,
            },
        ],
    });
    return {
        el: t.el,
        set(rows) {
            all = { bytes: rows.reduce((n, r) => n + (r.bytes ?? 0), 0) };
            t.set(rows);
        },
    };
}
