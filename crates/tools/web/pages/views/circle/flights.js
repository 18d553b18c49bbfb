// @ts-check
// Messages on their way. They are kept in arrays that are made once: 5,000 messages a second must not make garbage.

import { colorOf, NAMES, shapeOf } from "./kinds.js";
import { trace } from "./shapes.js";

/** @import { CirclePeer } from "./peers.js" */
/** @typedef {{image: ImageBitmap, cell: number, boxes: number[]}} Atlas all pictures of messages, with their sizes in pixels */

const MAX = 16_384;
// The picture of a message: a column for each size, first filled (received), then hollow (sent); a row for each type.
const SIZES = 3;
const RADII = [3.1, 4.1, 5.4];
// A picture stands in the middle of its cell and is so large: less to copy for the small ones.
const CELL = 16;
const BOXES = [10, 12, 16];

/**
 * Up to 250 bytes, up to 10 kB, larger.
 * @param {number} bytes
 */
export function sizeClass(bytes) {
    return bytes > 10_000 ? 2 : bytes > 250 ? 1 : 0;
}

/**
 * All pictures of messages in one, for this theme and pixel ratio.
 * @param {number} ratio
 * @param {string} background
 * @returns {Atlas}
 */
export function atlas(ratio, background) {
    const cell = 2 * Math.ceil((CELL * ratio) / 2);
    const sheet = new OffscreenCanvas(cell * SIZES * 2, cell * NAMES.length);
    const c = sheet.getContext("2d");
    if (!c) throw new Error("no canvas");
    for (let kind = 0; kind < NAMES.length; kind += 1) {
        c.strokeStyle = colorOf(kind);
        for (let column = 0; column < SIZES * 2; column += 1) {
            const hollow = column >= SIZES;
            c.beginPath();
            trace(c, shapeOf(kind), (column + 0.5) * cell, (kind + 0.5) * cell, RADII[column % SIZES] * ratio);
            c.fillStyle = hollow ? background : colorOf(kind);
            c.fill("evenodd");
            if (hollow) {
                c.lineWidth = 1.3 * ratio;
                c.stroke();
            }
        }
    }
    const boxes = BOXES.map((box) => Math.min(cell, 2 * Math.ceil((box * ratio) / 2)));
    return { image: sheet.transferToImageBitmap(), cell, boxes };
}

/** The messages that are drawn now. */
export function flights() {
    /** @type {(CirclePeer | null)[]} */
    const who = new Array(MAX).fill(null);
    const start = new Float64Array(MAX);
    const speed = new Float32Array(MAX);
    const row = new Uint8Array(MAX);
    const column = new Uint8Array(MAX);
    let n = 0;

    /** @param {number} i */
    function drop(i) {
        n -= 1;
        who[i] = who[n];
        who[n] = null;
        start[i] = start[n];
        speed[i] = speed[n];
        row[i] = row[n];
        column[i] = column[n];
    }

    return {
        get count() {
            return n;
        },
        clear() {
            who.fill(null, 0, n);
            n = 0;
        },
        /**
         * A message from or to a peer, starting at a time, taking so many milliseconds.
         * @param {CirclePeer} peer
         * @param {number} at
         * @param {number} duration
         * @param {number} kind the number of its type
         * @param {boolean} received
         * @param {number} size its class
         */
        add(peer, at, duration, kind, received, size) {
            if (n >= MAX) return;
            who[n] = peer;
            start[n] = at;
            speed[n] = 1 / duration;
            row[n] = kind;
            column[n] = received ? size : size + SIZES;
            n += 1;
        },
        /**
         * Draws all in pixels of the device, and forgets those that have arrived. They follow their peers.
         * @param {CanvasRenderingContext2D} c
         * @param {Atlas} atlas
         * @param {number} ratio
         * @param {number} now
         */
        draw(c, { image, cell, boxes }, ratio, now) {
            for (let i = 0; i < n; ) {
                const t = (now - start[i]) * speed[i];
                const peer = who[i];
                const ring = peer?.ring;
                if (t >= 1 || !peer || !ring) {
                    drop(i);
                    continue;
                }
                if (t >= 0) {
                    const near = ring.hub / peer.radius;
                    const far = 1 - (peer.size + 2) / peer.radius;
                    const along = column[i] < SIZES ? far + (near - far) * t : near + (far - near) * t;
                    const x = (ring.cx + (peer.x - ring.cx) * along) * ratio;
                    const y = (ring.cy + (peer.y - ring.cy) * along) * ratio;
                    const box = boxes[column[i] % SIZES];
                    const inset = (cell - box) / 2;
                    c.drawImage(
                        image,
                        column[i] * cell + inset,
                        row[i] * cell + inset,
                        box,
                        box,
                        Math.round(x - box / 2),
                        Math.round(y - box / 2),
                        box,
                        box,
                    );
                }
                i += 1;
            }
        },
    };
}
