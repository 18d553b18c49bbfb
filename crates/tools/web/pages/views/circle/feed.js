// @ts-check
// Where the circle's data comes from: the peers from the API, connections and messages from the live feed.

/** @import { Context } from "../../lib/context.js" */
/** @import { CircleModel } from "./model.js" */

const CONNECTIONS = ["netconn", "peer_disconnected", "eviction_selected", "misbehaving"];
/** Of more peers the API is asked less often. */
const MANY = 400;

/**
 * @typedef {object} FeedListeners
 * @property {(peers: Api["Peer"][]) => void} onPeers
 * @property {(event: FeedEvent) => void} onConnection
 * @property {(event: FeedEvent) => void} onMessage
 */

export class CircleFeed {
    #ctx;
    #model;
    #listeners;
    /** @type {ReturnType<Context["events"]> | null} */
    #messages = null;
    /** The kinds of events that are subscribed to. */
    #kinds = "";
    /** When the API answered last. */
    #answered = 0;
    /** Whether the API will be asked earlier than usual. */
    #hurried = false;
    /** @type {number | undefined} */
    #timer;
    #api;

    /**
     * @param {Context} ctx
     * @param {CircleModel} model
     * @param {FeedListeners} listeners
     */
    constructor(ctx, model, listeners) {
        this.#ctx = ctx;
        this.#model = model;
        this.#listeners = listeners;
        ctx.events({ kind: CONNECTIONS }, listeners.onConnection, { form: "brief" });
        this.#api = ctx.api(
            "api/peers",
            { closed: 1 },
            0,
            (peers) => this.#answer(peers),
            (error) => {
                ctx.notice("api/peers", "bad", error ? `api/peers: ${error.message}` : null);
                if (error) this.#again(5000);
            },
        );
    }

    /**
     * Messages are subscribed to where they are drawn, or where rates of some types can only be counted here.
     * @param {boolean} anew other types are shown
     */
    listen(anew = false) {
        const filter = document.hidden ? null : this.#model.subscription();
        const kinds = filter?.kind.join() ?? "";
        if (this.#messages && (kinds !== this.#kinds || anew)) {
            this.#messages.stop();
            this.#messages = null;
        }
        this.#kinds = kinds;
        if (!this.#messages && filter) {
            this.#messages = this.#ctx.events(filter, this.#listeners.onMessage, {
                form: "brief",
                onDropped: (n) => {
                    this.#model.dropped += n;
                },
            });
        }
        this.#model.live = this.#messages !== null;
    }

    /**
     * Something came of which the API has more: it is asked earlier, but its long answers not often.
     * @param {number} [pause] milliseconds between two answers at least
     */
    soon(pause = this.#model.crowd > MANY ? 3000 : 1000) {
        if (this.#hurried) return;
        this.#hurried = true;
        this.#again(Math.max(250, pause - (performance.now() - this.#answered)));
    }

    stop() {
        window.clearTimeout(this.#timer);
    }

    /** @param {Api["Peer"][]} peers */
    #answer(peers) {
        const list = Array.isArray(peers) ? peers : [];
        this.#answered = performance.now();
        this.#hurried = false;
        this.#listeners.onPeers(list);
        this.#again(list.length > MANY ? 5000 : 2000);
    }

    /** @param {number} ms */
    #again(ms) {
        window.clearTimeout(this.#timer);
        this.#timer = window.setTimeout(() => this.#api.refresh(), ms);
    }
}
