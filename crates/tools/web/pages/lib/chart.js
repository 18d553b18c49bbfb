// Time series (uPlot), horizontal bars and sparklines. All follow the theme, and tell their values as text too.

import uPlot from "../vendor/uPlot.esm.js";
import { css, dashForIndex, forIndex, onTheme } from "./colors.js";
import { clear, h, setText, svg } from "./dom.js";
import * as format from "./format.js";

// How values of a unit are written: "B", "B/s", "/s", "s", "%" (shares from 0 to 1), "sat/vB", any other word, or a function.
export function formatter(unit) {
    if (typeof unit === "function") return unit;
    const known = {
        B: format.bytes,
        "B/s": format.byteRate,
        "/s": format.rate,
        s: format.seconds,
        "%": format.percent,
        "": format.short,
    };
    return known[unit ?? ""] ?? ((n) => (n === null || n === undefined ? "–" : `${format.short(n)} ${unit}`));
}

// The times (unix seconds) of a series of the API: {start, step_seconds, ...}, with n values.
export function times(series, n) {
    const start = (format.millis(series?.start) ?? 0) / 1000;
    const step = series?.step_seconds ?? 10;
    return Array.from({ length: n }, (_, i) => start + i * step);
}

// A series of counts per step as rates per second.
export function perSecond(values, step) {
    return (values ?? []).map((v) => (v === null || v === undefined ? null : v / step));
}

const asSeconds = (t) => (typeof t === "number" && t < 1e11 ? t : (format.millis(t) ?? 0) / 1000);

function stack(values) {
    const out = [];
    let below = null;
    for (const series of values) {
        const sums = series.map((v, i) => {
            const base = below?.[i] ?? null;
            return v === null || v === undefined ? base : v + (base ?? 0);
        });
        out.push(sums);
        below = sums;
    }
    return out;
}

const faint = (color, alpha) => `color-mix(in srgb, ${color} ${alpha}%, transparent)`;

// Canvas takes no color-mix(): the browser resolves it.
function resolved(color) {
    const probe = h("span", { style: { color, display: "none" } });
    document.body.append(probe);
    const out = window.getComputedStyle(probe).color;
    probe.remove();
    return out;
}

