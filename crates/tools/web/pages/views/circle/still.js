// @ts-check
// The layer that changes seldom: lines, peers, their names, the nodes in the middle. In "rates" the lines are drawn by
// how much goes over them: the half at the peer by what it sends, the half at the node by what the node sends.

import * as colors from "../../lib/colors.js";
import * as f from "../../lib/format.js";
import { trace } from "./shapes.js";

/** @import { Group } from "./groups.js" */
/** @import { Circle } from "./layout.js" */
/** @import { CirclePeer } from "./peers.js" */
/** @typedef {{left: number, right: number, y: number}} Box */

// A path of very many lines is slow to draw; so many at once are not.
const AT_ONCE = 48;
const LEVELS = 6;
const WIDTHS = [0.6, 1, 1.5, 2.2, 3.2, 4.5];
const ALPHAS = [0.16, 0.4, 0.55, 0.7, 0.85, 1];
// From which rate on a line has a level: messages per second, and bytes per second where only these are known.
export const MESSAGE_STEPS = [0.02, 0.2, 1, 5, 25];
export const BYTE_STEPS = [2, 20, 100, 1000, 10_000];

/**
 * The level of a rate.
 * @param {Maybe} rate
 * @param {number[]} steps
 */
export function levelOf(rate, steps) {
    if (rate === null || rate === undefined) return 0;
    let level = 0;
    while (level < steps.length && rate >= steps[level]) level += 1;
    return level;
}

/**
 * Draws the whole layer.
 * @param {CanvasRenderingContext2D} c
 * @param {Circle[]} list
 * @param {boolean} rates whether lines show how much goes over them
 */
export function draw(c, list, rates) {
    const fg = colors.css("--fg");
    const muted = colors.css("--muted");
    const panel = colors.css("--panel");
    for (const circle of list) {
        if (rates) rateLines(c, circle);
        else plainLines(c, circle);
        markers(c, circle, panel);
        hub(c, circle, panel, colors.css("--line-strong"));
        if (circle.labels) names(c, circle, fg, muted);
    }
    c.globalAlpha = 1;
}

/**
 * Peers by group, those that ended left out: they are drawn while they fade.
 * @param {Circle} circle
 */
