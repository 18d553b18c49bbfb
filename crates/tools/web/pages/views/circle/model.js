// @ts-check
// What the circle shows: the choices of the reader, the peers in their groups and places, and how much goes over each line.

import { CONNECTION_TYPES, NETWORKS } from "../../lib/names.js";
import { CRITERIA, grouping } from "./groups.js";
import { hiddenFrom, NAMES, numberOf, OTHER, wanted } from "./kinds.js";
import { circles, place } from "./layout.js";
import { pace } from "./pace.js";
import { PeerList, passes } from "./peers.js";
import { BYTE_STEPS, levelOf, MESSAGE_STEPS } from "./still.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Group, Grouping } from "./groups.js" */
/** @import { Circle } from "./layout.js" */
/** @import { CirclePeer, ShownPeer } from "./peers.js" */

/** Circles that are drawn side by side; of more nodes, one is to be chosen. */
export const MAX_CIRCLES = 12;
/** Names of messages that are no names of Bitcoin Core's, which are remembered to subscribe to them. */
const MAX_OTHERS = 20;
/** What the address calls the group of those without an AS, a set or a mark. */
const NO_GROUP = "none";
/** @type {[value: string, label: string][]} */
export const TYPES = [
    ["", "all"],
    ["inbound", "inbound"],
    ["outbound", "all outbound"],
    ...CONNECTION_TYPES.slice(1).map(/** @returns {[string, string]} */ (type) => [type, type]),
];
/** @type {[value: string, label: string][]} */
export const DRAW = [
    ["", "what fits"],
    ["messages", "messages"],
    ["rates", "rates"],
];

/**
 * What the reader can choose.
 * @typedef {object} Choices
 * @property {string} color by which criterion peers are coloured
 * @property {string} type of connections; "" means all
 * @property {string} network "" means all
 * @property {string} draw "messages", "rates" or "" (what fits)
 * @property {string | null} only the key of the group that is shown alone
 */

/**
 * The choices in the address of the page.
 * @param {URLSearchParams} params
 * @returns {Choices}
 */
function choicesFrom(params) {
    /** @type {(name: string, allowed: string[], otherwise: string) => string} */
    const oneOf = (name, allowed, otherwise) => {
        const value = params.get(name);
        return value !== null && allowed.includes(value) ? value : otherwise;
    };
    const only = params.get("only");
    const criteria = CRITERIA.map(([name]) => name);
    const types = TYPES.map(([type]) => type);
    return {
        color: oneOf("color", criteria, "type"),
        type: oneOf("type", types, ""),
        network: oneOf("network", NETWORKS, ""),
        draw: oneOf("draw", ["messages", "rates"], ""),
        only: only === NO_GROUP ? "" : only,
    };
}

/**
 * Messages per second by the API.
 * @param {CirclePeer} peer
 */
const reportedRate = (peer) => (peer.data.rate_in ?? 0) + (peer.data.rate_out ?? 0);

export class CircleModel {
    peers = new PeerList();
    /** @type {Circle[]} */
    list = [];
    /** @type {CirclePeer[]} those that are shown, in the order of their places */
    order = [];
    /** @type {string[]} nodes that are shown */
    names = [];
    /** @type {Group[]} */
    found = [];
    /** How many open connections are shown, without our own. */
    crowd = 0;
    /** How many peers pass the filter of connections and networks. */
    passing = 0;
    /** How many nodes are known. */
    nodes = 0;
    /** @type {CirclePeer | null} */
    selected = null;
    /** Messages counted since the last tick, by the number of their type. */
    counted = new Float64Array(NAMES.length);
    /** Messages per second of what is shown. */
    rate = 0;
    /** All messages per second that come to this page, also those of peers that are not shown. */
    load = 0;
    /** How many messages were dropped because the page was too slow. */
    dropped = 0;
    /** Whether messages come from the feed now. */
    live = false;
    #ctx;
    #shown = 0;
    /** @type {Set<string>} */
    #others = new Set();
    /** @type {Grouping} */
    #groups;
    /** @type {{id: number, node: string} | null} the peer that the address selects, until it is known */
    #awaited;

    /**
     * @param {Context} ctx
     * @param {() => boolean} reduced whether the system asks for less motion
     */
    constructor(ctx, reduced) {
        const { params } = ctx;
        this.#ctx = ctx;
        this.choices = choicesFrom(params);
        this.hidden = hiddenFrom(params.get("hide"));
        this.pace = pace(() => this.choices.draw, reduced);
        this.#groups = grouping(this.choices.color);
        const id = params.get("peer");
        this.#awaited = id ? { id: Number(id), node: params.get("of") ?? ctx.node } : null;
    }

    /** Whether no tracepoint reports messages: only bytes by getpeerinfo are known. */
    get untraced() {
        return this.pace.why === "untraced";
    }

