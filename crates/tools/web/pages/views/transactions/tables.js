// The tables of the transactions page: announcers, suspects, and the last transactions.

import { badge, h, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

const right = { align: "right", sort: "desc" };

function number(key, label, title, value, text = f.count) {
    return { key, label, title, value, text: (row) => text(value(row)), ...right };
}

function nodeColumn(ctx) {
    return ctx.node
        ? []
        : [{ key: "node", label: "Node", value: (row) => row.node, text: (row) => f.printable(row.node, 30) }];
}

// The number of a peer as a link to its page.
export function peerLink(ctx, node, id) {
    return h("a", { href: ctx.href("peer", { node, id }) }, String(id));
}

function peerColumns(ctx) {
    return [
        ...nodeColumn(ctx),
        {
            key: "id",
            label: "Peer",
            value: (row) => row.id,
            node: (row) => peerLink(ctx, row.node, row.id),
            align: "right",
        },
        {
            key: "addr",
            label: "Address",
            value: (row) => row.addr,
            node: (row) => untrusted(row.addr, 46),
            class: "mono",
        },
    ];
}

// Who announces first, and what comes of it.
export function announcers(ctx) {
    return table({
        caption: "Peers by what they announced before others",
        empty: "No peer has announced or sent a transaction since this began.",
        sort: "-first",
        rowKey: (row) => `${row.node}/${row.id}`,
        columns: [
            ...peerColumns(ctx),
            number("first", "First", "transactions that it announced before all others", (row) => row.first),
            number(
                "share",
                "Share",
                "of all transactions that this node heard of",
                (row) => row.first_share,
                f.percent,
            ),
            number("announced", "Announced", "transactions that it announced", (row) => row.announced),
            number("requested", "Asked for", "transactions that the node asked it for", (row) => row.requested),
            number("delivered", "Delivered", "transactions that it sent", (row) => row.delivered),
            number("waste", "Wasted", "sent although they were there already, or not asked for", (row) => row.waste),
            number("fee", "Fee filter", "the least fee rate that it wants", (row) => row.fee_filter_btc_kvb, f.feeRate),
        ],
    });
}

// Who listens only.
export function suspects(ctx) {
    return table({
        caption: "Peers that are striking",
        empty: "No peer is striking. One counts as a spy after ten minutes of listening without announcing or asking.",
        rowKey: (row) => `${row.node}/${row.id}/${row.mark}`,
        columns: [
            ...peerColumns(ctx),
            {
                key: "mark",
                label: "What",
                value: (row) => row.mark,
                node: (row) => badge(f.printable(row.mark, 20), "warn"),
            },
            {
                key: "why",
                label: "Why",
                value: (row) => row.why,
                text: (row) => f.printable(row.why, 200),
                class: "wrap",
                sort: false,
            },
        ],
    });
}

// The last transactions.
export function recent(ctx) {
    const peers = (row, ids) => ids.flatMap((id, i) => [i ? ", " : "", peerLink(ctx, row.node, id)]);
    const one = (row, id) => (id === null ? h("span", { class: "muted" }, "–") : peerLink(ctx, row.node, id));
    return table({
        caption: "The last transactions, newest first",
        empty: "No transaction has been heard of since this began.",
        rowKey: (row) => `${row.node}/${row.time}/${row.wtxid ?? row.txid}`,
        columns: [
            {
                key: "time",
                label: "Time",
                value: (row) => f.millis(row.time),
                text: (row) => f.clock(row.time, true),
                hint: (row) => f.utc(row.time),
                sort: "desc",
            },
            ...nodeColumn(ctx),
            {
                key: "tx",
                label: "Transaction",
                title: "its id; until it came, the hash by which it was announced",
                value: (row) => row.txid ?? row.wtxid,
                text: (row) => f.hash(row.txid ?? row.wtxid),
                hint: (row) => f.printable(row.txid ?? row.wtxid ?? "", 80),
                class: "mono",
                sort: false,
            },
            {
                key: "by",
                label: "Announced by",
                title: "peers in this order",
                value: (row) => row.announcements,
                node: (row) =>
                    h(
                        "span",
                        {
                            title: row.announced_by
                                .map((a) => `${a.id} after ${f.seconds(a.after_seconds)}`)
                                .join(", "),
                        },
                        row.announced_by.length
                            ? peers(
                                  row,
                                  row.announced_by.slice(0, 4).map((a) => a.id),
                              )
                            : "–",
                        row.announcements > 4 ? ` +${row.announcements - 4}` : null,
                    ),
                sort: "desc",
            },
            {
                key: "asked",
                label: "Asked",
                title: "which peer was asked for it",
                value: (row) => row.requested_from,
                node: (row) => one(row, row.requested_from),
                align: "right",
            },
            {
                key: "from",
                label: "Came from",
                value: (row) => row.delivered_by,
                node: (row) => one(row, row.delivered_by),
                align: "right",
            },
            { key: "fate", label: "Mempool", value: fateText, node: (row) => fate(row) },
            number("vsize", "vB", "virtual bytes", (row) => row.vsize),
            number(
                "rate",
                "sat/vB",
                "fee rate",
                (row) => (row.vsize > 0 && row.fee_sat !== null ? row.fee_sat / row.vsize : null),
                (x) => (x === null ? "–" : String(Number(x.toFixed(1)))),
            ),
        ],
    });
}

function fateText(row) {
    if (row.accepted) return "accepted";
    return row.rejected ? f.printable(row.rejected, 40) : "";
}

function fate(row) {
    if (row.accepted) return badge("accepted", "good", f.utc(row.accepted));
    if (row.rejected) return badge(f.printable(row.rejected, 40), "bad", f.printable(row.rejected, 200));
    return h("span", { class: "muted" }, "–");
}
