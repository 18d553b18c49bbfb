// @ts-check
// The time line of a recording: where it is, and a jump to another time by mouse, finger or keys.

import { h } from "../dom.js";
import { clock, dateTime, millis, now } from "../format.js";
import { density } from "./density.js";

/** How many steps a key goes. */
const STEPS = new Map([
    ["ArrowLeft", -1],
    ["ArrowDown", -1],
    ["ArrowRight", 1],
    ["ArrowUp", 1],
    ["PageDown", -60],
    ["PageUp", 60],
]);
/** A choice is made once no other key follows. */
const SETTLED = 400;

/**
 * "2026-01-31 12:03:04" in the reader's time zone.
 * @param {Time} time
 */
export const moment = (time) => `${dateTime(time).slice(0, 10)} ${clock(time)}`;

/**
 * How far an arrow key goes, in milliseconds: a second of an hour, half a minute of a day.
 * @param {number} span of the recording
 */
const stepOf = (span) => Math.max(1000, Math.round(span / 3_600_000) * 1000);

/** @param {(to: string) => Promise<boolean>} jump returns whether it is under way */
export function timeLine(jump) {
    /** @type {number | undefined} */
    let timer;
    let choosing = false;
    let begun = 0;
    /** @type {number | null} how often it had begun before the jump that is under way */
    let jumped = null;
    let [from, until, step] = [0, 1, 1000];
    const input = h("input", {
        type: "range",
        class: "replay-line",
        "aria-label": "Time of the recording",
        oninput: () => {
            [choosing, jumped] = [true, null];
            window.clearTimeout(timer);
        },
        onchange: () => {
            window.clearTimeout(timer);
            timer = window.setTimeout(choose, SETTLED);
        },
        onkeydown: (event) => {
            const by = STEPS.get(event.key);
            if (by === undefined) return;
            event.preventDefault();
            input.value = String(Math.min(until, Math.max(from, Number(input.value) + by * step)));
            input.dispatchEvent(new Event("input"));
            input.dispatchEvent(new Event("change"));
        },
    });
    const picture = density();

    async function choose() {
        jumped = begun;
        if (await jump(new Date(Number(input.value)).toISOString())) return;
        [jumped, choosing] = [null, false];
    }

    return {
        el: h("span", { class: "replay-track" }, picture.el, input),
        /** Shows where it is. Returns the time that is shown, which is where to while somebody chooses. */
        show() {
            const at = choosing ? Number(input.value) : now();
            if (!choosing) input.value = String(at);
            input.setAttribute("aria-valuetext", moment(at));
            return at;
        },
        /** @param {Api["Replay"]} replay */
        set(replay) {
            begun = replay.begun;
            if (jumped !== null && begun !== jumped && replay.state !== "filling") [jumped, choosing] = [null, false];
            from = millis(replay.from) ?? 0;
            until = Math.max(millis(replay.until) ?? 0, from + 1);
            step = stepOf(until - from);
            Object.assign(input, { min: String(from), max: String(until), step: "any" });
            input.disabled = !replay.may_control;
            picture.set(replay.density);
        },
    };
}
