// @ts-check
// By what peers are coloured: each criterion sorts them into groups, each with a colour, a shape and a name.

import * as colors from "../../lib/colors.js";
import * as f from "../../lib/format.js";
import { CONNECTION_TYPES, NETWORKS } from "../../lib/names.js";

/** @import { CirclePeer } from "./peers.js" */
/** @typedef {{rank: number, label: string, color: string, shape: string}} Look */
/**
 * @typedef {Look & {key: string, count: number, place: number}} Group peers of one colour; place: among the groups
 */
/** @typedef {ReturnType<typeof grouping>} Grouping */

/** @type {[name: string, label: string][]} */
export const CRITERIA = [
    ["type", "Connection type"],
    ["network", "Network"],
    ["as", "Autonomous system"],
    ["set", "Set"],
    ["marks", "Behaviour"],
];
// So many groups have a colour of their own; the rest is one group.
const PLACES = 7;
const REST = "…";
/** The group of our own connection, whatever the criterion. */
const OWN = "*ours*";
/** The order of the groups: outbound types first. */
const TYPES = [...CONNECTION_TYPES.slice(1), CONNECTION_TYPES[0]];

/**
 * What a peer is called under a criterion; "" if there is nothing.
 * @param {string} criterion
 * @param {CirclePeer} peer
 */
function keyOf(criterion, peer) {
    const { data } = peer;
    if (data.own) return OWN;
    if (criterion === "type") return data.connection_type || "unknown";
    if (criterion === "network") return data.network || "unknown";
    if (criterion === "as") return data.as ? `AS${data.as}` : "";
    if (criterion === "set") return data.sets?.[0] ?? "";
    return data.marks?.[0]?.mark ?? ((data.misbehaviour ?? 0) > 0 ? "misbehaving" : "");
}

/** @type {Record<string, string>} */
const NONE = { as: "AS unknown", set: "in no set", marks: "nothing noticed" };

/**
 * Groups of a criterion. update(peers) sets peer.group of each and returns the groups in their order, with counts.
 * A group keeps its colour as long as it is there, although others grow past it.
 * @param {string} criterion
 */
export function grouping(criterion) {
    const ranked = criterion !== "type" && criterion !== "network";
    const order = criterion === "type" ? TYPES : NETWORKS;
    /** @type {(string | null)[]} */
    const places = new Array(PLACES).fill(null);

    /**
     * Who is large enough gets a place of its own.
     * @param {Map<string | null, number>} counts
     */
    function seat(counts) {
        const waiting = [...counts].filter(([key]) => key && !places.includes(key));
        waiting.sort(([a, m], [b, n]) => n - m || ((a ?? "") < (b ?? "") ? -1 : 1));
        for (const [key, n] of waiting) {
            let worst = 0;
            for (let i = 0; i < PLACES; i += 1) {
                if ((counts.get(places[i]) ?? 0) < (counts.get(places[worst]) ?? 0)) worst = i;
            }
            const least = counts.get(places[worst]) ?? 0;
            // Only who is clearly larger takes a place, so that colours do not flicker.
            if (least > 0 && n < least * 1.5 + 1) break;
            places[worst] = key;
        }
    }

    /**
     * @param {string} key
     * @returns {Look}
     */
    function look(key) {
        if (key === OWN) return { rank: 100, label: "ours", color: colors.css("--muted"), shape: "ring" };
        if (!ranked) {
            const type = criterion === "type";
            return {
                rank: (order.indexOf(key) + 99) % 99,
                label: type ? f.printable(key, 30) : networkName(key),
                color: type ? colors.forType(key) : colors.forNetwork(key),
                shape: type ? colors.shapeForType(key) : colors.shapeForNetwork(key),
            };
        }
        if (!key) return { rank: 99, label: NONE[criterion], color: colors.css("--line-strong"), shape: "dot" };
        if (key === REST) return { rank: 98, label: "others", color: colors.named("black"), shape: "ring" };
        const place = places.indexOf(key);
        const label = criterion === "marks" ? markName(key) : f.printable(key, 40);
        return { rank: place, label, color: colors.forIndex(place), shape: colors.shapeForIndex(place) };
    }

    return {
        criterion,
        /**
         * Sets the group of each peer, and returns the groups in their order, with counts.
         * @param {CirclePeer[]} peers
         */
        update(peers) {
            /** @type {Map<string | null, number>} */
            const counts = new Map();
            for (const peer of peers) {
                const key = keyOf(criterion, peer);
                peer.key = key;
                if (key !== OWN) counts.set(key, (counts.get(key) ?? 0) + 1);
            }
            if (ranked) seat(counts);
            /** @type {Map<string, Group>} */
            const groups = new Map();
            for (const peer of peers) {
                const rest = ranked && peer.key && peer.key !== OWN && !places.includes(peer.key);
                const key = rest ? REST : peer.key;
                let group = groups.get(key);
                if (!group) {
                    group = { key, count: 0, place: 0, ...look(key) };
                    groups.set(key, group);
                }
                group.count += 1;
                peer.group = group;
            }
            const sorted = [...groups.values()].sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1));
            for (const [i, group] of sorted.entries()) group.place = i;
            return sorted;
        },
    };
}

/**
 * "address_flood" -> "address flood".
 * @param {string} mark
 */
export function markName(mark) {
    return f.printable(String(mark).replaceAll("_", " "), 40);
}

/** @param {string} network */
export function networkName(network) {
    return network === "not_publicly_routable" ? "not publicly routable" : f.printable(network, 30);
}

/**
 * Why there may be nothing by which peers differ; null if there is.
 * @param {string} criterion
 * @param {Group[]} groups
 * @param {Api["Info"]} info
 */
export function missing(criterion, groups, info) {
    if (groups.some((g) => g.key && g.key !== OWN)) return null;
    if (criterion === "as") {
        return info.asmap
            ? "No peer's address is in the map of autonomous systems."
            : "No map of autonomous systems is configured (--asmap).";
    }
    if (criterion === "set") {
        return info.sets?.length ? "No peer is in one of the sets." : "No sets of networks are configured (--set).";
    }
    if (criterion === "marks") return "No peer behaves in a way that is marked.";
    return null;
}