// A chart of series over time in el. options: title (or label: only for screen readers), unit, series [{name, color? (text or function for the theme), dash?}], height?,
// stacked?, zero? (false: the axis need not start at 0), legend? (false: none), note?. set(times, values): times as unix seconds, ms or
// RFC 3339, values one array per series. series(list, times, values) replaces the series themselves.
export function chart(el, options) {
    const height = options.height ?? 180;
    const write = formatter(options.unit);
    const name = options.title ?? options.label ?? "Chart";
    let list = options.series ?? [];
    let at = [];
    let values = [];
    let plot = null;
    const hidden = new Set();
    let widths = [];

    const legend = h("ul", { class: "legend" });
    const when = h("span", { class: "chart-when" });
    const title = options.title
        ? h(
              "span",
              { class: "chart-title" },
              options.title,
              options.note ? h("span", { class: "muted" }, ` ${options.note}`) : null,
          )
        : null;
    const area = h("div", { class: "chart-area", role: "img", "aria-label": name });
    area.style.height = `${height}px`;
    const figure = h(
        "figure",
        { class: "chart" },
        h("figcaption", { class: "chart-head" }, title, when, options.legend === false ? null : legend),
        area,
    );
    el.append(figure);

    const colorOf = (s, i) => (typeof s.color === "function" ? s.color() : s.color) ?? forIndex(i);
    const dashOf = (s, i) => (s.dash === undefined ? dashForIndex(i) : s.dash) || undefined;

    function build() {
        plot?.destroy();
        plot = null;
        const width = Math.floor(area.clientWidth);
        if (width < 40 || !area.isConnected) return;
        const muted = css("--muted");
        const grid = { stroke: css("--grid"), width: 1 };
        const ticks = { show: false };
        const font = "11px system-ui, sans-serif";
        const series = list.map((s, i) => {
            const color = colorOf(s, i);
            return {
                label: s.name,
                show: !hidden.has(s.name),
                stroke: color,
                width: options.stacked ? 1 : 1.5,
                dash: dashOf(s, i),
                fill:
                    options.stacked && i === 0
                        ? resolved(faint(color, 45))
                        : !options.stacked && list.length === 1
                          ? resolved(faint(color, 12))
                          : undefined,
                points: { show: options.points ?? undefined, size: 4 },
                spanGaps: options.spanGaps ?? false,
            };
        });
        plot = new uPlot(
            {
                width,
                height,
                legend: { show: false },
                padding: [8, 18, 0, 0],
                series: [{}, ...series],
                bands: options.stacked
                    ? list
                          .slice(1)
                          .map((s, i) => ({ series: [i + 2, i + 1], fill: resolved(faint(colorOf(s, i + 1), 45)) }))
                    : [],
                scales: { x: { time: true, range: xRange }, y: { range: yRange } },
                axes: [
                    {
                        stroke: muted,
                        grid: { ...grid, show: false },
                        ticks,
                        font,
                        size: 22,
                        gap: 4,
                        space: 70,
                        values: xLabels,
                    },
                    {
                        stroke: muted,
                        grid,
                        ticks,
                        font,
                        gap: 4,
                        space: 34,
                        size: ySize,
                        values: (_u, all) => all.map((v) => write(v)),
                    },
                ],
                cursor: {
                    drag: { x: false, y: false },
                    points: { size: 6 },
                    y: false,
                    sync: { key: "page", setSeries: false, scales: ["x", null] },
                },
                hooks: { setCursor: [readout] },
            },
            data(),
            area,
        );
        readout();
    }

    // A single moment gets a minute, or the axis would write the same time again and again.
    function xRange(_u, min, max) {
        return min === max && Number.isFinite(min) ? [min - 30, min + 30] : [min, max];
    }

    function yRange(_u, min, max) {
        if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
        if (options.zero === false) {
            const gap = (max - min) * 0.1 || Math.abs(max) * 0.01 || 1;
            return [min - gap, max + gap];
        }
        return [Math.min(0, min), max <= 0 ? 1 : max * 1.08];
    }

    function data() {
        const shown = options.stacked ? stack(values) : values;
        return [at, ...list.map((_, i) => shown[i] ?? at.map(() => null))];
    }

    // The value of each series at the cursor, or the last one.
    function readout() {
        const index = plot?.cursor.idx ?? null;
        setText(when, index !== null && at[index] !== undefined ? format.clock(at[index]) : "");
        list.forEach((_s, i) => {
            const item = legend.children[i];
            if (!item) return;
            const value = index !== null && at[index] !== undefined ? values[i]?.[index] : last(values[i]);
            const text = value === null || value === undefined ? "–" : write(value);
            const box = item.querySelector(".legend-value");
            setText(box, text);
            // The legend must not jump under the cursor: a value's place grows but does not shrink.
            if (text.length > (widths[i] ?? 0)) widths[i] = text.length;
            box.style.minWidth = `${widths[i] ?? 1}ch`;
        });
    }

    function describe() {
        const parts = list.map((s, i) => {
            const value = last(values[i]);
            return `${s.name} ${value === null ? "unknown" : write(value)}`;
        });
        const range = at.length ? `, ${format.clock(at[0])} to ${format.clock(at[at.length - 1])}` : "";
        area.setAttribute("aria-label", `${name}${range}; last values: ${parts.join(", ") || "none"}`);
    }

    function buildLegend() {
        clear(
            legend,
            list.map((s, i) => {
                const color = colorOf(s, i);
                const dash = dashOf(s, i);
                const swatch = svg(
                    "svg",
                    { class: "swatch", viewBox: "0 0 16 8", "aria-hidden": "true" },
                    svg("line", {
                        x1: 0,
                        y1: 4,
                        x2: 16,
                        y2: 4,
                        stroke: color,
                        "stroke-width": 3,
                        "stroke-dasharray": dash ? dash.join(" ") : null,
                    }),
                );
                const button = h(
                    "button",
                    {
                        type: "button",
                        class: "legend-item",
                        "aria-pressed": String(!hidden.has(s.name)),
                        title: "show or hide",
                        onclick: () => {
                            if (!hidden.delete(s.name)) hidden.add(s.name);
                            button.setAttribute("aria-pressed", String(!hidden.has(s.name)));
                            plot?.setSeries(i + 1, { show: !hidden.has(s.name) });
                        },
                    },
                    swatch,
                    h("span", { class: "legend-name" }, s.name),
                    h("span", { class: "legend-value" }, "–"),
                );
                return h("li", {}, button);
            }),
        );
    }

    function redraw() {
        if (forgotten()) return;
        buildLegend();
        build();
        readout();
        describe();
    }

    // A view that leaves its chart behind has left it for good.
    let placed = false;
    function forgotten() {
        placed ||= area.isConnected;
        if (!placed || area.isConnected) return false;
        destroy();
        return true;
    }

    function destroy() {
        observer.disconnect();
        offTheme();
        plot?.destroy();
        plot = null;
        figure.remove();
    }

    let known = 0;
    const observer = new ResizeObserver(() => {
        if (forgotten()) return;
        const width = Math.floor(area.clientWidth);
        if (width === known) return;
        known = width;
        if (plot && width >= 40) plot.setSize({ width, height });
        else build();
    });
    observer.observe(area);
    const offTheme = onTheme(redraw);
    redraw();

    return {
        el: figure,
        set(nextTimes, nextValues) {
            at = nextTimes.map(asSeconds);
            values = nextValues;
            if (plot) plot.setData(data());
            else build();
            readout();
            describe();
        },
        series(nextList, nextTimes, nextValues) {
            const same = nextList.length === list.length && nextList.every((s, i) => s.name === list[i].name);
            list = nextList;
            if (!same) {
                widths = [];
                at = nextTimes.map(asSeconds);
                values = nextValues;
                redraw();
            } else {
                this.set(nextTimes, nextValues);
            }
        },
        destroy,
    };
}

