// What is known of a peer, in groups of names and values.

import { badge, clear, h, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import * as n from "../peers/netinfo.js";

const known = (x) => x !== null && x !== undefined;
const yes = (x) => (known(x) ? (x ? "yes" : "no") : "–");
const badges = (list, none) =>
    list?.length
        ? h(
              "span",
              { class: "badges" },
              list.slice(0, 30).map((s) => badge(f.printable(s, 40))),
          )
        : none;
const when = (time) => (time ? h("time", { title: f.utc(time) }, f.ago(time)) : "–");
const at = (time) => (time ? h("time", { title: f.utc(time) }, `${f.dateTime(time)}:${f.clock(time).slice(-2)}`) : "–");

function bandwidth(p) {
    if (!known(p.high_bandwidth_to) && !known(p.high_bandwidth_from)) return "–";
    return (
        [p.high_bandwidth_to ? "the node chose the peer" : "", p.high_bandwidth_from ? "the peer chose the node" : ""]
            .filter(Boolean)
            .join(", ") || "no"
    );
}

// The groups: [title, [name, value(peer)]…]; a value is text or a node.
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
            [
                "Transport",
                (p) =>
                    ({ v1: "v1 (not encrypted)", v2: "v2 (encrypted)" })[p.transport] ??
                    f.printable(p.transport ?? "–", 20),
            ],
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
            ["It sent", (p) => f.count(p.addresses_in)],
            ["It was sent", (p) => f.count(p.addresses_out)],
            ["Processed", (p) => f.count(p.addr_processed)],
            ["Over the rate limit", (p) => f.count(p.addr_rate_limited)],
            ["Announced itself", (p) => times(p.self_announcements)],
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
            ["Same headers up to", (p) => f.count(p.synced_headers)],
            ["Same blocks up to", (p) => f.count(p.synced_blocks)],
            ["Blocks asked for", (p) => f.count(p.inflight)],
            ["Clock differs by", (p) => f.seconds(p.time_offset_seconds)],
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
            ["Processor", (p) => f.percent(p.cpu_load)],
            [
                "Misbehaved",
                (p) =>
                    p.misbehaviour
                        ? h(
                              "span",
                              { class: "bad" },
                              p.misbehaviour === 1 ? "once" : `${f.count(p.misbehaviour)} times`,
                          )
                        : "never",
            ],
        ],
    ],
    [
        "Transactions and blocks",
        [
            ["Announced", (p) => f.count(p.txs?.announced)],
            ["… as the first", (p) => share(p.txs?.first, p.txs?.announced)],
            ["Requested of it", (p) => f.count(p.txs?.requested)],
            ["Delivered", (p) => share(p.txs?.delivered, p.txs?.requested)],
            [
                "… again or unasked",
                (p) => (p.txs ? `${f.count(p.txs.duplicates)} again, ${f.count(p.txs.unrequested)} unasked` : "–"),
            ],
            ["Did not have", (p) => f.count(p.txs?.not_found)],
            ["Sent to it", (p) => f.count(p.txs?.sent)],
            ["To be announced to it", (p) => f.count(p.inv_to_send)],
            ["Last transaction", (p) => when(p.last_transaction)],
            ["Last block", (p) => when(p.last_block)],
        ],
    ],
];

function times(n) {
    if (!known(n)) return "–";
    return n === 1 ? "once" : `${f.count(n)} times`;
}

function whole(seconds) {
    return known(seconds) ? Math.floor(seconds) : null;
}

function pair(size, messages, rate) {
    if (!known(messages)) return size;
    return `${size} in ${f.count(messages)} ${messages === 1 ? "message" : "messages"}, ${f.rate(rate)}`;
}

function share(part, of) {
    return known(part) && of ? `${f.count(part)} (${f.percent(part / of)})` : f.count(part);
}

// {el, set(peer)}: values change in place.
export function facts() {
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
        set(peer) {
            for (const [dd, of] of values) {
                const value = of(peer);
                if (!(value instanceof Node)) setText(dd, value);
                else if (dd.childNodes.length !== 1 || !dd.firstChild.isEqualNode(value)) clear(dd, value);
            }
        },
    };
}

// What is not known of the peer, and what would show it.
export function missing(peer, sources) {
    const out = [];
    const messages = [peer.messages_received, peer.messages_sent].every((x) => !known(x));
    if (messages) {
        out.push(
            sources.ebpf
                ? "The tracepoints have told of no P2P message of it, so its messages, replies, rates and addresses are " +
                      "not known."
                : "Its messages, replies, rates and addresses are not known: the tracepoint extractor does not run. " +
                      "See the manual, tracepoints.",
        );
    }
    if ([peer.synced_headers, peer.addr_processed, peer.bytes_sent, peer.inflight].every((x) => !known(x))) {
        const what = "heights and byte counts of the node";
        if (!sources.rpc) out.push(`Pings, ${what} are not known: the RPC extractor (getpeerinfo) does not run.`);
        else if (peer.closed) out.push(`It was gone before getpeerinfo was asked, so ${what} are not known.`);
        else out.push(`getpeerinfo has not told of it yet: ${what} follow.`);
    }
    return out;
}
