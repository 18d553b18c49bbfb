// @ts-check
// A sparkline. Its colour is that of the text around it. Where a value is not known, the line has a gap.

import { svg } from "./dom.js";

/** @typedef {ReturnType<typeof spark>} Spark */

/** @param {{width?: number, height?: number}} options in pixels */
export function spark(options = {}) {
    const width = options.width ?? 120;
    const height = options.height ?? 28;
    const line = svg("path", { fill: "none", "vector-effect": "non-scaling-stroke" });
    const under = svg("path", { class: "spark-area" });
    const el = svg(
        "svg",
        { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" },
        under,
        line,
    );
    return {
        el,
        /**
         * @param {Steps} values
         * @param {string} [label] what it shows, in words
         */
        set(values, label) {
            const top = Math.max(1e-9, ...values.map((v) => v ?? 0));
            const step = width / Math.max(1, values.length - 1);
            const parts = stretches(values, (v, i) => [i * step, height - 1 - (v / top) * (height - 3)]);
            const lines = parts.map((points) => `M${points.map(written).join("L")}`);
            line.setAttribute("d", lines.join(""));
            const down = (/** @type {Point} */ [x]) => `${x.toFixed(1)} ${height}`;
            const areas = parts.map(
                (points, i) => `${lines[i]}L${down(points[points.length - 1])}L${down(points[0])}Z`,
            );
            under.setAttribute("d", areas.join(""));
            el.setAttribute("aria-label", label ?? "");
        },
    };
}

/** @typedef {[x: number, y: number]} Point */

/** @param {Point} point */
const written = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;

/**
 * The points of values that are known, in stretches without a gap.
 * @param {Steps} values
 * @param {(value: number, index: number) => Point} place
 */
function stretches(values, place) {
    /** @type {Point[][]} */
    const parts = [];
    let open = false;
    for (const [i, v] of values.entries()) {
        const known = v !== null && v !== undefined;
        if (known && !open) parts.push([]);
        if (known) parts[parts.length - 1].push(place(v, i));
        open = known;
    }
    return parts;
}
