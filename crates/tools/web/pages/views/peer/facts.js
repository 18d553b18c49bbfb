// @ts-check
// What is known of a peer, in groups of names and values.

import { absent, isKnown as known, known as shown } from "../../lib/absent.js";
import { badge, clear, h, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import * as n from "../peers/netinfo.js";

/** @import { Peer } from "./model.js" */
/** @typedef {[name: string, value: (peer: Peer) => string | Node]} Fact */

/** @type {(n: Maybe, write?: (n: Maybe) => string) => string | Node} a number that tracepoints report */
const traced = (n, write = f.count) => shown(n, write, "tracepoints");
/** @type {(n: Maybe, write?: (n: Maybe) => string) => string | Node} a number that debug.log reports as well */
const counted = (n, write = f.count) => shown(n, write, "net");
/** @type {(n: Maybe, write?: (n: Maybe) => string) => string | Node} a number of getpeerinfo */
const polled = (n, write = f.count) => shown(n, write, "rpc");
/** @type {(x: boolean | null | undefined) => string} */
const yes = (x) => (known(x) ? (x ? "yes" : "no") : "–");
/**
 * @param {string[]} list
 * @param {string} none
 */
function badges(list, none) {
    if (!list.length) return none;
    const all = list.slice(0, 30).map((s) => badge(f.printable(s, 40)));
    return h("span", { class: "badges" }, all);
}
/** @type {(time: string | null | undefined) => string | Node} */
const when = (time) => (time ? h("time", { title: f.utc(time) }, f.ago(time)) : "–");
/** @type {(time: string | null | undefined) => string | Node} */
const at = (time) => (time ? h("time", { title: f.utc(time) }, `${f.dateTime(time)}:${f.clock(time).slice(-2)}`) : "–");

/** @param {Peer} p */
function bandwidth(p) {
    if (!known(p.high_bandwidth_to) && !known(p.high_bandwidth_from)) return "–";
    return (
        [p.high_bandwidth_to ? "the node chose the peer" : "", p.high_bandwidth_from ? "the peer chose the node" : ""]
            .filter(Boolean)
            .join(", ") || "no"
    );
}

/** @type {Record<string, string>} */
const TRANSPORTS = { v1: "v1 (not encrypted)", v2: "v2 (encrypted)" };

/**
 * The groups: [title, [name, value(peer)]…]; a value is text or a node.
 * @type {[title: string, facts: Fact[]][]}
 */
const GROUPS = [
    [
        "Connection",
        [
            ["Address", (p) => h("span", { class: "mono" }, f.printable(p.addr, 120))],
            ["Network", (p) => f.printable(String(p.network ?? "–").replaceAll("_", " "), 40)],
            ["Network group", (p) => h("span", { class: "mono" }, f.printable(p.group ?? "–", 80))],
            ["Autonomous system", (p) => (known(p.as) ? `AS${p.as}` : "–")],
            ["Sets of networks", (p) => badges(p.sets, "none")],
            ["Type", (p) => f.printable(p.connection_type ?? "–", 40)],
            ["Transport", (p) => TRANSPORTS[p.transport ?? ""] ?? f.printable(p.transport ?? "–", 20)],
            ["Permissions", (p) => badges(p.permissions, "none")],
            ["Connected", (p) => at(p.connected)],
            ["First seen", (p) => at(p.first_seen)],
            ["Duration", (p) => f.seconds(whole(n.age(p)))],
        ],
    ],
    [
        "Addresses",
        [
            ["Relayed with it", (p) => yes(p.addr_relay)],
            ["It sent", (p) => traced(p.addresses_in)],
            ["It was sent", (p) => traced(p.addresses_out)],
            ["Processed", (p) => polled(p.addr_processed)],
            ["Over the rate limit", (p) => polled(p.addr_rate_limited)],
            ["Announced itself", (p) => traced(p.self_announcements, times)],
        ],
    ],
    [
        "Protocol",
        [
            ["User agent", (p) => h("span", {}, f.printable(p.user_agent ?? "–", 300))],
            ["Version", (p) => (known(p.version) ? String(p.version) : "–")],
            ["Services", (p) => badges(p.services, "–")],
            ["Wants transactions", (p) => yes(p.relay_transactions)],
            ["Fee filter", (p) => f.feeRate(p.fee_filter_btc_kvb)],
            ["High bandwidth", bandwidth],
            ["Height at start", (p) => f.count(p.starting_height)],
            ["Same headers up to", (p) => (p.inflight === null ? absent("rpc") : f.count(p.synced_headers))],
            ["Same blocks up to", (p) => (p.inflight === null ? absent("rpc") : f.count(p.synced_blocks))],
            ["Blocks asked for", (p) => polled(p.inflight)],
            ["Clock differs by", (p) => polled(p.time_offset_seconds, f.seconds)],
        ],
    ],
    [
        "Traffic",
        [
            ["Received", (p) => pair(f.bytes(p.bytes_received), p.messages_received, p.rate_in)],
            ["Sent", (p) => pair(f.bytes(p.bytes_sent), p.messages_sent, p.rate_out)],
            ["Last received", (p) => when(p.last_received)],
            ["Last sent", (p) => when(p.last_send)],
            ["Last ping", (p) => f.seconds(p.ping_seconds)],
            ["Shortest ping", (p) => f.seconds(p.min_ping_seconds)],
            [
                "Owes a pong for",
                (p) =>
                    known(p.ping_wait_seconds) ? h("span", { class: "warn" }, f.seconds(p.ping_wait_seconds)) : "–",
            ],
            ["Processor", (p) => shown(p.cpu_load, f.load, "knots")],
            [
                "Misbehaved",
                (p) =>
                    !p.misbehaviour
                        ? shown(p.misbehaviour, () => "never", "net")
                        : h(
                              "span",
                              { class: "bad" },
                              p.misbehaviour === 1 ? "once" : `${f.count(p.misbehaviour)} times`,
                          ),
            ],
        ],
    ],
    [
        "Transactions and blocks",
        [
            ["Announced", (p) => counted(p.txs?.announced)],
            ["… as the first", (p) => counted(p.txs?.first, (n) => share(n, p.txs?.announced))],
            ["… and wanted", (p) => counted(p.txs?.useful, (n) => share(n, p.txs?.announced))],
            ["Requested of it", (p) => counted(p.txs?.requested)],
            ["Delivered", (p) => shown(p.txs?.delivered, (n) => share(n, p.txs?.requested), "mempool")],
            [
                "… again or unasked",
                (p) => traced(p.txs?.duplicates, (n) => `${f.count(n)} again, ${f.count(p.txs?.unrequested)} unasked`),
            ],
            ["Did not have", (p) => traced(p.txs?.not_found)],
            ["Sent to it", (p) => counted(p.txs?.sent)],
            ["To be announced to it", (p) => shown(p.inv_to_send, f.count, "core31")],
            ["Last transaction", (p) => when(p.last_transaction)],
            ["Last block", (p) => when(p.last_block)],
        ],
    ],
];

/** @param {Maybe} n */
function times(n) {
    if (!known(n)) return "–";
    return n === 1 ? "once" : `${f.count(n)} times`;
}

/** @param {number | null} seconds */
function whole(seconds) {
    return seconds === null ? null : Math.floor(seconds);
}

/**
 * @param {string} size
 * @param {Maybe} messages
 * @param {Maybe} rate
 */
function pair(size, messages, rate) {
    if (!known(messages)) return size;
    return `${size} in ${f.count(messages)} ${messages === 1 ? "message" : "messages"}, ${f.rate(rate)}`;
}

/**
 * @param {Maybe} part
 * @param {Maybe} of
 */
function share(part, of) {
    return part !== null && part !== undefined && of ? `${f.count(part)} (${f.percent(part / of)})` : f.count(part);
}

/** All that is known; values change in place. */
export function facts() {
    /** @type {[HTMLElement, Fact[1]][]} */
    const values = [];
    const el = h(
        "div",
        { class: "fact-cards" },
        GROUPS.map(([title, list]) =>
            h(
                "section",
                { class: "card" },
                h("h2", {}, title),
                h(
                    "dl",
                    { class: "facts" },
                    list.map(([name, of]) => {
                        const dd = h("dd", {});
                        values.push([dd, of]);
                        return [h("dt", {}, name), dd];
                    }),
                ),
            ),
        ),
    );
    return {
        el,
        /** @param {Peer} peer */
        set(peer) {
            for (const [dd, of] of values) {
                const value = of(peer);
                if (!(value instanceof Node)) setText(dd, value);
                else if (dd.childNodes.length !== 1 || !dd.firstChild?.isEqualNode(value)) clear(dd, value);
            }
        },
    };
}