    /** @param {Partial<Choices>} next */
    change(next) {
        const recolour = next.color !== undefined && next.color !== this.choices.color;
        Object.assign(this.choices, next);
        const { color, type, network, draw, only } = this.choices;
        this.#ctx.set({
            color: color === "type" ? null : color,
            type,
            network,
            draw,
            only: only === "" ? NO_GROUP : only,
        });
        if (recolour) this.#groups = grouping(color);
    }

    /** Who is shown, and in which colour. */
    arrange() {
        const all = [...this.peers.nodes].sort(([a], [b]) => (a < b ? -1 : 1));
        this.nodes = all.length;
        this.names = all.slice(0, MAX_CIRCLES).map(([name]) => name);
        if (this.#ctx.node) this.names = this.names.filter((name) => name === this.#ctx.node);
        const { type, network } = this.choices;
        /** @type {CirclePeer[]} */
        const passing = [];
        for (const [name, peers] of all) {
            const shown = this.names.includes(name);
            for (const peer of peers.values()) {
                peer.ring = null;
                if (shown && passes(peer, type, network)) passing.push(peer);
            }
        }
        this.passing = passing.length;
        this.found = this.#groups.update(passing);
        for (const group of this.found) group.count = 0;
        for (const peer of passing) if (peer.ended === null && peer.group) peer.group.count += 1;
        return passing;
    }

    /**
     * Where they are.
     * @param {CirclePeer[]} passing
     * @param {number} width of the stage, in pixels
     * @param {number} height
     */
    place(passing, width, height) {
        const { only } = this.choices;
        this.list = circles(this.names, width, height);
        const visible = /** @type {ShownPeer[]} */ (
            passing.filter((peer) => only === null || peer.group?.key === only)
        );
        for (const circle of this.list) {
            const mine = visible.filter((peer) => peer.node === circle.node);
            mine.sort((a, b) => a.group.place - b.group.place || a.id - b.id);
            place(circle, mine);
        }
        this.order = this.list.flatMap((circle) => circle.peers);
        this.crowd = visible.filter((peer) => peer.ended === null && !peer.data.own).length;
        this.#reselect();
        this.pace.area(this.list.reduce((sum, circle) => sum + Math.PI * circle.outer ** 2, 0));
        this.levels();
    }

    #reselect() {
        if (this.#awaited) {
            const peer = this.peers.find(this.#awaited.node, this.#awaited.id);
            if (peer) this.selected = peer;
            if (peer || this.peers.known) this.#awaited = null;
        }
        // Another connection may have taken its id; who is gone stays in the panel.
        const { selected } = this;
        if (selected) this.selected = this.peers.find(selected.node, selected.id) ?? selected;
    }

    /** @param {CirclePeer | null} peer */
    select(peer) {
        this.selected = peer;
        this.#ctx.set({ peer: peer ? peer.id : null, of: peer && !this.#ctx.node ? peer.node : null });
    }

    /**
     * What goes over a peer's line per second.
     * @param {CirclePeer} peer
     * @param {number} side received (0) or sent (1)
     * @returns {Maybe}
     */
    rateOf(peer, side) {
        if (this.untraced) return peer.bytes.rates[side];
        if (this.live) return peer.speed[side];
        return side === 0 ? peer.data.rate_in : peer.data.rate_out;
    }

    /** How wide lines are, when they show rates. Returns whether any changed. */
    levels() {
        const steps = this.untraced ? BYTE_STEPS : MESSAGE_STEPS;
        let changed = false;
        for (const peer of this.order) {
            for (let side = 0; side < 2; side += 1) {
                const level = levelOf(this.rateOf(peer, side), steps);
                changed ||= level !== peer.level[side];
                peer.level[side] = level;
            }
        }
        return changed;
    }

    /** Which messages the page needs from the feed; null if none: rates of all are in the API. */
    subscription() {
        const filtered = this.hidden.some(Boolean);
        const needed = !this.untraced && (!this.pace.rates || filtered) && !this.hidden.every(Boolean);
        if (!needed) return null;
        const nodes = this.names.length >= MAX_CIRCLES ? { node: this.names } : {};
        return { kind: this.peers.kinds, message: wanted(this.hidden, this.#others), ...nodes };
    }

    /**
     * Counts a message. Returns the peer at whose line it is to be drawn; null: at none; undefined: the peer is not known.
     * @param {FeedEvent} event
     */
    count(event) {
        if (!this.peers.counts(event)) return null;
        const name = event.message ?? "";
        const kind = numberOf(name);
        this.counted[kind] += 1;
        if (kind === OTHER && this.#others.size < MAX_OTHERS) this.#others.add(name);
        if (this.hidden[kind]) return null;
        const peer = this.peers.find(event.node, event.peer);
        if (!peer) return undefined;
        if (peer.ended !== null || !peer.ring) return null;
        this.#shown += 1;
        peer.counted[event.direction === "inbound" ? 0 : 1] += 1;
        return peer;
    }

    /**
     * What was counted in so many seconds becomes rates.
     * @param {number} seconds
     */
    fold(seconds) {
        let sum = 0;
        for (let i = 0; i < this.counted.length; i += 1) sum += this.counted[i];
        if (sum) this.peers.sawMessage();
        if (this.live) {
            /** @type {(before: number, n: number) => number} */
            const calm = (before, n) => (before ? before * 0.5 + (n / seconds) * 0.5 : n / seconds);
            this.rate = calm(this.rate, this.#shown);
            this.load = calm(this.load, sum);
            this.peers.fold(seconds);
        } else {
            const all = this.names.flatMap((name) => [...(this.peers.nodes.get(name)?.values() ?? [])]);
            this.rate = this.hidden.every(Boolean) ? 0 : this.order.reduce((n, peer) => n + reportedRate(peer), 0);
            this.load = all.reduce((n, peer) => n + reportedRate(peer), 0);
        }
    }

    /** Begins to count anew. */
    uncount() {
        this.counted.fill(0);
        this.#shown = 0;
    }
}
