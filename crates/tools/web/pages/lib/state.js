// @ts-check
// What a node is doing, in words.

import { clock, printable } from "./format.js";

/** @type {Record<string, {rank: number, word: string, kind: string}>} the worst first */
const STATES = {
    down: { rank: 0, word: "down", kind: "bad" },
    unknown: { rank: 1, word: "no sign of it", kind: "bad" },
    hanging: { rank: 2, word: "hangs", kind: "bad" },
    starting: { rank: 3, word: "starts", kind: "warn" },
    up: { rank: 4, word: "up", kind: "good" },
};

/** @param {string} state of a node */
export const looksOf = (state) => STATES[state] ?? STATES.unknown;

/**
 * Whether a node is not there, or does not answer: its values are old.
 * @param {{state: string}} node
 */
export const isAway = (node) => looksOf(node.state).kind === "bad";

/**
 * "since 12:03:04: process 12 has ended".
 * @param {Time} since
 * @param {string | null | undefined} reason
 */
export function sinceWhen(since, reason) {
    const from = since ? `since ${clock(since)}` : "so far";
    return reason ? `${from}: ${printable(reason, 200)}` : from;
}
