// @ts-check
// The peers of all nodes that are shown: from the API, and at once from connection events. A connection that ended stays
// for some seconds, so that its end is seen.

/** @import { Group } from "./groups.js" */
/** @import { Circle } from "./layout.js" */

/** For how many milliseconds an ended connection is seen. */
export const FADE = 6000;
/** For how many milliseconds a new connection is marked. */
export const FRESH = 2500;
/** For how many milliseconds an event is believed against the API. */
const DISBELIEF = 6000;
const MAX_PEERS = 3000;

/** @type {Record<string, string>} how a connection ended, by the kind of event */
const ENDED = {
    closed_connection: "closed",
    peer_disconnected: "closed",
    evicted_inbound_connection: "evicted",
    eviction_selected: "evicted",
};

/** @typedef {Partial<Api["Peer"]> & {node: string, id: number}} PeerData from the API; little of it from an event */

/** @typedef {ReturnType<typeof bytesOf>} Bytes */

/**
 * A peer as the circle shows it. Times are in milliseconds of the stage's clock.
 * @typedef {object} CirclePeer
 * @property {string} node
 * @property {number} id
 * @property {PeerData} data
 * @property {string} key what it is called under the criterion of the colours
 * @property {Group | null} group
 * @property {Circle | null} ring the circle it stands on; null: it is not shown
 * @property {number} born
 * @property {number | null} ended
 * @property {string | null} how it ended
 * @property {string | null} reason why it ended
 * @property {number} marked when it was chosen to be evicted, or misbehaved
 * @property {boolean} guess it is known from an event only, so far
 * @property {number} angle where it is on its ring; NaN: nowhere yet
 * @property {number} radius
 * @property {number} toAngle where it is going
 * @property {number} toRadius
 * @property {number} x in pixels, like all places
 * @property {number} y
 * @property {number} size
 * @property {[number, number]} next when its next message may start, received and sent: those of one moment follow one another
 * @property {[number, number]} counted messages counted here in this second, received and sent
 * @property {[number | null, number | null]} speed what that makes per second
 * @property {Bytes} bytes by getpeerinfo
 * @property {[number, number]} level how wide its line is, received and sent
 */

/** A peer that stands on a circle. @typedef {CirclePeer & {ring: Circle, group: Group}} ShownPeer */

/**
 * @param {PeerData} data
 * @param {number} now
 * @param {boolean} fresh whether it connected just now
 * @returns {CirclePeer}
 */
function peerOf(data, now, fresh) {
    return {
        node: data.node,
        id: data.id,
        data,
        key: "",
        group: null,
        ring: null,
        born: fresh ? now : -Infinity,
        ended: null,
        how: null,
        reason: null,
        marked: -Infinity,
        guess: false,
        angle: NaN,
        radius: 0,
        toAngle: 0,
        toRadius: 0,
        x: 0,
        y: 0,
        size: 0,
        next: [0, 0],
        counted: [0, 0],
        speed: [null, null],
        bytes: bytesOf(data, now),
        level: [0, 0],
    };
}

export class PeerList {
    /** @type {Map<string, Map<number, CirclePeer>>} by node and id */
    nodes = new Map();
    /** Whether the API has answered. */
    known = false;
    #total = 0;
    #traced = false;
    /** @type {Map<string, "ebpf" | "log">} what reports messages, by node */
    #sources = new Map();

    /** Whether tracepoints or debug.log report messages: null as long as nothing is known. */
    get traced() {
        return this.known && this.#total ? this.#traced : null;
    }

    /** @param {string} node */
    tracedNode(node) {
        for (const peer of this.nodes.get(node)?.values() ?? []) {
            if ((peer.data.messages_received ?? null) !== null || (peer.speed[0] ?? 0) > 0) return true;
        }
        return false;
    }

