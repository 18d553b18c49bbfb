// @ts-check
// The charts of messages: one for each direction, of the most frequent types (the same in both) and of the rest
// together. A type keeps its colour and its place in the legend as long as it is among them.

import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { h, section } from "../../lib/dom.js";
import { printable } from "../../lib/format.js";
import { formatter, perSecond, times } from "../../lib/series.js";

/** @import { Series } from "../../lib/chart.js" */
/** @typedef {"count" | "bytes"} Measure */
/** @typedef {Api["MessageRow"]} MessageRow */

const TYPES = 7;
const REST = "others";
const NAMES = { inbound: "Received", outbound: "Sent" };

export function charts() {
    /** @type {Measure} */
    let measure = "count";
    /** @type {(string | null)[]} */
    const slots = new Array(TYPES).fill(null);

    /**
     * Puts names into the slots: those that were there stay, new ones take what is free.
     * @param {string[]} names
     */
    function place(names) {
        for (const [i, name] of slots.entries()) if (name !== null && !names.includes(name)) slots[i] = null;
        for (const name of names) if (!slots.includes(name)) slots[slots.indexOf(null)] = name;
        return slots.filter((name) => name !== null);
    }

    /** @type {(n: Maybe) => string} */
    const unit = (n) => formatter(measure === "count" ? "/s" : "B/s")(n);
    const parts = Object.entries(NAMES).map(([direction, name]) => {
        const card = section(name);
        const plot = chart(card, {
            label: `P2P messages by type, ${name.toLowerCase()}`,
            unit,
            series: [],
            height: 230,
        });
        return { direction, card, plot };
    });
    const el = h(
        "div",
        { class: "split message-charts" },
        parts.map((p) => p.card),
    );

    return {
        el,
        /**
         * @param {Api["Messages"]} data
         * @param {Measure} by
         * @param {string} direction "" means both
         */
        set({ series }, by, direction) {
            measure = by;
            const rows = series.rows.filter((r) => r[by] && (!direction || r.direction === direction));
            // The newest step is not over yet and is left out.
            const n = Math.max(0, Math.max(0, ...rows.map((r) => r[by]?.length ?? 0)) - 1);
            const at = times(series, n);
            const names = place(frequent(rows, by, n));
            for (const part of parts) {
                part.card.hidden = direction !== "" && direction !== part.direction;
                if (part.card.hidden) continue;
                const mine = rows.filter((r) => r.direction === part.direction);
                const of = names.map((name) => mine.filter((r) => r.message === name));
                const others = mine.filter((r) => !names.includes(r.message));
                const values = [...of, others].map((some) => perSecond(total(some, by, n), series.step_seconds));
                part.plot.series(list(slots), at, values);
            }
        },
        destroy() {
            for (const part of parts) part.plot.destroy();
        },
    };
}

/**
 * The types with the most messages (or bytes) in the time that is shown, in both directions together.
 * @param {MessageRow[]} rows
 * @param {Measure} by
 * @param {number} n how many steps are shown
 */
function frequent(rows, by, n) {
    /** @type {Map<string, number>} */
    const sums = new Map();
    for (const row of rows) {
        let sum = sums.get(row.message) ?? 0;
        for (let i = 0; i < n; i += 1) sum += row[by]?.[i] ?? 0;
        sums.set(row.message, sum);
    }
    return [...sums]
        .filter(([, sum]) => sum > 0)
        .sort((a, b) => b[1] - a[1])
        .slice(0, TYPES)
        .map(([name]) => name);
}

/**
 * The sum of some rows.
 * @param {MessageRow[]} rows
 * @param {Measure} by
 * @param {number} n
 * @returns {Steps}
 */
function total(rows, by, n) {
    const out = new Array(n).fill(null);
    for (const row of rows) {
        for (let i = 0; i < n; i += 1) {
            const v = row[by]?.[i];
            if (v !== null && v !== undefined) out[i] = (out[i] ?? 0) + v;
        }
    }
    return out;
}

/**
 * @param {(string | null)[]} slots
 * @returns {Series[]}
 */
function list(slots) {
    /** @type {Series[]} */
    const known = slots.flatMap((name, i) =>
        name === null ? [] : [{ name: printable(name, 20), color: () => colors.forIndex(i), dash: null }],
    );
    return [...known, { name: REST, color: () => colors.css("--line-strong"), dash: [2, 2] }];
}
