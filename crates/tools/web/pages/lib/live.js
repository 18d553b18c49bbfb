// @ts-check
// Live events through a WebSocket, which is opened again when it closes.

import { backoff, connection, Emitter, LONGEST_WAIT, pause } from "./connection.js";

const FILTER_KEYS = ["node", "kind", "message", "peer", "addr", "direction", "since", "until"];

/**
 * @typedef {object} FeedOptions
 * @property {"full" | "brief"} [form] whether events come with their decoded body; "full" unless set
 * @property {(n: number, total: number) => void} [onDropped] this page was too slow: n events were dropped
 * @property {(loss: FeedEvent) => void} [onLost] events were lost before they came to the server
 * @property {(text: string) => void} [onError] the server refuses the filter
 * @property {(open: boolean) => void} [onState]
 * @property {() => void} [onClosed] the socket closed by itself
 */

/**
 * A filter as query parameters; lists with commas. Empty values mean everything and are left out.
 * @param {Filter} filter
 * @param {string} form
 */
function queryOf(filter, form) {
    const params = new URLSearchParams();
    for (const key of FILTER_KEYS) {
        const value = filter[key];
        if (value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length)) continue;
        params.set(key, Array.isArray(value) ? value.join(",") : String(value));
    }
    params.set("form", form);
    return params;
}

/**
 * The same as a message to the server.
 * @param {Filter} filter
 * @param {string} form
 */
function subscription(filter, form) {
    /** @type {Filter} */
    const out = {};
    for (const [key, value] of queryOf(filter, form)) out[key] = Array.isArray(filter[key]) ? filter[key] : value;
    return out;
}

/** @type {Emitter<[]>} */
const closed = new Emitter();

/** Called when a WebSocket closed by itself: a reason to look at once whether the server still answers. */
export const onSocketClosed = closed.on;

/** One subscription of live events, for as long as a view needs it. */
export class Feed {
    /** Whether its socket is open. */
    open = false;
    /** @type {Filter} */
    #filter;
    /** @type {(event: FeedEvent) => void} */
    #fn;
    /** @type {FeedOptions} */
    #options;
    /** @type {WebSocket | null} */
    #socket = null;
    /** @type {number | null} */
    #timer = null;
    #attempt = 0;
    #stopped = false;
    #waiting = false;
    #offs;

    /**
     * @param {Filter} filter
     * @param {(event: FeedEvent) => void} fn called with each event
     * @param {FeedOptions} options
     */
    constructor(filter, fn, options = {}) {
        this.#filter = { ...filter };
        this.#fn = fn;
        this.#options = options;
        this.#offs = [
            pause.onChange((on) => this.#send({ pause: on })),
            // The server is back: a connection from before may be half dead without knowing it.
            connection.onReturn(() => {
                if (this.#stopped) return;
                this.#drop();
                this.#attempt = 0;
                this.#connect();
            }),
            connection.onChange(() => {
                if (connection.state === "up" && this.#timer !== null && this.#attempt > 3) this.#connect();
            }),
        ];
        this.#wait(true);
        this.#connect();
    }

    /**
     * Replaces the filter; a missing key means everything.
     * @param {Filter} filter
     */
    subscribe(filter) {
        this.#filter = { ...filter };
        this.#send({ subscribe: subscription(this.#filter, this.#form) });
    }

    stop() {
        this.#stopped = true;
        window.clearTimeout(this.#timer ?? undefined);
        for (const off of this.#offs) off();
        this.#wait(false);
        this.#drop();
        this.open = false;
    }

    get #form() {
        return this.#options.form ?? "full";
    }

    /** @param {boolean} yes */
    #wait(yes) {
        if (yes === this.#waiting) return;
        this.#waiting = yes;
        connection.sockets(yes ? 1 : -1);
    }

    /** @param {boolean} open */
    #state(open) {
        if (this.open === open) return;
        this.open = open;
        this.#options.onState?.(open);
    }

    /** @param {object} message */
    #send(message) {
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
    }

    #connect() {
        window.clearTimeout(this.#timer ?? undefined);
        this.#timer = null;
        if (this.#stopped || this.#socket) return;
        const url = new URL("ws", document.baseURI);
        url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
        url.hash = "";
        url.search = queryOf(this.#filter, this.#form).toString();
        const socket = new WebSocket(url);
        this.#socket = socket;
        socket.addEventListener("open", () => {
            if (this.#socket !== socket) return;
            this.#wait(false);
            this.#state(true);
            if (pause.on) this.#send({ pause: true });
        });
        socket.addEventListener("message", (message) => {
            if (this.#socket !== socket) return;
            this.#attempt = 0;
            this.#receive(message.data);
        });
        socket.addEventListener("close", () => {
            if (this.#socket === socket) this.#again();
        });
    }

    #again() {
        this.#socket = null;
        this.#state(false);
        if (this.#stopped) return;
        this.#wait(true);
        // While the server is away, its return (or, should that be missed, a long wait) leads to the next attempt.
        const wait = connection.state === "down" ? LONGEST_WAIT : backoff(this.#attempt);
        this.#attempt += 1;
        this.#timer = window.setTimeout(() => this.#connect(), wait);
        this.#options.onClosed?.();
        closed.emit();
    }

    /** @param {string} data */
    #receive(data) {
        let event = null;
        try {
            event = JSON.parse(data);
        } catch {
            return;
        }
        if (event === null || typeof event !== "object") return;
        const { control } = event;
        if (control) {
            if (control.dropped) this.#options.onDropped?.(control.dropped, control.total);
            if (control.error) this.#options.onError?.(String(control.error));
        } else if (!pause.on) {
            if (event.kind === "lost") this.#options.onLost?.(event);
            else this.#fn(event);
        }
    }

    #drop() {
        const old = this.#socket;
        this.#socket = null;
        old?.close();
    }
}
