// @ts-check
// The canvas. All slots are drawn once, into a picture for each base of the zoom; after that, a frame is one or two copies of
// pictures, and nothing is drawn while nothing changes.

import * as colors from "../../lib/colors.js";
import { h } from "../../lib/dom.js";
import { pixelsOf, tonesOf } from "./colouring.js";
import { baseOf, layout, PITCHES, POSITIONS, placeOf, SLOTS } from "./geometry.js";

/** @import { Colouring } from "./colouring.js" */
/** @import { Layout } from "./geometry.js" */

const MAX_RATIO = 3;
/** Room above each table for its name, in pixels of the page. */
const HEADING = 20;
/** Names of buckets are written if there is so much room between buckets, in pixels of the page. */
const ROOM_FOR_NAMES = 10;
/** How much of those that are not highlighted is seen. */
const FAINT = 0.22;
/** So many slots that stand out are drawn one by one: a picture of them would take longer. */
const FEW = 8000;
/** Below this width, in pixels of the page, the tried table stands below the new one. */
const NARROW = 640;

/** Slots in the colours of their categories. */
class Picture {
    /** @type {HTMLCanvasElement | null} */
    #canvas = null;
    #key = "";

    /**
     * @param {Layout} place
     * @param {Colouring} colouring
     * @param {Uint32Array} pixels
     * @param {Uint8Array | null} only slots that are drawn; null: all
     * @param {string} key what it depends on
     */
    of(place, colouring, pixels, only, key) {
        if (this.#canvas && this.#key === key) return this.#canvas;
        const canvas = this.#canvas ?? document.createElement("canvas");
        [canvas.width, canvas.height] = [place.width, place.height];
        const context = contextOf(canvas);
        const image = context.createImageData(place.width, place.height);
        const data = new Uint32Array(image.data.buffer);
        const { width, slot: side } = place;
        for (let slot = 0; slot < SLOTS; slot += 1) {
            if (only && !only[slot]) continue;
            const [x, y] = place.of(slot);
            const pixel = pixels[colouring.of[slot]];
            let from = y * width + x;
            for (let row = 0; row < side; row += 1) {
                for (let i = from; i < from + side; i += 1) data[i] = pixel;
                from += width;
            }
        }
        context.putImageData(image, 0, 0);
        this.#canvas = canvas;
        this.#key = key;
        return canvas;
    }
}

/**
 * The slots that stand out; null if they are many.
 * @param {Uint8Array} slots
 */
function listOf(slots) {
    /** @type {number[]} */
    const list = [];
    for (let slot = slots.indexOf(1); slot >= 0; slot = slots.indexOf(1, slot + 1)) {
        list.push(slot);
        if (list.length > FEW) return null;
    }
    return list;
}

/** @param {HTMLCanvasElement} canvas */
function contextOf(canvas) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser draws no canvas");
    return context;
}