function byGroup(circle) {
    /** @type {Map<Group, CirclePeer[]>} */
    const groups = new Map();
    for (const peer of circle.peers) {
        if (peer.ended !== null || !peer.group) continue;
        const of = groups.get(peer.group);
        if (of) of.push(peer);
        else groups.set(peer.group, [peer]);
    }
    return groups;
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {Circle} circle
 */
function plainLines(c, circle) {
    const n = circle.peers.length;
    c.lineWidth = n > 200 ? 0.7 : 1;
    c.globalAlpha = n > 300 ? 0.16 : n > 60 ? 0.28 : 0.42;
    for (const [group, peers] of byGroup(circle)) {
        c.strokeStyle = group.color;
        strokes(c, peers, (peer) => {
            const k = circle.hub / peer.radius;
            c.moveTo(circle.cx + (peer.x - circle.cx) * k, circle.cy + (peer.y - circle.cy) * k);
            c.lineTo(peer.x, peer.y);
        });
    }
    c.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {CirclePeer[]} peers
 * @param {(peer: CirclePeer) => void} line
 */
function strokes(c, peers, line) {
    for (let i = 0; i < peers.length; i += AT_ONCE) {
        c.beginPath();
        for (let j = i; j < Math.min(peers.length, i + AT_ONCE); j += 1) line(peers[j]);
        c.stroke();
    }
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {Circle} circle
 */
function rateLines(c, circle) {
    const peers = circle.peers.filter((peer) => peer.ended === null);
    const most = Math.max(1.2, ((Math.PI * 2 * circle.outer) / Math.max(1, peers.length)) * 1.4);
    for (const side of [0, 1]) {
        c.strokeStyle = colors.named(side === 0 ? "blue" : "orange");
        for (let level = 0; level < LEVELS; level += 1) {
            const mine = peers.filter((peer) => peer.level[side] === level);
            c.lineWidth = WIDTHS[level] * Math.min(1, (side === 0 ? most : most * 0.7) / WIDTHS[LEVELS - 1]);
            c.globalAlpha = ALPHAS[level];
            strokes(c, mine, (peer) => {
                const middle = (circle.hub + peer.radius) / 2 / peer.radius;
                const to = side === 0 ? 1 : circle.hub / peer.radius;
                const dx = peer.x - circle.cx;
                const dy = peer.y - circle.cy;
                c.moveTo(circle.cx + dx * middle, circle.cy + dy * middle);
                c.lineTo(circle.cx + dx * to, circle.cy + dy * to);
            });
        }
    }
    c.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {Circle} circle
 * @param {string} panel
 */
function markers(c, circle, panel) {
    for (const [group, peers] of byGroup(circle)) {
        c.fillStyle = group.color;
        c.strokeStyle = panel;
        c.lineWidth = 1;
        for (let i = 0; i < peers.length; i += AT_ONCE) {
            c.beginPath();
            for (let j = i; j < Math.min(peers.length, i + AT_ONCE); j += 1) {
                trace(c, group.shape, peers[j].x, peers[j].y, circle.size);
            }
            if (circle.size > 4) c.stroke();
            c.fill("evenodd");
        }
    }
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {Circle} circle
 * @param {string} panel
 * @param {string} line
 */
function hub(c, circle, panel, line) {
    c.beginPath();
    c.arc(circle.cx, circle.cy, circle.hub, 0, Math.PI * 2);
    c.fillStyle = panel;
    c.fill();
    c.strokeStyle = line;
    c.lineWidth = 1.5;
    c.stroke();
}

/**
 * The names beside peers: ids, where there is room addresses too. One that would lie on the one before is left out.
 * @param {CanvasRenderingContext2D} c
 * @param {Circle} circle
 * @param {string} fg
 * @param {string} muted
 */
function names(c, circle, fg, muted) {
    c.textBaseline = "middle";
    c.font = "11px system-ui, sans-serif";
    /** @type {Box | null} */
    let last = null;
    for (const peer of circle.peers) {
        if (peer.ended === null) last = label(c, circle, peer, fg, muted, last);
    }
}

const LINE = 12;

/**
 * @param {CanvasRenderingContext2D} c
 * @param {Circle} circle
 * @param {CirclePeer} peer
 * @param {string} fg
 * @param {string} muted
 * @param {Box | null} last
 * @returns {Box | null} where the last name is
 */
function label(c, circle, peer, fg, muted, last) {
    const r = peer.radius + circle.size + 6;
    const cos = Math.cos(peer.angle);
    const sin = Math.sin(peer.angle);
    const middle = Math.abs(cos) < 0.25;
    const x = circle.cx + cos * r;
    const y = circle.cy + sin * r + (middle ? Math.sign(sin) * 3 : 0);
    const id = String(peer.id);
    const addr = circle.labels === "addr" && !middle && peer.data.addr ? f.printable(peer.data.addr, 24) : "";
    const own = c.measureText(addr ? `${id}  ` : id).width;
    const width = addr ? own + c.measureText(addr).width : own;
    const left = middle ? x - width / 2 : cos > 0 ? x : x - width;
    const box = { left, right: left + width, y };
    if (last && Math.abs(last.y - y) < LINE && box.left < last.right + 3 && last.left < box.right + 3) return last;
    c.textAlign = middle ? "center" : cos > 0 ? "left" : "right";
    c.fillStyle = fg;
    c.fillText(id, x, y);
    if (addr) {
        c.fillStyle = muted;
        c.fillText(addr, cos > 0 ? x + own : x - own, y);
    }
    return box;
}