// uPlot's own labels repeat the date; hours and minutes do, seconds when the steps are shorter than a minute.
function xLabels(_u, splits) {
    const fine = splits.length > 1 && splits[1] - splits[0] < 60;
    return splits.map((t) => (t === null ? "" : format.clock(t).slice(0, fine ? 8 : 5)));
}

function ySize(_u, labels) {
    const longest = Math.max(0, ...(labels ?? []).map((l) => (l ?? "").length));
    return Math.max(28, Math.ceil(longest * 6.2) + 10);
}

function last(list) {
    for (let i = (list?.length ?? 0) - 1; i >= 0; i -= 1) {
        if (list[i] !== null && list[i] !== undefined) return list[i];
    }
    return null;
}

// Horizontal bars in a table: options: title (the caption), unit, max? (of the scale), empty? (text), hideTitle?. set(rows):
// rows [{label, value, color?, title?, text?, href?}].
export function bars(el, options) {
    const write = formatter(options.unit ?? ((n) => format.count(n)));
    const body = h("tbody");
    const caption = h("caption", { class: options.hideTitle ? "visually-hidden" : null }, options.title);
    const table = h(
        "table",
        { class: "bars" },
        caption,
        h(
            "thead",
            { class: "visually-hidden" },
            h(
                "tr",
                {},
                h("th", { scope: "col" }, options.label ?? "What"),
                h("th", { scope: "col" }, "Bar"),
                h("th", { scope: "col" }, "Value"),
            ),
        ),
        body,
    );
    const nothing = h("p", { class: "empty", hidden: true }, options.empty ?? "Nothing yet.");
    const wrap = h("div", { class: "bars-wrap" }, table, nothing);
    el.append(wrap);

    function makeRow() {
        const label = h("th", { scope: "row" });
        const fill = h("div", { class: "bar-fill" });
        const value = h("td", { class: "num" });
        const row = h("tr", {}, label, h("td", { class: "bar-cell" }, h("div", { class: "bar-track" }, fill)), value);
        return Object.assign(row, { parts: { label, fill, value } });
    }

    let shown = [];
    let placed = false;
    const offTheme = onTheme(() => {
        placed ||= wrap.isConnected;
        if (placed && !wrap.isConnected) offTheme();
        else set(shown);
    });

    function set(rows) {
        shown = rows;
        placed ||= wrap.isConnected;
        const top = options.max ?? Math.max(1e-12, ...rows.map((r) => r.value ?? 0));
        while (body.children.length > rows.length) body.lastChild.remove();
        while (body.children.length < rows.length) body.append(makeRow());
        rows.forEach((r, i) => {
            const { label, fill, value } = body.children[i].parts;
            const name = format.printable(r.label, 60);
            if (r.href) clear(label, h("a", { href: r.href }, name));
            else setText(label, name);
            if (r.title) label.title = r.title;
            else label.removeAttribute("title");
            fill.style.width = `${Math.max(0, Math.min(100, ((r.value ?? 0) / top) * 100))}%`;
            fill.style.background = (typeof r.color === "function" ? r.color() : r.color) ?? "";
            setText(value, r.text ?? write(r.value));
        });
        table.hidden = rows.length === 0;
        nothing.hidden = rows.length !== 0;
    }

    return {
        el: wrap,
        set,
        destroy() {
            offTheme();
            wrap.remove();
        },
    };
}

// A sparkline: {el, set(values, label)}. The colour is that of the text around it.
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
