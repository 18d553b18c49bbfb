// @ts-check
// For a display on a wall: pages one after the other, without what only a person at the machine needs. It is on with ?wall in
// the address: ?wall=chain,overview&every=20 names the pages and the seconds for each.

import { connection } from "./connection.js";

/** What is shown if neither the address nor the server names pages. */
const USUAL = ["overview", "chain", "blocks", "circle", "messages", "alerts"];
/** Seconds for each page. */
const USUAL_EVERY = 30;
const LEAST_EVERY = 5;
const LONGEST_EVERY = 86_400;
/** So many pages at most. */
const MOST = 50;
/** Milliseconds without a movement after which the pointer is hidden. */
const STILL = 3000;
/** Milliseconds between two looks at the clock. */
const LOOK = 250;

/**
 * @typedef {object} Wall
 * @property {boolean} on
 * @property {(info: Api["Info"]) => void} info
 */

/**
 * Shows the playlist, if the address asks for it.
 * @param {(page: string) => void} show shows a page by its address, such as "peers?node=alice"
 * @returns {Wall}
 */
export function wall(show) {
    const asked = new URLSearchParams(window.location.search);
    const given = asked.get("wall");
    if (given === null) return { on: false, info: () => {} };
    const named = listOf(given.split(","));
    const every = secondsOf(asked.get("every"));
    /** @type {{pages: string[], seconds: number}} */
    let playlist = { pages: named.length ? named : USUAL, seconds: every ?? USUAL_EVERY };
    let ahead = 0;
    let paused = false;
    let shown = "";

    function look() {
        // A page that is not loaded yet could not be now. What is shown stays, with its age.
        if (paused || document.hidden || connection.state === "down") return;
        turn();
    }
    function turn() {
        // By the clock: several displays show the same, and after a reload it goes on where it was.
        const slot = Math.floor(Date.now() / 1000 / playlist.seconds) + ahead;
        const count = playlist.pages.length;
        const next = playlist.pages[((slot % count) + count) % count];
        if (next === shown) return;
        shown = next;
        show(next);
    }
    /** @param {KeyboardEvent} event */
    function press(event) {
        if (event.key === "Escape") window.location.search = "";
        else if (event.key === " ") paused = !paused;
        else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
            ahead += event.key === "ArrowRight" ? 1 : -1;
            turn();
        } else return;
        event.preventDefault();
    }

    document.documentElement.classList.add("wall");
    hidePointer();
    keepAwake();
    window.addEventListener("keydown", press);
    window.setInterval(look, LOOK);
    return {
        on: true,
        info(info) {
            const { pages, seconds } = info.playlist;
            const ours = named.length ? named : pages;
            playlist = { pages: ours.length ? ours : USUAL, seconds: every ?? seconds };
            look();
        },
    };
}

/** @param {string[]} pages */
function listOf(pages) {
    return pages
        .map((page) => page.trim().replace(/^#?\/?/, ""))
        .filter((page) => page !== "")
        .slice(0, MOST);
}

/** @param {string | null} text */
function secondsOf(text) {
    const seconds = Number(text);
    if (!text || !Number.isFinite(seconds)) return null;
    return Math.min(LONGEST_EVERY, Math.max(LEAST_EVERY, seconds));
}

function hidePointer() {
    const { classList } = document.documentElement;
    /** @type {number | undefined} */
    let timer;
    function moved() {
        classList.remove("still");
        window.clearTimeout(timer);
        timer = window.setTimeout(() => classList.add("still"), STILL);
    }
    window.addEventListener("pointermove", moved);
    moved();
}

/** Keeps the screen on, where the browser can. It lets go whenever the page is hidden. */
function keepAwake() {
    async function ask() {
        if (document.hidden) return;
        try {
            await navigator.wakeLock?.request("screen");
        } catch {
            // The browser does not allow it: the system's own settings hold.
        }
    }
    document.addEventListener("visibilitychange", ask);
    ask();
}
