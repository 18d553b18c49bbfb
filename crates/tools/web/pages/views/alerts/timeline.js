// @ts-check
// Incidents as bars over time.

import { clear, empty, h, section, select } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { detectorText, kindOf } from "./model.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["AlertIncident"]} Incident */

const HOUR = 3600e3;
/** @type {[hours: string, label: string][]} */
const SPANS = [
    ["1", "1 h"],
    ["6", "6 h"],
    ["24", "1 d"],
    ["168", "7 d"],
];
/** So many bars are drawn. */
const BARS = 25;
/** A bar is at least so wide, in percent, to be seen. */
const LEAST = 0.6;

/** @param {Context} ctx */
export function timeline(ctx) {
    let chosen = SPANS.find(([key]) => key === ctx.params.get("span"))?.[0];
    /** @type {Incident[]} */
    let shown = [];
    const list = h("ul", { class: "timeline" });
    const axis = h("div", { class: "axis muted small", "aria-hidden": "true" }, h("span"), h("span"), h("span"));
    const picker = select(
        SPANS,
        chosen ?? "24",
        (value) => {
            chosen = value;
            ctx.set({ span: value });
            draw();
        },
        { "aria-label": "Span of the time line" },
    );
    const card = section("Time line", h("div", { class: "toolbar" }, picker), axis, list);

    function draw() {
        const to = f.now();
        const hours = chosen ?? fitting(shown, to);
        picker.value = hours;
        const from = to - Number(hours) * HOUR;
        const [left, middle, right] = axis.children;
        left.textContent = f.dateTime(from);
        middle.textContent = f.dateTime((from + to) / 2);
        right.textContent = "now";
        const within = shown.filter((one) => one.open || (f.millis(one.resolved) ?? 0) > from);
        axis.hidden = !within.length;
        if (!within.length) {
            clear(list, h("li", {}, empty("No incident in this time.")));
            return;
        }
        const more = within.length - BARS;
        clear(
            list,
            within.slice(0, BARS).map((one) => bar(ctx, one, from, to)),
            more > 0 ? h("li", { class: "muted small" }, `${f.count(more)} more in the list`) : null,
        );
    }
    return {
        card,
        /** @param {Incident[]} incidents */
        set(incidents) {
            shown = incidents;
            // A link that is about to be used stays where it is.
            if (!list.contains(document.activeElement)) draw();
        },
    };
}

/**
 * The shortest span that all incidents began in.
 * @param {Incident[]} incidents
 * @param {number} to milliseconds
 */
function fitting(incidents, to) {
    const oldest = Math.min(to, ...incidents.map((one) => f.millis(one.since) ?? to));
    const [last] = SPANS[SPANS.length - 1];
    return SPANS.find(([hours]) => oldest >= to - Number(hours) * HOUR)?.[0] ?? last;
}

/**
 * @param {Context} ctx
 * @param {Incident} one
 * @param {number} from milliseconds
 * @param {number} to
 */
function bar(ctx, one, from, to) {
    const begin = Math.max(from, f.millis(one.since) ?? from);
    const end = one.open ? to : Math.min(to, f.millis(one.resolved) ?? to);
    const percent = 100 / (to - from);
    const width = Math.max(LEAST, (end - begin) * percent);
    const left = Math.min(100 - width, (begin - from) * percent);
    const until = one.open ? "now" : f.dateTime(one.resolved);
    const span = `${one.severity}, ${f.dateTime(one.since)} to ${until}`;
    return h(
        "li",
        {},
        h(
            "a",
            { href: ctx.href("alerts", { id: one.id }), title: f.printable(one.text, 400) },
            detectorText(one.detectors[0] ?? ""),
            h("span", { class: "visually-hidden" }, ` (${span})`),
        ),
        h(
            "span",
            { class: "lane", "aria-hidden": "true", title: span },
            h("span", {
                class: `span ${kindOf(one.severity)}${one.open ? " open" : ""}`,
                style: { left: `${left}%`, width: `${width}%` },
            }),
        ),
    );
}
