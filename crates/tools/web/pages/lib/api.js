// The JSON API: one request, and polling that rests while the page is paused, hidden, or the server away.

import { backoff, connection, pause } from "./live.js";

const TIMEOUT = 10_000;

// What went wrong with a request. status 0: the server did not answer.
export class ApiError extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

// GET path?params as JSON. Throws ApiError, or AbortError if the signal says so.
export async function get(path, params = {}, signal = undefined) {
    const url = new URL(path, document.baseURI);
    for (const [key, value] of Object.entries(params)) {
        if (value !== null && value !== undefined && value !== "") url.searchParams.set(key, String(value));
    }
    const limit = AbortSignal.timeout(TIMEOUT);
    let response = null;
    try {
        response = await fetch(url, {
            signal: signal ? AbortSignal.any([signal, limit]) : limit,
            headers: { accept: "application/json" },
            cache: "no-store",
        });
        if (response.status >= 502 && response.status <= 504) throw new TypeError(`status ${response.status}`);
        if (!response.ok) throw await refusal(response);
        const data = await response.json();
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

async function refusal(response) {
    let text = `${response.status} ${response.statusText}`.trim();
    try {
        const body = await response.json();
        if (typeof body?.error === "string") text = body.error;
    } catch {
        // No JSON: the status says it.
    }
    if (response.status === 401 || response.status === 403) connection.bad(text);
    else connection.good();
    return new ApiError(response.status, text);
}

// Asks now and every `every` ms (0: once) and hands the data to fn. Failures go to onError(error); null when it works again.
// Rests while paused, hidden or the server is away; goes on at once after. Returns {refresh(params?), stop()}.
export function poll(path, params, every, fn, onError = () => {}) {
    let asked = params;
    let controller = null;
    let timer = null;
    let failures = 0;
    let stopped = false;
    let due = true;

    const resting = () => pause.on || document.hidden || connection.state === "down";

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
        let wait = every;
        let data = null;
        let failure = null;
        try {
            data = await get(path, typeof asked === "function" ? asked() : asked, mine.signal);
        } catch (error) {
            failure = error;
        }
        if (stopped || mine.signal.aborted) return;
        controller = null;
        if (failure) {
            wait = Math.max(every, backoff(failures));
            failures += 1;
            if (failure.status === 0) due = true;
            else onError(failure);
        } else {
            if (failures > 0) onError(null);
            failures = 0;
            // What came after the pause button was pressed waits for the end of the pause.
            if (pause.on) due = true;
            else fn(data);
        }
        if (every > 0 || failure) timer = window.setTimeout(run, wait);
    }

    function wake() {
        if (due && !resting()) run();
    }

    const visible = () => {
        if (!document.hidden) wake();
    };
    document.addEventListener("visibilitychange", visible);
    const offs = [
        () => document.removeEventListener("visibilitychange", visible),
        pause.onChange((on) => {
            if (!on) run();
        }),
        connection.onReturn(run),
    ];
    run();
    return {
        refresh(next) {
            if (next !== undefined) asked = next;
            failures = 0;
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
