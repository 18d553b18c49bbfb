// @ts-check
// The tree: blocks and their links as a picture, of which only what changed is drawn anew.

import { clear, h, svg } from "../../lib/dom.js";
import { hintAtMore } from "../../lib/scroll.js";
import { besideOf, blockKey, drawBlock, drawLink } from "./drawing.js";
import { layout } from "./layout.js";
import { interesting, labelsOf } from "./model.js";

/** @import { Layout } from "./layout.js" */
/** @import { Header, Label } from "./model.js" */

/** From so many pixels on, the chain goes to the right. */
const WIDE = 620;
/** So near to the newest block, in pixels, the reader is at it. */
const NEAR = 40;
/** In full screen, the tree is made so much larger at most, and so much smaller. */
const SCALES = [0.45, 1.8];
/** How many blocks a key goes on. */
const STEPS = new Map([
    ["ArrowLeft", -1],
    ["ArrowDown", -1],
    ["ArrowRight", 1],
    ["ArrowUp", 1],
]);

/** @typedef {{headers: Header[], nodes: Iterable<{name: string, tips: {hash: string, height: number, status: string}[]}>, most: number}} Shown */

export class Tree {
    #choose;
    #links = svg("g", { class: "links" });
    #blocks = svg("g", { class: "blocks" });
    #picture = svg("svg", { role: "group", "aria-label": "Tree of blocks" }, this.#links, this.#blocks);
    #scroll;
    #nothing = h("p", { class: "empty", hidden: true }, "No block is known yet.");
    /** @type {Map<string, {key: string, el: SVGElement}>} by hash */
    #drawnBlocks = new Map();
    /** @type {Map<string, {key: string, el: SVGElement}>} */
    #drawnLinks = new Map();
    /** @type {Shown} */
    #shown = { headers: [], nodes: [], most: 25 };
    /** @type {SVGElement[]} the blocks, lowest first */
    #order = [];
    #chosen = "";
    #frame = 0;
    #atNewest = true;
    #direction = "";
    #observer;

    /** @param {(hash: string) => void} choose */
    constructor(choose) {
        this.#choose = choose;
        const region = { role: "region", tabindex: "0", "aria-label": "Tree of blocks, the newest last" };
        this.#scroll = h("div", { class: "tree", ...region }, this.#picture);
        this.el = h("div", { class: "tree-stage" }, this.#scroll, this.#nothing);
        this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        this.#observer = new ResizeObserver(() => this.#soon());
        this.#observer.observe(this.el);
        this.#blocks.addEventListener("keydown", (event) => this.#key(event));
        hintAtMore(this.#scroll);
    }

    stop() {
        this.#observer.disconnect();
        window.cancelAnimationFrame(this.#frame);
    }

    /** @param {Shown} shown */
    set(shown) {
        this.#shown = shown;
        this.draw();
    }

    /** @param {string} hash of the block whose card is open; "" if none is */
    choose(hash) {
        this.#chosen = hash;
        this.#soon();
    }

    /** How many blocks are drawn. */
    get count() {
        return this.#drawnBlocks.size;
    }

    #soon() {
        if (this.#frame) return;
        this.#frame = window.requestAnimationFrame(() => {
            this.#frame = 0;
            this.draw();
        });
    }

    #scrolled() {
        const { scrollLeft, scrollWidth, clientWidth, scrollTop } = this.#scroll;
        this.#atNewest = this.#direction === "up" ? scrollTop < NEAR : scrollWidth - clientWidth - scrollLeft < NEAR;
    }

