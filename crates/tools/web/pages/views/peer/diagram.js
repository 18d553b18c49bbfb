// @ts-check
// The sequence diagram. The newest message is at the bottom, where the diagram stays unless it is scrolled away.

import * as colors from "../../lib/colors.js";
import { clear, h, setText, svg } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { arrow, joins, pause } from "./arrows.js";
import { measures, placed } from "./measures.js";

/** @import { Message } from "./measures.js" */

/** So near to the end, in pixels, the reader is at the end. */
const NEAR = 24;

export class Diagram {
    #node;
    #peer = h("span", {});
    #picture = svg("svg", { class: "sequence", role: "img" });
    #scroll;
    #toEnd;
    #heads;
    #observer;
    /** @type {Message[]} */
    #messages = [];
    /** @type {Map<number, number>} */
    #places = new Map();
    /** Whether the diagram stays at its end. */
    #atEnd = true;
    /** What was drawn last. */
    #drawn = "";

    /** @param {string} node */
    constructor(node) {
        this.#node = f.printable(node, 24);
        const label = "Sequence diagram of the last messages";
        const region = { role: "region", tabindex: "0", "aria-label": label };
        this.#scroll = h("div", { class: "sequence-scroll", ...region }, this.#picture);
        const button = { type: "button", class: "button jump", hidden: true };
        this.#toEnd = h("button", { ...button, onclick: () => this.#goToEnd() }, "To the newest");
        const name = h("span", { class: "mono" }, this.#node);
        this.#heads = h("div", { class: "lifelines", "aria-hidden": "true" }, name, this.#peer);
        this.el = h("div", { class: "diagram" }, this.#heads, this.#scroll, this.#toEnd);
        this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        this.#observer = new ResizeObserver(() => this.draw());
        this.#observer.observe(this.#scroll);
    }

    /** @param {number} id of the peer */
    peer(id) {
        setText(this.#peer, `peer ${id}`);
    }

    /** @param {Message[]} messages */
    set(messages) {
        this.#messages = messages;
        this.draw();
    }

    /** Draws what has changed since it was drawn last: messages, width, theme. */
    draw() {
        const messages = this.#messages;
        const width = Math.floor(this.#scroll.clientWidth);
        if (width < 200 || !messages.length) return;
        const state = [width, colors.theme(), ...messages.map((m) => m.seq)].join(" ");
        if (state === this.#drawn) return;
        this.#drawn = state;
        const m = measures(width);
        const { places, pauses, height } = placed(messages);
        const anchor = this.#anchor();
        this.#places = places;
        this.#size(width, height);
        const rows = messages.map((message) => {
            const before = pauses.get(message.seq);
            const row = arrow(m, places.get(message.seq) ?? 0, message);
            return before ? [pause(m, before.y, before.seconds), row] : row;
        });
        /** @param {number} x */
        const line = (x) => svg("line", { class: "lifeline", x1: x, x2: x, y1: 0, y2: height });
        clear(this.#picture, line(m.left), line(m.right), joins(m, messages, places), rows);
        this.#heads.style.paddingLeft = `${m.left}px`;
        this.#heads.style.paddingRight = `${m.side + (this.#scroll.offsetWidth - width)}px`;
        this.#scrollTo(anchor);
    }

    stop() {
        this.#observer.disconnect();
    }

    /**
     * @param {number} width
     * @param {number} height
     */
    #size(width, height) {
        this.#picture.setAttribute("width", String(width));
        this.#picture.setAttribute("height", String(height));
        this.#picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
        this.#picture.setAttribute(
            "aria-label",
            `Sequence diagram of ${this.#messages.length} messages between ${this.#node} and the peer. ` +
                "The button Table shows them as a table.",
        );
    }

    /** The first message that is in view, and how far from the top it is; null at the end. */
    #anchor() {
        if (this.#atEnd) return null;
        const top = this.#scroll.scrollTop;
        const first = this.#messages.find((message) => (this.#places.get(message.seq) ?? -1) >= top);
        return first ? { seq: first.seq, before: (this.#places.get(first.seq) ?? 0) - top } : null;
    }

    /**
     * Where the reader is stays, though old messages leave at the top.
     * @param {{seq: number, before: number} | null} anchor
     */
    #scrollTo(anchor) {
        if (this.#atEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
        else if (anchor) this.#scroll.scrollTop = (this.#places.get(anchor.seq) ?? 0) - anchor.before;
        else this.#scroll.scrollTop = 0;
    }

    #goToEnd() {
        this.#atEnd = true;
        this.#scroll.scrollTop = this.#scroll.scrollHeight;
        this.#toEnd.hidden = true;
    }

    #scrolled() {
        const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
        this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
        this.#toEnd.hidden = this.#atEnd;
    }
}
