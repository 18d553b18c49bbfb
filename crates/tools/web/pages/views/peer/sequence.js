// @ts-check
// The last messages between node and peer as a sequence diagram: an arrow for each, and requests joined with their
// replies on the side that replied. The same stands in a table.

import { clear, empty, h, select, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { Diagram } from "./diagram.js";
import { messageTable } from "./tables.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Message } from "./measures.js" */

export class Sequence {
    #ctx;
    /** @type {Message[]} */
    #messages = [];
    /** The type of the messages that are shown, with what is joined with them; "" means all. */
    #type;
    #asTable;
    #pick;
    /** @type {HTMLButtonElement[]} the buttons for the diagram and for the table */
    #chips;
    #count = h("span", { class: "muted small" });
    #nothing = empty("");
    #diagram;
    #table;
    #holder;

    /**
     * @param {Context} ctx
     * @param {string} node
     */
    constructor(ctx, node) {
        this.#ctx = ctx;
        this.#type = ctx.params.get("message") ?? "";
        this.#asTable = ctx.params.get("messages") === "table";
        this.#pick = select([["", "All messages"]], "", (type) => {
            this.#type = type;
            ctx.set({ message: type });
            this.#arrange();
        });
        this.#chips = [this.#chip("Diagram", false), this.#chip("Table", true)];
        this.#diagram = new Diagram(node);
        this.#table = messageTable((seq) => this.#messages.find((m) => m.seq === seq));
        this.#holder = h("div", { class: "sequence-table", hidden: true }, this.#table.el);
        const label = h("span", { class: "visually-hidden" }, "Messages of type");
        this.el = h(
            "section",
            { class: "card wide", "aria-label": "Messages" },
            h(
                "div",
                { class: "card-head" },
                h("h2", {}, "Last messages"),
                this.#count,
                h("span", { class: "grow" }),
                h("label", { class: "picker" }, label, this.#pick),
                h("div", { class: "chips", role: "group", "aria-label": "Shown as" }, this.#chips),
            ),
            this.#nothing,
            this.#diagram.el,
            this.#holder,
        );
        ctx.onTheme(() => {
            if (!this.#asTable) this.#diagram.draw();
        });
    }

    /**
     * @param {Api["PeerInFull"]} peer
     * @param {string} none what is written without any message
     */
    set(peer, none) {
        this.#messages = peer.messages;
        setText(this.#nothing, peer.messages.length ? "No message of this type among the last." : none);
        this.#diagram.peer(peer.id);
        this.#types();
        this.#arrange();
    }

    stop() {
        this.#diagram.stop();
    }

    /**
     * @param {string} label
     * @param {boolean} table
     */
    #chip(label, table) {
        const onclick = () => {
            this.#asTable = table;
            this.#ctx.set({ messages: table ? "table" : null });
            for (const chip of this.#chips) chip.setAttribute("aria-pressed", String(chip === button));
            this.#arrange();
        };
        const pressed = String(this.#asTable === table);
        const button = h("button", { type: "button", class: "chip", "aria-pressed": pressed, onclick }, label);
        return button;
    }

    /** The types to choose from. */
    #types() {
        const all = new Set(this.#messages.map((m) => m.message));
        if (this.#type) all.add(this.#type);
        const names = [...all].sort();
        const state = names.join("\n");
        if (this.#pick.dataset.state === state) return;
        this.#pick.dataset.state = state;
        clear(
            this.#pick,
            h("option", { value: "" }, "All messages"),
            names.map((name) => h("option", { value: name }, f.printable(name, 24))),
        );
        this.#pick.value = this.#type;
    }

    #arrange() {
        const all = this.#messages;
        const shown = this.#type ? joinedWith(all, this.#type) : all;
        const count = this.#type ? `${shown.length} of ${all.length}` : `${all.length}`;
        setText(this.#count, all.length ? count : "");
        this.#nothing.hidden = shown.length > 0;
        this.#diagram.el.hidden = this.#asTable || shown.length === 0;
        this.#holder.hidden = !this.#asTable || shown.length === 0;
        if (this.#asTable) this.#table.set(shown);
        else this.#diagram.set(shown);
    }
}

/**
 * The messages of a type, the requests that they reply to, and their replies.
 * @param {Message[]} messages
 * @param {string} type
 */
function joinedWith(messages, type) {
    /** @type {Set<Maybe>} */
    const joined = new Set();
    for (const m of messages) {
        if (m.message !== type) continue;
        joined.add(m.seq);
        if (m.reply_to !== null) joined.add(m.reply_to);
    }
    for (const m of messages) if (m.message !== type && joined.has(m.reply_to ?? null)) joined.add(m.seq);
    return messages.filter((m) => joined.has(m.seq));
}
