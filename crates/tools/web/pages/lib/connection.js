// @ts-check
// The connection to the server: whether it answers, since when not, and the pause button. While the server is away nothing
// polls but one probe (app.js); when it answers again, the listeners of onReturn go on.

const FIRST_WAIT = 500;
/** The longest wait between two attempts, in milliseconds. */
export const LONGEST_WAIT = 5000;

/**
 * A list of listeners.
 * @template {unknown[]} Args
 */
export class Emitter {
    /** @type {Set<(...args: Args) => void>} */
    #listeners = new Set();

    /**
     * Adds a listener; returns what removes it.
     * @param {(...args: Args) => void} fn
     */
    on = (fn) => {
        this.#listeners.add(fn);
        return () => {
            this.#listeners.delete(fn);
        };
    };

    /** @param {Args} args */
    emit(...args) {
        for (const fn of [...this.#listeners]) fn(...args);
    }
}

/**
 * The wait before the n-th attempt, in milliseconds: 0.5 s doubling to 5 s, with some chance so that many pages do not come at once.
 * @param {number} attempt from 0
 */
export function backoff(attempt) {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(attempt, 6));
    return Math.min(LONGEST_WAIT, wait * (0.85 + Math.random() * 0.3));
}

/** @type {Emitter<[]>} */
const changed = new Emitter();
/** @type {Emitter<[]>} */
const returned = new Emitter();
/** @type {Emitter<[]>} */
const lost = new Emitter();

/** What is known of the server. */
export const connection = {
    /** @type {"connecting" | "up" | "down"} "connecting": it has never answered */
    state: "connecting",
    /** @type {number | null} when it last answered, in milliseconds */
    lastGood: null,
    /** @type {string | null} why it refused */
    refused: null,
    /** What it shows is not the present. */
    past: false,
    /** How many live feeds wait for their socket to open. */
    waitingSockets: 0,
    onChange: changed.on,
    onReturn: returned.on,
    onLost: lost.on,
    good() {
        const before = this.state;
        this.lastGood = Date.now();
        this.refused = null;
        if (before === "up") return;
        this.state = "up";
        changed.emit();
        if (before === "down") returned.emit();
    },
    /** @param {string | null} refused */
    bad(refused = null) {
        this.refused = refused;
        if (this.state === "down") return;
        this.state = "down";
        changed.emit();
        lost.emit();
    },
    /** @param {boolean} past */
    shows(past) {
        if (this.past === past) return;
        this.past = past;
        changed.emit();
    },
    /** @param {number} by one more (1) or one less (-1) feed waits for its socket */
    sockets(by) {
        this.waitingSockets += by;
        changed.emit();
    },
};

/** @type {Emitter<[boolean]>} */
const pauseChanged = new Emitter();

/** The pause button. While it is on, polling and events rest. */
export const pause = {
    on: false,
    /** @type {number | null} in milliseconds */
    since: null,
    onChange: pauseChanged.on,
    /** @param {boolean} on */
    set(on) {
        if (on === this.on) return;
        this.on = on;
        this.since = on ? Date.now() : null;
        pauseChanged.emit(on);
    },
};
