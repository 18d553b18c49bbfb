// @ts-check
// One alert of an incident: its sentence, its numbers beside their thresholds, and the events that prove it.

import { badge, empty, h, section, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { detectorText, severityBadge, stateBadge } from "./model.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["AlertInFull"]} Alert */

const CATALOGUE = "docs/detectors.md says what this detector sees, and what it cannot see";

/**
 * @param {Context} ctx
 * @param {Alert} alert
 */
export function alertCard(ctx, alert) {
    const card = section(detectorText(alert.detector));
    card.classList.add("alert");
    card.querySelector("h2")?.setAttribute("title", CATALOGUE);
    card.append(
        h(
            "div",
            { class: "badges" },
            severityBadge(alert),
            stateBadge(alert),
            alert.quiet ? badge(alert.quiet, "info", "nothing of it is sent to receivers") : null,
        ),
        h("p", { class: "sentence" }, untrusted(alert.text, 500)),
        h("div", { class: "beside" }, h("div", {}, facts(ctx, alert), numbers(alert)), evidence(ctx, alert)),
    );
    return card;
}

/**
 * @param {Context} ctx
 * @param {Alert} alert
 */
function facts(ctx, alert) {
    const { peer } = alert;
    const link = peer ? h("a", { href: ctx.href("peer", { node: peer.node, id: peer.id }) }, "its page") : null;
    /** @type {[string, Child][]} */
    const rows = [
        ["About", [untrusted(alert.subject, 120), link ? " " : null, link]],
        ["Began", h("span", { title: f.utc(alert.since) }, f.dateTime(alert.since))],
        ["Last seen", h("span", { title: f.utc(alert.last) }, f.dateTime(alert.last))],
        ["Nodes", alert.nodes.map((name) => f.printable(name, 40)).join(", ")],
        ["Score", `${alert.score} (1 is the threshold)`],
    ];
    if (alert.resolved)
        rows.splice(3, 0, ["Over", h("span", { title: f.utc(alert.resolved) }, f.dateTime(alert.resolved))]);
    if (alert.more_subjects)
        rows.push(["Besides", `${f.count(alert.more_subjects)} more subjects, for which there was no room`]);
    return h(
        "dl",
        { class: "facts" },
        rows.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]),
    );
}

/** @param {Alert} alert */
function numbers(alert) {
    if (!alert.numbers.length) return null;
    return h(
        "table",
        { class: "data numbers" },
        h("caption", { class: "visually-hidden" }, "Numbers behind the alert"),
        h(
            "thead",
            {},
            h(
                "tr",
                {},
                ["Number", "Value", "Threshold"].map((name) => h("th", { scope: "col" }, name)),
            ),
        ),
        h(
            "tbody",
            {},
            alert.numbers.map((n) =>
                h(
                    "tr",
                    {},
                    h("th", { scope: "row" }, f.printable(n.name.replaceAll("_", " "), 60)),
                    h("td", { class: "num" }, f.printable(n.text, 40)),
                    h("td", { class: "num" }, n.threshold_text ? f.printable(n.threshold_text, 40) : "–"),
                ),
            ),
        ),
    );
}

/**
 * @param {Context} ctx
 * @param {Alert} alert
 */
function evidence(ctx, alert) {
    const seen = alert.events.filter((event) => event.proves).length;
    const begin = f.millis(alert.since);
    if (!seen) {
        const words = alert.evidence
            ? `${f.count(alert.evidence)} events prove it. None of them came while this page's server kept the last events: ` +
              "an archive has them (peer-observer run --replay ARCHIVE)."
            : "No single event proves it: it is about what did not come, or about a level.";
        return h("div", { class: "evidence" }, h("h3", {}, "Evidence"), empty(words));
    }
    const of =
        alert.evidence > seen
            ? `${f.count(seen)} of ${f.count(alert.evidence)} events that prove it`
            : "Events that prove it";
    return h(
        "div",
        { class: "evidence" },
        h("h3", {}, "Evidence"),
        h("p", { class: "muted small" }, `${of}, in bold, and what was around them.`),
        h(
            "ol",
            { class: "events", tabindex: "0", "aria-label": "Events" },
            alert.events.map((event) =>
                h(
                    "li",
                    { class: event.proves ? "proves" : "" },
                    h("span", { class: "muted nowrap", title: f.utc(event.time) }, offset(f.millis(event.time), begin)),
                    h("span", { class: "mono" }, f.printable(event.text, 400)),
                    event.peer === null
                        ? null
                        : h(
                              "a",
                              { class: "nowrap", href: ctx.href("peer", { node: event.node, id: event.peer }) },
                              `peer ${event.peer}`,
                          ),
                ),
            ),
        ),
    );
}

/**
 * When an event was, from the beginning of the alert on: "-1.25 s", "+3 min".
 * @param {number | null} at
 * @param {number | null} begin
 */
function offset(at, begin) {
    if (at === null || begin === null) return "–";
    const s = (at - begin) / 1000;
    const size = Math.abs(s);
    const text = size < 60 ? `${size.toFixed(2)} s` : f.span(size);
    return `${s < 0 ? "−" : "+"}${text}`;
}
