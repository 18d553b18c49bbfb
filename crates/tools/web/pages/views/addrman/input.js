// @ts-check
// Pointer, touch and keys over the canvas: a list box whose one option is the slot that is pointed at, so that a screen
// reader reads it.

import { h, setText, uid } from "../../lib/dom.js";
import { beside, NEW_SLOTS, POSITIONS, SLOTS } from "./geometry.js";

/** @import { Canvas } from "./canvas.js" */

/** Pixels that the pointer may move in a click. */
const STILL = 4;
/** How much farther apart two fingers are for a step of the zoom. */
const PINCH = 1.25;
/** @type {Record<string, [dx: number, dy: number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @typedef {object} InputListeners
 * @property {(slot: number, x: number, y: number) => void} onPoint another slot is pointed at by a mouse; -1: none
 * @property {(slot: number) => void} onCursor the cursor of the keys is at another slot
 * @property {(slot: number) => void} onChoose a slot is chosen; -1: none any more
 */

export class Input {
    el;
    #canvas;
    #on;
    #option = h("div", { role: "option", id: uid("slot"), class: "visually-hidden", "aria-selected": "false" });
    /** @type {Map<number, {x: number, y: number}>} where pointers that are down are */
    #fingers = new Map();
    /** The slot at which keys begin. */
    #cursor = 0;
    #moved = 0;
    #apart = 0;
    /** @type {Record<string, () => void>} */
    #keys = {
        "+": () => this.#zoom(1),
        "=": () => this.#zoom(1),
        "-": () => this.#zoom(-1),
        0: () => this.#canvas.fit(),
        PageUp: () => this.#go(this.#cursor - POSITIONS),
        PageDown: () => this.#go(this.#cursor + POSITIONS),
        Home: () => this.#go(0),
        End: () => this.#go(this.#cursor < NEW_SLOTS - 1 ? NEW_SLOTS - 1 : SLOTS - 1),
        Enter: () => this.#on.onChoose(this.#cursor),
        " ": () => this.#on.onChoose(this.#cursor),
        Escape: () => this.#on.onChoose(-1),
    };

    /**
     * @param {Canvas} canvas
     * @param {InputListeners} on
     */
    constructor(canvas, on) {
        this.#canvas = canvas;
        this.#on = on;
        this.el = h(
            "div",
            {
                class: "addrman-pointer",
                role: "listbox",
                tabindex: "0",
                "aria-label": "Slots; arrow keys go from one to the next, + and - zoom, Enter highlights",
                "aria-activedescendant": this.#option.id,
                onkeydown: (event) => this.#key(event),
                onpointerdown: (/** @type {PointerEvent} */ event) => this.#down(event),
                onpointermove: (event) => this.#move(event),
                onpointerup: (/** @type {PointerEvent} */ event) => this.#up(event),
                onpointercancel: (/** @type {PointerEvent} */ event) => this.#fingers.delete(event.pointerId),
                onpointerleave: () => on.onPoint(-1, 0, 0),
            },
            this.#option,
        );
        this.describe("no slot");
        this.el.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    }

    /** How fingers move it: while all is seen, they scroll the page. */
    zoomed() {
        this.el.classList.toggle("zoomed", !this.#canvas.fits);
    }

    /** @param {string} text what the slot is, in words */
    describe(text) {
        setText(this.#option, text);
    }

    /** @param {boolean} yes whether a slot is chosen */
    selected(yes) {
        this.#option.setAttribute("aria-selected", String(yes));
    }

    /** @param {number} slot */
    #go(slot) {
        this.#cursor = Math.max(0, Math.min(SLOTS - 1, slot));
        this.#canvas.reveal(this.#cursor);
        this.#canvas.point(this.#cursor);
        this.#on.onCursor(this.#cursor);
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        const arrow = ARROWS[event.key];
        const act = this.#keys[event.key];
        if (!arrow && !act) return;
        event.preventDefault();
        if (!arrow) act();
        else if (event.shiftKey) {
            const { clientWidth: width, clientHeight: height } = this.#canvas.el;
            this.#canvas.pan((-arrow[0] * width) / 4, (-arrow[1] * height) / 4);
        } else this.#go(beside(this.#cursor, arrow[0], arrow[1]));
    }

    /** @param {number} step of the zoom, about the cursor if it is seen */
    #zoom(step) {
        const { x, y } = this.#canvas.placeOf(this.#cursor);
        const isSeen = x >= 0 && y >= 0 && x < this.#canvas.el.clientWidth && y < this.#canvas.el.clientHeight;
        if (isSeen) this.#canvas.zoom(step, x, y);
        else this.#canvas.zoom(step);
        this.#canvas.reveal(this.#cursor);
    }

    /**
     * The wheel scrolls the page, unless the canvas has the focus or a key says that it is to zoom.
     * @param {WheelEvent} event
     */
    #wheel(event) {
        if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.el) return;
        event.preventDefault();
        this.#canvas.zoom(event.deltaY < 0 ? 1 : -1, event.offsetX, event.offsetY);
    }

    /** @param {PointerEvent} event */
    #down(event) {
        this.#fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
        if (this.#fingers.size === 1) this.#moved = 0;
        this.#apart = this.#distance();
        if (event.pointerType !== "touch" || !this.#canvas.fits) this.el.setPointerCapture(event.pointerId);
    }

    #distance() {
        const [a, b] = this.#fingers.values();
        return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
    }

    /** @param {PointerEvent} event */
    #move(event) {
        const { offsetX: x, offsetY: y } = event;
        const finger = this.#fingers.get(event.pointerId);
        if (!finger) {
            if (event.pointerType !== "touch") this.#pointAt(x, y);
            return;
        }
        const [dx, dy] = [x - finger.x, y - finger.y];
        this.#moved += Math.abs(dx) + Math.abs(dy);
        this.#fingers.set(event.pointerId, { x, y });
        if (this.#fingers.size === 2) this.#pinch();
        else if (this.#moved > STILL) this.#canvas.pan(dx, dy);
    }

    #pinch() {
        const now = this.#distance();
        if (!this.#apart || (now < this.#apart * PINCH && now > this.#apart / PINCH)) return;
        const [a, b] = this.#fingers.values();
        this.#canvas.zoom(now > this.#apart ? 1 : -1, (a.x + b.x) / 2, (a.y + b.y) / 2);
        this.#apart = now;
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    #pointAt(x, y) {
        const slot = this.#canvas.at(x, y);
        this.#canvas.point(slot);
        this.#on.onPoint(slot, x, y);
    }

    /** @param {PointerEvent} event */
    #up(event) {
        if (!this.#fingers.delete(event.pointerId) || this.#moved > STILL) return;
        const slot = this.#canvas.at(event.offsetX, event.offsetY);
        if (slot >= 0) this.#cursor = slot;
        this.#canvas.point(slot);
        this.#on.onChoose(slot);
    }
}
