// @ts-check
// Where things stand in a sequence diagram; in pixels.

import * as f from "../../lib/format.js";

/** @typedef {Api["PeerMessage"]} Message */
/** @typedef {ReturnType<typeof measures>} Measures */

/** The height of a message. */
export const ROW = 26;
/** The room of a pause. */
const GAP = 18;
const TOP = 10;
const BOTTOM = 14;
/** Seconds without a message that are a pause. */
const PAUSE = 1;
/** The width of a letter. */
const LETTER = 6.3;

/**
 * @param {number} width of the diagram
 */
export function measures(width) {
    const narrow = width < 620;
    const time = narrow ? 50 : 88;
    const side = narrow ? 76 : 104;
    return { narrow, width, left: time + side, right: width - side, side };
}

/**
 * The text as far as it fits.
 * @param {string} text
 * @param {number} width
 */
export function fits(text, width) {
    const most = Math.floor(width / LETTER);
    if (text.length <= most) return text;
    return most > 3 ? `${text.slice(0, most - 1)}…` : "";
}

/**
 * Where each message stands, and the pauses between them.
 * @param {Message[]} messages
 */
export function placed(messages) {
    /** @type {Map<number, number>} the line of each message, by its number */
    const places = new Map();
    /** @type {Map<number, {y: number, seconds: number}>} the pause before a message, by its number */
    const pauses = new Map();
    let y = TOP;
    /** @type {number | null} */
    let last = null;
    for (const { seq, time } of messages) {
        const at = f.millis(time);
        const seconds = last === null || at === null ? 0 : (at - last) / 1000;
        if (seconds >= PAUSE) {
            y += GAP;
            pauses.set(seq, { y, seconds });
        }
        y += ROW;
        places.set(seq, y);
        last = at;
    }
    return { places, pauses, height: y + BOTTOM };
}
