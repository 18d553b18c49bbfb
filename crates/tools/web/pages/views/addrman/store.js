// @ts-check
// The tables that the page has: those that the server keeps of the node, read when they are chosen, and those of files.

import { ApiError, getBytes } from "../../lib/api.js";
import * as f from "../../lib/format.js";
import { read } from "./columns.js";
import { MAX_FILE, parse } from "./dump.js";

/** @import { Choice } from "../../lib/dom.js" */
/** @import { Tables } from "./columns.js" */

/** Tables of the server that are kept in the page; full ones take some 10 million bytes each. */
const KEPT = 4;
/** Files that are kept. */
const FILES = 4;

/** What is chosen: "" is the newest, "none" nothing, else the time of one that the server keeps, or "file:" and a number. */
/** @typedef {string} Which */

export class Store {
    /** @type {Api["AddrmanNode"][]} */
    nodes = [];
    node = "";
    /** @type {Tables[]} */
    #files = [];
    /** @type {Map<string, Tables>} by node and time, the one used last at the end */
    #read = new Map();

    /** The node that is shown. */
    get current() {
        return this.nodes.find((node) => node.node === this.node) ?? null;
    }

    /** What the server keeps of the node, newest first. */
    get snapshots() {
        return [...(this.current?.snapshots ?? [])].reverse();
    }

    /**
     * What can be chosen.
     * @param {boolean} withNewest
     * @returns {Choice[]}
     */
    choices(withNewest) {
        const files = this.#files.map((tables, i) => [`file:${i}`, `file ${tables.name}`]);
        const kept = this.snapshots.map((one, i) => {
            const size = `${f.count(one.new)} new, ${f.count(one.tried)} tried`;
            return [one.time, `${f.dateTime(one.time)} (${i === 0 ? "newest, " : ""}${size})`];
        });
        const first = withNewest ? ["", kept.length || !files.length ? "the newest" : "none"] : ["none", "nothing"];
        return [first, ...files, ...kept];
    }

    /**
     * Takes a file. Throws an Error that says what is wrong with it. Returns what to choose.
     * @param {File} file
     * @returns {Promise<Which>}
     */
    async open(file) {
        if (file.size > MAX_FILE)
            throw new Error(`it has ${f.bytes(file.size)}, and ${f.bytes(MAX_FILE)} are the most`);
        const tables = parse(await file.text(), f.printable(file.name, 40));
        if (this.#files.length < FILES) this.#files.push(tables);
        else this.#files[FILES - 1] = tables;
        return `file:${this.#files.length - 1}`;
    }

    /**
     * The tables that are chosen, and of which time they are at the server; null if there are none.
     * @param {Which} which
     * @param {AbortSignal} signal
     * @returns {Promise<{tables: Tables, time: string | null} | null>}
     */
    async get(which, signal) {
        if (which === "none") return null;
        if (which.startsWith("file:")) {
            const tables = this.#files[Number(which.slice("file:".length))];
            return tables ? { tables, time: null } : null;
        }
        const { node } = this;
        const time = which || (this.snapshots[0]?.time ?? "");
        if (!node || !time) return null;
        const key = JSON.stringify([node, time]);
        const tables = this.#read.get(key) ?? (await fetched(node, time, signal));
        if (!tables) return null;
        this.#read.delete(key);
        this.#read.set(key, tables);
        for (const oldest of this.#read.keys()) {
            if (this.#read.size <= KEPT) break;
            this.#read.delete(oldest);
        }
        return { tables, time };
    }

    /**
     * Of each entry whether a node is there, as far as the connectivity check knows; null if it knows nothing.
     * @param {Tables} tables
     * @param {string | null} time
     * @param {AbortSignal} signal
     */
    async reachable(tables, time, signal) {
        if (!time) return null;
        const bytes = await getBytes(path(this.node, "reachable"), { time }, signal);
        const known = new Uint8Array(bytes);
        return known.length === tables.addresses.length && known.some((one) => one > 0) ? known : null;
    }
}

/**
 * @param {string} node
 * @param {string} what
 */
const path = (node, what) => `addrman/${encodeURIComponent(node)}/${what}`;

/**
 * @param {string} node
 * @param {string} time
 * @param {AbortSignal} signal
 */
async function fetched(node, time, signal) {
    try {
        return read(await getBytes(path(node, "columns"), { time }, signal), node);
    } catch (error) {
        // They may have been dropped meanwhile.
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
    }
}
