// @ts-check
// Time series, drawn by uPlot. A chart follows the theme, and has its values as text too.

import vendored from "../vendor/uPlot.esm.js";
import { css, dashForIndex, forIndex, onTheme } from "./colors.js";
import { clear, h, setText, svg } from "./dom.js";
import * as format from "./format.js";
import { formatter, last, stacked } from "./series.js";

/** @import uPlotType from "uplot" */
/** @import { Unit } from "./series.js" */

const uPlot = /** @type {typeof uPlotType} */ (/** @type {unknown} */ (vendored));

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string | (() => string)} [color] a function for the theme; by its place in the list unless set
 * @property {number[] | null} [dash] null: none; by its place in the list unless set
 */

/**
 * @typedef {object} ChartOptions
 * @property {string} [title]
 * @property {string} [label] in place of a title, only for screen readers
 * @property {string} [note] beside the title
 * @property {Unit} [unit]
 * @property {Series[]} series
 * @property {number} [height] in pixels
 * @property {boolean} [stacked] each series on top of those before it
 * @property {boolean} [zero] false: the axis need not start at 0
 * @property {boolean} [legend] false: none
 * @property {boolean} [points] true: each value is marked, also where they are dense
 * @property {boolean} [spanGaps] lines go on where values are missing
 */

/** @typedef {(string | number)[]} Times unix seconds, milliseconds or RFC 3339 */

const FONT = "11px system-ui, sans-serif";

/** @param {string | number} t */
const asSeconds = (t) => (typeof t === "number" && t < 1e11 ? t : (format.millis(t) ?? 0) / 1000);

/**
 * @param {string} color
 * @param {number} alpha in percent
 */
const faint = (color, alpha) => resolved(`color-mix(in srgb, ${color} ${alpha}%, transparent)`);

/**
 * Canvas takes no color-mix(): the browser resolves it.
 * @param {string} color
 */
function resolved(color) {
    const probe = h("span", { style: { color, display: "none" } });
    document.body.append(probe);
    const out = window.getComputedStyle(probe).color;
    probe.remove();
    return out;
}

/**
 * @param {Series} s
 * @param {number} i its place in the list
 */
const colorOf = (s, i) => (typeof s.color === "function" ? s.color() : s.color) ?? forIndex(i);

/**
 * @param {Series} s
 * @param {number} i its place in the list
 */
const dashOf = (s, i) => (s.dash === undefined ? dashForIndex(i) : s.dash) || undefined;

/**
 * A chart at the end of el.
 * @param {HTMLElement} el
 * @param {ChartOptions} options
 */
export function chart(el, options) {
    return new Chart(el, options);
}

export class Chart {
    /** @type {ChartOptions} */
    #options;
    #height;
    #write;
    #name;
    /** @type {Series[]} */
    #list;
    /** @type {number[]} unix seconds */
    #at = [];
    /** @type {Steps[]} */
    #values = [];
    /** @type {uPlotType | null} */
    #plot = null;
    /** @type {Set<string>} names of series that are switched off */
    #hidden = new Set();
    /** @type {number[]} the most characters that a value of the legend had */
    #widths = [];
    #legend = h("ul", { class: "legend" });
    /** @type {HTMLElement[]} */
    #legendValues = [];
    #when = h("span", { class: "chart-when" });
    #nothing = h("p", { class: "chart-nothing" }, "No value is known for this time.");
    #area;
    /** Whether there were values, known or not. */
    #given = false;
    #placed = false;
    #width = 0;
    #observer;
    #offTheme;

