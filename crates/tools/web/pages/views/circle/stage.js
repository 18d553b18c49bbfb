// @ts-check
// The stage: a still layer below, and above it what moves: messages, new and ended connections, what is pointed at.
// Nothing is drawn while nothing moves.

import { h } from "../../lib/dom.js";
import { drawEffects, highlight, isEffect, tonesOf } from "./effects.js";
import { atlas, flights, sizeClass } from "./flights.js";
import { frames } from "./frames.js";
import { move, peerAt } from "./layout.js";
import { context } from "./shapes.js";
import * as still from "./still.js";

/** @import { Tones } from "./effects.js" */
/** @import { Atlas } from "./flights.js" */
/** @import { Circle } from "./layout.js" */
/** @import { CirclePeer } from "./peers.js" */

const MAX_RATIO = 2;
/** Milliseconds between two messages of one peer that came at once. */
const APART = 45;
/** For how many milliseconds at most a message waits for that. */
const LATEST = 450;
/** Above so many peers they jump to their places. */
const MANY = 300;

/** Pixels of the device in one of the page. */
const pixelRatio = () => Math.min(MAX_RATIO, window.devicePixelRatio || 1);

export class Stage {
    /** How long pictures take. */
    times = frames();
    #below = h("canvas", { class: "circle-layer", "aria-hidden": "true" });
    #above = h("canvas", { class: "circle-layer", role: "img", "aria-label": "The circle" });
    #lower = context(this.#below);
    #upper = context(this.#above);
    #flying = flights();
    #reduced;
    #onResize;
    #watcher;

    /** @type {Circle[]} */
    #list = [];
    /** @type {CirclePeer[]} */
    #effects = [];
    #rates = true;
    #width = 0;
    #ratio = 0;
    /** @type {Atlas | null} */
    #pictures = null;
    /** @type {Tones | null} */
    #tones = null;
    /** Whether the still layer must be drawn anew. */
    #stale = true;
    #moving = false;
    /** The animation frame that will draw; 0: none. */
    #request = 0;
    /** @type {number | null} when the last picture was drawn */
    #last = null;
    /** @type {number | null} since when it is paused */
    #frozen = null;
    /** For how many milliseconds it was paused in all. */
    #away = 0;
    /** @type {CirclePeer | null} */
    #hovered = null;
    /** @type {CirclePeer | null} */
    #selected = null;
    /** For how many milliseconds a message is on its way. */
    #duration = 1100;
    #destroyed = false;

