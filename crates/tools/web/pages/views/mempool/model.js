// @ts-check
// What the tiles and bars of the mempool page show, from the answer of api/mempool.

import * as f from "../../lib/format.js";

/** @import { Bar } from "../../lib/bars.js" */
/** @typedef {Api["MempoolNode"]} Pool */

/** So many reasons have a bar of their own. */
const REASONS = 12;

/**
 * The mempool with the largest number of a kind; null if none is known.
 * @param {Pool[]} pools
 * @param {(pool: Pool) => Maybe} of
 */
export function largest(pools, of) {
    /** @type {Pool | null} */
    let best = null;
    for (const pool of pools) if ((of(pool) ?? -1) > (best === null ? -1 : (of(best) ?? -1))) best = pool;
    return best;
}

/**
 * The sum of what is known; null if nothing is.
 * @param {Maybe[]} list
 */
export function total(list) {
    const known = list.filter((x) => x !== null && x !== undefined);
    return known.length ? known.reduce((a, b) => a + b, 0) : null;
}

/**
 * How many of the last minute; the newest step is not over yet and is left out.
 * @param {Steps} steps
 * @param {number} stepSeconds
 */
export function lastMinute(steps, stepSeconds) {
    return total(steps.slice(0, -1).slice(-Math.max(1, Math.round(60 / stepSeconds))));
}

/**
 * The most frequent reasons, and the rest together.
 * @param {Api["MempoolReason"][]} list
 */
export function reasonBars(list) {
    const all = list.filter((r) => r.count > 0).sort((a, b) => b.count - a.count);
    const rest = all.slice(REASONS).reduce((n, r) => n + r.count, 0);
    /** @type {Bar[]} */
    const rows = all.slice(0, REASONS).map((r) => ({
        label: f.printable(r.reason, 44),
        title: f.printable(r.reason, 200),
        value: r.count,
    }));
    if (rest) rows.push({ label: `${all.length - REASONS} others`, value: rest, color: "var(--line-strong)" });
    return rows;
}

/**
 * What is missing, and what would show it.
 * @param {boolean} anyPool whether any mempool is known
 * @param {Api["Info"]["sources"]} sources
 */
export function missing(anyPool, sources) {
    const notes = [];
    if (!anyPool) {
        notes.push(
            sources.rpc === false
                ? "Size, least fee rate and estimates are not known here: that needs RPC."
                : "Size, least fee rate and estimates are not known yet: the node is asked for them every few seconds.",
        );
    }
    if (sources.ebpf === false) {
        notes.push(
            sources.log === false
                ? "What comes and goes is not known here: that needs tracepoints or debug.log."
                : "Fees, sizes and ages of what comes and goes are not known here: that needs tracepoints. debug.log has " +
                      "what is added, removed and replaced (category mempool), and rejected (mempoolrej).",
        );
    }
    return notes;
}
