// @ts-check
// Messages as they come. While the reader is at the list (pointer, keyboard or scrolled away from its top), what comes
// waits. With "Decode" the messages come with their bodies, and a row opens its own.

import { h, section, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { detail } from "./detail.js";
import { MessageFeed, PER_SECOND, TICK } from "./feed.js";
import { filters } from "./filters.js";
import { liveTable } from "./rows.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Row } from "./feed.js" */

/** Pixels from which on the list counts as scrolled away from its top. */
const SCROLLED = 4;
/** Below this width of the window, in pixels, the message stands below the list and is scrolled to. */
const WIDE = 1100;

export class Live {
    #ctx;
    #feed = new MessageFeed();
    /** Whether messages come with their bodies. */
    #full;
    /** @type {string | null} where the page's numbers come from */
    #source = null;
    /** The kinds of events that come: debug.log has no contents. */
    #kinds = TRACED;
    #hovering = false;
    /** @type {ReturnType<Context["events"]> | null} */
    #events = null;
    #timer;
    #filters;
    #decode;
    #table;
    #detail;
    #layout;
    #note = h("p", { class: "muted small live-note" });
    #nothing = h("p", { class: "empty" });
    #which = h("p", { class: "notice", hidden: true }, h("strong", {}, "Only our own connection. "), OWN_ONLY);
    #held;

    /** @param {Context} ctx */
    constructor(ctx) {
        this.#ctx = ctx;
        this.#full = ctx.params.get("decode") === "1";
        this.#decode = h("input", { type: "checkbox", checked: this.#full, onchange: () => this.#decoded() });
        this.#filters = filters(ctx, () => this.#filtered());
        this.#held = h("button", { type: "button", class: "button jump", hidden: true, onclick: () => this.#toTop() });
        this.#detail = detail(ctx, () => this.#close());
        this.#table = liveTable(
            ctx,
            (row) => this.#choose(row),
            (row) => row === this.#feed.chosen,
        );
        const list = h("div", { class: "live-list" }, this.#table.el, this.#nothing, this.#held);
        this.#layout = h("div", { class: "live-layout" }, list, this.#detail.el);
        const title = "fetches the messages with their content; the last 200 of those shown are kept";
        const decode = h("label", { class: "check", title }, this.#decode, "Decode");
        const controls = h("div", { class: "live-controls" }, this.#filters.el, decode);
        this.el = section("As they come", this.#which, controls, this.#note, this.#layout);
        this.#watchPointer();
        ctx.onPause(() => this.#write());
        this.#open();
        this.#timer = window.setInterval(() => this.#tick(), TICK);
    }

    /**
     * Shows only messages of this type and direction.
     * @param {string} type
     * @param {string} direction
     */
    only(type, direction) {
        this.#filters.set(type, direction);
        this.el.scrollIntoView({ block: "start" });
    }

    /**
     * Where the numbers come from, and the types that are known.
     * @param {string} name
     * @param {string[]} types
     */
    source(name, types) {
        this.#source = name;
        this.#filters.types(types);
        const kinds = kindsOf(name);
        this.#decode.disabled = kinds !== TRACED;
        // Where there is nothing else, the top of the page says so.
        this.#which.hidden = kinds !== OWN || name === "p2p";
        if (kinds !== this.#kinds) {
            this.#kinds = kinds;
            this.#full = this.#decode.checked && kinds === TRACED;
            this.#open();
        }
        this.#write();
    }

    stop() {
        window.clearInterval(this.#timer);
        this.#filters.stop();
        this.#events?.stop();
    }

    #watchPointer() {
        this.#table.el.addEventListener("pointerenter", (event) => {
            if (event.pointerType === "mouse") this.#hovering = true;
        });
        this.#table.el.addEventListener("pointerleave", () => {
            this.#hovering = false;
        });
    }

    /** Subscribes anew. */
    #open() {
        this.#layout.classList.toggle("decoded", this.#full);
        this.#events?.stop();
        this.#forget();
        const filter = { ...this.#filters.filter(), kind: this.#kinds };
        this.#events = this.#ctx.events(filter, (event) => this.#feed.take(event), {
            form: this.#full ? "full" : "brief",
            onDropped: (n) => {
                this.#feed.dropped += n;
            },
            onError: (text) => this.#filters.refused(text),
        });
    }

    #forget() {
        this.#feed.forget();
        this.#table.set(this.#feed.rows);
        this.#write();
    }

    #decoded() {
        this.#full = this.#decode.checked;
        this.#ctx.set({ decode: this.#full ? "1" : null });
        this.#open();
    }

    #filtered() {
        const filter = this.#filters.filter();
        if (!filter) return;
        this.#forget();
        this.#events?.subscribe({ ...filter, kind: this.#kinds });
    }

    #tick() {
        if (this.#feed.look(this.#ctx.paused) && !this.#busy()) this.#release();
        else this.#write();
    }

    /** Whether the reader is at the list, so that it must not move. */
    #busy() {
        const { el } = this.#table;
        const active = document.activeElement;
        const focused = active !== null && active !== el && el.contains(active) && active.matches(":focus-visible");
        return this.#hovering || el.scrollTop > SCROLLED || focused;
    }

    #release() {
        this.#feed.release();
        this.#table.set(this.#feed.rows);
        this.#write();
    }

    #toTop() {
        this.#hovering = false;
        this.#table.el.scrollTop = 0;
        this.#release();
    }

    /** @param {Row} row */
    #choose(row) {
        this.#feed.chosen = row;
        this.#layout.classList.add("with-detail");
        const heading = this.#detail.show(row, row.forgotten ? FORGOTTEN : this.#notFetched());
        this.#table.set(this.#feed.rows);
        heading.focus({ preventScroll: window.innerWidth > WIDE });
    }

    #close() {
        this.#feed.chosen = null;
        this.#detail.close();
        this.#layout.classList.remove("with-detail");
        this.#table.set(this.#feed.rows);
        this.#table.el.focus();
    }

    #notFetched() {
        if (this.#kinds === LOGGED) return ["It comes from debug.log, which has no contents: that needs tracepoints."];
        if (this.#kinds === OWN) return ["Of our own connection, type, size and time are reported, and no contents."];
        const onclick = () => {
            this.#decode.checked = true;
            this.#decoded();
            this.#decode.focus();
        };
        const text = "Decode the messages that come from now on";
        return ["Its content was not fetched. ", h("button", { type: "button", class: "link", onclick }, text), "."];
    }

    #write() {
        const feed = this.#feed;
        const paused = this.#ctx.paused;
        setText(this.#note, feed.came || paused ? inWords(feed, paused) : "");
        this.#held.hidden = !feed.waiting.length;
        setText(this.#held, `${feed.waiting.length} new: show them`);
        this.#nothing.hidden = feed.rows.length > 0;
        this.#table.el.hidden = feed.rows.length === 0;
        setText(this.#nothing, this.#reason());
    }

    /** Why there is no message. */
    #reason() {
        if (this.#source === "rpc" && !this.#ctx.info.sources?.p2p) return UNTRACED;
        if (this.#ctx.paused) return "Paused: nothing comes until the page goes on.";
        return this.#filters.any
            ? "No message that fits the filter has come since it was set."
            : "No message yet: they appear as they come.";
    }
}

const TRACED = ["message"];
const LOGGED = ["message_received", "message_sent"];
const OWN = ["message_seen"];
const OWN_ONLY =
    "Without tracepoints, and without category net of debug.log, these are the messages of our own P2P connection to the node " +
    "(extractor p2p): type, size, direction and time. Received is what the node received from us.";
const FORGOTTEN = "Its content is no longer kept: large messages came after it.";
const UNTRACED =
    "No live messages: that needs tracepoints, or the extractor p2p for those of our own connection. What the node writes to " +
    "debug.log is on the page Log.";

/**
 * The kinds of events that are messages, by where the page's numbers come from: never those of two sources together.
 * @param {string} source
 */
function kindsOf(source) {
    if (source === "log") return LOGGED;
    return source === "rpc" || source === "p2p" ? OWN : TRACED;
}

/**
 * @param {MessageFeed} feed
 * @param {boolean} paused
 */
function inWords({ rate, came, hidden, dropped }, paused) {
    const parts = [];
    if (paused) parts.push("paused");
    if (rate !== null) parts.push(`${f.rate(rate)} come`);
    parts.push(`${f.count(came - hidden)} of ${f.count(came)} shown`);
    if (hidden) parts.push(`${f.count(hidden)} not (at most ${PER_SECOND} a second are)`);
    if (dropped) parts.push(`${f.count(dropped)} more were dropped because this page was too slow`);
    return parts.join("; ");
}
