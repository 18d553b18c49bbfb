// @ts-check
// A sparkline. Its colour is that of the text around it.

import { svg } from "./dom.js";

/** @typedef {ReturnType<typeof spark>} Spark */

/** @param {{width?: number, height?: number}} options in pixels */
export function spark(options = {}) {
    const width = options.width ?? 120;
    const height = options.height ?? 28;
    const line = svg("polyline", { fill: "none", "vector-effect": "non-scaling-stroke" });
    const under = svg("polygon", { class: "spark-area" });
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
            const points = values
                .map((v, i) => [i * step, height - 1 - ((v ?? 0) / top) * (height - 3)])
                .map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`);
            line.setAttribute("points", points.join(" "));
            under.setAttribute("points", points.length ? `0,${height} ${points.join(" ")} ${width},${height}` : "");
            el.setAttribute("aria-label", label ?? "");
        },
    };
}
