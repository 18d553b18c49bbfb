// @ts-check
// The numbers of the overview, from the answers of the API.

import { perSecond, times } from "../../lib/series.js";
import { looksOf } from "../../lib/state.js";

/** @typedef {ReturnType<typeof traffic>} Traffic */

/**
 * The sum of what is known; null if nothing is.
 * @template Item
 * @param {Item[]} list
 * @param {(item: Item) => Maybe} of
 */
export function sum(list, of) {
    return list.reduce((n, item) => both(n, of(item)), /** @type {number | null} */ (null));
}

/**
 * What comes in and goes out together; null if neither is known.
 * @param {Maybe} a
 * @param {Maybe} b
 */
export function both(a, b) {
    return (a ?? null) === null && (b ?? null) === null ? null : (a ?? 0) + (b ?? 0);
}

/**
 * The rows of api/messages by direction, per second. The newest step is not over yet and is left out.
 * @param {Api["Messages"]} data
 */
export function traffic({ series, source }) {
    // Messages of our own connection alone say nothing of the node's.
    const rows = source === "p2p" ? [] : series.rows;
    const n = Math.max(0, series.bytes_received.length - 1);
    /** @type {(key: "count" | "bytes", direction: string) => Steps} */
    const add = (key, direction) => {
        const out = new Array(n).fill(null);
        for (const row of rows) {
            const steps = row.direction === direction ? row[key] : null;
            for (let i = 0; i < n && steps; i += 1) out[i] = both(out[i], steps[i]);
        }
        return perSecond(out, series.step_seconds);
    };
    /**
     * All bytes, as the node counts them; where it is not asked, those of the messages that are known.
     * @type {(key: "bytes_received" | "bytes_sent", direction: string) => Steps}
     */
    const all = (key, direction) => {
        const steps = series[key].slice(0, n);
        return steps.some((v) => v !== null) ? perSecond(steps, series.step_seconds) : add("bytes", direction);
    };
    return {
        times: times(series, n),
        countIn: add("count", "inbound"),
        countOut: add("count", "outbound"),
        bytesIn: all("bytes_received", "inbound"),
        bytesOut: all("bytes_sent", "outbound"),
    };
}

/**
 * How bad it stands with a node: the smaller, the worse.
 * @param {Api["Node"]} node
 */
export function rank(node) {
    const down = node.sources.filter((s) => !s.up).length;
    const behind = (node.headers ?? 0) > (node.height ?? 0) || node.initial_block_download;
    const troubles = (down ? 4 : 0) + (node.network_active === false ? 4 : 0) + (behind ? 2 : 0) + (node.lost ? 1 : 0);
    return looksOf(node.state).rank * 16 - troubles;
}

/**
 * The nodes, the worst first.
 * @param {Api["Node"][]} list
 */
export const worstFirst = (list) => [...list].sort((a, b) => rank(a) - rank(b) || a.node.localeCompare(b.node, "en"));
