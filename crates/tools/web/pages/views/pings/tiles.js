// @ts-check
// The tiles of the peers' pings.

import { tile } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

/** Seconds from which on a peer that has not answered is worth a look. */
const LATE = 60;

export const tilesOf = () => ({
    median: tile("Peers' median", "of the peers' last pings"),
    p99: tile("Peers' p99", "99 of 100 peers' last pings took less"),
    slow: tile("Slowest peer"),
    waiting: tile("Peers waiting", "that have not answered a ping yet"),
    peers: tile("Peers", "whose ping is known"),
});

/**
 * The value below which a share of the sorted list lies.
 * @param {number[]} sorted
 * @param {number} share from 0 to 1
 */
function quantile(sorted, share) {
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : null;
}

/** @typedef {ReturnType<typeof tilesOf>} Tiles */

/**
 * @param {Tiles} all
 * @param {Api["PingsOfPeer"][]} peers
 */
export function now(all, peers) {
    const known = peers.flatMap((peer) => {
        const seconds = peer.ping_seconds;
        return seconds === null || seconds === undefined ? [] : [{ peer, seconds }];
    });
    const sorted = [...known].sort((a, b) => a.seconds - b.seconds);
    const pings = sorted.map(({ seconds }) => seconds);
    all.median.set(f.seconds(quantile(pings, 0.5)));
    all.p99.set(f.seconds(quantile(pings, 0.99)));
    const slowest = known.find(({ seconds }) => seconds === pings.at(-1));
    all.slow.set(
        f.seconds(slowest?.seconds),
        slowest ? `peer ${slowest.peer.id} of ${f.printable(slowest.peer.node, 16)}` : "",
    );
    const waits = peers.map((p) => p.ping_wait_seconds ?? 0).filter((s) => s > 0);
    const longest = Math.max(0, ...waits);
    const note = waits.length ? `up to ${f.seconds(longest)}` : "";
    all.waiting.set(peers.length ? f.count(waits.length) : "–", note, longest > LATE ? "warn" : "");
    all.peers.set(f.count(known.length), `of ${f.count(peers.length)}`);
}
