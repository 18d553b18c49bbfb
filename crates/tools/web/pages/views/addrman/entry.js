// @ts-check
// What is known of one slot: all fields of getrawaddrman, and what follows from them.

import { clear, h, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { servicesInWords } from "./colouring.js";
import { BACK, CAME, STAYED, TRIED } from "./compare.js";
import { placeOf, SLOTS } from "./geometry.js";
import { groupsOf } from "./groups.js";
import { AHEAD, byTime, FINE, OLD } from "./terrible.js";

/** @import { Known } from "./colouring.js" */
/** @import { Tables } from "./columns.js" */

/** Slots that are listed of an entry that has several. */
const MANY = 8;

/** @type {Record<number, string>} */
const BECAME = { [STAYED]: "as before", [CAME]: "came", [TRIED]: "moved to tried", [BACK]: "moved back to new" };
/** @type {Record<number, string>} */
const TERRIBLE = {
    [FINE]: "no, by its time",
    [OLD]: "yes: not seen for 30 days",
    [AHEAD]: "yes: in the future",
};
const REACHABLE = ["not known", "yes: a node answered", "no node answered"];

/** @param {number} slot */
export function slotName(slot) {
    const [table, bucket, position] = placeOf(slot);
    return `${table} ${bucket}/${position}`;
}

/**
 * An address with its port.
 * @param {Tables} tables
 * @param {number} entry
 */
export function endpoint(tables, entry) {
    const address = tables.addresses[entry];
    return `${address.includes(":") ? `[${address}]` : address}:${tables.ports[entry]}`;
}

/**
 * When an entry was last seen: how long before the tables were given.
 * @param {Tables} tables
 * @param {number} entry
 */
export function age(tables, entry) {
    const seconds = tables.time / 1000 - tables.times[entry];
    return seconds < 0 ? `${f.seconds(-Math.round(seconds))} in the future` : `${f.span(seconds)} before`;
}

/**
 * Names and values, all of them untrusted.
 * @param {Tables} tables
 * @param {number} slot that is not empty
 * @param {Known} known
 * @returns {[name: string, value: string][]}
 */
export function fieldsOf(tables, slot, known) {
    const t = tables;
    const entry = t.slots[slot];
    const source = t.sources[entry];
    const { entries: groups, sources } = groupsOf(t);
    const time = f.utc(t.times[entry] * 1000).replace(".000", "");
    /** @type {(system: number) => string} */
    const system = (n) => (n ? `AS${n}` : "–");
    /** @type {[string, string][]} */
    const fields = [
        ["Slot", slotName(slot)],
        ["Address", endpoint(t, entry)],
        ["Network", t.networkNames[t.networks[entry]]],
        ["Group", groups[entry]],
        ["AS", system(t.systems[entry])],
        ["Services", `${servicesInWords(t.serviceNames[t.services[entry]])} (${t.serviceNames[t.services[entry]]})`],
        ["Last seen", `${time}, ${age(t, entry)} ${t.dated ? "the tables were read" : "the newest entry"}`],
        ["Terrible", TERRIBLE[byTime(t.times[entry], t.time / 1000)]],
        ["Source", t.sourceNames[source]],
        ["Source's network", t.networkNames[t.sourceNetworks[source]]],
        ["Source's group", sources[source]],
        ["Source's AS", system(t.sourceSystems[source])],
    ];
    if (known.reachable) fields.push(["Reachable", REACHABLE[known.reachable[entry]]]);
    if (known.comparison) fields.push(["Change", BECAME[known.comparison.what[entry]]]);
    const others = slotsOf(t, entry).filter((other) => other !== slot);
    if (others.length) fields.push(["Also in", others.slice(0, MANY).map(slotName).join(", ")]);
    return fields;
}

/**
 * @param {Tables} tables
 * @param {number} entry
 */
function slotsOf(tables, entry) {
    const slots = [];
    for (
        let slot = tables.slots.indexOf(entry);
        slot >= 0 && slot < SLOTS;
        slot = tables.slots.indexOf(entry, slot + 1)
    ) {
        slots.push(slot);
    }
    return slots;
}

/**
 * A slot in one line, for a screen reader.
 * @param {Tables | null} tables
 * @param {number} slot
 * @param {Known} known
 */
export function inWords(tables, slot, known) {
    if (!tables || slot < 0) return "no slot";
    if (tables.slots[slot] < 0) return `${slotName(slot)}: empty`;
    const fields = fieldsOf(tables, slot, known).slice(1);
    return `${slotName(slot)}: ${fields.map(([name, value]) => `${name} ${f.printable(value, 120)}`).join("; ")}`;
}

/**
 * Puts the fields of a slot into a list.
 * @param {HTMLElement} list a dl
 * @param {Tables} tables
 * @param {number} slot
 * @param {Known} known
 */
export function fill(list, tables, slot, known) {
    /** @type {[string, string][]} */
    const empty = [
        ["Slot", slotName(slot)],
        ["Entry", known.comparison?.freed[slot] ? "none; the one that was here went" : "none"],
    ];
    const fields = tables.slots[slot] < 0 ? empty : fieldsOf(tables, slot, known);
    clear(
        list,
        fields.map(([name, value]) => [h("dt", {}, name), h("dd", {}, untrusted(value, 140))]),
    );
}
