// @ts-check
// The page: which tables are shown, what is highlighted, and what is written about them.

import { clear, empty, h, section, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { Canvas } from "./canvas.js";
import { CRITERIA, colouring } from "./colouring.js";
import { compare } from "./compare.js";
import { inWords } from "./entry.js";
import { Input } from "./input.js";
import { legend } from "./legend.js";
import { Numbers } from "./numbers.js";
import { panel, tip } from "./panel.js";
import { ALIKE, alike, search } from "./search.js";
import { Store } from "./store.js";
import { toolbar, zoomButtons } from "./toolbar.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Colouring, Known } from "./colouring.js" */
/** @import { Tables } from "./columns.js" */
/** @import { Which } from "./store.js" */

const UNKNOWN =
    "No tables are known here: the extractor rpc reads them (getrawaddrman, Bitcoin Core 26 and later, every 5 minutes). " +
    "A file with the JSON of getrawaddrman can be opened, or dropped here.";

export class AddrmanView {
    #ctx;
    #store = new Store();
    #canvas;
    #input;
    #tip;
    #panel;
    #legend;
    #toolbar;
    #zoom;
    #numbers;
    #nothing = h("div", { class: "addrman-nothing" }, empty("Asking for the tables…"));
    #about = h("p", { class: "small muted addrman-about" });
    #found = h("p", { class: "small", role: "status" });
    #legendCard;
    /** @type {Which} */
    #which = "";
    /** @type {Which} */
    #beforeWhich = "none";
    #color;
    #like;
    /** @type {Tables | null} */
    #tables = null;
    /** Of which time they are at the server. */
    #time = /** @type {string | null} */ (null);
    /** @type {Known} */
    #known = { reachable: null, comparison: null };
    /** @type {Colouring | null} */
    #colouring = null;
    /** The slot that stays; -1: none. */
    #chosen = -1;
    /** The slot that is pointed at. */
    #pointed = -1;
    /** The category that stands out; -1: none. */
    #category = -1;
    #searched = "";
    /** @type {{network: string, in: number}[] | null} */
    #received = null;
    /** @type {string | null} the newest that was asked for */
    #asked = null;
    /** Called when another node is shown. */
    onNode = () => {};
    /** @type {AbortController | null} what is being read */
    #reading = null;
    #dropped = new AbortController();

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     */
    constructor(root, ctx) {
        this.#ctx = ctx;
        this.#color = oneOf(CRITERIA, ctx.params.get("color"), "network");
        this.#like = oneOf(ALIKE, ctx.params.get("like"), "source");
        this.#canvas = new Canvas(() => this.#zoomed());
        this.#input = new Input(this.#canvas, {
            onPoint: (slot, x, y) => this.#point(slot, x, y),
            onCursor: (slot) => this.#cursor(slot),
            onChoose: (slot) => this.#choose(slot),
        });
        this.#tip = tip(this.#canvas.el);
        this.#panel = panel(
            (key) => this.#setLike(key),
            () => this.#choose(-1),
        );
        this.#legend = legend((category) => this.#setCategory(category));
        this.#legendCard = section("Colours", this.#legend.el);
        this.#zoom = zoomButtons((step) => (step ? this.#canvas.zoom(step) : this.#canvas.fit()));
        this.#toolbar = toolbar({
            color: this.#color,
            like: this.#like,
            onNode: (node) => this.#setNode(node),
            onTables: (which) => this.#load(which, this.#beforeWhich),
            onBefore: (which) => this.#load(this.#which, which),
            onColor: (color) => this.#setColor(color),
            onLike: (like) => this.#setLike(like),
            onSearch: (text) => this.#search(text),
            onFile: (file) => this.#open(file),
        });
        this.#numbers = new Numbers((text) => {
            this.#toolbar.search(text);
            this.#canvas.el.scrollIntoView({ block: "nearest" });
        });
        this.#canvas.el.append(this.#input.el, this.#tip.el, this.#nothing);
        root.append(this.#toolbar.el, this.#layout(), this.#numbers.el);
        this.#numbers.el.hidden = true;
        this.#dropping(root);
    }

    #layout() {
        const words = h("div", { class: "addrman-words" }, this.#zoom.el, this.#found, this.#about);
        return h(
            "div",
            { class: "addrman-layout" },
            h("section", { class: "card addrman-main", "aria-label": "Tables" }, this.#canvas.el, words),
            h("div", { class: "addrman-side" }, this.#legendCard, this.#panel.el),
        );
    }

    /** @param {HTMLElement} root files may be dropped on it */
    #dropping(root) {
        const { signal } = this.#dropped;
        root.addEventListener("dragover", (event) => event.preventDefault(), { signal });
        root.addEventListener(
            "drop",
            (event) => {
                event.preventDefault();
                const [file] = event.dataTransfer?.files ?? [];
                if (file) this.#open(file);
            },
            { signal },
        );
    }

    destroy() {
        this.#reading?.abort();
        this.#dropped.abort();
        this.#toolbar.end();
        this.#canvas.destroy();
        this.#numbers.destroy();
    }

    /** The colours of the theme. */
    theme() {
        this.#canvas.theme();
        this.#write();
    }

    /** @param {Api["AddrmanNode"][]} nodes what the server has */
    set(nodes) {
        this.#store.nodes = nodes;
        const before = this.#store.node;
        const names = nodes.filter((node) => node.snapshots.length > 0).map((node) => node.node);
        if (!this.#store.node || (!names.includes(this.#store.node) && names.length)) {
            this.#store.node = names[0] ?? "";
        }
        if (this.#store.node !== before) this.onNode();
        this.#toolbar.nodes(names, this.#store.node);
        this.#numbers.growth(this.#store.current?.snapshots ?? []);
        const newest = this.#store.snapshots[0]?.time ?? null;
        if (this.#which === "" && (newest !== this.#asked || newest === null)) this.#load("", this.#beforeWhich);
        else this.#offer();
        // Their age changes with time alone.
        this.#writeAbout();
    }

    /** @param {Api["Addresses"]["networks"]} networks entries that the node received, by network */
    received(networks) {
        const next = networks?.map((one) => ({ network: one.network, in: one.in })) ?? null;
        if (JSON.stringify(next) === JSON.stringify(this.#received)) return;
        const first = (next === null) !== (this.#received === null);
        this.#received = next;
        // Counts change all the time: they are shown with the next tables.
        if (first) this.#count();
    }

    /** Asks anew which addresses a node was found at. */
    async outcomes() {
        const { tables, time } = { tables: this.#tables, time: this.#time };
        if (!tables || !time) return;
        const known = await this.#store.reachable(tables, time, this.#dropped.signal).catch(() => undefined);
        if (known === undefined || tables !== this.#tables) return;
        const same = known?.every((one, i) => this.#known.reachable?.[i] === one) ?? this.#known.reachable === null;
        if (same) return;
        this.#known.reachable = known;
        if (this.#color === "reachable") this.#paint();
        this.#count();
    }

    /** @param {string} node */
    #setNode(node) {
        this.#store.node = node;
        this.#numbers.growth(this.#store.current?.snapshots ?? []);
        this.#load("", "none");
        this.onNode();
    }

    /** The node that is shown; "" if none is. */
    get node() {
        return this.#store.node;
    }

    /** @param {File} file */
    async #open(file) {
        try {
            const which = await this.#store.open(file);
            this.#ctx.notice("file");
            await this.#load(which, this.#beforeWhich);
        } catch (error) {
            const why = error instanceof Error ? error.message : error;
            this.#ctx.notice("file", "bad", `${f.printable(file.name, 60)} cannot be shown: ${why}`);
        }
    }

    /**
     * Reads tables, and those that they are compared with, and shows them.
     * @param {Which} which
     * @param {Which} before
     */
    async #load(which, before) {
        this.#reading?.abort();
        const reading = new AbortController();
        this.#reading = reading;
        [this.#which, this.#beforeWhich] = [which, before];
        this.#asked = which === "" ? (this.#store.snapshots[0]?.time ?? null) : null;
        this.#offer();
        try {
            const [now, then] = await Promise.all([
                this.#store.get(which, reading.signal),
                this.#store.get(before, reading.signal),
            ]);
            if (reading.signal.aborted) return;
            this.#ctx.notice("tables");
            this.#show(now?.tables ?? null, now?.time ?? null, then?.tables ?? null);
        } catch (error) {
            if (reading.signal.aborted) return;
            this.#asked = null;
            const why = error instanceof Error ? error.message : error;
            this.#ctx.notice("tables", "bad", `The tables cannot be shown: ${why}`);
        }
    }

    /** What can be chosen. */
    #offer() {
        this.#toolbar.tables(this.#store.choices(true), this.#which);
        this.#toolbar.before(this.#store.choices(false), this.#beforeWhich);
    }

    /**
     * @param {Tables | null} tables
     * @param {string | null} time
     * @param {Tables | null} before
     */
    #show(tables, time, before) {
        const other = tables !== this.#tables;
        const compared = this.#known.comparison;
        this.#tables = tables;
        this.#time = time;
        if (other) this.#known.reachable = null;
        const again = compared !== null && compared.before === before && compared.after === tables;
        this.#known.comparison = again
            ? compared
            : before && tables && before !== tables
              ? compare(before, tables)
              : null;
        if (this.#known.comparison && !compared) this.#setColor("change");
        else if (!this.#known.comparison && this.#color === "change") this.#setColor("network");
        this.#nothing.hidden = Boolean(tables);
        if (!tables) {
            this.#chosen = -1;
            clear(this.#nothing, empty(UNKNOWN));
        }
        this.#paint();
        this.#count();
        this.outcomes();
    }

    /** @param {string} color */
    #setColor(color) {
        this.#color = color;
        this.#category = -1;
        this.#toolbar.color(color);
        this.#ctx.set({ color: color === "network" ? "" : color });
        this.#paint();
    }

    /** @param {string} like */
    #setLike(like) {
        this.#like = like;
        this.#ctx.set({ like: like === "source" ? "" : like });
        this.#toolbar.like(like);
        this.#category = -1;
        this.#highlight();
        this.#write();
    }

    /** @param {number} category */
    #setCategory(category) {
        this.#category = category;
        this.#highlight();
        this.#write();
    }

    /** @param {string} text */
    #search(text) {
        this.#searched = text;
        this.#category = -1;
        this.#highlight();
        this.#write();
    }

    /** @param {number} slot */
    #choose(slot) {
        this.#chosen = slot === this.#chosen ? -1 : slot;
        this.#category = -1;
        if (this.#chosen >= 0) this.#tip.hide();
        this.#input.selected(this.#chosen >= 0);
        if (this.#chosen >= 0) this.#input.describe(inWords(this.#tables, this.#chosen, this.#known));
        this.#highlight();
        this.#write();
    }

    /**
     * @param {number} slot
     * @param {number} x
     * @param {number} y
     */
    #point(slot, x, y) {
        const tables = this.#tables;
        if (!tables || slot < 0) this.#tip.hide();
        else this.#tip.show(tables, slot, this.#known, x, y);
        this.#cursor(slot);
    }

    /** @param {number} slot */
    #cursor(slot) {
        if (slot === this.#pointed) return;
        this.#pointed = slot;
        if (slot >= 0) this.#input.describe(inWords(this.#tables, slot, this.#known));
        if (this.#chosen >= 0) return;
        this.#highlight();
        if (slot >= 0) this.#panel.set(this.#tables, slot, this.#known, this.#like, false);
    }

    #zoomed() {
        this.#zoom?.set(this.#canvas.can);
        this.#input?.zoomed();
        this.#tip?.hide();
    }

    /** Colours the slots. */
    #paint() {
        const tables = this.#tables;
        this.#colouring = tables ? colouring(this.#color, tables, this.#known) : null;
        if (this.#colouring) this.#canvas.show(this.#colouring);
        this.#highlight();
        this.#write();
    }

    /** What stands out: a category, else what is like the slot that is chosen, else what is looked for, else what is pointed at. */
    #highlight() {
        const tables = this.#tables;
        if (!tables) return;
        const colours = this.#colouring;
        let slots = null;
        let what = "";
        if (this.#category >= 0 && colours) {
            slots = colours.of.map((category) => (category === this.#category + 1 ? 1 : 0));
            what = f.printable(colours.list[this.#category]?.label, 60);
        } else if (this.#chosen >= 0) {
            slots = this.#alike(tables, this.#chosen);
            what = this.#likeName();
        } else {
            try {
                slots = search(tables, this.#searched);
                what = "found";
            } catch (error) {
                setText(this.#found, error instanceof Error ? error.message : "");
                this.#canvas.highlight(null);
                return;
            }
            if (!slots && this.#pointed >= 0) slots = this.#alike(tables, this.#pointed);
            if (slots && what === "found" && !this.#searched.trim()) what = this.#likeName();
        }
        this.#canvas.highlight(slots);
        setText(this.#found, slots ? `${what}: ${f.count(slots.reduce((sum, one) => sum + one, 0))} slots` : "");
    }

    #likeName() {
        return (ALIKE.find(([key]) => key === this.#like)?.[1] ?? "").toLowerCase();
    }

    /**
     * @param {Tables} tables
     * @param {number} slot
     */
    #alike(tables, slot) {
        return this.#like && tables.slots[slot] >= 0 ? alike(tables, slot, this.#like) : null;
    }

    /** The numbers below the canvas, when there is time. */
    #count() {
        window.setTimeout(() => {
            if (this.#dropped.signal.aborted) return;
            const networks = this.#store.current?.networks ?? [];
            const reached = new Map(
                networks.flatMap((one) => (typeof one.reachable === "boolean" ? [[one.network, one.reachable]] : [])),
            );
            const isFile = this.#time === null;
            this.#numbers.set(this.#tables, this.#known, isFile ? null : this.#received, isFile ? new Map() : reached);
        });
    }

    /** What is written beside the canvas. */
    #write() {
        const tables = this.#tables;
        this.#panel.set(
            tables,
            this.#chosen >= 0 ? this.#chosen : this.#pointed,
            this.#known,
            this.#like,
            this.#chosen >= 0,
        );
        this.#legend.set(this.#colouring?.list ?? [], this.#category);
        const heading = this.#legendCard.querySelector("h2");
        if (heading) setText(heading, this.#criterion);
        this.#legendCard.hidden = !this.#colouring?.list.some((category) => category.count > 0);
        this.#writeAbout();
    }

    /** What the slots are coloured by. */
    get #criterion() {
        return CRITERIA.find(([key]) => key === this.#color)?.[1] ?? "";
    }

    /** Which tables are shown, and how old they are. */
    #writeAbout() {
        const tables = this.#tables;
        if (!tables) {
            setText(this.#about, "");
            return;
        }
        const when = tables.dated
            ? `read ${f.ago(tables.time)} (${f.dateTime(tables.time)})`
            : `from a file, which does not tell when it was read: ages are before its newest entry, ${f.dateTime(tables.time)}`;
        const outside = tables.outside
            ? `; ${f.count(tables.outside)} entries in slots that do not exist are left out`
            : "";
        const text = `${f.printable(tables.name, 60)}: ${f.count(tables.total[0])} new, ${f.count(tables.total[1])} tried, ${when}${outside}.`;
        setText(this.#about, text);
        this.#canvas.label = `${text} Coloured by: ${this.#criterion}.`;
    }
}

/**
 * @param {[key: string, name: string][]} list
 * @param {string | null} wanted
 * @param {string} usual
 */
function oneOf(list, wanted, usual) {
    return list.find(([key]) => key === wanted)?.[0] ?? usual;
}
