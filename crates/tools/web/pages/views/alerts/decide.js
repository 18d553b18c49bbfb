// @ts-check
// What people decide about an incident: somebody looks after it, nothing of it is sent for a time, a note.

import { post } from "../../lib/api.js";
import { h, labelled, section, select, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { keepName, knownName } from "./model.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const LONGEST_DAYS = 365;
/** @type {[key: string, label: string][]} */
const WHAT = [
    ["incident", "this incident"],
    ["subject", "what it is about, whichever detector"],
    ["detector", "this detector at all nodes"],
    ["node", "this detector at the first node only"],
];

export class DecideCard {
    card = section("Decide");
    #id;
    #again;
    /** @type {Api["IncidentInFull"] | null} */
    #incident = null;
    #by = h("input", { type: "text", value: knownName(), maxlength: 64, autocomplete: "nickname" });
    #why = h("input", { type: "text", maxlength: 500 });
    #note = h("textarea", { rows: 3, maxlength: 4000 });
    #hours = h("input", { type: "number", min: 1, max: LONGEST_DAYS * 24, value: 4, step: 1 });
    #what = select(WHAT, "incident", () => {});
    #result = h("p", { class: "small", role: "status" });
    #acknowledge;
    #form;
    #refused = h("p", { class: "empty" });

    /**
     * @param {string} id
     * @param {() => void} again asks anew
     */
    constructor(id, again) {
        this.#id = id;
        this.#again = again;
        this.#acknowledge = this.#button("Acknowledge", () => this.#toggle());
        this.#form = h(
            "div",
            { class: "decide" },
            h("div", { class: "toolbar" }, labelled("Your name", this.#by), labelled("Why (optional)", this.#why)),
            h("div", { class: "toolbar" }, this.#acknowledge),
            h(
                "div",
                { class: "toolbar" },
                labelled("Silence", this.#what),
                this.#button("For 1 hour", () => this.#silence(HOUR)),
                this.#button("For 1 day", () => this.#silence(DAY)),
                labelled("Hours", this.#hours),
                this.#button("For so many hours", () => this.#silence(this.#hours.valueAsNumber * HOUR)),
            ),
            labelled("Note", this.#note),
            h(
                "div",
                { class: "toolbar" },
                this.#button("Add the note", () => this.#add()),
            ),
        );
        this.card.append(this.#form, this.#refused, this.#result);
        this.card.hidden = true;
    }

    /** @param {Api["IncidentInFull"]} incident */
    set(incident) {
        this.#incident = incident;
        const kept = incident.written !== null;
        this.card.hidden = !kept && !incident.may_decide;
        this.#form.hidden = !incident.may_decide;
        this.#refused.hidden = incident.may_decide;
        setText(
            this.#refused,
            "Here this can only be read. To decide: peer-observer alerts ack|silence|note, on the machine of the database.",
        );
        setText(
            this.#acknowledge,
            incident.acknowledged ? "Nobody looks after it any more" : "Acknowledge: I look after it",
        );
    }

    /**
     * @param {string} text
     * @param {() => void} onclick
     */
    #button(text, onclick) {
        return h("button", { type: "button", class: "button", onclick }, text);
    }

    #toggle() {
        const undo = this.#incident?.acknowledged;
        const done = undo
            ? "It is open to everybody again."
            : "It is acknowledged: what is open of it is not sent again.";
        this.#send({ action: undo ? "unacknowledge" : "acknowledge", incident: this.#id }, done);
    }

    /** @param {number} seconds */
    #silence(seconds) {
        if (!Number.isFinite(seconds) || seconds < 1) {
            this.#say("Write how many hours.", "bad");
            return;
        }
        const which = this.#which();
        if (!which) {
            this.#say("It is about everything: choose the incident or the detector.", "bad");
            return;
        }
        const until = f.dateTime(f.now() + seconds * 1000);
        this.#send(
            { action: "silence", seconds: Math.round(seconds), ...which },
            `Nothing of it is sent until ${until}.`,
        );
    }

    /** @returns {Partial<Api["AlertsCommand"]> | null} which alerts are silenced */
    #which() {
        const [first] = this.#incident?.all ?? [];
        switch (this.#what.value) {
            case "subject":
                return first?.subject_text ? { subject: first.subject_text } : null;
            case "detector":
                return first ? { detector: first.detector } : null;
            case "node":
                return first?.nodes[0] ? { detector: first.detector, node: first.nodes[0] } : null;
            default:
                return { incident: this.#id };
        }
    }

    async #add() {
        const text = this.#note.value.trim();
        if (!text) {
            this.#say("Write something first.", "bad");
            return;
        }
        if (await this.#send({ action: "note", incident: this.#id, text }, "The note is kept.")) this.#note.value = "";
    }

    /**
     * @param {Api["AlertsCommand"]} command
     * @param {string} done what is shown when it worked
     */
    async #send(command, done) {
        const by = this.#by.value.trim();
        keepName(by);
        const why = ["acknowledge", "silence"].includes(command.action) ? this.#why.value.trim() : "";
        try {
            await post("api/alerts", { ...command, by: by || undefined, why: why || undefined });
            this.#say(done, "good");
            return true;
        } catch (error) {
            this.#say(error instanceof Error ? f.printable(error.message, 300) : "It did not work.", "bad");
            return false;
        } finally {
            this.#again();
        }
    }

    /**
     * @param {string} text
     * @param {string} kind
     */
    #say(text, kind) {
        this.#result.className = `small ${kind}`;
        setText(this.#result, text);
    }
}
