// @ts-check
// What is drawn above the still layer beside messages: new peers, ended connections, and what is selected or pointed at.

import * as colors from "../../lib/colors.js";
import { FADE, FRESH } from "./peers.js";

/** @import { CirclePeer, ShownPeer } from "./peers.js" */

/** @type {Record<string, string>} */
const ENDS = { closed: "closed", evicted: "evicted", disappeared: "disappeared", node_restarted: "node restarted" };
/** Up to so many ends are written out. */
const WRITTEN = 24;

/**
 * How a connection ended, in words.
 * @param {string | null | undefined} how
 */
export function endName(how) {
    return ENDS[how ?? ""] ?? "closed";
}

/** Colours of the theme. */
export function tonesOf() {
    const [panel, bad, muted, accent] = ["panel", "bad", "muted", "accent"].map((name) => colors.css(`--${name}`));
    return { panel, bad, muted, accent };
}

/** @typedef {ReturnType<typeof tonesOf>} Tones */

/**
 * Whether something of a peer is to be seen for a while.
 * @param {CirclePeer} peer
 * @param {number} now
 */
export function isEffect(peer, now) {
    return peer.ended !== null || now - peer.born < FRESH || now - peer.marked < FRESH;
}

/**
 * New peers are marked by a ring that grows, ended ones fade, with how they ended. Forgets those that are over.
 * @param {CanvasRenderingContext2D} c
 * @param {CirclePeer[]} effects
 * @param {number} now
 * @param {Tones} tones
 * @param {boolean} calm nothing grows or fades
 */
export function drawEffects(c, effects, now, tones, calm) {
    let kept = 0;
    const written = effects.length <= WRITTEN;
    for (const peer of effects) {
        const gone = peer.ended === null ? -1 : (now - peer.ended) / FADE;
        const fresh = (now - peer.born) / FRESH;
        const marked = (now - peer.marked) / FRESH;
        if (gone >= 1 || (gone < 0 && fresh >= 1 && marked >= 1) || !isShown(peer)) continue;
        effects[kept] = peer;
        kept += 1;
        if (gone >= 0) fading(c, peer, calm ? 0.3 : gone, tones, written);
        else if (fresh < 1) pulse(c, peer, calm ? 0.5 : fresh, peer.group.color);
        if (gone < 0 && marked < 1) pulse(c, peer, calm ? 0.5 : marked, colors.named("vermillion"));
    }
    effects.length = kept;
    c.globalAlpha = 1;
}

/** @type {(peer: CirclePeer) => peer is ShownPeer} */
const isShown = (peer) => peer.ring !== null && peer.group !== null;

/**
 * @param {CanvasRenderingContext2D} c
 * @param {CirclePeer} peer
 * @param {number} t from 0 to 1
 * @param {string} color
 */
function pulse(c, peer, t, color) {
    c.globalAlpha = 1 - t;
    c.strokeStyle = color;
    c.lineWidth = 2.5;
    c.beginPath();
    c.arc(peer.x, peer.y, peer.size + 3 + t * 16, 0, Math.PI * 2);
    c.stroke();
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {ShownPeer} peer
 * @param {number} t from 0 to 1
 * @param {Tones} tones
 * @param {boolean} written whether its end is written out
 */
function fading(c, peer, t, tones, written) {
    const { ring, x, y, size } = peer;
    const alpha = Math.min(1, (1 - t) * 1.3);
    const color = peer.how === "evicted" ? tones.bad : tones.muted;
    c.globalAlpha = alpha * 0.7;
    c.strokeStyle = color;
    c.lineWidth = 1;
    c.setLineDash([4, 4]);
    const k = ring.hub / peer.radius;
    c.beginPath();
    c.moveTo(ring.cx + (x - ring.cx) * k, ring.cy + (y - ring.cy) * k);
    c.lineTo(x, y);
    c.stroke();
    c.setLineDash([]);
    c.globalAlpha = alpha;
    ending(c, peer.how, x, y, Math.max(5, size), color);
    if (written) endWritten(c, peer, color, tones.panel);
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {ShownPeer} peer
 * @param {string} color
 * @param {string} background
 */
function endWritten(c, peer, color, background) {
    const { ring } = peer;
    const cos = Math.cos(peer.angle);
    const r = peer.radius - Math.max(5, peer.size) - 6;
    c.font = "600 11px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.textAlign = cos > 0 ? "right" : "left";
    const text = `${peer.id} ${endName(peer.how)}`;
    const x = ring.cx + cos * r;
    const y = ring.cy + Math.sin(peer.angle) * r;
    c.strokeStyle = background;
    c.lineWidth = 3;
    c.strokeText(text, x, y);
    c.fillStyle = color;
    c.fillText(text, x, y);
}

/**
 * Marks a peer and its line.
 * @param {CanvasRenderingContext2D} c
 * @param {CirclePeer} peer
 * @param {number} width of the line
 * @param {string} color
 * @param {number} now
 */
export function highlight(c, peer, width, color, now) {
    if (!peer.ring || (peer.ended !== null && now - peer.ended > FADE)) return;
    const { ring, x, y } = peer;
    const k = ring.hub / peer.radius;
    c.globalAlpha = 1;
    c.strokeStyle = color;
    c.lineWidth = width;
    c.beginPath();
    c.moveTo(ring.cx + (x - ring.cx) * k, ring.cy + (y - ring.cy) * k);
    const end = 1 - (peer.size + 4) / peer.radius;
    c.lineTo(ring.cx + (x - ring.cx) * end, ring.cy + (y - ring.cy) * end);
    c.moveTo(x + peer.size + 4, y);
    c.arc(x, y, peer.size + 4, 0, Math.PI * 2);
    c.stroke();
}

/**
 * How a connection ended, as a sign: closed ⊗, evicted ⊖, otherwise a dashed ring.
 * @param {CanvasRenderingContext2D} c
 * @param {string | null} how
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {string} color
 */
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
