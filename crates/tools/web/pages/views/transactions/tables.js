// @ts-check
// The tables of the transactions page: announcers, suspects, and the last transactions.

import { clock, decimal, nodeColumn, number, peerColumn, peerLink } from "../../lib/columns.js";
import { badge, h, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** @import { Context } from "../../lib/context.js" */
/**
 * @template Row
 * @typedef {import("../../lib/table.js").Column<Row>} Column
 */

/** @typedef {Api["TransactionRecent"]} Recent */

/** So many announcers are named. */
const NAMED = 4;

/**
 * @param {Context} ctx
 * @returns {Column<{node: string, id: number, addr: string}>[]}
 */
function peerColumns(ctx) {
    return [
        ...nodeColumn(ctx),
        peerColumn(ctx),
        {
            key: "addr",
            label: "Address",
            value: (row) => row.addr,
            node: (row) => untrusted(row.addr, 46),
            class: "mono",
        },
    ];
}

const RELAYED = "from when the node had it until it announced it on our own P2P connection";
/** @type {Record<string, string>} what shows since when a node has a transaction */
const SINCE = { mempool: "it was in the mempool", message: "a peer sent it", log: "debug.log reported it" };
const USEFUL = "announced before all others, then asked for and accepted into the mempool";
const FIRST = "announced before all others; of one message, 1,000 count";

/**
 * A number that tracepoints and debug.log report.
 * @param {string} key
 * @param {string} label
 * @param {(row: Api["Announcer"]) => Maybe} value
 * @param {string} title
 * @returns {Column<Api["Announcer"]>}
 */
const counted = (key, label, value, title) => number(key, label, value, f.count, title, "net");

/**
 * Who announces first, and what comes of it.
 * @param {Context} ctx
 */
export function announcers(ctx) {
    return table({
        caption: "Peers by what they announced first and the node then wanted",
        empty: "No peer has announced or sent a transaction since this began.",
        sort: "-useful",
        rowKey: (/** @type {Api["Announcer"]} */ row) => `${row.node}/${row.id}`,
        columns: [
            ...peerColumns(ctx),
            counted("useful", "Useful", (row) => row.useful, USEFUL),
            number("share", "Share", (row) => row.useful_share, f.percent, "of all that was useful", "net"),
            counted("first", "First", (row) => row.first, FIRST),
            counted("announced", "Announced", (row) => row.announced, "transactions that it announced"),
            counted("requested", "Asked for", (row) => row.requested, "transactions that the node asked it for"),
            number("delivered", "Delivered", (row) => row.delivered, f.count, "transactions that it sent"),
            number(
                "waste",
                "Wasted",
                (row) => row.waste,
                f.count,
                "sent although they were there already, or not asked for",
                "tracepoints",
            ),
            number("fee", "Fee filter", (row) => row.fee_filter_btc_kvb, f.feeRate, "the least fee rate that it wants"),
        ],
    });
}

/**
 * Who listens only, sends what nobody asked for, or misbehaves.
 * @param {Context} ctx
 */
export function suspects(ctx) {
    return table({
        caption: "Peers that are striking",
        empty: "No peer is striking. One counts as a spy after ten minutes of listening without announcing or asking.",
        rowKey: (/** @type {Api["Suspect"]} */ row) => `${row.node}/${row.id}/${row.mark}`,
        columns: [
            ...peerColumns(ctx),
            {
                key: "mark",
                label: "What",
                value: (row) => row.mark,
                node: (row) => badge(f.printable(row.mark, 20), row.mark === "misbehaving" ? "bad" : "warn"),
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

/**
 * The last transactions.
 * @param {Context} ctx
 */
export function recent(ctx) {
    /** @type {(row: Recent, id: Maybe) => HTMLElement} */
    const one = (row, id) => (id === null || id === undefined ? none() : peerLink(ctx, row.node, id));
    return table({
        caption: "The last transactions, newest first",
        empty: "No transaction has been seen since this began.",
        rowKey: (/** @type {Recent} */ row) => `${row.node}/${row.time}/${row.wtxid ?? row.txid}`,
        columns: [
            clock("time", "Time", (row) => row.time, true),
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
                node: (row) => announcedBy(ctx, row),
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
            { key: "fate", label: "Mempool", value: fateText, node: fate },
            {
                ...number("relay", "Relayed after", (row) => row.relay_seconds, f.seconds, RELAYED),
                hint: (row) => (row.relay_since ? `since ${SINCE[row.relay_since] ?? row.relay_since}` : ""),
            },
            number("vsize", "vB", (row) => row.vsize, f.count, "virtual bytes"),
            number("rate", "sat/vB", feeRate, decimal, "fee rate"),
        ],
    });
}

const none = () => h("span", { class: "muted" }, "–");

/**
 * The peers that announced a transaction, in their order.
 * @param {Context} ctx
 * @param {Recent} row
 */
function announcedBy(ctx, row) {
    const hint = row.announced_by.map((a) => `${a.id} after ${f.seconds(a.after_seconds)}`).join(", ");
    const links = row.announced_by.slice(0, NAMED).map((a, i) => [i ? ", " : "", peerLink(ctx, row.node, a.id)]);
    const more = row.announcements > NAMED ? ` +${row.announcements - NAMED}` : null;
    return h("span", { title: hint }, links.length ? links : "–", more);
}

/** @param {Recent} row */
function feeRate({ vsize, fee_sat }) {
    if (!vsize || fee_sat === null || fee_sat === undefined) return null;
    return fee_sat / vsize;
}

/** @param {Recent} row */
function fateText(row) {
    if (row.accepted) return "accepted";
    return row.rejected ? f.printable(row.rejected, 40) : "";
}

/** @param {Recent} row */
function fate(row) {
    if (row.accepted) return badge("accepted", "good", f.utc(row.accepted));
    if (row.rejected) return badge(f.printable(row.rejected, 40), "bad", f.printable(row.rejected, 200));
    return none();
}
