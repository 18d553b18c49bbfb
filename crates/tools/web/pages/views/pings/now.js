// @ts-check
// How far the nodes are behind with their messages now, by our own pings.

import { tile } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

/** @typedef {Api["PingOwnNode"]} OwnNode */
/** @typedef {import("../../lib/dom.js").Tile} Tile */

/** Seconds from which on a ping without an answer is worth a look: one is sent each second. */
const LATE = 5;

/** Milliseconds after which the last answer is an old one. */
const OLD = 10_000;

export const ownTiles = () => ({
    now: tile("Our last ping", "how long the node took to answer: its backlog; of several nodes the longest"),
    median: tile("Median", "of our last 600 pings; of several nodes the longest"),
    p99: tile("p99", "99 of 100 of our last 600 pings took less; of several nodes the longest"),
    longest: tile("Longest", "of our last 600 pings"),
    waiting: tile("No answer for", "since the ping that a node has not answered"),
});

/** @typedef {ReturnType<typeof ownTiles>} Tiles */

/**
 * How long a ping has been without an answer, in whole seconds, if that is worth a word.
 * @param {Api["Own"] | null | undefined} own
 */
export function waiting(own) {
    const seconds = own?.ping_wait_seconds ?? null;
    return seconds !== null && seconds >= 1 ? Math.floor(seconds) : null;
}

/**
 * The node with the largest value.
 * @template {{node: string}} Row
 * @param {Row[]} rows
 * @param {(row: Row) => Maybe} of
 */
function worst(rows, of) {
    const known = rows.flatMap((row) => {
        const seconds = of(row);
        return seconds === null || seconds === undefined ? [] : [{ node: f.printable(row.node, 20), seconds }];
    });
    return known.sort((a, b) => b.seconds - a.seconds)[0] ?? null;
}

/**
 * What holds of the last minutes.
 * @param {Tiles} tiles
 * @param {OwnNode[]} nodes
 */
export function lately(tiles, nodes) {
    /** @type {(shown: Tile, of: (n: OwnNode) => Maybe) => void} */
    const show = (shown, of) => {
        const found = worst(nodes, of);
        shown.set(f.seconds(found?.seconds), found && nodes.length > 1 ? found.node : "");
    };
    show(tiles.median, (n) => n.median_seconds);
    show(tiles.p99, (n) => n.p99_seconds);
    show(tiles.longest, (n) => n.longest_seconds);
}

/**
 * What holds in this second.
 * @param {Tiles} tiles
 * @param {Api["Node"][]} nodes
 */
export function rightNow(tiles, nodes) {
    const many = nodes.length > 1;
    const last = worst(nodes, (n) => n.own?.ping_seconds);
    const wait = worst(nodes, (n) => waiting(n.own));
    const who = (/** @type {{node: string} | null} */ found) => (found && many ? found.node : "");
    const gone = !last && nodes.some((n) => n.own && n.own.state !== "open");
    const late = wait !== null && wait.seconds >= LATE;
    const pong = Math.max(0, ...nodes.map((n) => f.millis(n.own?.pong) ?? 0));
    const old = last !== null && f.now() - pong > OLD;
    const age = old ? `from ${f.ago(pong)}` : who(last);
    tiles.now.set(f.seconds(last?.seconds), gone ? "no connection now" : age);
    if (wait) tiles.waiting.set(f.seconds(wait.seconds), who(wait), late ? "bad" : "");
    else tiles.waiting.set("–", last ? "all are answered" : "");
}
