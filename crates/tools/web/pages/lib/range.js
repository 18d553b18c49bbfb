// The choice of how much time the charts of a page show. It stands in the address (minutes=60).

import { labelled, select } from "./dom.js";

const RANGES = [
    ["10", "10 minutes"],
    ["60", "1 hour"],
    ["360", "6 hours"],
    ["1440", "24 hours"],
];

// The control, for a toolbar, and what is chosen: {el, minutes}. onchange() is called after each choice.
export function range(ctx, onchange) {
    const asked = ctx.params.get("minutes") ?? "60";
    const out = {
        el: null,
        minutes: RANGES.some(([key]) => key === asked) ? asked : "60",
        // How often the series are worth asking for: as often as they get another step, or twice.
        get every() {
            return Number(out.minutes) > 120 ? 30_000 : 5000;
        },
    };
    out.el = labelled(
        "Time",
        select(RANGES, out.minutes, (value) => {
            out.minutes = value;
            ctx.set({ minutes: value === "60" ? null : value });
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
