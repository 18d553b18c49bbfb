// @ts-check
// One incident: what is going on, what people decided, and each of its alerts with its numbers and the events that prove it.

import { clear, empty, h, section, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { alertCard } from "./alert.js";
import { DecideCard } from "./decide.js";
import { severityBadge, stateBadge, whoOf } from "./model.js";

/** @import { ApiError } from "../../lib/api.js" */
/** @import { Context } from "../../lib/context.js" */

export class IncidentView {
    #ctx;
    #id;
    #status = h("div", { class: "notices", role: "status" });
    #head = section("Incident");
    #facts = h("dl", { class: "facts" });
    #sentence = h("p", { class: "sentence" });
    #badges = h("p", { class: "badges" });
    #decide;
    #notes = section("Notes");
    #notesBody = h("div", {});
    #alerts = h("div", { class: "alerts" });
    #shown = "";
    #notesShown = "";

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {string} id
     * @param {() => void} again asks anew
     */
    constructor(root, ctx, id, again) {
        this.#ctx = ctx;
        this.#id = id;
        this.#decide = new DecideCard(id, again);
        this.#head.append(this.#badges, this.#sentence, this.#facts);
        this.#notes.append(this.#notesBody);
        this.#head.hidden = true;
        this.#notes.hidden = true;
        root.append(
            h("p", {}, h("a", { href: ctx.href("alerts") }, "All incidents")),
            this.#status,
            h("div", { class: "split" }, this.#head, this.#decide.card),
            this.#notes,
            this.#alerts,
        );
    }

    /** @param {ApiError | null} error */
    failed(error) {
        if (!error) {
            clear(this.#status);
            return;
        }
        const gone = "It is not known here any more, or never was: only the last alerts are kept.";
        const text = error.status === 404 ? gone : f.printable(error.message, 300);
        clear(this.#status, h("p", { class: "notice warn" }, `Incident ${f.printable(this.#id, 20)}: ${text}`));
    }

    /** @param {Api["IncidentInFull"]} incident */
    set(incident) {
        clear(this.#status);
        this.#head.hidden = false;
        clear(this.#badges, severityBadge(incident), stateBadge(incident));
        clear(this.#sentence, untrusted(incident.text, 500));
        clear(this.#facts, facts(incident));
        this.#decide.set(incident);
        this.#setNotes(incident);
        // What has links and lists that open is built anew only when something changed.
        const next = JSON.stringify(incident.all);
        if (next === this.#shown) return;
        this.#shown = next;
        clear(
            this.#alerts,
            incident.all.map((alert) => alertCard(this.#ctx, alert)),
        );
    }

    /** @param {Api["IncidentInFull"]} incident */
    #setNotes({ written }) {
        this.#notes.hidden = !written;
        const next = JSON.stringify(written);
        if (!written || next === this.#notesShown) return;
        this.#notesShown = next;
        if (!written.length) {
            clear(this.#notesBody, empty("Nobody has written anything about it yet."));
            return;
        }
        clear(this.#notesBody, h("ul", { class: "notes" }, written.map(note)));
    }
}

/** @param {Api["AlertNote"]} one */
function note(one) {
    return h(
        "li",
        {},
        h(
            "p",
            { class: "muted small" },
            `${whoOf(one)}, `,
            h("span", { title: f.utc(one.time) }, f.dateTime(one.time)),
        ),
        // Lines are kept; anything that hides or reorders text is made visible.
        h(
            "p",
            { class: "note-text" },
            one.text.split("\n").map((line) => [f.printable(line, 4000), h("br")]),
        ),
    );
}

/** @param {Api["IncidentInFull"]} one */
function facts(one) {
    /** @type {[string, Child][]} */
    const rows = [
        ["Began", `${f.dateTime(one.since)} (${f.ago(one.since)})`],
        ["Last seen", `${f.clock(one.last)} (${f.ago(one.last)})`],
        ...(one.resolved
            ? [/** @type {[string, Child]} */ (["Over", `${f.dateTime(one.resolved)} (${f.ago(one.resolved)})`])]
            : []),
        ["Nodes", one.nodes.map((name) => f.printable(name, 40)).join(", ")],
        ["Alerts", f.count(one.alerts)],
    ];
    if (one.acknowledged) {
        const { why } = one.acknowledged;
        const words = `by ${whoOf(one.acknowledged)}, ${f.ago(one.acknowledged.time)}${why ? `: ${f.printable(why, 300)}` : ""}`;
        rows.push(["Acknowledged", words]);
    }
    if (one.silenced_until) rows.push(["Silenced", `until ${f.dateTime(one.silenced_until)}`]);
    rows.push(["Id", h("span", { class: "mono" }, f.printable(one.id, 40))]);
    return rows.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]);
}
