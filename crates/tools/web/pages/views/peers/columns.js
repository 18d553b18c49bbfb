// @ts-check
// The columns of the table of peers: those of -netinfo in its order and units, then ours.

import { needs } from "../../lib/absent.js";
import * as colors from "../../lib/colors.js";
import * as columns_ from "../../lib/columns.js";
import { badge, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { ours } from "../../lib/own.js";
import * as n from "./netinfo.js";

/** @import { Source } from "../../lib/absent.js" */
/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["Peer"]} Peer */
/** @typedef {import("../../lib/table.js").Column<Peer> & {group: "netinfo" | "ours"}} PeerColumn */
/** @typedef {"last_send" | "last_received" | "last_transaction" | "last_block"} TimeField */

/** @type {(x: unknown) => boolean} */
const known = (x) => x !== null && x !== undefined;

/**
 * Milliseconds, with the digits that matter.
 * @param {Maybe} seconds
 */
function ms(seconds) {
    if (seconds === null || seconds === undefined) return "–";
    const value = seconds * 1000;
    return `${value >= 100 ? f.count(Math.round(value)) : Number(value.toPrecision(2))} ms`;
}

const LONG = 34;

/**
 * An address in a row: of a long one the beginning and the end.
 * @param {string} addr
 */
function address(addr) {
    const text = f.printable(addr, 120);
    return text.length > LONG ? `${text.slice(0, 14)}…${text.slice(-18)}` : text;
}

/**
 * A column with the time since a point in time.
 * @param {string} key
 * @param {string} label
 * @param {string} title
 * @param {TimeField} field
 * @param {(peer: Peer) => string} none what is written without one
 * @returns {PeerColumn}
 */
function since(key, label, title, field, none = () => "") {
    return {
        key,
        label,
        title,
        align: "right",
        group: "netinfo",
        value: (p) => n.since(p, p[field]),
        text: (p) => (p[field] ? f.span(n.since(p, p[field])) : none(p)),
        hint: (p) => (p[field] ? f.utc(p[field]) : ""),
    };
}

/**
 * A column of ours with a number.
 * @param {string} key
 * @param {string} label
 * @param {string} title
 * @param {(peer: Peer) => Maybe} value
 * @param {(n: Maybe) => string} write
 * @param {Source} source what it comes from, which a cell without a value names
 * @returns {PeerColumn}
 */
function number(key, label, title, value, write = f.count, source = "tracepoints") {
    return { ...columns_.number(key, label, value, write, title, source), group: "ours" };
}

/**
 * @param {string} color
 * @param {string} mark
 * @param {string} name
 */
function kind(color, mark, name) {
    return h(
        "span",
        { class: "nowrap" },
        h("span", { class: "kind-mark", style: { color }, "aria-hidden": "true" }, mark),
        name,
    );
}

/** @param {Peer} p */
function marks(p) {
    const list = p.marks.slice(0, 8);
    if (!list.length) return "";
    return h(
        "span",
        { class: "badges row-badges" },
        list.map((m) =>
            badge(
                f.printable(String(m.mark).replaceAll("_", " "), 24),
                m.mark === "misbehaving" ? "bad" : "warn",
                f.printable(m.why, 200),
            ),
        ),
    );
}

/** @param {string[]} list */
function names(list) {
    return list.map((s) => f.printable(s, 30)).join(", ");
}

/**
 * How a closed connection ended, in few words.
 * @param {Peer} peer
 */
export function ended(peer) {
    if (!peer.closed) return "";
    const how = peer.end?.how ?? "closed";
    return [how, peer.end?.reason ?? peer.end?.text]
        .filter(Boolean)
        .map((x) => f.printable(x, 60))
        .join(": ");
}

/**
 * All columns, in their order.
 * @param {Context} ctx
 */
export function columns(ctx) {
    return [...connection(), ...times(), ...relay(), ...identity(ctx), ...remarks(), ...counts(), ...rest()];
}

/**
 * The node, and what kind of connection it is.
 * @returns {PeerColumn[]}
 */