    /** Draws what changed. */
    draw() {
        const { headers, nodes, most } = this.#shown;
        const labels = labelsOf(nodes);
        const shown = interesting(headers, labels, most);
        const byHash = new Map(shown.map((header) => [header.hash, header]));
        const isFull = document.fullscreenElement?.contains(this.el) ?? false;
        const [width, height] = [this.el.clientWidth, isFull ? this.el.clientHeight : 0];
        const direction = isFull ? (width >= height ? "across" : "up") : width >= WIDE ? "across" : "up";
        const place = layout(shown, direction, (hash) => {
            const header = byHash.get(hash);
            return header ? besideOf(header, labels.get(hash) ?? []) : { lines: 0, width: 0 };
        });
        this.#nothing.hidden = place.blocks.length > 0;
        this.#scroll.hidden = place.blocks.length === 0;
        if (direction !== this.#direction) this.#turn(direction);
        this.#size(place, isFull ? [width, height] : null);
        this.#place(place, labels);
        if (this.#atNewest) this.#toNewest();
    }

    /** @param {string} direction */
    #turn(direction) {
        this.#direction = direction;
        this.#drawnBlocks.clear();
        this.#drawnLinks.clear();
        clear(this.#blocks);
        clear(this.#links);
        this.el.classList.toggle("up", direction === "up");
        this.#atNewest = true;
    }

    /**
     * @param {Layout} place
     * @param {[number, number] | null} room that it is to fill
     */
    #size({ width, height }, room) {
        const [least, most] = SCALES;
        const fits = room ? Math.min((room[0] - 8) / Math.max(1, width), (room[1] - 8) / Math.max(1, height)) : 1;
        const scale = Math.min(most, Math.max(least, fits));
        const size = { width: Math.ceil(width * scale), height: Math.ceil(height * scale) };
        const box = `0 0 ${width} ${height}`;
        if (this.#picture.getAttribute("viewBox") !== box) this.#picture.setAttribute("viewBox", box);
        for (const [name, value] of Object.entries(size)) {
            if (this.#picture.getAttribute(name) !== String(value)) this.#picture.setAttribute(name, String(value));
        }
    }

    /**
     * @param {Layout} place
     * @param {Map<string, Label[]>} labels
     */
    #place({ blocks, links }, labels) {
        const isUp = this.#direction === "up";
        const choose = this.#choose;
        keep(this.#drawnLinks, links, this.#links, (link) => ({
            id: link.key,
            key: `${link.kind} ${link.hidden} ${link.active} ${link.path}`,
            at: null,
            make: () => drawLink(link, isUp),
        }));
        keep(this.#drawnBlocks, blocks, this.#blocks, (placed) => {
            const { hash } = placed.header;
            const look = { labels: labels.get(hash) ?? [], chosen: hash === this.#chosen };
            return {
                id: hash,
                key: blockKey(placed, look),
                at: `translate(${placed.x} ${placed.y})`,
                make: () => drawBlock(placed.header, look, isUp, choose),
            };
        });
        this.#order = blocks.flatMap(({ header }) => this.#drawnBlocks.get(header.hash)?.el ?? []);
        this.#keepReachable();
    }

    /** One block can be reached with the Tab key; from there the arrow keys lead to the others, by height. */
    #keepReachable() {
        const focused = this.#order.find((el) => el === document.activeElement);
        const chosen = this.#drawnBlocks.get(this.#chosen)?.el;
        const first = focused ?? chosen ?? this.#order[this.#order.length - 1];
        for (const el of this.#order) {
            const tab = el === first ? "0" : "-1";
            if (el.getAttribute("tabindex") !== tab) el.setAttribute("tabindex", tab);
        }
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const by = STEPS.get(event.key);
        const at = this.#order.indexOf(/** @type {SVGElement} */ (document.activeElement));
        const next = by === undefined || at < 0 ? null : this.#order[at + by];
        if (!next) return;
        event.preventDefault();
        next.focus();
        next.scrollIntoView({ block: "nearest", inline: "nearest" });
        this.#keepReachable();
    }

    #toNewest() {
        if (this.#direction === "up") this.#scroll.scrollTop = 0;
        else this.#scroll.scrollLeft = this.#scroll.scrollWidth;
    }
}

/**
 * Keeps the elements of things: those that are as they were are not touched, only moved.
 * @template Thing
 * @param {Map<string, {key: string, el: SVGElement}>} drawn
 * @param {Thing[]} things
 * @param {SVGElement} parent
 * @param {(thing: Thing) => {id: string, key: string, at: string | null, make: () => SVGElement}} of
 */
function keep(drawn, things, parent, of) {
    /** @type {Set<string>} */
    const ids = new Set();
    for (const thing of things) {
        const { id, key, at, make } = of(thing);
        ids.add(id);
        let known = drawn.get(id);
        if (!known || known.key !== key) {
            const el = make();
            if (known) {
                const hadFocus = document.activeElement === known.el;
                known.el.replaceWith(el);
                if (hadFocus) el.focus({ preventScroll: true });
            } else parent.append(el);
            known = { key, el };
            drawn.set(id, known);
        }
        if (at !== null && known.el.getAttribute("transform") !== at) known.el.setAttribute("transform", at);
    }
    for (const [id, { el }] of drawn) {
        if (ids.has(id)) continue;
        el.remove();
        drawn.delete(id);
    }
}