export class Canvas {
    el;
    #canvas = h("canvas", { class: "addrman-canvas", role: "img", "aria-label": "The tables" });
    #context = contextOf(this.#canvas);
    #all = new Picture();
    #some = new Picture();
    /** @type {Colouring} */
    #colouring = { of: new Uint8Array(SLOTS), list: [] };
    #pixels = new Uint32Array(1);
    /** @type {string[]} the same for single slots */
    #tones = [];
    /** @type {Uint8Array | null} slots that stand out */
    #highlight = null;
    /** @type {number[] | null} the same as a list, if they are few */
    #few = null;
    #coloured = 0;
    #highlighted = 0;
    #cursor = -1;
    #ratio = 1;
    #pitch = 1;
    #fit = 1;
    /** @type {Layout} at the base of the pitch */
    #place = layout(1, 1, false);
    #times = 1;
    /** Where the tables begin, in pixels of the device. */
    #x = 0;
    #y = 0;
    /** The animation frame that will draw; 0: none. */
    #request = 0;
    /** The animation frame that will measure; 0: none. */
    #measuring = 0;
    #watcher = new ResizeObserver(() => {
        // Not at once: it sets the height of what is watched.
        this.#measuring ||= window.requestAnimationFrame(() => {
            this.#measuring = 0;
            this.#resize();
        });
    });
    #onZoom;

    /** @param {() => void} onZoom called when another zoom is shown */
    constructor(onZoom) {
        this.#onZoom = onZoom;
        this.el = h("div", { class: "addrman-stage" }, this.#canvas);
        this.#watcher.observe(this.el);
    }

    destroy() {
        this.#watcher.disconnect();
        window.cancelAnimationFrame(this.#request);
        window.cancelAnimationFrame(this.#measuring);
    }

    /** What the canvas shows, in words. */
    set label(/** @type {string} */ text) {
        this.#canvas.setAttribute("aria-label", text);
    }

    /** Whether all is seen. */
    get fits() {
        return this.#pitch === this.#fit;
    }

    /** Whether it can be drawn larger, and smaller. */
    get can() {
        return { larger: this.#pitch < PITCHES[PITCHES.length - 1], smaller: this.#pitch > this.#fit };
    }

    /** @param {Colouring} colouring */
    show(colouring) {
        this.#colouring = colouring;
        this.theme();
    }

    /** The colours of the theme. */
    theme() {
        this.#pixels = pixelsOf(this.#colouring.list);
        this.#tones = tonesOf(this.#colouring.list);
        this.#coloured += 1;
        this.#wake();
    }

    /** @param {Uint8Array | null} slots that stand out */
    highlight(slots) {
        if (!slots && !this.#highlight) return;
        this.#highlight = slots;
        this.#few = slots ? listOf(slots) : null;
        this.#highlighted += 1;
        this.#wake();
    }

    /** @param {number} slot the one that is pointed at; -1: none */
    point(slot) {
        if (this.#cursor === slot) return;
        this.#cursor = slot;
        this.#wake();
    }

    /**
     * The slot at a point of the element; -1 if there is none.
     * @param {number} x
     * @param {number} y
     */
    at(x, y) {
        return this.#place.at((x * this.#ratio - this.#x) / this.#times, (y * this.#ratio - this.#y) / this.#times);
    }

    /**
     * Where a slot is, in the element: its corner and its side.
     * @param {number} slot
     */
    placeOf(slot) {
        const [x, y] = this.#place.of(slot);
        const [times, ratio] = [this.#times, this.#ratio];
        return {
            x: (x * times + this.#x) / ratio,
            y: (y * times + this.#y) / ratio,
            side: (this.#place.slot * times) / ratio,
        };
    }

    /**
     * @param {number} dx in pixels of the page
     * @param {number} dy
     */
    pan(dx, dy) {
        this.#x += Math.round(dx * this.#ratio);
        this.#y += Math.round(dy * this.#ratio);
        this.#keepInSight();
    }

    /**
     * A step larger (1) or smaller (-1); a point of the element stays where it is.
     * @param {number} step
     * @param {number} x
     * @param {number} y
     */
    zoom(step, x = this.el.clientWidth / 2, y = this.el.clientHeight / 2) {
        const next = PITCHES[PITCHES.indexOf(this.#pitch) + step];
        if (next === undefined || next < this.#fit) return;
        const [px, py] = [x * this.#ratio, y * this.#ratio];
        const at = [(px - this.#x) / this.#pitch, (py - this.#y) / this.#pitch];
        this.#set(next);
        this.#x = Math.round(px - at[0] * next);
        this.#y = Math.round(py - at[1] * next);
        this.#keepInSight();
    }

    /** Shows all. */
    fit() {
        this.#set(this.#fit);
        this.#x = 0;
        this.#y = 0;
        this.#keepInSight();
    }

    /**
     * Brings a slot into sight.
     * @param {number} slot
     */
    reveal(slot) {
        const { x, y, side } = this.placeOf(slot);
        const { clientWidth: width, clientHeight: height } = this.el;
        const margin = Math.min(60, width / 4);
        /** @type {(at: number, room: number) => number} */
        const move = (at, room) =>
            at < margin ? margin - at : at + side > room - margin ? room - margin - side - at : 0;
        if (!this.fits) this.pan(move(x, width), move(y, height));
    }

    #resize() {
        const width = this.el.clientWidth;
        if (!width) return;
        this.#ratio = Math.min(MAX_RATIO, window.devicePixelRatio || 1);
        const room = Math.floor(width * this.#ratio);
        const fitting = PITCHES.filter((pitch) => this.#layoutOf(pitch).width <= room);
        const fits = this.fits;
        this.#fit = fitting[fitting.length - 1] ?? PITCHES[0];
        if (fits || this.#pitch < this.#fit) this.#pitch = this.#fit;
        const whole = this.#layoutOf(this.#fit);
        const height = Math.ceil(whole.height / this.#ratio) + HEADING + 2;
        const shown = `${Math.max(height, 200)}px`;
        if (this.el.style.height !== shown) this.el.style.height = shown;
        this.#canvas.width = room;
        this.#canvas.height = Math.floor(Math.max(height, 200) * this.#ratio);
        this.#set(this.#pitch);
        this.#keepInSight();
    }

    /** @param {number} pitch */
    #layoutOf(pitch) {
        const below = this.el.clientWidth < NARROW;
        const [base, times] = baseOf(pitch);
        const between = Math.ceil(((HEADING + 4) * this.#ratio) / times);
        const place = layout(base, between, below);
        return { place, times, width: place.width * times, height: place.height * times };
    }

    /** @param {number} pitch */
    #set(pitch) {
        this.#pitch = pitch;
        const { place, times } = this.#layoutOf(pitch);
        this.#place = place;
        this.#times = times;
        this.#onZoom();
    }

    /** The tables stay within the canvas, or fill it. */
    #keepInSight() {
        const heading = Math.round(HEADING * this.#ratio);
        /** @type {(at: number, size: number, room: number, first: number) => number} */
        const keep = (at, size, room, first) =>
            size <= room - first ? first : Math.min(first, Math.max(room - size, at));
        const { width, height } = this.#place;
        const [x, y] = [this.#canvas.width, this.#canvas.height];
        const left = Math.max(0, Math.floor((x - width * this.#times) / 2));
        this.#x = keep(this.#x, width * this.#times, x, width * this.#times <= x ? left : 0);
        this.#y = keep(this.#y, height * this.#times, y, heading);
        this.#wake();
    }

    #wake() {
        this.#request ||= window.requestAnimationFrame(() => this.#draw());
    }

    #draw() {
        this.#request = 0;
        const c = this.#context;
        const place = this.#place;
        c.setTransform(1, 0, 0, 1, 0, 0);
        c.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
        c.imageSmoothingEnabled = false;
        const size = `${place.pitch} ${place.width} ${place.height} ${this.#coloured}`;
        const all = this.#all.of(place, this.#colouring, this.#pixels, null, size);
        c.globalAlpha = this.#highlight ? FAINT : 1;
        this.#copy(all);
        c.globalAlpha = 1;
        if (this.#few) this.#single(this.#few);
        else if (this.#highlight) {
            const key = `${size} ${this.#highlighted}`;
            this.#copy(this.#some.of(place, this.#colouring, this.#pixels, this.#highlight, key));
        }
        this.#names();
        if (this.#cursor >= 0) this.#frame(this.#cursor);
    }

    /**
     * Draws single slots.
     * @param {number[]} slots
     */
    #single(slots) {
        const c = this.#context;
        const times = this.#times;
        const side = this.#place.slot * times;
        const [width, height] = [this.#canvas.width, this.#canvas.height];
        for (const slot of slots) {
            const [sx, sy] = this.#place.of(slot);
            const [x, y] = [sx * times + this.#x, sy * times + this.#y];
            if (x + side < 0 || y + side < 0 || x > width || y > height) continue;
            c.fillStyle = this.#tones[this.#colouring.of[slot]];
            c.fillRect(x, y, side, side);
        }
    }

    /**
     * Copies the part of a picture that is in sight.
     * @param {HTMLCanvasElement} picture
     */
    #copy(picture) {
        const times = this.#times;
        const x = Math.max(0, Math.floor(-this.#x / times));
        const y = Math.max(0, Math.floor(-this.#y / times));
        const width = Math.min(picture.width - x, Math.ceil(this.#canvas.width / times) + 1);
        const height = Math.min(picture.height - y, Math.ceil(this.#canvas.height / times) + 1);
        if (width <= 0 || height <= 0) return;
        const to = [this.#x + x * times, this.#y + y * times, width * times, height * times];
        this.#context.drawImage(picture, x, y, width, height, to[0], to[1], to[2], to[3]);
    }

    /** The names of the tables, or of the buckets if there is room. */
    #names() {
        const c = this.#context;
        const { x, y, gap, bucket } = this.#place;
        const [times, ratio] = [this.#times, this.#ratio];
        c.textBaseline = "alphabetic";
        c.fillStyle = colors.css("--muted");
        if (gap * times < ROOM_FOR_NAMES * ratio) {
            c.font = `${12 * ratio}px ${colors.css("--font")}`;
            for (const [t, text] of ["new: 1,024 buckets", "tried: 256 buckets"].entries()) {
                c.fillText(text, Math.max(0, x[t] * times + this.#x), y[t] * times + this.#y - 6 * ratio);
            }
            return;
        }
        c.font = `${Math.min(11 * ratio, gap * times - 1)}px ${colors.css("--font")}`;
        for (let slot = 0; slot < SLOTS; slot += POSITIONS) {
            const [sx, sy] = this.#place.of(slot);
            const [bx, by] = [sx * times + this.#x, sy * times + this.#y];
            const side = bucket * times;
            if (bx + side < 0 || by + side < 0 || bx > this.#canvas.width || by > this.#canvas.height) continue;
            const [table, number] = placeOf(slot);
            c.fillText(`${table} ${number}`, bx, by - 3);
        }
    }

    /** @param {number} slot */
    #frame(slot) {
        const c = this.#context;
        const { x, y, side } = this.placeOf(slot);
        const r = this.#ratio;
        const out = Math.max(1, Math.round(1.5 * r));
        c.lineWidth = out;
        for (const [color, more] of /** @type {[string, number][]} */ ([
            [colors.css("--panel"), out * 1.5],
            [colors.css("--fg"), out / 2],
        ])) {
            c.strokeStyle = color;
            c.strokeRect(x * r - more, y * r - more, side * r + 2 * more, side * r + 2 * more);
        }
    }
}