function connection() {
    return [
        { key: "node", label: "node", title: "The node that has this peer", group: "ours", value: (p) => p.node },
        {
            key: "dir",
            label: "<->",
            title: "Direction: in – the peer opened the connection; out – the node did",
            group: "netinfo",
            value: (p) => n.direction(p) || null,
        },
        {
            key: "type",
            label: "type",
            group: "netinfo",
            title: "Type: full relay, block relay, manual, feeler, addr(ess fetch), in(bound)",
            value: (p) => n.type(p),
            hint: (p) => f.printable(p.connection_type, 40),
            node: (p) => {
                const { connection_type } = p;
                const name = kind(
                    colors.forType(connection_type),
                    colors.mark(colors.shapeForType(connection_type)),
                    n.type(p),
                );
                return p.own ? h("span", { class: "nowrap" }, name, " ", ours()) : name;
            },
        },
        {
            key: "net",
            label: "net",
            title: "Network: ipv4, ipv6, onion, i2p, cjdns, npr (not publicly routable)",
            group: "netinfo",
            value: (p) => n.net(p),
            hint: (p) => f.printable(p.network, 40),
            node: (p) => kind(colors.forNetwork(p.network), colors.mark(colors.shapeForNetwork(p.network)), n.net(p)),
        },
        {
            key: "serv",
            label: "serv",
            group: "netinfo",
            class: "mono",
            title: "Services: n NETWORK, b BLOOM, w WITNESS, c COMPACT_FILTERS, l NETWORK_LIMITED, 2 P2P_V2, u another",
            value: (p) => n.services(p),
            hint: (p) => names(p.services),
        },
        {
            key: "v",
            label: "v",
            title: "Version of the transport: 1, 2 (encrypted), d (being detected)",
            group: "netinfo",
            align: "center",
            value: (p) => n.transport(p) || null,
        },
    ];
}

/**
 * Pings, and when something last came or went.
 * @returns {PeerColumn[]}
 */
function times() {
    return [
        {
            key: "mping",
            label: "mping",
            title: "Shortest ping",
            group: "netinfo",
            align: "right",
            value: (p) => p.min_ping_seconds,
            text: (p) => ms(p.min_ping_seconds),
        },
        {
            key: "ping",
            label: "ping",
            title: "Last ping",
            group: "netinfo",
            align: "right",
            sort: "desc",
            value: (p) => p.ping_seconds,
            text: (p) => ms(p.ping_seconds),
            hint: (p) => (known(p.ping_wait_seconds) ? `owes a pong for ${f.seconds(p.ping_wait_seconds)}` : ""),
        },
        since("send", "send", "Time since it was last sent something", "last_send", () => "–"),
        since("recv", "recv", "Time since it last sent something", "last_received", () => "–"),
        since(
            "txn",
            "txn",
            "Time since its last transaction that was new; *: it wants no transactions",
            "last_transaction",
            (p) => (p.relay_transactions === false ? "*" : ""),
        ),
        since("blk", "blk", "Time since its last block that was new", "last_block"),
    ];
}

/**
 * What is relayed.
 * @returns {PeerColumn[]}
 */
function relay() {
    return [
        {
            key: "hb",
            label: "hb",
            group: "netinfo",
            align: "center",
            class: "mono",
            title: "Compact blocks in high bandwidth: . the node chose the peer, * the peer chose the node",
            value: (p) =>
                known(p.high_bandwidth_to) ? (p.high_bandwidth_to ? 1 : 0) + (p.high_bandwidth_from ? 2 : 0) : null,
            sort: "desc",
            text: (p) => n.highBandwidth(p),
        },
        {
            key: "addrp",
            label: "addrp",
            group: "netinfo",
            align: "right",
            sort: "desc",
            title: "Addresses processed, without those over the rate limit; . – no addresses are relayed with it",
            value: (p) => p.addr_processed,
            text: (p) => (p.addr_processed ? f.count(p.addr_processed) : p.addr_relay === false ? "." : ""),
        },
        {
            key: "addrl",
            label: "addrl",
            title: "Addresses dropped for the rate limit",
            group: "netinfo",
            align: "right",
            sort: "desc",
            value: (p) => p.addr_rate_limited,
            text: (p) => (p.addr_rate_limited ? f.count(p.addr_rate_limited) : ""),
        },
    ];
}

/**
 * Since when, and who.
 * @param {Context} ctx
 * @returns {PeerColumn[]}
 */
function identity(ctx) {
    return [
        {
            key: "age",
            label: "age",
            title: "Time since it connected",
            group: "netinfo",
            align: "right",
            sort: "desc",
            value: (p) => n.age(p),
            text: (p) => f.span(n.age(p)),
            hint: (p) => `connected ${f.utc(p.connected)}`,
        },
        {
            key: "asmap",
            label: "asmap",
            title: "Autonomous system",
            group: "netinfo",
            align: "right",
            value: (p) => p.as,
            text: (p) => (known(p.as) ? String(p.as) : ""),
        },
        {
            key: "id",
            label: "id",
            title: "The node's number of the peer",
            group: "netinfo",
            align: "right",
            value: (p) => p.id,
        },
        {
            key: "addr",
            label: "address",
            title: "Address and port; leads to all that is known of the peer",
            group: "netinfo",
            head: true,
            value: (p) => p.addr,
            node: (p) =>
                h("a", { href: ctx.href("peer", { node: p.node, id: p.id }), class: "mono addr" }, address(p.addr)),
            hint: (p) => (String(p.addr ?? "").length > LONG ? f.printable(p.addr, 120) : ""),
        },
    ];
}

/**
 * What it calls itself, and what is striking about it.
 * @returns {PeerColumn[]}
 */
