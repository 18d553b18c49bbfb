// @ts-check
// How many events there are over the time of a recording, as a picture behind the time line.

import { svg } from "../dom.js";

/** The height of the picture, in its own units. */
const HIGH = 20;

/** @type {(n: number, i: number) => string} */
const column = (n, i) => `M${i} ${HIGH}v${(-n * HIGH).toFixed(1)}h1.02V${HIGH}z`;

export function density() {
    const known = svg("path", { class: "replay-known" });
    const unknown = svg("path", { class: "replay-unknown" });
    const looks = { class: "replay-density", preserveAspectRatio: "none", "aria-hidden": "true" };
    const el = svg("svg", looks, unknown, known);
    let drawn = "";
    return {
        el,
        /** @param {Api["Replay"]["density"]} parts */
        set(parts) {
            const next = parts.join();
            if (next === drawn) return;
            drawn = next;
            const most = Math.log1p(Math.max(1, ...parts.map((n) => n ?? 0)));
            // A few events are to be seen, too: an empty place is a gap.
            const columns = parts.map((n, i) => (n ? column(0.15 + (0.85 * Math.log1p(n)) / most, i) : ""));
            known.setAttribute("d", columns.join(""));
            unknown.setAttribute("d", parts.map((n, i) => (n === null ? column(0.4, i) : "")).join(""));
            el.setAttribute("viewBox", `0 0 ${Math.max(1, parts.length)} ${HIGH}`);
        },
    };
}
