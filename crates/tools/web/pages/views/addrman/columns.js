// @ts-check
// The tables of an address manager as the server sends them (addrman/NODE/columns), whose form docs/web.md describes. An
// address that stands in several slots is one entry.

import { millis } from "../../lib/format.js";
import { SLOTS } from "./geometry.js";

/**
 * The tables of an address manager. What belongs to entries has one item for each of them.
 * @typedef {object} Tables
 * @property {string} name the node, or the file
 * @property {number} time when they were given, in milliseconds; of a file, the newest time in it
 * @property {boolean} dated whether it is known when they were given
 * @property {[number, number]} total used slots of the new and of the tried table
 * @property {number} outside entries in slots that do not exist, which are left out
 * @property {Int32Array} slots the entry of each slot; -1: empty
 * @property {Uint32Array} times when it was last seen, in seconds
 * @property {Uint16Array} ports
 * @property {Uint8Array} networks places in networkNames
 * @property {Uint32Array} services places in serviceNames
 * @property {Uint32Array} systems numbers of autonomous systems; 0: not known
 * @property {Uint32Array} sources which source it was received from
 * @property {string[]} addresses
 * @property {Uint8Array} sourceNetworks of each source
 * @property {Uint32Array} sourceSystems of each source
 * @property {string[]} sourceNames of each source
 * @property {string[]} networkNames
 * @property {string[]} serviceNames sets of flags, in decimal digits
 * @property {"node" | "file" | null} systemsFrom whose map the numbers of autonomous systems are from
 */

const MAGIC = "addrman1";

/**
 * Reads the compact form. Throws an Error if it is something else.
 * @param {ArrayBuffer} buffer
 * @param {string} name
 * @returns {Tables}
 */
export function read(buffer, name) {
    const text = new TextDecoder();
    let at = 0;
    /** @param {number} bytes */
    const take = (bytes) => {
        if (!(bytes >= 0) || at + bytes > buffer.byteLength) throw new Error("the tables end too early");
        at += bytes;
        return buffer.slice(at - bytes, at);
    };
    if (text.decode(take(MAGIC.length)) !== MAGIC) throw new Error("these are no tables of an address manager");
    const head = JSON.parse(text.decode(take(new Uint32Array(take(4))[0])));
    const [entries, sources] = [Number(head.entries), Number(head.sources)];
    if (!(entries <= SLOTS && sources <= SLOTS)) throw new Error("the tables have too many entries");
    const codes = new Uint32Array(take(4 * SLOTS));
    const columns = {
        times: new Uint32Array(take(4 * entries)),
        ports: new Uint16Array(take(2 * entries)),
        networks: new Uint8Array(take(entries)),
        services: new Uint32Array(take(4 * entries)),
        systems: new Uint32Array(take(4 * entries)),
        sources: new Uint32Array(take(4 * entries)),
        sourceNetworks: new Uint8Array(take(sources)),
        sourceSystems: new Uint32Array(take(4 * sources)),
    };
    const names = text.decode(take(buffer.byteLength - at)).split("\n");
    return {
        name,
        time: millis(head.time) ?? 0,
        dated: true,
        total: [Number(head.new), Number(head.tried)],
        outside: Number(head.outside),
        slots: entriesOf(codes),
        ...columns,
        addresses: names.slice(0, entries),
        sourceNames: names.slice(entries, entries + sources),
        networkNames: head.networks,
        serviceNames: head.services,
        systemsFrom: head.as,
    };
}

/**
 * @param {Uint32Array} codes 0: empty; 1: the next entry; n + 2: entry n again
 */
function entriesOf(codes) {
    const slots = new Int32Array(SLOTS).fill(-1);
    let next = 0;
    for (let slot = 0; slot < SLOTS; slot += 1) {
        const code = codes[slot];
        if (code === 1) {
            slots[slot] = next;
            next += 1;
        } else if (code > 1) slots[slot] = code - 2;
    }
    return slots;
}
