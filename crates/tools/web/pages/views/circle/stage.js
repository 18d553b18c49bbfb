// The stage: a still layer below, and above it what moves: messages, new and ended connections, what is pointed at.
// Nothing is drawn while nothing moves.

import * as colors from "../../lib/colors.js";
import { h } from "../../lib/dom.js";
import { atlas, flights, sizeClass } from "./flights.js";
import { frames } from "./frames.js";
import { move, peerAt } from "./layout.js";
import { FADE, FRESH } from "./peers.js";
import * as still from "./still.js";

const MAX_RATIO = 2;
// Milliseconds between two messages of one peer that came at once, and that one waits at most for that.
const APART = 45;
const LATEST = 450;
// Above so many peers they jump to their places.
const MANY = 300;
const ENDS = { closed: "closed", evicted: "evicted", disappeared: "disappeared", node_restarted: "node restarted" };

export function endName(how) {
    return ENDS[how] ?? "closed";
}

export function stage({ reduced, onResize }) {
    const below = h("canvas", { class: "circle-layer", "aria-hidden": "true" });
    const above = h("canvas", { class: "circle-layer", role: "img", "aria-label": "The circle" });
    const el = h("div", { class: "circle-stage" }, below, above);
    const lower = below.getContext("2d");
    const upper = above.getContext("2d");
    const flying = flights();
    const times = frames();

    let list = [];
    let effects = [];
    let rates = true;
    let width = 0;
    let height = 0;
    let ratio = 0;
    let pictures = null;
    let stale = true;
    let moving = false;
    let request = 0;
    let last = null;
    let frozen = null;
    let away = 0;
    let hovered = null;
    let selected = null;
    let duration = 1100;
    let destroyed = false;
    let tones = null;

    // Time in ms that stands still while paused.
    const clock = () => (frozen ?? performance.now()) - away;

    function wake() {
        if (!request && !destroyed && width > 0) request = window.requestAnimationFrame(frame);
    }

    function resize() {
        width = el.clientWidth;
        height = el.clientHeight;
        const next = Math.min(MAX_RATIO, window.devicePixelRatio || 1);
        const w = Math.round(width * next);
        const hh = Math.round(height * next);
        if (above.width === w && above.height === hh && ratio === next) return;
        if (ratio !== next) forget();
        ratio = next;
        for (const canvas of [below, above]) {
            canvas.width = w;
            canvas.height = hh;
        }
        flying.clear();
        redraw();
        onResize(width, height);
    }

    function forget() {
        pictures?.image.close();
        pictures = null;
        tones = null;
    }

    function redraw() {
        stale = true;
        wake();
    }

    function frame(at) {
        request = 0;
        const started = performance.now();
        if (Math.min(MAX_RATIO, window.devicePixelRatio || 1) !== ratio) resize();
        const now = clock();
        if (moving) {
            const many = list.some((circle) => circle.peers.length > MANY);
            const share = reduced() || many || frozen !== null ? 1 : 0.16;
            moving = list.map((circle) => move(circle, share)).some(Boolean);
            stale = true;
        }
        if (stale) {
            stale = false;
            lower.setTransform(1, 0, 0, 1, 0, 0);
            lower.clearRect(0, 0, below.width, below.height);
            lower.setTransform(ratio, 0, 0, ratio, 0, 0);
            still.draw(lower, list, rates);
        }
        tones ??= Object.fromEntries(
            ["panel", "bad", "muted", "accent"].map((name) => [name, colors.css(`--${name}`)]),
        );
        pictures ??= atlas(ratio, tones.panel);
        upper.setTransform(1, 0, 0, 1, 0, 0);
        upper.clearRect(0, 0, above.width, above.height);
        upper.imageSmoothingEnabled = false;
        flying.draw(upper, pictures, ratio, now);
        upper.setTransform(ratio, 0, 0, ratio, 0, 0);
        drawEffects(now);
        if (selected) highlight(selected, 2.5);
        if (hovered && hovered !== selected) highlight(hovered, 1.5);
        const ended = performance.now();
        times.add(last === null || at - last > 1000 ? null : at - last, ended - started);
        last = at;
        if (frozen === null && !document.hidden && (flying.count || effects.length || moving)) wake();
        else last = null;
    }

    // New peers are marked by a ring that grows, ended ones fade, with how they ended.
    function drawEffects(now) {
        let kept = 0;
        const still_ = reduced();
        for (const peer of effects) {
            const gone = peer.ended === null ? -1 : (now - peer.ended) / FADE;
            const fresh = (now - peer.born) / FRESH;
            const marked = (now - peer.marked) / FRESH;
            if (gone >= 1 || (gone < 0 && fresh >= 1 && marked >= 1) || !peer.ring) continue;
            effects[kept] = peer;
            kept += 1;
            if (gone >= 0) fading(peer, still_ ? 0.3 : gone);
            else if (fresh < 1) pulse(peer, still_ ? 0.5 : fresh, peer.group.color);
            if (gone < 0 && marked < 1) pulse(peer, still_ ? 0.5 : marked, colors.named("vermillion"));
        }
        effects.length = kept;
        upper.globalAlpha = 1;
    }

    function pulse(peer, t, color) {
        upper.globalAlpha = 1 - t;
        upper.strokeStyle = color;
        upper.lineWidth = 2.5;
        upper.beginPath();
        upper.arc(peer.x, peer.y, peer.size + 3 + t * 16, 0, Math.PI * 2);
        upper.stroke();
    }

    function fading(peer, t) {
        const { ring, x, y, size } = peer;
        const alpha = Math.min(1, (1 - t) * 1.3);
        const evicted = peer.how === "evicted";
        const color = evicted ? tones.bad : tones.muted;
        upper.globalAlpha = alpha * 0.7;
        upper.strokeStyle = color;
        upper.lineWidth = 1;
        upper.setLineDash([4, 4]);
        const k = ring.hub / peer.radius;
        upper.beginPath();
        upper.moveTo(ring.cx + (x - ring.cx) * k, ring.cy + (y - ring.cy) * k);
        upper.lineTo(x, y);
        upper.stroke();
        upper.setLineDash([]);
        upper.globalAlpha = alpha;
        ending(upper, peer.how, x, y, Math.max(5, size), color);
        if (effects.length <= 24) ended(peer, color);
    }

    function ended(peer, color) {
        const { ring } = peer;
        const cos = Math.cos(peer.angle);
        const r = peer.radius - Math.max(5, peer.size) - 6;
        upper.font = "600 11px system-ui, sans-serif";
        upper.textBaseline = "middle";
        upper.textAlign = cos > 0 ? "right" : "left";
        const text = `${peer.id} ${endName(peer.how)}`;
        const x = ring.cx + cos * r;
        const y = ring.cy + Math.sin(peer.angle) * r;
        upper.strokeStyle = tones.panel;
        upper.lineWidth = 3;
        upper.strokeText(text, x, y);
        upper.fillStyle = color;
        upper.fillText(text, x, y);
    }

    function highlight(peer, line) {
        if (!peer.ring || (peer.ended !== null && clock() - peer.ended > FADE)) return;
        const { ring, x, y } = peer;
        const k = ring.hub / peer.radius;
        upper.globalAlpha = 1;
        upper.strokeStyle = tones.accent;
        upper.lineWidth = line;
        upper.beginPath();
        upper.moveTo(ring.cx + (x - ring.cx) * k, ring.cy + (y - ring.cy) * k);
        const end = 1 - (peer.size + 4) / peer.radius;
        upper.lineTo(ring.cx + (x - ring.cx) * end, ring.cy + (y - ring.cy) * end);
        upper.moveTo(x + peer.size + 4, y);
        upper.arc(x, y, peer.size + 4, 0, Math.PI * 2);
        upper.stroke();
    }

    const watcher = new ResizeObserver(resize);
    watcher.observe(el);
    const visible = () => {
        flying.clear();
        last = null;
        wake();
    };
    document.addEventListener("visibilitychange", visible);

    return {
        el,
        canvas: above,
        times,
        clock,
        redraw,
        get flying() {
            return flying.count;
        },
        // Circles with their peers placed; those that moved go there.
        show(circles) {
            list = circles;
            moving = true;
            // Places are known at once, for messages and pointers.
            for (const circle of list) move(circle, 0);
            effects = list.flatMap((circle) => circle.peers).filter(isEffect);
            redraw();
        },
        // A peer of which something is to be seen for a while.
        effect(peer) {
            if (!effects.includes(peer)) effects.push(peer);
            redraw();
        },
        mode(drawRates) {
            if (rates === drawRates) return;
            rates = drawRates;
            flying.clear();
            times.clear();
            redraw();
        },
        // How long a message is on its way.
        pace(ms) {
            duration = ms;
        },
        message(peer, kind, received, bytes) {
            if (!peer.ring || document.hidden || frozen !== null || rates) return;
            const now = clock();
            const side = received ? 0 : 1;
            const at = Math.min(Math.max(now, peer.next[side]), now + LATEST);
            peer.next[side] = at + APART;
            flying.add(peer, at, duration, kind, received, sizeClass(bytes));
            if (!request) wake();
        },
        hover(peer) {
            if (hovered === peer) return;
            hovered = peer;
            wake();
        },
        select(peer) {
            selected = peer;
            wake();
        },
        at: (x, y) => peerAt(list, x, y),
        pause(on) {
            if (on === (frozen !== null)) return;
            if (on) {
                frozen = performance.now();
            } else {
                away += performance.now() - frozen;
                frozen = null;
                last = null;
            }
            wake();
        },
        theme() {
            forget();
            redraw();
        },
        destroy() {
            destroyed = true;
            window.cancelAnimationFrame(request);
            forget();
            watcher.disconnect();
            document.removeEventListener("visibilitychange", visible);
        },
    };

    function isEffect(peer) {
        const now = clock();
        return peer.ended !== null || now - peer.born < FRESH || now - peer.marked < FRESH;
    }
}

// How a connection ended, as a sign: closed ⊗, evicted ⊖, otherwise a dashed ring.
export function ending(c, how, x, y, r, color) {
    const sign = how === "closed" || how === "evicted";
    c.strokeStyle = color;
    c.lineWidth = 1.8;
    c.beginPath();
    if (!sign) c.setLineDash([2.5, 2.5]);
    c.arc(x, y, r, 0, Math.PI * 2);
    c.stroke();
    c.setLineDash([]);
    if (!sign) return;
    const k = r * (how === "closed" ? 0.45 : 0.6);
    c.beginPath();
    if (how === "closed") {
        c.moveTo(x - k, y - k);
        c.lineTo(x + k, y + k);
        c.moveTo(x - k, y + k);
        c.lineTo(x + k, y - k);
    } else {
        c.moveTo(x - k, y);
        c.lineTo(x + k, y);
    }
    c.stroke();
}
