// @ts-check
// The choice of how much time the charts of a page show. Once made, it stands in the address (minutes=60).

/** @import { Context } from "./context.js" */

import { labelled, select } from "./dom.js";
import { millis, now } from "./format.js";

const RANGES = [
    ["10", "10 minutes"],
    ["60", "1 hour"],
    ["360", "6 hours"],
    ["1440", "24 hours"],
];

const YOUNG = 600_000;

/**
 * How many minutes are shown unless asked: of a program that has just begun, an hour would be mostly empty.
 * @param {Context} ctx
 */
export function usual(ctx) {
    return now() - (millis(ctx.info.started) ?? 0) < YOUNG ? "10" : "60";
}

/** @typedef {ReturnType<typeof range>} Range */

/**
 * The control, for a toolbar, and what is chosen.
 * @param {Context} ctx
 * @param {() => void} onchange called after each choice
 */
export function range(ctx, onchange) {
    const wanted = ctx.params.get("minutes") ?? usual(ctx);
    let minutes = RANGES.some(([key]) => key === wanted) ? wanted : usual(ctx);
    const control = select(RANGES, minutes, (value) => {
        minutes = value;
        ctx.set({ minutes: value });
        onchange();
    });
    return {
        el: labelled("Time", control),
        get minutes() {
            return minutes;
        },
        /** How often the series are worth asking for, in milliseconds: as often as they get another step, or twice. */
        get every() {
            return Number(minutes) > 120 ? 30_000 : 5000;
        },
    };
}

/**
 * Polls path for the chosen time; returns what does so anew, after another choice.
 * @template {string} Path
 * @param {Context} ctx
 * @param {Path} path
 * @param {Range} time
 * @param {(answer: Answer<Path>) => void} fn
 */
export function polled(ctx, path, time, fn) {
    /** @type {{stop(): void} | null} */
    let handle = null;
    function again() {
        handle?.stop();
        handle = ctx.api(path, { minutes: time.minutes }, time.every, fn);
    }
    again();
    return again;
}
