// @ts-check
// The bar that every page has while it shows the past: when that is, a time line, and how fast it goes by. Whoever may not
// control it sees where it is. While the memory of a server that has just started is filled, it says so.

import { ApiError, post } from "./api.js";
import { h, setText } from "./dom.js";
import { millis, now, printable, setPast } from "./format.js";
import { controls } from "./replay/controls.js";
import { moment, timeLine } from "./replay/line.js";

/** @typedef {Api["Replay"]} Replay */

/** @type {Record<Replay["state"], string>} */
const WORDS = { filling: "reading what led to it", playing: "", paused: "paused", ended: "ended" };

/**
 * How fast the clock that is shown goes.
 * @param {Replay} replay
 */
function rateOf({ state, pace }) {
    if (state !== "playing" || pace === "fast") return 0;
    return pace === "original" ? 1 : Number.parseFloat(pace);
}

/** @param {HTMLElement} el its place in index.html */
export function replayBar(el) {
    const time = h("span", { class: "replay-time" });
    const word = h("span", { class: "replay-word", role: "status" });
    const wrong = h("span", { class: "replay-wrong", role: "alert" });
    const control = controls(send);
    const line = timeLine((jump) => send({ jump }));
    const when = h("span", { class: "replay-when" }, time, word, wrong);
    el.append(h("span", { class: "replay-badge" }, "The past"), control.play, when, line.el, control.pace);
    /** @type {Replay | null} */
    let replay = null;

    /** @param {Api["ReplayCommand"]} command */
    async function send(command) {
        setText(wrong, "");
        try {
            set(await post("api/replay", command));
            return true;
        } catch (error) {
            setText(wrong, printable(error instanceof ApiError ? error.message : error, 120));
            return false;
        }
    }

    function show() {
        if (el.hidden) return;
        setText(time, moment(replay ? line.show() : now()));
        setText(word, replay ? WORDS[replay.state] : "the memory is being filled from the archive");
    }

    /** @param {Replay} next */
    function set(next) {
        replay = next;
        setPast(millis(next.now), rateOf(next));
        control.set(next);
        line.set(next);
        show();
    }

    window.setInterval(show, 250);
    return {
        /**
         * Shows what the server reports of itself.
         * @param {Api["Info"]["past"]} past
         */
        info(past) {
            el.hidden = !past;
            if (!past?.recording) replay = null;
            el.classList.toggle("filling", past?.filling ?? false);
            el.classList.toggle("of-recording", past?.recording ?? false);
            document.documentElement.classList.toggle("past", Boolean(past));
            show();
        },
        set,
    };
}
