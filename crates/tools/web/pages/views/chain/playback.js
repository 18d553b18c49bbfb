// @ts-check
// Goes back in what changed, step by step: the tips of that time are shown.

import { h, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { changeText, KINDS } from "./words.js";

/** @import { Activity } from "./model.js" */

/** Milliseconds of a step while it plays. */
const STEP = 700;

/**
 * @param {string} text
 * @param {() => void} onclick
 * @param {string | null} label
 */
const button = (text, onclick, label = null) =>
    h("button", { type: "button", class: "button", "aria-label": label, title: label, onclick }, text);

/** @param {Activity} one */
const inWords = (one) =>
    `${f.dateTime(one.time).slice(0, 10)} ${f.clock(one.time)}: ${f.printable(one.node, 40)}, ` +
    `${KINDS[one.kind]?.[0] ?? f.printable(one.kind, 30)}: ${changeText(one)}`;

export class Playback {
    #show;
    /** Newest first, as they were when it began: they do not move on under the reader's hand. @type {Activity[]} */
    #activities = [];
    #on = false;
    /** @type {number | undefined} */
    #timer;
    #slider = h("input", {
        type: "range",
        min: "0",
        max: "0",
        step: "1",
        "aria-label": "Changes so far",
        oninput: () => this.#at(),
    });
    #text = h("span", { class: "playback-text" });
    #play = button("Play", () => this.#toggle());
    #back = button("‹", () => this.#by(-1), "One change back");
    #forth = button("›", () => this.#by(1), "One change on");
    el = h(
        "div",
        { class: "playback", hidden: true },
        [this.#play, this.#back, this.#slider, this.#forth],
        button("Back to now", () => this.#close()),
        this.#text,
    );
    opener = button("Play back", () => (this.#on ? this.#close() : this.#open()));

    /** @param {(undone: number | null) => void} show how many of the newest changes are to be undone; null for the present */
    constructor(show) {
        this.#show = show;
        this.set([]);
    }

    get on() {
        return this.#on;
    }

    /** What can be undone, newest first. */
    get activities() {
        return this.#activities;
    }

    /** @param {Activity[]} next newest first */
    set(next) {
        if (!this.#on) this.#activities = next;
        this.opener.disabled = this.#activities.length === 0;
        this.opener.title = this.#activities.length ? "Show the tips as they were" : "Nothing changed yet";
        this.opener.setAttribute("aria-pressed", String(this.#on));
    }

    stop() {
        window.clearInterval(this.#timer);
        this.#timer = undefined;
        setText(this.#play, "Play");
    }

    #open() {
        if (!this.#activities.length) return;
        this.#turn(true);
        const max = String(this.#activities.length);
        Object.assign(this.#slider, { max, value: max });
        this.#at();
        this.#slider.focus();
    }

    #close() {
        this.stop();
        this.#turn(false);
        this.#show(null);
    }

    /** @param {boolean} on */
    #turn(on) {
        this.#on = on;
        this.el.hidden = !on;
        this.opener.setAttribute("aria-pressed", String(on));
    }

    /** Shows where the slider is: after so many changes. */
    #at() {
        const done = Number(this.#slider.value);
        const all = this.#activities.length;
        const last = this.#activities[all - done];
        const words = last ? inWords(last) : `before ${f.dateTime(this.#activities[all - 1]?.time)}`;
        setText(this.#text, `${f.count(done)} of ${f.count(all)} · ${words}`);
        this.#slider.setAttribute("aria-valuetext", words);
        this.#back.disabled = done === 0;
        this.#forth.disabled = done === all;
        this.#show(all - done);
    }

    /** @param {number} steps */
    #by(steps) {
        this.#slider.value = String(Number(this.#slider.value) + steps);
        this.#at();
    }

    #toggle() {
        if (this.#timer !== undefined) {
            this.stop();
            return;
        }
        const all = this.#activities.length;
        if (Number(this.#slider.value) === all) this.#slider.value = "0";
        this.#timer = window.setInterval(() => {
            this.#by(1);
            if (Number(this.#slider.value) >= all) this.stop();
        }, STEP);
        setText(this.#play, "Stop");
        this.#at();
    }
}