function remarks() {
    return [
        {
            key: "version",
            label: "version",
            title: "User agent and protocol version",
            group: "netinfo",
            class: "agent",
            value: (p) => n.version(p) || null,
            hint: (p) => f.printable(p.user_agent ?? "", 300),
        },
        {
            key: "marks",
            label: "marks",
            title: "What is striking about it",
            group: "ours",
            sort: "desc",
            value: (p) => (p.marks?.length ? p.marks.length : null),
            node: marks,
        },
        {
            key: "ended",
            label: "ended",
            title: "How the connection ended",
            group: "ours",
            value: (p) => ended(p) || null,
            text: (p) => (p.closed ? `${ended(p)}, ${f.ago(p.closed)}` : ""),
            hint: (p) => f.printable(p.end?.text ?? "", 300),
        },
        {
            key: "ua",
            label: "user agent",
            title: "What it calls itself",
            group: "ours",
            class: "agent",
            value: (p) => p.user_agent,
            text: (p) => f.printable(p.user_agent ?? "–", 60),
        },
        {
            key: "sets",
            label: "sets",
            title: "Sets of networks that it is in",
            group: "ours",
            value: (p) => names(p.sets) || null,
            text: (p) => names(p.sets),
        },
        {
            key: "bad",
            label: "bad",
            title: "How often it misbehaved",
            group: "ours",
            align: "right",
            sort: "desc",
            value: (p) => p.misbehaviour,
            text: (p) => (p.misbehaviour === 0 ? "" : f.count(p.misbehaviour)),
            hint: (p) => (known(p.misbehaviour) ? "" : needs("net")),
        },
    ];
}

/**
 * Numbers of ours.
 * @returns {PeerColumn[]}
 */
function counts() {
    return [
        number("ratein", "msg/s in", "Messages per second that it sends, of the last 10 s", (p) => p.rate_in, f.short),
        number(
            "rateout",
            "msg/s out",
            "Messages per second that it is sent, of the last 10 s",
            (p) => p.rate_out,
            f.short,
        ),
        number("msgin", "msg in", "Messages that it sent", (p) => p.messages_received),
        number("msgout", "msg out", "Messages that it was sent", (p) => p.messages_sent),
        number("bytesin", "bytes in", "Bytes that it sent", (p) => p.bytes_received, f.bytes, "rpc"),
        number("bytesout", "bytes out", "Bytes that it was sent", (p) => p.bytes_sent, f.bytes, "rpc"),
        number("txs", "txs", "Transactions that it announced", (p) => p.txs?.announced),
        number("first", "first", "Transactions that it announced first of all peers", (p) => p.txs?.first),
        number(
            "useful",
            "useful",
            "… of these, those that the node then asked for and accepted into its mempool",
            (p) => p.txs?.useful,
        ),
        number("txin", "tx in", "Transactions that it delivered", (p) => p.txs?.delivered, f.count, "mempool"),
        number("txout", "tx out", "Transactions that it was sent", (p) => p.txs?.sent),
        number("addrin", "addr in", "Addresses that it sent", (p) => p.addresses_in),
        number("addrout", "addr out", "Addresses that it was sent", (p) => p.addresses_out),
        number("fee", "fee filter", "The least fee rate that it wants", (p) => p.fee_filter_btc_kvb, f.feeRate, "rpc"),
        number(
            "inv",
            "inv queue",
            "Transactions that wait to be announced to it",
            (p) => p.inv_to_send,
            f.count,
            "core31",
        ),
        number("cpu", "cpu", "Share of a processor that the node takes for it", (p) => p.cpu_load, f.load, "knots"),
        number("clock", "clock", "By how much its clock differs", (p) => p.time_offset_seconds, f.seconds, "rpc"),
        number("height", "height", "Height up to which it has the same blocks", (p) => p.synced_blocks, f.count, "rpc"),
    ];
}

/**
 * What is left.
 * @returns {PeerColumn[]}
 */
function rest() {
    return [
        {
            key: "perm",
            label: "permissions",
            title: "What it is allowed to do",
            group: "ours",
            value: (p) => names(p.permissions) || null,
            text: (p) => names(p.permissions),
        },
        { key: "group", label: "group", title: "Network group", group: "ours", value: (p) => p.group },
    ];
}

/**
 * The columns shown unless others are chosen. The node only among several, the end only with closed peers.
 * @param {PeerColumn[]} all
 * @param {{manyNodes: boolean, closed: boolean, asmap: boolean}} given
 */
export function standard(all, { manyNodes, closed, asmap }) {
    const ours = new Set([
        "marks",
        "ratein",
        "rateout",
        "bytesin",
        "bytesout",
        "txs",
        "first",
        "addrin",
        "addrout",
        "sets",
        "bad",
    ]);
    if (manyNodes) ours.add("node");
    if (closed) ours.add("ended");
    return all
        .filter((c) => (c.group === "netinfo" && (asmap || c.key !== "asmap")) || ours.has(c.key))
        .map((c) => c.key);
}
