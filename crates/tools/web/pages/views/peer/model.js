// @ts-check
// What is written about a peer in whole sentences: where it is, how it ended, and what is not known of it.

import * as f from "../../lib/format.js";
import { age } from "../peers/netinfo.js";

/** @typedef {Api["PeerInFull"]} Peer */

/** @type {Record<string, string>} */
const HOW = {
    closed: "The connection was closed",
    evicted: "The node evicted it to make room for another",
    disappeared: "It is gone, and nothing logged why",
};

/**
 * Why the server does not know the peer.
 * @param {string[]} nodes that the server knows
 * @param {string} node
 * @param {string} id
 * @param {boolean} paused whether nothing is asked for now
 */
export function unknown(nodes, node, id, paused) {
    if (nodes.length && !nodes.includes(node)) {
        const names = nodes.slice(0, 50).map((x) => f.printable(x, 40));
        return `There is no node “${f.printable(node, 40)}”. Known are ${names.join(", ")}.`;
    }
    return (
        `${f.printable(node, 40)} has no peer ${id}, or had it so long ago that it is forgotten: ` +
        "those that closed are kept for ten minutes. " +
        (paused ? "Resume to look for it again." : "Should it come, this page shows it.")
    );
}

/**
 * How a connection ended: the main point, and the rest.
 * @param {Peer} peer
 * @returns {[string, string]}
 */
export function ended(peer) {
    const seconds = age(peer);
    const lasted = seconds === null ? "" : `, after ${f.seconds(Number(seconds.toPrecision(3)))}`;
    const why = [peer.end?.reason, peer.end?.text].filter(Boolean).map((x) => f.printable(x, 300));
    const reason = why.length ? `: ${why.join(", ")}.` : ". No reason was logged.";
    return [
        HOW[peer.end?.how ?? ""] ?? "The connection ended",
        ` at ${f.clock(peer.closed)} (${f.ago(peer.closed)})${lasted}${reason}${misbehavedBefore(peer)}`,
    ];
}

/**
 * What it did wrong shortly before the end, which may be why.
 * @param {Peer} peer
 */
function misbehavedBefore(peer) {
    const end = f.millis(peer.closed) ?? 0;
    const before = peer.misbehaviours.find((m) => Math.abs(end - (f.millis(m.time) ?? 0)) < 1000);
    return before ? ` Just before it misbehaved: ${f.printable(before.message, 200)}.` : "";
}

/** @param {unknown} x */
const unset = (x) => x === null || x === undefined;

/**
 * What is not known of the peer, and what would show it.
 * @param {Peer} peer
 * @param {Api["Info"]["sources"]} sources
 */
export function missing(peer, sources) {
    const out = [];
    if ([peer.messages_received, peer.messages_sent].every(unset)) {
        out.push(
            sources.ebpf
                ? "The tracepoints have reported no P2P message of it, so its messages, replies, rates and addresses are " +
                      "not known."
                : "Its messages, replies, rates and addresses are not known here: that needs tracepoints.",
        );
    }
    if (peer.messages_source === "log") {
        out.push("Its messages are from debug.log: no contents, so its replies and addresses are not known.");
    }
    if ([peer.synced_headers, peer.addr_processed, peer.bytes_sent, peer.inflight].every(unset)) {
        const what = "heights and byte counts of the node";
        if (!sources.rpc) out.push(`Pings, ${what} are not known here: that needs RPC (getpeerinfo).`);
        else if (peer.closed) out.push(`It was gone before getpeerinfo was called, so ${what} are not known.`);
        else out.push(`getpeerinfo has not listed it yet: ${what} follow.`);
    }
    return out;
}
