// @ts-check
// A peer as `bitcoin-cli -netinfo` abbreviates it, and its times as durations.

import { connectionType, millis, network, now, printable } from "../../lib/format.js";

/** @typedef {Api["Peer"]} Peer */

/** @type {Record<string, string>} */
const LETTERS = {
    NETWORK: "n",
    BLOOM: "b",
    WITNESS: "w",
    COMPACT_FILTERS: "c",
    NETWORK_LIMITED: "l",
    P2P_V2: "2",
};

/** @type {Record<string, string>} */
const TRANSPORTS = { v1: "1", v2: "2", detecting: "d" };

/**
 * "in", "out", or "" while it is not known.
 * @param {Peer} peer
 */
export function direction(peer) {
    if (peer.direction === "inbound") return "in";
    return peer.direction === "outbound" ? "out" : "";
}

/**
 * The type, which for inbound peers is the same as the direction.
 * @param {Peer} peer
 */
export function type(peer) {
    return connectionType(peer.connection_type);
}

/**
 * The network.
 * @param {Peer} peer
 */
export function net(peer) {
    return network(peer.network);
}

/**
 * "nwl2"; "u" for a service without a letter.
 * @param {Peer} peer
 */
export function services(peer) {
    return [...new Set((peer.services ?? []).map((s) => LETTERS[s] ?? "u"))].join("");
}

/**
 * "1", "2", or "d" while it is being detected.
 * @param {Peer} peer
 */
export function transport(peer) {
    return TRANSPORTS[peer.transport ?? ""] ?? "";
}

/**
 * ".": the node chose it for compact blocks in high bandwidth; "*": it chose the node.
 * @param {Peer} peer
 */
export function highBandwidth(peer) {
    return `${peer.high_bandwidth_to ? "." : ""}${peer.high_bandwidth_from ? "*" : ""}`;
}

/**
 * User agent and protocol version: "Satoshi:29.5.0 Knots:20260508 · 70016".
 * @param {Peer} peer
 */
export function version(peer) {
    const agent = printable(peer.user_agent ?? "", 60)
        .split("/")
        .filter(Boolean)
        .join(" ");
    return [agent, peer.version].filter(Boolean).join(" · ");
}

/**
 * Seconds from a point in time until now, or until the connection ended; null if it is not known.
 * @param {Pick<Peer, "closed">} peer
 * @param {Time} time
 */
export function since(peer, time) {
    const at = millis(time);
    if (at === null) return null;
    return Math.max(0, ((millis(peer.closed) ?? now()) - at) / 1000);
}

/**
 * Seconds since it connected.
 * @param {Pick<Peer, "closed" | "connected" | "first_seen">} peer
 */
export function age(peer) {
    return since(peer, peer.connected ?? peer.first_seen);
}

/**
 * What makes a connection one: ids start again when a node does.
 * @param {Peer} peer
 */
export function key(peer) {
    return `${peer.node}/${peer.id}/${peer.first_seen}`;
}

/** @param {Peer} peer */
const rank = (peer) => (peer.closed ? 4 : 0) + (peer.direction === "inbound" ? 0 : 1);

/**
 * -netinfo's own order: inbound before outbound, then by the shortest ping. Closed peers last, the newest first.
 * @param {Peer} a
 * @param {Peer} b
 */
export function order(a, b) {
    const ranks = rank(a) - rank(b);
    if (ranks) return ranks;
    if (a.closed && b.closed) return a.closed < b.closed ? 1 : -1;
    const ping = (a.min_ping_seconds ?? Infinity) - (b.min_ping_seconds ?? Infinity);
    return ping || String(a.node).localeCompare(String(b.node)) || a.id - b.id;
}
