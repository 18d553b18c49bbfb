// @ts-check
// Where circles and peers are: a circle for each node, in rows and columns; its peers on one ring, or on several when
// they are many.

/** @import { CirclePeer } from "./peers.js" */

/**
 * A node with its peers around it; in pixels.
 * @typedef {object} Circle
 * @property {string} node
 * @property {number} cx the middle
 * @property {number} cy
 * @property {number} width
 * @property {number} height
 * @property {number} room to its left and right, names included
 * @property {CirclePeer[]} peers
 * @property {number} outer the radius of the outermost ring
 * @property {number} hub the radius of the node in the middle
 * @property {number} size the radius of a peer
 * @property {string} labels "addr", "id" or ""
 */

const TURN = Math.PI * 2;
const MAX_RINGS = 6;
// Pixels between two neighbours on a ring from which on another ring is opened, and that names need.
const CLOSE = 12;
const NAMED = 13;
const ADDRESSED = 34;
const ROOM_FOR_ADDRESS = 190;

/** Pixels that a circle needs at least; that it is worth to have all in one screen; and that it has at most if not. */
const SMALL = 250;
const GOOD = 340;
const LARGE = 460;

/**
 * How many circles stand side by side, and how large each is: as large as possible if all fit the screen. Otherwise as many
 * as the width has room for.
 * @param {number} n
 * @param {number} width
 * @param {number} height of the screen
 */
function cells(n, width, height) {
    const most = Math.max(1, Math.min(n, Math.floor(width / SMALL)));
    let [best, size] = [1, 0];
    for (let across = 1; across <= most; across += 1) {
        const cell = Math.min(width / across, height / Math.ceil(n / across));
        if (cell > size) [best, size] = [across, cell];
    }
    if (size >= GOOD) return { across: best, size };
    const across = Math.min(most, n === 4 ? 2 : 4);
    return { across, size: Math.min(width / across, LARGE) };
}

/**
 * The height of the stage for so many circles.
 * @param {number} n
 * @param {number} width
 * @param {number} windowHeight
 */
export function heightFor(n, width, windowHeight) {
    const limit = Math.max(340, windowHeight - 236);
    if (n <= 1) return Math.round(Math.min(Math.max(320, width * 0.92), limit));
    const { across, size } = cells(n, width, limit);
    const rows = Math.ceil(n / across);
    return Math.round(rows === 1 ? Math.min(Math.max(320, size), limit) : rows * size);
}

/**
 * Circles for the names of nodes: {node, cx, cy, width, height, peers}.
 * @param {string[]} names
 * @param {number} width
 * @param {number} height
 * @returns {Circle[]}
 */
export function circles(names, width, height) {
    const { across } = cells(names.length, width, height);
    const rows = Math.ceil(names.length / across);
    return names.map((node, i) => {
        const row = Math.floor(i / across);
        // The last row may be shorter; it is centred.
        const inRow = Math.min(across, names.length - row * across);
        const w = width / inRow;
        const hh = height / rows;
        const [cx, cy] = [w * (i - row * across + 0.5), hh * (row + 0.5)];
        const own = Math.min(w, width / across);
        return { node, cx, cy, width: own, room: w, height: hh, peers: [], outer: 0, hub: 0, size: 0, labels: "" };
    });
}

/**
 * Gives the peers of a circle their places: in the order of the list, with a gap where another group begins. Those that
 * are new go there at once, others move.
 * @param {Circle} circle
 * @param {CirclePeer[]} peers
 */
export function place(circle, peers) {
    circle.peers = peers;
    const n = peers.length;
    const half = Math.min(circle.width, circle.height) / 2;
    const wide = circle.room / 2 - half >= ROOM_FOR_ADDRESS - 60;
    const guess = (TURN * (half - 30)) / Math.max(1, n);
    circle.labels = guess < NAMED ? "" : guess >= ADDRESSED && wide ? "addr" : "id";
    const digits = String(peers.reduce((most, peer) => Math.max(most, peer.id), 0)).length;
    const beside = circle.labels ? 18 + 7 * digits : 16;
    const above = circle.labels ? 28 : 16;
    circle.outer = Math.max(40, Math.min(circle.width / 2 - beside, circle.height / 2 - above));
    circle.hub = Math.min(74, Math.max(34, circle.outer * (n > 300 ? 0.24 : 0.2)));
    let groups = 0;
    for (let i = 0; i < n; i += 1) if (i === 0 || peers[i].group !== peers[i - 1].group) groups += 1;
    const gap = groups > 1 ? Math.max(n > 30 ? 1.5 : 0.35, n * 0.008) : 0;
    const step = TURN / Math.max(1, n + gap * groups);
    const spacing = step * circle.outer;
    const rings = Math.min(MAX_RINGS, Math.max(1, Math.ceil(CLOSE / spacing)));
    circle.size = Math.max(2.4, Math.min(8.5, circle.outer / 17, spacing * rings * 0.36));
    const between = circle.size * 2 + 3;
    let at = 0;
    for (let i = 0; i < n; i += 1) {
        const peer = peers[i];
        if (i > 0 && peer.group !== peers[i - 1].group) at += gap;
        peer.ring = circle;
        peer.size = circle.size;
        peer.toAngle = -Math.PI / 2 + step * (at + gap / 2);
        peer.toRadius = circle.outer - (i % rings) * between;
        if (Number.isNaN(peer.angle)) {
            peer.angle = peer.toAngle;
            peer.radius = peer.toRadius;
        }
        at += 1;
    }
}

/**
 * Moves the peers of a circle towards their places, by a share from 0 to 1. Returns whether any is still on its way.
 * @param {Circle} circle
 * @param {number} share
 */
export function move(circle, share) {
    let moving = false;
    for (const peer of circle.peers) {
        const angle = peer.toAngle - peer.angle;
        const radius = peer.toRadius - peer.radius;
        if (share >= 1 || (Math.abs(angle) * circle.outer < 0.5 && Math.abs(radius) < 0.5)) {
            peer.angle = peer.toAngle;
            peer.radius = peer.toRadius;
        } else {
            peer.angle += angle * share;
            peer.radius += radius * share;
            moving = true;
        }
        peer.x = circle.cx + Math.cos(peer.angle) * peer.radius;
        peer.y = circle.cy + Math.sin(peer.angle) * peer.radius;
    }
    return moving;
}

/**
 * The peer at a point, or nearest to it within reach.
 * @param {Circle[]} list
 * @param {number} x
 * @param {number} y
 * @returns {CirclePeer | null}
 */
export function peerAt(list, x, y) {
    /** @type {CirclePeer | null} */
    let best = null;
    let nearest = Infinity;
    for (const circle of list) {
        const reach = Math.max(11, circle.size + 5);
        for (const peer of circle.peers) {
            const dx = peer.x - x;
            const dy = peer.y - y;
            const distance = dx * dx + dy * dy;
            if (distance < nearest && distance < reach * reach) {
                nearest = distance;
                best = peer;
            }
        }
    }
    return best;
}
