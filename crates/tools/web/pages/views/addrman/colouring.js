// @ts-check
// What slots are coloured by: each criterion gives each slot a category, and each category a colour of the theme.

import * as colors from "../../lib/colors.js";
import { BACK, CAME, STAYED, TRIED } from "./compare.js";
import { SLOTS } from "./geometry.js";
import { groupsOf } from "./groups.js";
import { AHEAD, byTime, OLD } from "./terrible.js";

/** @import { Comparison } from "./compare.js" */
/** @import { Tables } from "./columns.js" */

/** @typedef {{label: string, color: string, count: number}} Category the colour is a name of the palette, or a variable of the style */
/** @typedef {{of: Uint8Array, list: Category[]}} Colouring a slot's category is of - 1; 0: it is empty */

/**
 * What there is besides the tables; null if it is not known.
 * @typedef {object} Known
 * @property {Uint8Array | null} reachable of each entry
 * @property {Comparison | null} comparison
 */

/** @type {[key: string, name: string][]} */
export const CRITERIA = [
    ["network", "Network"],
    ["source_network", "Network of the source"],
    ["age", "Last seen"],
    ["terrible", "Terrible or not"],
    ["services", "Services"],
    ["system", "Autonomous system"],
    ["source_system", "AS of the source"],
    ["source_group", "Group of the source"],
    ["reachable", "Reachable or not"],
    ["change", "What changed"],
];

const ORDER = ["blue", "orange", "green", "vermillion", "purple", "sky", "olive"];
/** What is of less interest. */
const OTHER = "--line-strong";

/** Upper limits of ages in seconds, and their names, as the API has them. */
const AGES = /** @type {[number, string, string][]} */ ([
    [3600, "less than 1 h ago", "purple"],
    [86_400, "less than 1 d ago", "blue"],
    [7 * 86_400, "less than 7 d ago", "green"],
    [30 * 86_400, "less than 30 d ago", "olive"],
    [90 * 86_400, "less than 90 d ago", "orange"],
    [Infinity, "90 d ago and more", "vermillion"],
]);

/** @type {Record<string, string>} */
const NETWORKS = {
    ipv4: "blue",
    ipv6: "orange",
    onion: "purple",
    i2p: "green",
    cjdns: "vermillion",
    not_publicly_routable: OTHER,
};

/** Service flags with a name, as Bitcoin Core has them. */
const FLAGS = /** @type {[bigint, string][]} */ ([
    [1n, "NETWORK"],
    [1n << 2n, "BLOOM"],
    [1n << 3n, "WITNESS"],
    [1n << 6n, "COMPACT_FILTERS"],
    [1n << 10n, "NETWORK_LIMITED"],
    [1n << 11n, "P2P_V2"],
]);

/**
 * Service flags in words. Flags without a name are 2^N.
 * @param {string} text decimal digits
 */
export function servicesInWords(text) {
    const flags = BigInt(/^\d{1,20}$/.test(text) ? text : "0");
    if (flags === 0n) return "none";
    const named = FLAGS.filter(([flag]) => flags & flag).map(([, name]) => name);
    let rest = FLAGS.reduce((left, [flag]) => left & ~flag, flags);
    if (rest >= 0xffff_0000n) return `${flags.toString(16)} (hexadecimal)`;
    for (let bit = 0; rest > 0n; bit += 1) {
        if (rest & 1n) named.push(`2^${bit}`);
        rest >>= 1n;
    }
    return named.join(", ");
}

/**
 * @param {string} key of CRITERIA
 * @param {Tables} tables
 * @param {Known} known
 * @returns {Colouring}
 */
export function colouring(key, tables, known) {
    const t = tables;
    const now = t.time / 1000;
    switch (key) {
        case "source_network":
            return byNames(t, t.networkNames, (entry) => t.sourceNetworks[t.sources[entry]], NETWORKS);
        case "age":
            return inOrder(
                t,
                [...AGES.map(([, label, color]) => [label, color]), ["in the future", "black"]],
                (entry) => {
                    const age = now - t.times[entry];
                    return age < -600 ? AGES.length : AGES.findIndex(([most]) => age < most);
                },
            );
        case "terrible":
            return inOrder(
                t,
                [
                    ["not terrible by its time", "blue"],
                    ["terrible: not seen for 30 days", "orange"],
                    ["terrible: in the future", "vermillion"],
                ],
                (entry) => {
                    const is = byTime(t.times[entry], now);
                    return is === OLD ? 1 : is === AHEAD ? 2 : 0;
                },
            );
        case "services":
            return most(
                t,
                (entry) => t.services[entry],
                (of) => servicesInWords(t.serviceNames[of]),
            );
        case "system":
            return most(t, (entry) => t.systems[entry], systemName);
        case "source_system":
            return most(t, (entry) => t.sourceSystems[t.sources[entry]], systemName);
        case "source_group": {
            const { sources } = groupsOf(t);
            return most(t, (entry) => sources[t.sources[entry]], String);
        }
        case "reachable":
            return inOrder(
                t,
                [
                    ["not known", OTHER],
                    ["a node answered", "green"],
                    ["no node answered", "vermillion"],
                ],
                (entry) => known.reachable?.[entry] ?? 0,
            );
        case "change":
            return changes(t, known.comparison);
        default:
            return byNames(t, t.networkNames, (entry) => t.networks[entry], NETWORKS);
    }
}