    /** The kinds of events that are messages here. */
    get kinds() {
        const sources = [...this.#sources.values()];
        const logged = sources.includes("log") ? ["message_received", "message_sent"] : [];
        return sources.includes("ebpf") || !logged.length ? ["message", ...logged] : logged;
    }

    /**
     * Whether an event is a message that no other event reports as well.
     * @param {FeedEvent} event
     */
    counts(event) {
        return event.kind === "message" || this.#sources.get(event.node) !== "ebpf";
    }

    sawMessage() {
        this.#traced = true;
    }

    /**
     * @param {string} node
     * @param {number | null | undefined} id
     */
    find(node, id) {
        return this.nodes.get(node)?.get(id ?? NaN);
    }

    /**
     * Takes over api/peers. Returns whether anything changed that is seen.
     * @param {Api["Peer"][]} list
     * @param {number} now
     */
    update(list, now) {
        /** @type {Set<string>} */
        const open = new Set();
        let changed = false;
        for (const data of list) {
            if (data.closed || data.end) continue;
            open.add(`${data.node}/${data.id}`);
            if (this.#updateOpen(data, now)) changed = true;
        }
        for (const data of list) {
            if (!data.closed && !data.end) continue;
            if (!open.has(`${data.node}/${data.id}`) && this.#updateEnded(data, now)) changed = true;
        }
        if (this.#endMissing(open, now)) changed = true;
        this.known = true;
        return changed;
    }

    /**
     * @param {Api["Peer"]} data
     * @param {number} now
     */
    #updateOpen(data, now) {
        if (data.messages_received !== null && data.messages_received !== undefined) this.#traced = true;
        const source = data.messages_source;
        if (source === "ebpf" || (source === "log" && !this.#sources.has(data.node)))
            this.#sources.set(data.node, source);
        const peer = this.find(data.node, data.id);
        if (peer && peer.ended === null) {
            const changed = !sameLooks(peer.data, data);
            take(peer, data, now);
            return changed;
        }
        if (peer && now - (peer.ended ?? 0) < DISBELIEF) return false;
        if (peer) this.#remove(peer);
        this.#add(data, now, this.known);
        return true;
    }

    /**
     * @param {Api["Peer"]} data
     * @param {number} now
     */
    #updateEnded(data, now) {
        const peer = this.find(data.node, data.id);
        if (!peer) return false;
        const how = data.end?.how ?? "closed";
        const changed = end(peer, how, now);
        peer.how = how;
        peer.reason = data.end?.reason ?? null;
        peer.data = data;
        return changed;
    }

    /**
     * Ends those that the API no longer has.
     * @param {Set<string>} open "node/id" of those it has
     * @param {number} now
     */
    #endMissing(open, now) {
        let any = false;
        for (const [node, peers] of this.nodes) {
            for (const peer of peers.values()) {
                if (open.has(`${node}/${peer.id}`) || peer.ended !== null) continue;
                if (peer.guess && now - peer.born < DISBELIEF) continue;
                end(peer, "disappeared", now);
                any = true;
            }
        }
        return any;
    }

    /**
     * Takes a connection event in its brief form. Returns whether anything changed that is seen.
     * @param {FeedEvent} event
     * @param {number} now
     */
    event({ node, peer: id, kind }, now) {
        if (typeof node !== "string" || typeof id !== "number") return false;
        const peer = this.find(node, id);
        if (ENDED[kind]) return peer ? ending(peer, kind, now) : false;
        if (kind === "misbehaving_connection" || kind === "misbehaving") {
            if (peer) peer.marked = now;
            return Boolean(peer);
        }
        if (kind !== "inbound_connection" && kind !== "outbound_connection") return false;
        if (peer && peer.ended === null) return false;
        if (peer) this.#remove(peer);
        const inbound = kind === "inbound_connection";
        const direction = inbound ? "inbound" : "outbound";
        const data = { node, id, connection_type: inbound ? "inbound" : undefined, direction };
        const made = this.#add(data, now, true);
        if (made) made.guess = true;
        return Boolean(made);
    }

    /**
     * Drops what has faded. Returns whether there was any.
     * @param {number} now
     */
    sweep(now) {
        let any = false;
        for (const [node, peers] of this.nodes) {
            for (const [id, peer] of peers) {
                if (peer.ended === null || now - peer.ended < FADE) continue;
                peers.delete(id);
                this.#total -= 1;
                any = true;
            }
            if (!peers.size) this.nodes.delete(node);
        }
        return any;
    }

    /**
     * What was counted in a time of so many seconds becomes rates.
     * @param {number} seconds
     */
    fold(seconds) {
        for (const peers of this.nodes.values()) {
            for (const peer of peers.values()) {
                for (const i of /** @type {const} */ ([0, 1])) {
                    const rate = peer.counted[i] / seconds;
                    const before = peer.speed[i];
                    peer.speed[i] = before === null ? rate : before * 0.7 + rate * 0.3;
                    peer.counted[i] = 0;
                }
            }
        }
    }

    /**
     * @param {PeerData} data
     * @param {number} now
     * @param {boolean} fresh
     */
    #add(data, now, fresh) {
        if (this.#total >= MAX_PEERS) return null;
        this.#total += 1;
        const peer = peerOf(data, now, fresh);
        const peers = this.nodes.get(data.node) ?? new Map();
        this.nodes.set(data.node, peers);
        peers.set(data.id, peer);
        return peer;
    }

    /** @param {CirclePeer} peer */
    #remove(peer) {
        this.#total -= 1;
        this.nodes.get(peer.node)?.delete(peer.id);
    }
}

/**
 * @param {CirclePeer} peer
 * @param {string} kind of an event that ends a connection
 * @param {number} now
 */
function ending(peer, kind, now) {
    // Chosen to be evicted is not gone yet.
    if (kind === "eviction_selected" || kind === "evicted_inbound_connection") {
        peer.how = "evicted";
        peer.marked = now;
        return true;
    }
    return end(peer, ENDED[kind], now);
}

/**
 * @param {CirclePeer} peer
 * @param {string} how
 * @param {number} now
 */
function end(peer, how, now) {
    if (peer.ended !== null) {
        if (how === "evicted") peer.how = how;
        return false;
    }
    peer.ended = now;
    peer.how = peer.how === "evicted" ? "evicted" : how;
    return true;
}

/**
 * @param {CirclePeer} peer
 * @param {Api["Peer"]} data
 * @param {number} now
 */
function take(peer, data, now) {
    const before = peer.bytes;
    const next = bytesOf(data, now);
    // getpeerinfo is called less often than the API: bytes per second between two answers that differ.
    if (next.received !== before.received || next.sent !== before.sent) {
        const seconds = (now - before.at) / 1000;
        /** @type {(after: number | null, before: number | null) => number | null} */
        const perSecond = (a, b) => (a === null || b === null ? null : Math.max(0, a - b) / seconds);
        next.rates =
            seconds > 0.5
                ? [perSecond(next.received, before.received), perSecond(next.sent, before.sent)]
                : before.rates;
        peer.bytes = next;
    }
    peer.data = data;
    peer.guess = false;
}

/**
 * @param {PeerData} data
 * @param {number} now
 */
function bytesOf(data, now) {
    /** @type {[number | null, number | null]} */
    const rates = [null, null];
    return { at: now, received: data.bytes_received ?? null, sent: data.bytes_sent ?? null, rates };
}

const LOOKS = /** @type {const} */ (["connection_type", "network", "as", "addr", "misbehaviour", "own"]);

/**
 * @param {PeerData} a
 * @param {PeerData} b
 */
function sameLooks(a, b) {
    return (
        LOOKS.every((key) => a[key] === b[key]) &&
        a.sets?.[0] === b.sets?.[0] &&
        a.marks?.[0]?.mark === b.marks?.[0]?.mark
    );
}

/**
 * Whether a peer passes the filter of connection types and networks.
 * @param {CirclePeer} peer
 * @param {string} type a connection type, "outbound" or ""
 * @param {string} network
 */
export function passes(peer, type, network) {
    const { connection_type, direction } = peer.data;
    if (network && peer.data.network !== network) return false;
    if (!type) return true;
    if (type !== "outbound") return connection_type === type;
    return direction ? direction === "outbound" : connection_type !== "inbound";
}
