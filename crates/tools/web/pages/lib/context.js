// @ts-check
// What app.js hands to a view: parameters, links, requests, live events and notices. What it starts ends with the view.

import { poll } from "./api.js";
import { onTheme } from "./colors.js";
import { pause } from "./connection.js";
import { h } from "./dom.js";
import { printable } from "./format.js";
import { Feed } from "./live.js";
import { address, go, href } from "./route.js";

/** @import { ApiError } from "./api.js" */
/** @import { FeedOptions } from "./live.js" */
/** @typedef {ReturnType<typeof context>} Context */

/** @typedef {(key: string, kind?: string, text?: string | null) => void} Notice shows, replaces or (without text) removes one */

/**
 * Notices of a view by key.
 * @param {HTMLElement} el where they stand
 * @returns {{notice: Notice, has(key: string): boolean}}
 */
function noticesIn(el) {
    /** @type {Map<string, HTMLElement>} */
    const shown = new Map();
    return {
        has: (key) => shown.has(key),
        notice(key, kind = "", text = null) {
            shown.get(key)?.remove();
            shown.delete(key);
            if (!text) return;
            const notice = h("div", { class: `notice ${kind}` }, printable(text, 300));
            shown.set(key, notice);
            el.append(notice);
        },
    };
}

/**
 * @param {string} view its name
 * @param {URLSearchParams} params
 * @param {() => Api["Info"]} infoOf the server's last answer to api/info
 * @param {HTMLElement} noticesEl
 * @param {(() => void)[]} tidy called in reverse order when the view ends
 */
export function context(view, params, infoOf, noticesEl, tidy) {
    const { notice, has } = noticesIn(noticesEl);
    const node = params.get("node") ?? "";

    /**
     * A failure of the view's own code is shown on the page, and does not stop what comes after.
     * @template Arg
     * @param {(arg: Arg) => void} fn
     * @param {string} key
     * @returns {(arg: Arg) => void}
     */
    function guarded(fn, key) {
        return (arg) => {
            try {
                fn(arg);
                if (has(key)) notice(key);
            } catch (error) {
                if (!has(key)) console.error(error);
                const text = error instanceof Error ? error.message : error;
                notice(key, "bad", `This page failed on what it got (${key}): ${text}`);
            }
        };
    }

    /** @param {Filter} filter */
    const withNode = (filter) => (node ? { node: [node], ...filter } : { ...filter });

    return {
        /** The parameters of the page's address. */
        params,
        /** The selected node; "" means all. */
        node,
        href,
        go,
        /** What the server reports of itself. */
        get info() {
            return infoOf();
        },
        get paused() {
            return pause.on;
        },
        /**
         * Changes parameters in the address of the page; empty ones are left out.
         * @param {Query} changes
         */
        set(changes) {
            for (const [key, value] of Object.entries(changes)) {
                if (value === null || value === undefined || value === "") params.delete(key);
                else params.set(key, String(value));
            }
            window.history.replaceState(null, "", address(view, params));
        },
        notice,
        /**
         * Polls the API for the selected node (see poll). Failures are shown as a notice unless onError takes them.
         * @template {string} Path
         * @param {Path} path
         * @param {Query | (() => Query)} query
         * @param {number} everyMs 0: once
         * @param {(answer: Answer<Path>) => void} fn
         * @param {(error: ApiError | null) => void} [onError]
         */
        api(path, query, everyMs, fn, onError) {
            /** @type {(q: Query | (() => Query)) => () => Query} */
            const ofNode = (q) => () => ({ node, ...(typeof q === "function" ? q() : q) });
            const failed = onError ?? ((error) => notice(path, "bad", error ? `${path}: ${error.message}` : null));
            const handle = poll(path, ofNode(query), everyMs, guarded(fn, path), failed);
            tidy.push(handle.stop);
            return {
                /** @param {Query | (() => Query)} [next] */
                refresh: (next) => handle.refresh(next === undefined ? undefined : ofNode(next)),
                stop: handle.stop,
            };
        },
        /**
         * Live events of the selected node (see Feed).
         * @param {Filter} filter
         * @param {(event: FeedEvent) => void} fn
         * @param {FeedOptions} options
         */
        events(filter, fn, options = {}) {
            const feed = new Feed(withNode(filter), guarded(fn, "live events"), {
                onError: (text) => notice("live events", "bad", `live events: ${text}`),
                ...options,
            });
            const stop = () => feed.stop();
            tidy.push(stop);
            return {
                /** @param {Filter} next */
                subscribe: (next) => feed.subscribe(withNode(next)),
                stop,
                get open() {
                    return feed.open;
                },
            };
        },
        /** @param {(on: boolean) => void} fn */
        onPause(fn) {
            tidy.push(pause.onChange(fn));
        },
        /** @param {(theme: string) => void} fn */
        onTheme(fn) {
            tidy.push(onTheme(fn));
        },
    };
}