    /**
     * @param {() => boolean} reduced whether the system asks for less motion
     * @param {() => void} onResize
     */
    constructor(reduced, onResize) {
        this.#reduced = reduced;
        this.#onResize = onResize;
        this.el = h("div", { class: "circle-stage" }, this.#below, this.#above);
        this.#watcher = new ResizeObserver(() => this.#resize());
        this.#watcher.observe(this.el);
        document.addEventListener("visibilitychange", this.#visible);
    }

    /** The canvas whose label has in words what is shown. */
    get canvas() {
        return this.#above;
    }

    /** How many messages are drawn now. */
    get flying() {
        return this.#flying.count;
    }

    /** Time in milliseconds that stands still while paused. */
    clock() {
        return (this.#frozen ?? performance.now()) - this.#away;
    }

    /** Draws the still layer anew. */
    redraw() {
        this.#stale = true;
        this.#wake();
    }

    /**
     * Circles with their peers placed; those that moved go there.
     * @param {Circle[]} circles
     */
    show(circles) {
        this.#list = circles;
        this.#moving = true;
        // Places are known at once, for messages and pointers.
        for (const circle of circles) move(circle, 0);
        const now = this.clock();
        this.#effects = circles.flatMap((circle) => circle.peers).filter((peer) => isEffect(peer, now));
        this.redraw();
    }

    /**
     * A peer of which something is to be seen for a while.
     * @param {CirclePeer} peer
     */
    effect(peer) {
        if (!this.#effects.includes(peer)) this.#effects.push(peer);
        this.redraw();
    }

    /** @param {boolean} rates whether lines show how much goes over them, in place of messages */
    mode(rates) {
        if (this.#rates === rates) return;
        this.#rates = rates;
        this.#flying.clear();
        this.times.clear();
        this.redraw();
    }

    /** @param {number} ms for how long a message is on its way */
    pace(ms) {
        this.#duration = ms;
    }

    /**
     * @param {CirclePeer} peer
     * @param {number} kind the number of its type
     * @param {boolean} received
     * @param {number} bytes
     */
    message(peer, kind, received, bytes) {
        if (!peer.ring || document.hidden || this.#frozen !== null || this.#rates) return;
        const now = this.clock();
        const side = received ? 0 : 1;
        const at = Math.min(Math.max(now, peer.next[side]), now + LATEST);
        peer.next[side] = at + APART;
        this.#flying.add(peer, at, this.#duration, kind, received, sizeClass(bytes));
        if (!this.#request) this.#wake();
    }

    /** @param {CirclePeer | null} peer */
    hover(peer) {
        if (this.#hovered === peer) return;
        this.#hovered = peer;
        this.#wake();
    }

    /** @param {CirclePeer | null} peer */
    select(peer) {
        this.#selected = peer;
        this.#wake();
    }

    /**
     * The peer at a point.
     * @param {number} x
     * @param {number} y
     */
    at(x, y) {
        return peerAt(this.#list, x, y);
    }

    /** @param {boolean} on */
    pause(on) {
        if (on === (this.#frozen !== null)) return;
        if (on) {
            this.#frozen = performance.now();
        } else {
            this.#away += performance.now() - (this.#frozen ?? 0);
            this.#frozen = null;
            this.#last = null;
        }
        this.#wake();
    }

    /** The theme changed. */
    theme() {
        this.#forget();
        this.redraw();
    }

    destroy() {
        this.#destroyed = true;
        window.cancelAnimationFrame(this.#request);
        this.#forget();
        this.#watcher.disconnect();
        document.removeEventListener("visibilitychange", this.#visible);
    }

    #visible = () => {
        this.#flying.clear();
        this.#last = null;
        this.#wake();
    };

    #wake() {
        if (this.#request || this.#destroyed || this.#width === 0) return;
        this.#request = window.requestAnimationFrame((at) => this.#frame(at));
    }

    #resize() {
        this.#width = this.el.clientWidth;
        const ratio = pixelRatio();
        const width = Math.round(this.#width * ratio);
        const height = Math.round(this.el.clientHeight * ratio);
        if (this.#above.width === width && this.#above.height === height && this.#ratio === ratio) return;
        if (this.#ratio !== ratio) this.#forget();
        this.#ratio = ratio;
        for (const canvas of [this.#below, this.#above]) {
            canvas.width = width;
            canvas.height = height;
        }
        this.#flying.clear();
        this.redraw();
        this.#onResize();
    }

    /** Pictures and colours belong to a theme and a pixel ratio. */
    #forget() {
        this.#pictures?.image.close();
        this.#pictures = null;
        this.#tones = null;
    }

    /** @param {number} at when the browser draws, in milliseconds */
    #frame(at) {
        this.#request = 0;
        const started = performance.now();
        if (pixelRatio() !== this.#ratio) this.#resize();
        const now = this.clock();
        this.#drawLower();
        this.#drawUpper(now);
        const ended = performance.now();
        this.times.add(this.#last === null || at - this.#last > 1000 ? null : at - this.#last, ended - started);
        this.#last = at;
        const more = this.#flying.count || this.#effects.length || this.#moving;
        if (this.#frozen === null && !document.hidden && more) this.#wake();
        else this.#last = null;
    }

    #drawLower() {
        if (this.#moving) {
            const many = this.#list.some((circle) => circle.peers.length > MANY);
            const share = this.#reduced() || many || this.#frozen !== null ? 1 : 0.16;
            this.#moving = this.#list.map((circle) => move(circle, share)).some(Boolean);
            this.#stale = true;
        }
        if (!this.#stale) return;
        this.#stale = false;
        const c = this.#lower;
        c.setTransform(1, 0, 0, 1, 0, 0);
        c.clearRect(0, 0, this.#below.width, this.#below.height);
        c.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
        still.draw(c, this.#list, this.#rates);
    }

    /** @param {number} now */
    #drawUpper(now) {
        const tones = this.#tones ?? tonesOf();
        this.#tones = tones;
        this.#pictures ??= atlas(this.#ratio, tones.panel);
        const c = this.#upper;
        c.setTransform(1, 0, 0, 1, 0, 0);
        c.clearRect(0, 0, this.#above.width, this.#above.height);
        c.imageSmoothingEnabled = false;
        this.#flying.draw(c, this.#pictures, this.#ratio, now);
        c.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
        drawEffects(c, this.#effects, now, tones, this.#reduced());
        const [selected, hovered] = [this.#selected, this.#hovered];
        if (selected) highlight(c, selected, 2.5, tones.accent, now);
        if (hovered && hovered !== selected) highlight(c, hovered, 1.5, tones.accent, now);
    }
}
