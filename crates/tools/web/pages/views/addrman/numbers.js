// @ts-check
// The numbers of the page: tiles, who fills the address manager, where its addresses are, how it grew.

import { chart } from "../../lib/chart.js";
import { h, section, setText, tile, tileRow } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { NEW_SLOTS, SLOTS } from "./geometry.js";
import { changeList, changesOf, fillerList, MOST, networkList, shareList } from "./lists.js";
import { expectedShares, MAX_BUCKETS, shareOfFirst, statistics } from "./statistics.js";
import { RULES } from "./terrible.js";

/** @import { Known } from "./colouring.js" */
/** @import { Tables } from "./columns.js" */
/** @import { NetworkRow } from "./lists.js" */
/** @import { Share } from "./statistics.js" */

const EXPECTED =
    "Expected is the share that a network would have if the node kept exactly what its peers send: its share of the " +
    "entries of addr and addrv2 messages that the node received since this began, by tracepoints, among the networks that " +
    "the node can reach by getnetworkinfo, because Bitcoin Core takes gossiped addresses of no others. Addresses of DNS " +
    "seeds, of fixed seeds and of peers.dat from before are in the tables, too, so small differences mean nothing.";
const FILLED =
    `By the group of who sent an entry: the node lets a group into ${MAX_BUCKETS} of the 1,024 buckets of the new table, so ` +
    "at most 4,096 slots, however many addresses it sends. Groups are the /16 of IPv4, the /32 of IPv6 and 16 parts of " +
    "onion and of I2P addresses; with a map of autonomous systems of the node's own, the systems. The tried table " +
    "remembers who sent an address first.";
const CONCENTRATED = "Of the tables as a whole: a node chooses whom it connects to from here.";

const tilesOf = () => ({
    fresh: tile("New", "used slots of the new table"),
    tried: tile("Tried", "used slots of the tried table"),
    addresses: tile("Different", "addresses; one may have eight slots of the new table"),
    terrible: tile("Terrible by time", RULES),
    sources: tile("Groups of sources", "from which the entries were received"),
    largest: tile("Largest source", "buckets of the new table that one group reaches"),
    systems: tile("Largest 10 AS", "share of the used slots; by the node's map, or that of this program"),
    reachable: tile("Reachable", "of those that the connectivity check tried, at so many a node answered"),
});

