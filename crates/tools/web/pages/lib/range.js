// The choice of how much time the charts of a page show. Once made, it stands in the address (minutes=60).

import { labelled, select } from "./dom.js";
import { millis, now } from "./format.js";

const RANGES = [
    ["10", "10 minutes"],
    ["60", "1 hour"],
    ["360", "6 hours"],
    ["1440", "24 hours"],
];

const YOUNG = 600_000;

// How many minutes are shown unless asked: of a program that has just begun, an hour would be mostly empty.
export function usual(ctx) {
    return now() - (millis(ctx.info.started) ?? 0) < YOUNG ? "10" : "60";
}

// The control, for a toolbar, and what is chosen: {el, minutes}. onchange() is called after each choice.
export function range(ctx, onchange) {
    const asked = ctx.params.get("minutes") ?? usual(ctx);
    const out = {
        el: null,
        minutes: RANGES.some(([key]) => key === asked) ? asked : usual(ctx),
        // How often the series are worth asking for: as often as they get another step, or twice.
        get every() {
            return Number(out.minutes) > 120 ? 30_000 : 5000;
        },
    };
    out.el = labelled(
        "Time",
        select(RANGES, out.minutes, (value) => {
            out.minutes = value;
            ctx.set({ minutes: value });
            onchange();
        }),
    );
    return out;
}

// Polls path for the chosen time; `again()` after another choice.
export function polled(ctx, path, time, fn) {
    let handle = null;
    function again() {
        handle?.stop();
        handle = ctx.api(path, { minutes: time.minutes }, time.every, fn);
    }
    again();
    return again;
}