/** @param {number | string} of */
const systemName = (of) => (of ? `AS${of}` : "not known");

/**
 * Categories of slots from those of entries.
 * @param {Tables} tables
 * @param {Uint8Array} entries 1 and more
 * @param {Category[]} list
 * @returns {Colouring}
 */
function spread(tables, entries, list) {
    const of = new Uint8Array(SLOTS);
    for (let slot = 0; slot < SLOTS; slot += 1) {
        const entry = tables.slots[slot];
        if (entry < 0) continue;
        of[slot] = entries[entry];
        list[entries[entry] - 1].count += 1;
    }
    return { of, list };
}

/**
 * A few categories in a fixed order.
 * @param {Tables} tables
 * @param {string[][]} names label and colour
 * @param {(entry: number) => number} place
 */
function inOrder(tables, names, place) {
    const list = names.map(([label, color]) => ({ label, color, count: 0 }));
    const entries = new Uint8Array(tables.addresses.length);
    for (let entry = 0; entry < entries.length; entry += 1) entries[entry] = place(entry) + 1;
    return spread(tables, entries, list);
}

/**
 * Categories that have names and colours of their own.
 * @param {Tables} tables
 * @param {string[]} names
 * @param {(entry: number) => number} place
 * @param {Record<string, string>} ofNames
 */
function byNames(tables, names, place, ofNames) {
    const list = names.map((name) => [
        name === "not_publicly_routable" ? "npr" : name,
        Object.hasOwn(ofNames, name) ? ofNames[name] : "olive",
    ]);
    return inOrder(tables, list, place);
}

/**
 * The seven most frequent values, and the others together.
 * @template {number | string} Value
 * @param {Tables} tables
 * @param {(entry: number) => Value} value
 * @param {(of: Value) => string} label
 */
function most(tables, value, label) {
    /** @type {Map<Value, number>} */
    const counts = new Map();
    for (let slot = 0; slot < SLOTS; slot += 1) {
        const entry = tables.slots[slot];
        if (entry >= 0) counts.set(value(entry), (counts.get(value(entry)) ?? 0) + 1);
    }
    const values = [...counts].sort((a, b) => b[1] - a[1]).map(([of]) => of);
    const first = values.slice(0, ORDER.length);
    const rest = values.length - first.length;
    const names = first.map((of, i) => [label(of), ORDER[i]]);
    if (rest) names.push([`${rest} other${rest > 1 ? "s" : ""}`, OTHER]);
    const places = new Map(first.map((of, i) => [of, i]));
    return inOrder(tables, names, (entry) => places.get(value(entry)) ?? ORDER.length);
}

/**
 * @param {Tables} tables
 * @param {Comparison | null} comparison
 */
function changes(tables, comparison) {
    const names = [
        ["as before", OTHER],
        ["came", "green"],
        ["moved to tried", "blue"],
        ["moved back to new", "orange"],
    ];
    if (!comparison) return inOrder(tables, [["nothing to compare with", OTHER]], () => 0);
    const places = [0, 0, 0, 0, 0];
    [places[STAYED], places[CAME], places[TRIED], places[BACK]] = [0, 1, 2, 3];
    const colouring = inOrder(tables, names, (entry) => places[comparison.what[entry]]);
    const went = { label: "went, and the slot is empty", color: "vermillion", count: 0 };
    colouring.list.push(went);
    for (let slot = 0; slot < SLOTS; slot += 1) {
        if (!comparison.freed[slot]) continue;
        colouring.of[slot] = colouring.list.length;
        went.count += 1;
    }
    return colouring;
}

/**
 * The colours of a colouring in the theme: of empty slots, then of each category.
 * @param {Category[]} list
 */
export function tonesOf(list) {
    return [colors.css("--grid"), ...list.map(toneOf)];
}

/** @param {Category} category */
export function toneOf({ color }) {
    return color.startsWith("--") ? colors.css(color) : colors.named(color);
}

/**
 * The same as pixels.
 * @param {Category[]} list
 */
export function pixelsOf(list) {
    return Uint32Array.from(tonesOf(list), pixel);
}

/** @param {string} color #rrggbb */
function pixel(color) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}
