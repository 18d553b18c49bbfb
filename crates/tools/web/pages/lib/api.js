// @ts-check
// The JSON API: one request, and polling that rests while the page is paused, hidden, or the server away.

import { backoff, connection, pause } from "./connection.js";

const TIMEOUT = 10_000;
/** Names this page in its requests, so that the server can count browsers. */
const PAGE = Array.from(crypto.getRandomValues(new Uint8Array(8)), (n) => n.toString(16).padStart(2, "0")).join("");

/** What went wrong with a request. */
export class ApiError extends Error {
    /**
     * @param {number} status of HTTP; 0: the server did not answer
     * @param {string} message
     */
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

/**
 * GET path?params as JSON. Throws ApiError, or AbortError if the signal aborts it.
 * @template {string} Path
 * @param {Path} path
 * @param {Query} params
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer<Path>>}
 */
export async function get(path, params = {}, signal) {
    return ask(path, urlOf(path, params), {}, signal);
}

/**
 * GET path?params as bytes. Throws as get does.
 * @param {string} path
 * @param {Query} params
 * @param {AbortSignal} [signal]
 * @returns {Promise<ArrayBuffer>}
 */
export async function getBytes(path, params = {}, signal) {
    return ask(path, urlOf(path, params), { headers: { accept: "application/octet-stream" } }, signal, (response) =>
        response.arrayBuffer(),
    );
}

/**
 * @param {string} path
 * @param {Query} params empty ones are left out
 */
function urlOf(path, params) {
    const url = new URL(path, document.baseURI);
    for (const [key, value] of Object.entries(params)) {
        if (value !== null && value !== undefined && value !== "") url.searchParams.set(key, String(value));
    }
    return url;
}

/**
 * POST body to path, both as JSON. Throws ApiError.
 * @template {string} Path
 * @param {Path} path
 * @param {object} body
 * @returns {Promise<Answer<Path>>}
 */
export function post(path, body) {
    const headers = { "content-type": "application/json" };
    return ask(path, new URL(path, document.baseURI), { method: "POST", headers, body: JSON.stringify(body) });
}

/**
 * @template [Body=any]
 * @param {string} path
 * @param {URL} url
 * @param {RequestInit} init
 * @param {AbortSignal} [signal]
 * @param {(response: Response) => Promise<Body>} read the body of the answer
 * @returns {Promise<Body>}
 */
async function ask(path, url, init, signal, read = (response) => response.json()) {
    const limit = AbortSignal.timeout(TIMEOUT);
    let response = null;
    try {
        response = await fetch(url, {
            signal: signal ? AbortSignal.any([signal, limit]) : limit,
            ...init,
            headers: { accept: "application/json", "x-page": PAGE, ...init.headers },
            cache: "no-store",
        });
        if (response.status >= 502 && response.status <= 504) throw new TypeError(`status ${response.status}`);
        if (!response.ok) throw await refusal(response);
        const data = await read(response);
        connection.good();
        return data;
    } catch (error) {
        if (signal?.aborted) throw signal.reason ?? error;
        if (error instanceof ApiError) throw error;
        if (response?.ok && error instanceof SyntaxError) throw new ApiError(response.status, `${path}: no JSON`);
        connection.bad();
        throw new ApiError(0, "the server does not answer");
    }
}

/**
 * The error in an answer that is no success.
 * @param {Response} response
 */
async function refusal(response) {
    let text = `${response.status} ${response.statusText}`.trim();
    try {
        const body = await response.json();
        if (typeof body?.error === "string") text = body.error;
    } catch {
        // No JSON: the status is all there is.
    }
    if (response.status === 401 || response.status === 403) connection.bad(text);
    else connection.good();
    return new ApiError(response.status, text);
}

/**
 * @typedef {object} Polling
 * @property {(params?: Query | (() => Query)) => void} refresh asks at once, from now on with these parameters if there are any
 * @property {() => void} stop
 */

/**
 * Asks now and every `every` milliseconds (0: once) and hands the answer to fn. Rests while paused, hidden or the server is
 * away, and goes on at once after. A page that is opened while paused gets one answer: what is so at that moment.
 * @template {string} Path
 * @param {Path} path
 * @param {Query | (() => Query)} params
 * @param {number} every
 * @param {(answer: Answer<Path>) => void} fn
 * @param {(error: ApiError | null) => void} onError called with each failure, and with null when it works again
 * @returns {Polling}
 */
export function poll(path, params, every, fn, onError = () => {}) {
    let query = params;
    /** @type {AbortController | null} */
    let controller = null;
    /** @type {number | undefined} */
    let timer;
    let failures = 0;
    let stopped = false;
    let due = true;
    let answered = false;

    const paused = () => pause.on && answered;
    const resting = () => paused() || document.hidden || connection.state === "down";

    async function run() {
        window.clearTimeout(timer);
        controller?.abort();
        if (stopped) return;
        if (resting()) {
            due = true;
            return;
        }
        due = false;
        const mine = new AbortController();
        controller = mine;
        const outcome = await attempt(path, typeof query === "function" ? query() : query, mine.signal);
        if (stopped || mine.signal.aborted) return;
        controller = null;
        let wait = every;
        if ("error" in outcome) {
            wait = Math.max(every, backoff(failures));
            failures += 1;
            if (outcome.error.status === 0) {
                due = true;
            } else {
                answered = true;
                onError(outcome.error);
            }
        } else {
            if (failures > 0) onError(null);
            failures = 0;
            // What came after the pause button was pressed waits for the end of the pause.
            if (paused()) due = true;
            else fn(outcome.answer);
            answered = true;
        }
        if (every > 0 || "error" in outcome) timer = window.setTimeout(run, wait);
    }

    function wake() {
        if (!document.hidden && due && !resting()) run();
    }

    document.addEventListener("visibilitychange", wake);
    const offs = [
        () => document.removeEventListener("visibilitychange", wake),
        pause.onChange((on) => {
            if (!on) run();
        }),
        connection.onReturn(run),
    ];
    run();
    return {
        refresh(next) {
            if (next !== undefined) query = next;
            failures = 0;
            // Who asks for something else wants to see it, also while paused.
            answered = false;
            run();
        },
        stop() {
            stopped = true;
            window.clearTimeout(timer);
            controller?.abort();
            for (const off of offs) off();
        },
    };
}

/**
 * @template {string} Path
 * @param {Path} path
 * @param {Query} params
 * @param {AbortSignal} signal
 * @returns {Promise<{answer: Answer<Path>} | {error: ApiError}>}
 */
async function attempt(path, params, signal) {
    try {
        return { answer: await get(path, params, signal) };
    } catch (error) {
        return { error: error instanceof ApiError ? error : new ApiError(0, String(error)) };
    }
}
