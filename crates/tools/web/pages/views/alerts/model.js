// @ts-check
// Severities, decisions and people's names in words.

import { badge } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

/** @typedef {Api["AlertIncident"]} Incident */

/** @type {Record<string, [rank: number, kind: string]>} */
const SEVERITIES = { critical: [0, "bad"], warning: [1, "warn"], info: [2, "info"] };
const NAME = "peer-observer.name";

/** @param {string} severity */
export const rankOf = (severity) => SEVERITIES[severity]?.[0] ?? 3;

/** @param {string} severity */
export const kindOf = (severity) => SEVERITIES[severity]?.[1] ?? "";

/** @param {{severity: string}} one */
export const severityBadge = ({ severity }) => badge(f.printable(severity, 20), kindOf(severity));

/** @param {{open: boolean}} one */
export const stateBadge = ({ open }) => (open ? badge("open", "info") : badge("over", "good"));

/** @param {string} name of a detector */
export const detectorText = (name) => f.printable(name, 60);

/**
 * Who decided something: "alice", or "somebody".
 * @param {{by: string}} decided
 */
export const whoOf = ({ by }) => (by ? f.printable(by, 64) : "somebody");

/**
 * What people decided about an incident, in few words; empty if nothing.
 * @param {Incident} one
 */
export function decidedText(one) {
    const parts = [];
    if (one.acknowledged) parts.push(`acknowledged by ${whoOf(one.acknowledged)}`);
    if (one.silenced_until) parts.push(`silenced until ${f.dateTime(one.silenced_until)}`);
    if (one.notes) parts.push(one.notes === 1 ? "1 note" : `${f.count(one.notes)} notes`);
    return parts.join(", ");
}

/**
 * How long an incident took, or has taken.
 * @param {Incident} one
 */
export function lasted(one) {
    const from = f.millis(one.since);
    const to = one.open ? f.now() : f.millis(one.resolved);
    return from === null || to === null ? null : Math.max(0, (to - from) / 1000);
}

/** The name that decisions are made under, as it was given last. */
export function knownName() {
    try {
        return window.localStorage.getItem(NAME) ?? "";
    } catch {
        return "";
    }
}

/** @param {string} name */
export function keepName(name) {
    try {
        window.localStorage.setItem(NAME, name);
    } catch {
        // It is asked for again next time.
    }
}
