// @ts-check
// What differs between two dumps of an address manager: what came, what went, and what moved between the tables. An entry is
// the same if its address and port are.

import { NEW_SLOTS, SLOTS } from "./geometry.js";

/** @import { Tables } from "./columns.js" */

/** What became of an entry. */
export const STAYED = 1;
export const CAME = 2;
export const TRIED = 3;
export const BACK = 4;

/**
 * @typedef {object} Comparison
 * @property {Tables} before
 * @property {Tables} after
 * @property {Uint8Array} what what became of each entry of the later tables
 * @property {number[]} gone entries of the earlier tables that are no more
 * @property {Uint8Array} freed slots that are empty now, whose entry went: 1
 * @property {Record<"stayed" | "came" | "tried" | "back" | "went", number>} counts different addresses
 */

/**
 * In which tables each entry is: 1 new, 2 tried.
 * @param {Tables} tables
 */
function whereOf(tables) {
    const where = new Uint8Array(tables.addresses.length);
    for (let slot = 0; slot < SLOTS; slot += 1) {
        const entry = tables.slots[slot];
        if (entry >= 0) where[entry] |= slot < NEW_SLOTS ? 1 : 2;
    }
    return where;
}

/**
 * In which tables each address and port is.
 * @param {Tables} tables
 * @param {Uint8Array} where
 */
function endpointsOf(tables, where) {
    /** @type {Map<string, number>} */
    const endpoints = new Map();
    for (const [i, address] of tables.addresses.entries()) {
        const key = `${address} ${tables.ports[i]}`;
        endpoints.set(key, (endpoints.get(key) ?? 0) | where[i]);
    }
    return endpoints;
}

/**
 * @param {Tables} before
 * @param {Tables} after
 * @returns {Comparison}
 */
export function compare(before, after) {
    const old = endpointsOf(before, whereOf(before));
    const now = endpointsOf(after, whereOf(after));
    /** @type {(key: string) => number} */
    const became = (key) => {
        const [then, is] = [old.get(key) ?? 0, now.get(key) ?? 0];
        if (!then) return CAME;
        if (is & 2 && !(then & 2)) return TRIED;
        return then & 2 && !(is & 2) ? BACK : STAYED;
    };
    const counts = { stayed: 0, came: 0, tried: 0, back: 0, went: 0 };
    for (const key of now.keys()) {
        const what = became(key);
        counts[what === CAME ? "came" : what === TRIED ? "tried" : what === BACK ? "back" : "stayed"] += 1;
    }
    /** @type {number[]} */
    const gone = [];
    const isGone = new Uint8Array(before.addresses.length);
    for (const [i, address] of before.addresses.entries()) {
        if (now.has(`${address} ${before.ports[i]}`)) continue;
        gone.push(i);
        isGone[i] = 1;
    }
    for (const key of old.keys()) if (!now.has(key)) counts.went += 1;
    const freed = new Uint8Array(SLOTS);
    for (let slot = 0; slot < SLOTS; slot += 1) {
        const entry = before.slots[slot];
        if (entry >= 0 && after.slots[slot] < 0 && isGone[entry]) freed[slot] = 1;
    }
    const what = Uint8Array.from(after.addresses, (address, i) => became(`${address} ${after.ports[i]}`));
    return { before, after, what, gone, freed, counts };
}
