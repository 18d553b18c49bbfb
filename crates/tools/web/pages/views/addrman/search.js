// @ts-check
// Which slots belong together: those of the same source, address, port and so on, or those that a search finds.

import { NEW_SLOTS, placeOf, SLOTS } from "./geometry.js";
import { groupsOf } from "./groups.js";

/** @import { Tables } from "./columns.js" */

/**
 * What may be alike, and its name.
 * @type {[key: string, name: string][]}
 */
export const ALIKE = [
    ["entry", "Same entry"],
    ["source", "Same source"],
    ["source_group", "Same group of the source"],
    ["address", "Same address"],
    ["group", "Same group"],
    ["port", "Same port"],
    ["services", "Same services"],
    ["system", "Same AS"],
    ["source_system", "Same AS of the source"],
];

/**
 * @param {Tables} tables
 * @param {(entry: number) => boolean} test
 * @returns {Uint8Array} 1 for each slot whose entry passes
 */
function slotsOf(tables, test) {
    const passes = new Uint8Array(tables.addresses.length);
    for (let entry = 0; entry < passes.length; entry += 1) passes[entry] = test(entry) ? 1 : 0;
    const found = new Uint8Array(SLOTS);
    for (let slot = 0; slot < SLOTS; slot += 1) {
        const entry = tables.slots[slot];
        if (entry >= 0) found[slot] = passes[entry];
    }
    return found;
}

/**
 * The slots that are like one.
 * @param {Tables} tables
 * @param {number} slot that is not empty
 * @param {string} key in what
 */
export function alike(tables, slot, key) {
    const of = tables.slots[slot];
    const t = tables;
    const { entries: groups, sources: groupsOfSources } = groupsOf(tables);
    /** @type {Record<string, (entry: number) => boolean>} */
    const tests = {
        entry: (entry) => entry === of,
        source: (entry) => t.sourceNames[t.sources[entry]] === t.sourceNames[t.sources[of]],
        source_group: (entry) => groupsOfSources[t.sources[entry]] === groupsOfSources[t.sources[of]],
        address: (entry) => t.addresses[entry] === t.addresses[of],
        group: (entry) => groups[entry] === groups[of],
        port: (entry) => t.ports[entry] === t.ports[of],
        services: (entry) => t.services[entry] === t.services[of],
        system: (entry) => t.systems[entry] === t.systems[of],
        source_system: (entry) => t.sourceSystems[t.sources[entry]] === t.sourceSystems[t.sources[of]],
    };
    return slotsOf(tables, tests[key] ?? tests.entry);
}

/** What a search may name, for its help. */
export const HELP =
    "Part of an address or of its source; or address:, source:, group:, from: (group of the source), port:, services:, " +
    "as:, source_as:, network:, bucket: (such as bucket:new/17), several with spaces.";

/**
 * The slots that a search finds; null if it is empty. Throws an Error if it names something that there is not.
 * @param {Tables} tables
 * @param {string} text
 */
export function search(tables, text) {
    const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return null;
    const tests = words.map((word) => testOf(tables, word));
    const onEntries = tests.flatMap((test) => (test.entry ? [test.entry] : []));
    const found = slotsOf(tables, (entry) => onEntries.every((test) => test(entry)));
    for (const { slot: test } of tests) {
        if (!test) continue;
        for (let slot = 0; slot < SLOTS; slot += 1) if (found[slot] && !test(slot)) found[slot] = 0;
    }
    return found;
}

/** @typedef {{entry?: (entry: number) => boolean, slot?: (slot: number) => boolean}} Test */

/**
 * @param {Tables} tables
 * @param {string} word in small letters
 * @returns {Test}
 */
function testOf(tables, word) {
    const t = tables;
    const [, key, value] =
        /^(address|source|group|from|port|services|as|source_as|network|bucket):(.+)$/.exec(word) ?? [];
    if (!key) {
        /** @param {string} text */
        const has = (text) => text.toLowerCase().includes(word);
        const sources = t.sourceNames.map(has);
        return { entry: (entry) => sources[t.sources[entry]] || has(t.addresses[entry]) };
    }
    /** @param {string} text */
    const is = (text) => text.toLowerCase() === value;
    const { entries: groups, sources: groupsOfSources } = groupsOf(tables);
    const n = Number(value.replace(/^as/, ""));
    switch (key) {
        case "address":
            return { entry: (entry) => is(t.addresses[entry]) };
        case "source":
            return { entry: (entry) => is(t.sourceNames[t.sources[entry]]) };
        case "group":
            return { entry: (entry) => is(groups[entry]) };
        case "from":
            return { entry: (entry) => is(groupsOfSources[t.sources[entry]]) };
        case "port":
            return { entry: (entry) => t.ports[entry] === n };
        case "services":
            return { entry: (entry) => is(t.serviceNames[t.services[entry]]) };
        case "as":
            return { entry: (entry) => t.systems[entry] === n };
        case "source_as":
            return { entry: (entry) => t.sourceSystems[t.sources[entry]] === n };
        case "network":
            return { entry: (entry) => is(t.networkNames[t.networks[entry]]) };
        default:
            return { slot: bucketTest(value) };
    }
}

/** @param {string} value "new/17", or "17" of both tables */
function bucketTest(value) {
    const [, table, number] = /^(?:(new|tried)\/)?(\d{1,4})$/.exec(value) ?? [];
    if (number === undefined) throw new Error("name a bucket as bucket:new/17");
    return (/** @type {number} */ slot) => {
        const isOf = !table || (table === "new") === slot < NEW_SLOTS;
        return isOf && placeOf(slot)[1] === Number(number);
    };
}