export class Numbers {
    el;
    #tiles = tilesOf();
    #fillers;
    #systems;
    #groups;
    #networks = networkList();
    #changes = changeList();
    #growth = section("Used slots over time");
    #growthChart = chart(this.#growth, {
        label: "Used slots",
        height: 150,
        series: [{ name: "new" }, { name: "tried", dash: [6, 3] }],
    });
    #compared = section("Changes");
    #summary = h("p", { class: "addrman-summary" });
    #systemsNote = h("p", { class: "muted small" });

    /** @param {(text: string) => void} onSearch highlights what a search finds */
    constructor(onSearch) {
        this.#fillers = fillerList(onSearch);
        this.#systems = shareList(
            "Entries by autonomous system",
            "AS",
            "Not known here: needs a map of autonomous systems, the node's (-asmap) or this program's (--asmap).",
            onSearch,
            (name) => `as:${name}`,
        );
        this.#groups = shareList(
            "Entries by network group",
            "Group",
            "There is no entry.",
            onSearch,
            (name) => `group:${name}`,
        );
        this.#compared.append(this.#summary, this.#changes.el);
        this.#growth.hidden = true;
        this.el = h(
            "div",
            { class: "addrman-numbers" },
            tileRow("The tables", this.#tiles),
            this.#compared,
            section("Who fills it", note(FILLED), this.#fillers.el),
            section("Networks", this.#networks.el, note(EXPECTED)),
            h(
                "div",
                { class: "split" },
                section("Autonomous systems", this.#systemsNote, this.#systems.el),
                section("Network groups", note(CONCENTRATED), this.#groups.el),
            ),
            this.#growth,
            section("Terrible entries", h("p", { class: "small" }, RULES)),
        );
    }

    destroy() {
        this.#growthChart.destroy();
    }

    /** @param {Api["AddrmanSnapshot"][]} snapshots oldest first */
    growth(snapshots) {
        this.#growth.hidden = snapshots.length < 2;
        const at = snapshots.map((one) => (f.millis(one.time) ?? 0) / 1000);
        this.#growthChart.set(at, [snapshots.map((one) => one.new), snapshots.map((one) => one.tried)]);
    }

    /**
     * @param {Tables | null} tables
     * @param {Known} known
     * @param {{network: string, in: number}[] | null} received entries by network; null: not known
     * @param {Map<string, boolean>} reached whether the node can reach a network
     */
    set(tables, known, received, reached) {
        this.el.hidden = !tables;
        if (!tables) return;
        const found = statistics(tables, known.reachable);
        const slots = tables.total[0] + tables.total[1];
        /** @type {(shares: Share[]) => (Share & {share: number})[]} */
        const listed = (shares) =>
            shares.slice(0, MOST).map((share) => ({ ...share, share: (share.new + share.tried) / (slots || 1) }));
        this.#fillers.set(found.fillers.slice(0, MOST));
        this.#systems.set(listed(found.systems));
        this.#groups.set(listed(found.groups));
        this.#networks.set(networkRows(found, expectedShares(received, reached), reached));
        setText(this.#systemsNote, systemsNote(tables, found.systems.length));
        this.#show(tables, found, slots);
        this.#comparison(known);
    }

    /**
     * @param {Tables} tables
     * @param {ReturnType<typeof statistics>} found
     * @param {number} slots that are used
     */
    #show(tables, found, slots) {
        const tiles = this.#tiles;
        const [fresh, tried] = tables.total;
        tiles.fresh.set(f.count(fresh), `${f.percent(fresh / NEW_SLOTS)} of its slots`);
        tiles.tried.set(f.count(tried), `${f.percent(tried / (SLOTS - NEW_SLOTS))} of its slots`);
        tiles.addresses.set(f.count(found.addresses));
        const terrible = found.terrible[0] + found.terrible[1];
        tiles.terrible.set(
            f.percent(slots ? terrible / slots : null),
            `${f.count(found.terrible[0])} new, ${f.count(found.terrible[1])} tried`,
        );
        tiles.sources.set(f.count(found.fillers.length));
        const [largest] = found.fillers;
        tiles.largest.set(largest ? f.count(largest.buckets) : "–", largest ? f.printable(largest.name, 30) : "");
        if (found.systems.length) tiles.systems.set(f.percent(shareOfFirst(found.systems, 10, slots)));
        else tiles.systems.set("–", "not known here: needs a map");
        const { outcome } = found;
        if (outcome.tried) {
            tiles.reachable.set(f.percent(outcome.reachable / outcome.tried), `of ${f.count(outcome.tried)} tried`);
        } else tiles.reachable.set("–", "not known here: needs the connectivity check");
    }

    /** @param {Known} known */
    #comparison({ comparison }) {
        this.#compared.hidden = !comparison;
        if (!comparison) return;
        const { before, after, counts } = comparison;
        const apart = Math.abs(after.time - before.time) / 1000;
        const span = before.dated && after.dated ? ` In ${f.seconds(Math.round(apart))}` : " From one to the other";
        const backwards = before.dated && after.dated && before.time > after.time;
        setText(
            this.#summary,
            `${backwards ? "The tables that are compared with are the later ones. " : ""}${span.trim()}: ` +
                `${f.count(counts.came)} addresses came, ${f.count(counts.went)} went, ${f.count(counts.tried)} moved to tried, ` +
                `${f.count(counts.back)} moved back to new, ${f.count(counts.stayed)} stayed where they were.`,
        );
        this.#changes.set(changesOf(comparison));
    }
}

/** @param {string} text */
const note = (text) => h("p", { class: "muted small" }, text);

/**
 * @param {Tables} tables
 * @param {number} count
 */
function systemsNote({ systemsFrom }, count) {
    if (!systemsFrom) return "";
    const map =
        systemsFrom === "node" ? "the node's own map" : "the map of this program; the node itself groups by network";
    return `${f.count(count)} autonomous systems, by ${map}.`;
}

/**
 * @param {ReturnType<typeof statistics>} found
 * @param {Map<string, number> | null} expected
 * @param {Map<string, boolean>} reached
 * @returns {NetworkRow[]}
 */
function networkRows(found, expected, reached) {
    const names = new Set(found.networks.map((share) => share.name));
    /** @type {Share[]} those that are expected, and have no entry */
    const missing = [...(expected?.keys() ?? [])]
        .filter((name) => !names.has(name))
        .map((name) => ({ name, new: 0, tried: 0, addresses: 0, outcome: { tried: 0, reachable: 0 } }));
    return [...found.networks, ...missing].map((share) => ({
        ...share,
        share: share.addresses / (found.addresses || 1),
        reached: reached.get(share.name) ?? null,
        expected: expected ? (expected.get(share.name) ?? 0) : null,
    }));
}
