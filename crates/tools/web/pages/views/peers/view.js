// @ts-check
// The page of peers: counts, filter, choice of columns, and the table.

import { clear, h, section, setText, uid } from "../../lib/dom.js";
import { notes } from "../../lib/notes.js";
import { table } from "../../lib/table.js";
import { chooser } from "./chooser.js";
import { withKeys } from "./filter.js";
import { helpPanel } from "./help.js";
import { key } from "./netinfo.js";
import { summary } from "./summary.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Table } from "../../lib/table.js" */
/** @import { PeersModel } from "./model.js" */
/** @import { Peer } from "./netinfo.js" */

/** Milliseconds without another key after which the reader has typed the filter. */
const TYPING = 300;

export class PeersView {
    #ctx;
    #model;
    #input;
    #error;
    #count = h("span", { class: "muted small shown" });
    #announcement = h("span", { class: "visually-hidden", role: "status" });
    #closed;
    #chooser;
    #summary;
    #missing = notes();
    #place = h("div", { class: "peers-table" });
    /** @type {Table<Peer> | null} */
    #table = null;
    /** The columns of that table. */
    #built = "";
    /** @type {number | undefined} */
    #timer;

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {PeersModel} model
     * @param {() => void} onClosed called when those that closed are to be shown, or no longer
     */
    constructor(root, ctx, model, onClosed) {
        this.#ctx = ctx;
        this.#model = model;
        this.#error = h("p", { id: uid("filter-error"), class: "bad small filter-error", role: "status" });
        this.#input = filterInput(model.source, this.#error.id, () => this.#typed());
        this.#closed = h("input", {
            type: "checkbox",
            checked: model.closed,
            onchange: () => {
                model.setClosed(this.#closed.checked);
                this.build();
                onClosed();
            },
        });
        this.#chooser = chooser(
            model.columns,
            (name, on) => this.#columns(() => model.chooseColumn(name, on)),
            (keys) => this.#columns(() => model.setColumns(keys)),
        );
        this.#summary = summary((keys) => {
            this.#input.value = withKeys(this.#input.value, keys);
            this.#typed();
        });
        root.append(section("By type and network", this.#summary.el), this.#list());
        this.build();
        if (model.source) this.#typed();
    }

    #list() {
        const panels = { "Filter help": helpPanel(), Columns: this.#chooser.el };
        return h(
            "section",
            { class: "card", "aria-label": "List of peers" },
            h(
                "div",
                { class: "toolbar" },
                h("label", { class: "field grow" }, h("span", { class: "field-label" }, "Filter"), this.#input),
                toggles(panels),
                h("label", { class: "check" }, this.#closed, "Closed in the last 10 minutes"),
                this.#count,
            ),
            this.#error,
            this.#announcement,
            Object.values(panels),
            this.#missing.el,
            this.#place,
        );
    }

    /** The peers of the model are others. */
    update() {
        this.#summary.set(this.#model.peers ?? []);
        this.build();
        this.show();
        this.#missing.set(this.#model.missing());
    }

    /** Other columns mean another table; where it was scrolled to stays. */
    build() {
        const model = this.#model;
        const keys = new Set(model.chosen());
        const columns = model.columns.filter((c) => keys.has(c.key));
        const state = columns.map((c) => c.key).join();
        if (state === this.#built) return;
        this.#built = state;
        const from = { left: this.#table?.el.scrollLeft ?? 0, top: this.#table?.el.scrollTop ?? 0 };
        this.#table = table({
            caption: "Peers",
            get empty() {
                return model.empty();
            },
            columns,
            rowKey: key,
            rowClass: (p) => (p.closed ? "gone" : ""),
            sort: model.sort,
            onSort: (sort) => model.setSort(sort),
            onRow: (p) => this.#ctx.go("peer", { node: p.node, id: p.id }),
        });
        clear(this.#place, this.#table.el);
        this.show();
        this.#table.el.scrollTo(from);
        this.#chooser.set(keys);
    }

    /** Shows the peers that fit the filter. Returns how many there are, in words. */
    show() {
        if (this.#model.peers === null) return "";
        const rows = this.#model.rows();
        this.#table?.set(rows);
        const { text, full } = this.#model.counts(rows);
        setText(this.#count, full);
        return text;
    }

    stop() {
        window.clearTimeout(this.#timer);
    }

    #typed() {
        window.clearTimeout(this.#timer);
        this.#model.setFilter(this.#input.value);
        const { error } = this.#model.filter;
        setText(this.#error, error ?? "");
        this.#input.setAttribute("aria-invalid", String(Boolean(error)));
        const text = this.show();
        this.#timer = window.setTimeout(() => {
            this.#model.keepFilter();
            setText(this.#announcement, text);
        }, TYPING);
    }

    /** @param {() => void} choose */
    #columns(choose) {
        choose();
        // A box that may not be cleared shows that it was not.
        this.#built = "";
        this.build();
    }
}

/**
 * @param {string} value
 * @param {string} errorId
 * @param {() => void} oninput
 */
function filterInput(value, errorId, oninput) {
    return h("input", {
        type: "search",
        class: "filter",
        value,
        placeholder: "net:onion type:inbound ping>0.5 spy",
        spellcheck: "false",
        autocomplete: "off",
        autocapitalize: "off",
        "aria-describedby": errorId,
        oninput,
    });
}

/**
 * Buttons that each open and close a panel. One panel is open at a time, so that none pushes another one out of sight.
 * @param {Record<string, HTMLElement>} panels by the label of their button
 */
function toggles(panels) {
    const pairs = Object.entries(panels).map(([label, panel]) => {
        panel.id = uid("panel");
        const onclick = () => open(panel.hidden ? panel : null);
        const props = { type: "button", class: "button", "aria-expanded": "false", "aria-controls": panel.id };
        return { panel, button: h("button", { ...props, onclick }, label) };
    });

    /** @param {HTMLElement | null} wanted */
    function open(wanted) {
        for (const { panel, button } of pairs) {
            panel.hidden = panel !== wanted;
            button.setAttribute("aria-expanded", String(panel === wanted));
        }
    }

    for (const { panel, button } of pairs) {
        panel.addEventListener("keydown", (event) => {
            if (event.key !== "Escape") return;
            open(null);
            button.focus();
        });
    }
    return h("span", { class: "toggles" }, ...pairs.map(({ button }) => button));
}