    /**
     * @param {HTMLElement} el
     * @param {ChartOptions} options
     */
    constructor(el, options) {
        this.#options = options;
        this.#height = options.height ?? 180;
        this.#write = formatter(options.unit);
        this.#name = options.title ?? options.label ?? "Chart";
        this.#list = options.series;
        const note = options.note ? h("span", { class: "muted" }, ` ${options.note}`) : null;
        const title = options.title ? h("span", { class: "chart-title" }, options.title, note) : null;
        const legend = options.legend === false ? null : this.#legend;
        this.#area = h("div", { class: "chart-area", role: "img", "aria-label": this.#name });
        this.#area.style.height = `${this.#height}px`;
        const head = h("figcaption", { class: "chart-head" }, title, this.#when, legend);
        this.el = h("figure", { class: "chart" }, head, h("div", { class: "chart-place" }, this.#area, this.#nothing));
        el.append(this.el);
        this.#observer = new ResizeObserver(() => this.#resized());
        this.#observer.observe(this.#area);
        this.#offTheme = onTheme(() => this.#redraw());
        this.#redraw();
    }

    /**
     * Shows these values.
     * @param {Times} times
     * @param {Steps[]} values one array per series
     */
    set(times, values) {
        this.#given = true;
        this.#at = times.map(asSeconds);
        this.#values = values;
        if (this.#plot) this.#plot.setData(this.#data());
        else this.#build();
        this.#readout();
        this.#describe();
    }

    /**
     * Replaces the series themselves.
     * @param {Series[]} list
     * @param {Times} times
     * @param {Steps[]} values
     */
    series(list, times, values) {
        const same = list.length === this.#list.length && list.every((s, i) => s.name === this.#list[i].name);
        this.#list = list;
        if (same) {
            this.set(times, values);
            return;
        }
        this.#widths = [];
        this.#given = true;
        this.#at = times.map(asSeconds);
        this.#values = values;
        this.#redraw();
    }

    destroy() {
        this.#observer.disconnect();
        this.#offTheme();
        this.#plot?.destroy();
        this.#plot = null;
        this.el.remove();
    }

    #build() {
        this.#plot?.destroy();
        this.#plot = null;
        const width = Math.floor(this.#area.clientWidth);
        if (width < 40 || !this.#area.isConnected) return;
        this.#plot = new uPlot(
            {
                width,
                height: this.#height,
                legend: { show: false },
                padding: [8, 18, 0, 0],
                series: [{}, ...this.#list.map((s, i) => this.#plotSeries(s, i))],
                bands: this.#options.stacked
                    ? this.#list
                          .slice(1)
                          .map((s, i) => ({ series: [i + 2, i + 1], fill: faint(colorOf(s, i + 1), 45) }))
                    : [],
                scales: {
                    x: { time: true, range: xRange },
                    y: { range: (_u, min, max) => yRange(min, max, this.#options.zero !== false) },
                },
                axes: this.#axes(),
                cursor: {
                    drag: { x: false, y: false },
                    points: { size: 6 },
                    y: false,
                    sync: { key: "page", setSeries: false, scales: ["x", null] },
                },
                hooks: { setCursor: [() => this.#readout()] },
            },
            this.#data(),
            this.#area,
        );
        this.#readout();
    }

    /**
     * @param {Series} s
     * @param {number} i
     * @returns {uPlotType.Series}
     */
    #plotSeries(s, i) {
        const stack = this.#options.stacked ?? false;
        const color = colorOf(s, i);
        let fill;
        if (stack && i === 0) fill = faint(color, 45);
        else if (!stack && this.#list.length === 1) fill = faint(color, 12);
        return {
            label: s.name,
            show: !this.#hidden.has(s.name),
            stroke: color,
            width: stack ? 1 : 1.5,
            dash: dashOf(s, i),
            fill,
            points: { show: this.#options.points ?? undefined, size: 4 },
            spanGaps: this.#options.spanGaps ?? false,
        };
    }

    /** @returns {uPlotType.Axis[]} */
    #axes() {
        const grid = { stroke: css("--grid"), width: 1 };
        const common = { stroke: css("--muted"), ticks: { show: false }, font: FONT, gap: 4 };
        return [
            // Below the half of the lowest label on the left that hangs over the line.
            { ...common, grid: { ...grid, show: false }, gap: 9, size: 26, space: 70, values: xLabels },
            { ...common, grid, space: 34, size: ySize, values: (_u, all) => all.map((v) => this.#write(v)) },
        ];
    }

    /** @returns {uPlotType.AlignedData} */
    #data() {
        const shown = this.#options.stacked ? stacked(this.#values) : this.#values;
        return [this.#at, ...this.#list.map((_, i) => shown[i] ?? this.#at.map(() => null))];
    }

    /** Writes the value of each series at the cursor, or the last one. */
    #readout() {
        const index = this.#plot?.cursor.idx ?? null;
        const at = index === null ? undefined : this.#at[index];
        setText(this.#when, at === undefined ? "" : format.clock(at));
        for (const [i, box] of this.#legendValues.entries()) {
            const values = this.#values[i];
            const value = index === null || at === undefined ? last(values) : values?.[index];
            const text = value === null || value === undefined ? "–" : this.#write(value);
            setText(box, text);
            // The legend must not jump under the cursor: a value's place grows but does not shrink.
            if (text.length > (this.#widths[i] ?? 0)) this.#widths[i] = text.length;
            box.style.minWidth = `${this.#widths[i] ?? 1}ch`;
        }
    }

    #describe() {
        const parts = this.#list.map((s, i) => {
            const value = last(this.#values[i]);
            return `${s.name} ${value === null ? "unknown" : this.#write(value)}`;
        });
        this.#nothing.hidden = !this.#given || this.#list.some((_, i) => last(this.#values[i]) !== null);
        const at = this.#at;
        const range = at.length ? `, ${format.clock(at[0])} to ${format.clock(at[at.length - 1])}` : "";
        const text = `${this.#name}${range}; last values: ${parts.join(", ") || "none"}`;
        this.#area.setAttribute("aria-label", text);
    }

    #buildLegend() {
        this.#legendValues = [];
        clear(
            this.#legend,
            this.#list.map((s, i) => h("li", {}, this.#legendItem(s, i))),
        );
    }

    /**
     * @param {Series} s
     * @param {number} i
     */
    #legendItem(s, i) {
        const value = h("span", { class: "legend-value" }, "–");
        this.#legendValues.push(value);
        const pressed = () => String(!this.#hidden.has(s.name));
        const toggle = () => {
            if (!this.#hidden.delete(s.name)) this.#hidden.add(s.name);
            button.setAttribute("aria-pressed", pressed());
            this.#plot?.setSeries(i + 1, { show: !this.#hidden.has(s.name) });
        };
        const name = h("span", { class: "legend-name" }, s.name);
        const props = { type: "button", class: "legend-item", title: "show or hide", onclick: toggle };
        const button = h("button", { ...props, "aria-pressed": pressed() }, swatch(s, i), name, value);
        return button;
    }

    #redraw() {
        if (this.#abandoned()) return;
        this.#buildLegend();
        this.#build();
        this.#readout();
        this.#describe();
    }

    #resized() {
        if (this.#abandoned()) return;
        const width = Math.floor(this.#area.clientWidth);
        if (width === this.#width) return;
        this.#width = width;
        if (this.#plot && width >= 40) this.#plot.setSize({ width, height: this.#height });
        else this.#build();
    }

    /** A view that leaves its chart behind has left it for good: then the chart ends by itself. */
    #abandoned() {
        this.#placed ||= this.#area.isConnected;
        if (!this.#placed || this.#area.isConnected) return false;
        this.destroy();
        return true;
    }
}

/**
 * @param {Series} s
 * @param {number} i
 */
function swatch(s, i) {
    const line = svg("line", {
        x1: 0,
        y1: 4,
        x2: 16,
        y2: 4,
        stroke: colorOf(s, i),
        "stroke-width": 3,
        "stroke-dasharray": dashOf(s, i)?.join(" ") ?? null,
    });
    return svg("svg", { class: "swatch", viewBox: "0 0 16 8", "aria-hidden": "true" }, line);
}

/**
 * A single moment gets a minute: uPlot would give it a day.
 * @param {uPlotType} u
 * @param {number} min
 * @param {number} max
 * @returns {[number, number]}
 */
function xRange(u, min, max) {
    const [at] = u.data;
    return new Set(at).size === 1 ? [at[0] - 30, at[0] + 30] : [min, max];
}

/**
 * @param {number | null} min
 * @param {number | null} max
 * @param {boolean} zero whether the axis starts at 0
 * @returns {[number, number]}
 */
function yRange(min, max, zero) {
    if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
    if (!zero) {
        const gap = (max - min) * 0.1 || Math.abs(max) * 0.01 || 1;
        return [min - gap, max + gap];
    }
    return [Math.min(0, min), max <= 0 ? 1 : max * 1.08];
}

/**
 * uPlot's own labels repeat the date; hours and minutes do, seconds when the steps are shorter than a minute.
 * @param {unknown} _u
 * @param {number[]} splits
 */
function xLabels(_u, splits) {
    const fine = splits.length > 1 && splits[1] - splits[0] < 60;
    return splits.map((t) => (t === null ? "" : format.clock(t).slice(0, fine ? 8 : 5)));
}

/**
 * @param {unknown} _u
 * @param {string[]} labels
 */
function ySize(_u, labels) {
    const longest = Math.max(0, ...(labels ?? []).map((l) => (l ?? "").length));
    return Math.max(28, Math.ceil(longest * 6.2) + 10);
}
