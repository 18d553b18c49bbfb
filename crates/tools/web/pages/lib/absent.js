// @ts-check
// What stands where a number is not known. It is never 0: it is "–", with what would make it known.

import { h } from "./dom.js";

/** @import { Tile } from "./dom.js" */
/** @typedef {keyof typeof SOURCES} Source */

/** What numbers come from, in words. */
const SOURCES = {
    tracepoints: "tracepoints",
    rpc: "RPC",
    log: "debug.log",
    net: "tracepoints, or debug.log with debug=net",
    logNet: "debug.log with debug=net",
    mempool: "tracepoints, or debug.log with debug=mempool and debug=mempoolrej",
    addrman: "debug.log with debug=addrman",
    process: "the node's process on this machine",
    p2p: "our own P2P connection (extractor p2p)",
    core31: "Bitcoin Core 31 or later",
    knots: "Bitcoin Knots",
};

/** @type {(value: unknown) => boolean} */
export const isKnown = (value) => value !== null && value !== undefined;

/**
 * Why a number is not known.
 * @param {Source} source what it comes from
 */
export function needs(source) {
    return `not known here: needs ${SOURCES[source]}`;
}

/**
 * What stands in place of a number that is not known.
 * @param {Source} source
 */
export function absent(source) {
    const why = needs(source);
    return h("span", { class: "muted", title: why }, "–", h("span", { class: "visually-hidden" }, ` (${why})`));
}

/**
 * A number, or what stands in its place.
 * @param {Maybe} value
 * @param {(n: Maybe) => string} write
 * @param {Source} source
 */
export function known(value, write, source) {
    return isKnown(value) ? write(value) : absent(source);
}

/**
 * Shows a number in a tile, or that it is not known.
 * @param {Tile} tile
 * @param {Maybe} value
 * @param {(n: Maybe) => string} write
 * @param {Source} source
 * @param {string} note below a number that is known
 * @param {string} kind "", "good", "warn" or "bad"
 */
export function show(tile, value, write, source, note = "", kind = "") {
    if (isKnown(value)) tile.set(write(value), note, kind);
    else tile.set("–", needs(source));
}
