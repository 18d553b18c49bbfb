// @ts-check
// The messages that come, and those of them that are shown: at most 30 a second, the last 200. What comes while the reader
// is at the list waits.

import { about } from "./about.js";
import { pick } from "./pick.js";

/** Milliseconds between two looks at what has come. */
export const TICK = 333;
/** So many messages are shown in a second at most. */
export const PER_SECOND = 30;
/** So many rows are kept. */
const KEPT = 200;
/** So many messages that came between two looks are kept to choose from. */
const BUFFER = 500;
/** Bodies of blocks are large: beyond this sum (of the messages' sizes) the oldest are forgotten. */
const KEPT_BYTES = 16e6;
/** Events that are messages: of tracepoints, of debug.log, and of our own connection. */
const KINDS = ["message", "message_received", "message_sent", "message_seen"];
/** Milliseconds over which the rate is measured. */
const RATE_OVER = 2000;

/**
 * A message of the list.
 * @typedef {object} Row
 * @property {string} key
 * @property {string} time
 * @property {string} node
 * @property {number | null} peer
 * @property {string} message its type
 * @property {string} direction
 * @property {number | null} size in bytes
 * @property {string} about in few words, if its body is there
 * @property {string} addr
 * @property {FeedEvent["body"] | null} body
 * @property {boolean} forgotten its body was there and is no longer kept
 * @property {boolean} own it is one of our own connection
 */

export class MessageFeed {
    /** @type {Row[]} those that are shown, newest first */
    rows = [];
    /** @type {Row | null} the one that is looked into */
    chosen = null;
    /** @type {Row[]} those that will be shown when the reader leaves the list */
    waiting = [];
    /** How many came. */
    came = 0;
    /** How many were dropped because the page was too slow. */
    dropped = 0;
    /** @type {number | null} how many come per second */
    rate = null;
    /** @type {FeedEvent[]} what came since the last look */
    #arrived = [];
    #skipped = 0;
    /** How many of those that waited were dropped for newer ones. */
    #waitingSkipped = 0;
    /** How many may be shown now. */
    #allowance = PER_SECOND;
    #rateSince = performance.now();
    #rateCount = 0;

    /** How many are not shown. */
    get hidden() {
        return this.#skipped + this.#waitingSkipped;
    }

    /** Another filter or form: what is shown no longer fits it. */
    forget() {
        this.rows = [];
        this.#arrived = [];
        this.waiting = [];
        this.came = 0;
        this.#skipped = 0;
        this.#waitingSkipped = 0;
        this.dropped = 0;
        this.#rateCount = 0;
        this.#rateSince = performance.now();
        this.rate = null;
    }

    /** @param {FeedEvent} event */
    take(event) {
        if (!KINDS.includes(event.kind)) return;
        this.came += 1;
        this.#rateCount += 1;
        if (this.#arrived.length < BUFFER) this.#arrived.push(event);
        else this.#skipped += 1;
    }

    /**
     * Chooses from what has come since the last look. Returns whether any waits to be shown.
     * @param {boolean} paused
     */
    look(paused) {
        this.#measure(paused);
        this.#allowance = Math.min(PER_SECOND, this.#allowance + (PER_SECOND * TICK) / 1000);
        if (this.#arrived.length) {
            const picked = pick(this.#arrived.map(rowOf), Math.floor(this.#allowance));
            this.#allowance -= picked.length;
            this.#skipped += this.#arrived.length - picked.length;
            this.#arrived = [];
            for (const row of picked) if (row.body) row.about = about(row.body);
            this.waiting.push(...picked);
            const excess = this.waiting.length - KEPT;
            if (excess > 0) this.#waitingSkipped += this.waiting.splice(0, excess).length;
        }
        return this.waiting.length > 0;
    }

    /** Shows what waits. */
    release() {
        this.#skipped += this.#waitingSkipped;
        this.#waitingSkipped = 0;
        const fresh = this.waiting.sort((a, b) => (a.time < b.time ? 1 : -1));
        this.waiting = [];
        this.rows = [...fresh, ...this.rows].slice(0, KEPT);
        let sum = 0;
        for (const row of this.rows) {
            sum += row.size ?? 0;
            if (sum <= KEPT_BYTES || row === this.chosen || !row.body) continue;
            row.body = null;
            row.forgotten = true;
        }
    }

    /** @param {boolean} paused */
    #measure(paused) {
        const now = performance.now();
        const since = now - this.#rateSince;
        if (since < RATE_OVER) return;
        this.rate = paused ? null : this.#rateCount / (since / 1000);
        this.#rateCount = 0;
        this.#rateSince = now;
    }
}

/**
 * @param {FeedEvent} event
 * @returns {Row}
 */
function rowOf(event) {
    const { body } = event;
    const meta = body?.meta;
    return {
        key: `${event.node}/${event.run}/${event.source}/${event.sequence}`,
        time: event.time,
        node: event.node,
        peer: event.peer ?? meta?.peer_id ?? null,
        message: String(event.message ?? meta?.command ?? ""),
        direction: event.direction ?? (meta?.inbound ? "inbound" : "outbound"),
        size: event.size ?? meta?.size ?? null,
        about: "",
        addr: String(meta?.addr ?? ""),
        body: body ?? null,
        forgotten: false,
        own: event.kind === "message_seen",
    };
}
