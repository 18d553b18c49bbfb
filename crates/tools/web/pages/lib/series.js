// @ts-check
// Series of the API as charts take them: times, rates, and how values are written.

import * as format from "./format.js";

/** @typedef {string | ((n: Maybe) => string)} Unit "B", "B/s", "/s", "s", "%" (shares from 0 to 1), "sat/vB", any other word, or a function */

/** @type {Record<string, (n: Maybe) => string>} */
const WRITERS = {
    B: format.bytes,
    "B/s": format.byteRate,
    "/s": format.rate,
    s: format.seconds,
    "%": format.percent,
    "": format.short,
};

/**
 * How values of a unit are written.
 * @param {Unit} [unit]
 * @returns {(n: Maybe) => string}
 */
export function formatter(unit = "") {
    if (typeof unit === "function") return unit;
    return WRITERS[unit] ?? ((n) => (n === null || n === undefined ? "–" : `${format.short(n)} ${unit}`));
}

/**
 * The times (unix seconds) of a series of the API with n values.
 * @param {{start?: string, step_seconds?: number} | undefined} series
 * @param {number} n
 */
export function times(series, n) {
    const start = (format.millis(series?.start) ?? 0) / 1000;
    const step = series?.step_seconds ?? 10;
    return Array.from({ length: n }, (_, i) => start + i * step);
}

/**
 * A series of counts per step as rates per second.
 * @param {Steps | undefined} values
 * @param {number} step in seconds
 * @returns {Steps}
 */
export function perSecond(values, step) {
    return (values ?? []).map((v) => (v === null || v === undefined ? null : v / step));
}

/**
 * The last value that is known; null if there is none.
 * @param {Steps | undefined} list
 */
export function last(list) {
    return list?.findLast((v) => v !== null && v !== undefined) ?? null;
}

/**
 * Each series on top of those before it.
 * @param {Steps[]} values
 * @returns {Steps[]}
 */
export function stacked(values) {
    /** @type {Steps[]} */
    const out = [];
    /** @type {Steps | null} */
    let below = null;
    for (const series of values) {
        /** @type {Steps} */
        const sums = series.map((v, i) => {
            const base = below?.[i] ?? null;
            return v === null || v === undefined ? base : v + (base ?? 0);
        });
        out.push(sums);
        below = sums;
    }
    return out;
}
