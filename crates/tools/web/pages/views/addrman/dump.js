// @ts-check
// The response of getrawaddrman from a file, as bitcoin-cli prints it and as it is published. It is untrusted: everything is
// checked and bounded.

import { SLOTS, slotOf } from "./geometry.js";

/** @import { Tables } from "./columns.js" */

/** Bytes of a file at most; full tables have some 20 million. */
export const MAX_FILE = 64 * 1024 * 1024;
const MAX_ADDRESS = 128;
const MAX_NETWORKS = 32;
const MOST = 0xffff_ffff;

/**
 * Distinct values, with the place of each.
 */
class Dictionary {
    /** @type {Map<string, number>} */
    #places = new Map();
    /** @type {string[]} */
    values = [];

    /** @param {string} value */
    place(value) {
        const known = this.#places.get(value);
        if (known !== undefined) return known;
        this.#places.set(value, this.values.length);
        this.values.push(value);
        return this.values.length - 1;
    }
}

/**
 * Reads the JSON of getrawaddrman. Throws an Error that says what it is instead.
 * @param {string} text
 * @param {string} name of the file
 * @returns {Tables}
 */
export function parse(text, name) {
    let json;
    try {
        // Flags beyond 2^53 would lose digits as numbers.
        json = JSON.parse(text.replace(/("services"\s*:\s*)(\d{16,20})\b/g, '$1"$2"'));
    } catch {
        throw new Error("it is no JSON");
    }
    // An answer of the RPC server has it under "result".
    const dump = isObject(json?.result) ? json.result : json;
    if (!isObject(dump) || !isObject(dump.new) || !isObject(dump.tried)) {
        throw new Error("it is no response of getrawaddrman: it has no tables “new” and “tried”");
    }
    const reader = new Reader();
    for (const table of ["new", "tried"]) {
        for (const [key, entry] of Object.entries(dump[table])) reader.entry(table, key, entry);
    }
    return reader.tables(name);
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @type {(value: unknown, most: number) => number} */
const number = (value, most) => {
    const n = Math.floor(Number(value));
    return n >= 0 ? Math.min(n, most) : 0;
};

/** @type {(value: unknown) => string} */
const address = (value) => (typeof value === "string" ? value.slice(0, MAX_ADDRESS) : "");

class Reader {
    #slots = new Int32Array(SLOTS).fill(-1);
    #known = new Dictionary();
    #networks = new Dictionary();
    #services = new Dictionary();
    #sources = new Dictionary();
    /** @type {[time: number, port: number, network: number, services: number, system: number, source: number, address: string][]} */
    #entries = [];
    /** @type {[network: number, system: number, name: string][]} */
    #ofSources = [];
    /** @type {[number, number]} */
    #total = [0, 0];
    #outside = 0;
    #newest = 0;
    #mapped = false;

    /**
     * @param {string} table
     * @param {string} key bucket/position
     * @param {any} entry
     */
    entry(table, key, entry) {
        const [bucket, position] = /^(0|[1-9]\d{0,3})\/(0|[1-9]\d?)$/.test(key) ? key.split("/").map(Number) : [-1, -1];
        const slot = slotOf(table, bucket, position);
        if (slot < 0 || !isObject(entry)) {
            this.#outside += 1;
            return;
        }
        const of = this.#known.place(JSON.stringify(entry));
        if (of === this.#entries.length) this.#add(entry);
        this.#slots[slot] = of;
        this.#total[table === "new" ? 0 : 1] += 1;
    }

    /** @param {Record<string, any>} entry */
    #add(entry) {
        this.#mapped ||= "mapped_as" in entry || "source_mapped_as" in entry;
        const [source, network, system] = [
            address(entry.source),
            this.#network(entry.source_network),
            number(entry.source_mapped_as ?? 0, MOST),
        ];
        const from = this.#sources.place(JSON.stringify([source, network, system]));
        if (from === this.#ofSources.length) this.#ofSources.push([network, system, source]);
        const flags = String(entry.services ?? 0);
        const services = this.#services.place(/^\d{1,20}$/.test(flags) ? flags : "0");
        const time = number(entry.time, MOST);
        this.#newest = Math.max(this.#newest, time);
        const [port, of] = [number(entry.port, 65_535), this.#network(entry.network)];
        const mapped = number(entry.mapped_as ?? 0, MOST);
        this.#entries.push([time, port, of, services, mapped, from, address(entry.address)]);
    }

    /** @param {unknown} name */
    #network(name) {
        const { values } = this.#networks;
        const isName = typeof name === "string" && name.length <= 32;
        const fits = isName && (values.length < MAX_NETWORKS || values.includes(name));
        return this.#networks.place(fits ? name : "unknown");
    }

    /**
     * @param {string} name
     * @returns {Tables}
     */
    tables(name) {
        const [entries, sources] = [this.#entries, this.#ofSources];
        return {
            name,
            time: this.#newest * 1000,
            dated: false,
            total: this.#total,
            outside: this.#outside,
            slots: this.#slots,
            times: Uint32Array.from(entries, (entry) => entry[0]),
            ports: Uint16Array.from(entries, (entry) => entry[1]),
            networks: Uint8Array.from(entries, (entry) => entry[2]),
            services: Uint32Array.from(entries, (entry) => entry[3]),
            systems: Uint32Array.from(entries, (entry) => entry[4]),
            sources: Uint32Array.from(entries, (entry) => entry[5]),
            addresses: entries.map((entry) => entry[6]),
            sourceNetworks: Uint8Array.from(sources, (source) => source[0]),
            sourceSystems: Uint32Array.from(sources, (source) => source[1]),
            sourceNames: sources.map((source) => source[2]),
            networkNames: this.#networks.values,
            serviceNames: this.#services.values,
            systemsFrom: this.#mapped ? "node" : null,
        };
    }
}
