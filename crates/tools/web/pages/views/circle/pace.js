// @ts-check
// Whether messages are drawn one by one or as rates: by what the reader wants, what the sources report, how many they are,
// and how long pictures take.

import * as f from "../../lib/format.js";

// Messages per second that are drawn one by one at most, and below which share of them it is tried again.
const LIMIT = 6500;
const AGAIN = 0.7;
// Each of them needs so much room: on a small circle, fewer can be seen apart.
const ROOM = 30;
// Milliseconds for a picture that are too many, and for so many seconds on end.
const SLOW = 50;
const PATIENCE = 6;
const FIRST_REST = 20;
const LONGEST_REST = 300;

/**
 * What is drawn, decided once a second.
 * @param {() => string} choice "messages", "rates" or "" (what fits)
 * @param {() => boolean} reduced whether the system asks for less motion
 */
export function pace(choice, reduced) {
    /** "": messages are drawn one by one. */
    let why = "";
    let slow = 0;
    let rest = FIRST_REST;
    let left = 0;
    let took = 0;
    let limit = LIMIT;

    /**
     * Why rates are drawn, however many messages there are; "" for no such reason.
     * @param {boolean | null} traced
     */
    function chosen(traced) {
        if (traced === false) return "untraced";
        if (choice() === "rates") return "chosen";
        if (choice() !== "messages" && reduced()) return "motion";
        return "";
    }

    return {
        get rates() {
            return why !== "";
        },
        get why() {
            return why;
        },
        /**
         * How large the circles are together, in square pixels.
         * @param {number} pixels
         */
        area(pixels) {
            limit = Math.min(LIMIT, Math.max(300, Math.round(pixels / ROOM / 100) * 100));
        },
        /**
         * Once a second. rate: messages per second; frame: ms from picture to picture; flying: messages drawn now.
         * Returns whether what is drawn changes.
         * @param {boolean | null} traced
         * @param {number} rate
         * @param {number | null} frame
         * @param {number} flying
         */
        tick(traced, rate, frame, flying) {
            const before = why;
            const fixed = chosen(traced);
            left = Math.max(0, left - 1);
            if (fixed) {
                why = fixed;
            } else if (why === "many") {
                if (rate < limit * AGAIN && left === 0) why = "";
            } else if (why === "slow") {
                if (left === 0) why = "";
            } else {
                why = "";
                slow = frame !== null && frame > SLOW && flying > 100 ? slow + 1 : 0;
                if (rate > limit) {
                    why = "many";
                    left = 5;
                } else if (slow >= PATIENCE) {
                    why = "slow";
                    took = frame ?? 0;
                    slow = 0;
                    left = rest;
                    rest = Math.min(LONGEST_REST, rest * 2);
                }
            }
            return before !== why;
        },
        /**
         * @param {number} rate messages per second
         * @param {boolean} byBytes
         * @param {number} nodes how many are shown
         */
        inWords(rate, byBytes, nodes) {
            const lines = byBytes
                ? "lines show bytes per second as getpeerinfo has them"
                : "lines show messages per second";
            if (why === "") return "Each message is drawn on its way.";
            if (why === "many") {
                return (
                    `Too many messages to draw one by one (${f.rate(rate)}, at most ${f.rate(limit)}): ${lines}. ` +
                    `Fewer types${nodes > 1 ? " or one node" : ""} may help.`
                );
            }
            if (why === "slow") {
                return (
                    `This device needs ${f.count(Math.round(took))} ms for a picture: ${lines}. ` +
                    `Messages are tried again in ${f.count(left)} s.`
                );
            }
            if (why === "motion") return `Your system asks for less motion: ${lines}.`;
            if (why === "untraced") {
                return `P2P messages are not known here: that needs tracepoints, or debug.log with debug=net; ${lines}.`;
            }
            return `As chosen, ${lines}.`;
        },
    };
}
