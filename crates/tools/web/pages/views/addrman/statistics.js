// @ts-check
// Who fills an address manager, and where its addresses are. Counts of "new" and "tried" are used slots: an address may have
// up to eight of the new table.

import { NEW_SLOTS, POSITIONS, SLOTS } from "./geometry.js";
import { groupsOf } from "./groups.js";
import { byTime, FINE } from "./terrible.js";

/** @import { Tables } from "./columns.js" */

/** Bitcoin Core lets entries from one network group of sources into so many buckets of the new table. */
export const MAX_BUCKETS = 64;

/** @typedef {{tried: number, reachable: number}} Outcome addresses whose outcome is known, and those of them with a node */

/**
 * @typedef {object} Share what a group, a system or a network has
 * @property {string} name
 * @property {number} new used slots
 * @property {number} tried used slots
 * @property {number} addresses different entries
 * @property {Outcome} outcome
 */

/**
 * @typedef {object} Filler a network group from which entries were received
 * @property {string} name
 * @property {number} sources different addresses of it
 * @property {number} entries slots of the new table
 * @property {number} buckets of the new table that they are in
 * @property {number} groups different network groups of the entries
 * @property {number} tried slots of the tried table
 * @property {Outcome} outcome of the entries
 */

/** @typedef {ReturnType<typeof statistics>} Statistics */

/** Shares by name. */
class Shares {
    /** @type {Map<string, Share>} */
    #all = new Map();

    /**
     * @param {string} name
     * @returns {Share}
     */
    of(name) {
        let share = this.#all.get(name);
        if (!share) {
            share = { name, new: 0, tried: 0, addresses: 0, outcome: { tried: 0, reachable: 0 } };
            this.#all.set(name, share);
        }
        return share;
    }

    /** Most slots first. */
    list() {
        return [...this.#all.values()].sort((a, b) => b.new + b.tried - a.new - a.tried || (a.name < b.name ? -1 : 1));
    }
}

/**
 * @param {Outcome} outcome
 * @param {number} known 0: not known; 1: a node is there; 2: none is
 */
function add(outcome, known) {
    if (!known) return;
    outcome.tried += 1;
    outcome.reachable += known === 1 ? 1 : 0;
}

/**
 * @param {Tables} tables
 * @param {Uint8Array | null} reachable of each entry: 0: not known; 1: a node is there; 2: none is
 */
export function statistics(tables, reachable) {
    const { entries: groups } = groupsOf(tables);
    const now = tables.time / 1000;
    const [bySystem, byGroup, byNetwork] = [new Shares(), new Shares(), new Shares()];
    /** @type {[number, number]} */
    const terrible = [0, 0];
    const all = { tried: 0, reachable: 0 };
    const seen = new Uint8Array(tables.addresses.length);
    for (let slot = 0; slot < SLOTS; slot += 1) {
        const entry = tables.slots[slot];
        if (entry < 0) continue;
        const table = slot < NEW_SLOTS ? "new" : "tried";
        const system = tables.systems[entry];
        const shares = [byGroup.of(groups[entry]), byNetwork.of(tables.networkNames[tables.networks[entry]])];
        if (system) shares.push(bySystem.of(`AS${system}`));
        const first = !seen[entry];
        seen[entry] = 1;
        const known = reachable?.[entry] ?? 0;
        for (const share of shares) {
            share[table] += 1;
            if (!first) continue;
            share.addresses += 1;
            add(share.outcome, known);
        }
        if (first) add(all, known);
        if (byTime(tables.times[entry], now) !== FINE) terrible[table === "new" ? 0 : 1] += 1;
    }
    return {
        fillers: fillers(tables, reachable),
        systems: bySystem.list(),
        groups: byGroup.list(),
        networks: byNetwork.list(),
        terrible,
        outcome: all,
        addresses: tables.addresses.length,
    };
}

/**
 * Who fills the tables: the groups of sources that reach most buckets first.
 * @param {Tables} tables
 * @param {Uint8Array | null} reachable
 * @returns {Filler[]}
 */
function fillers(tables, reachable) {
    const { entries: groups, sources: groupsOfSources } = groupsOf(tables);
    /** @type {Map<string, {filler: Filler, buckets: Set<number>, groups: Set<string>, sources: Set<number>}>} */
    const all = new Map();
    const seen = new Uint8Array(tables.addresses.length);
    for (let slot = 0; slot < SLOTS; slot += 1) {
        const entry = tables.slots[slot];
        if (entry < 0) continue;
        const source = tables.sources[entry];
        const name = groupsOfSources[source];
        let one = all.get(name);
        if (!one) {
            const outcome = { tried: 0, reachable: 0 };
            const filler = { name, sources: 0, entries: 0, buckets: 0, groups: 0, tried: 0, outcome };
            one = { filler, buckets: new Set(), groups: new Set(), sources: new Set() };
            all.set(name, one);
        }
        if (slot < NEW_SLOTS) {
            one.filler.entries += 1;
            one.buckets.add(Math.floor(slot / POSITIONS));
        } else one.filler.tried += 1;
        if (seen[entry]) continue;
        seen[entry] = 1;
        one.sources.add(source);
        one.groups.add(groups[entry]);
        add(one.filler.outcome, reachable?.[entry] ?? 0);
    }
    const list = [...all.values()].map(({ filler, ...sets }) => ({
        ...filler,
        sources: sets.sources.size,
        buckets: sets.buckets.size,
        groups: sets.groups.size,
    }));
    return list.sort((a, b) => b.buckets - a.buckets || b.entries - a.entries || (a.name < b.name ? -1 : 1));
}

/**
 * The share of all slots that the first of a list have.
 * @param {Share[]} shares most first
 * @param {number} count
 * @param {number} all
 */
export function shareOfFirst(shares, count, all) {
    const sum = shares.slice(0, count).reduce((total, share) => total + share.new + share.tried, 0);
    return all ? sum / all : null;
}

/**
 * What share of the entries each network would have if the node kept what its peers send: the share of the received
 * entries, of the networks that it can reach, since it takes no others.
 * @param {{network: string, in: number}[] | null} received null: not known
 * @param {Map<string, boolean>} reached whether the node can reach a network
 * @returns {Map<string, number> | null}
 */
export function expectedShares(received, reached) {
    if (!received) return null;
    const taken = received.filter(
        (one) => one.in > 0 && reached.get(one.network) !== false && one.network !== "unknown",
    );
    const sum = taken.reduce((total, one) => total + one.in, 0);
    return sum ? new Map(taken.map((one) => [one.network, one.in / sum])) : null;
}
