// @ts-check
// Statuses, kinds and changes in words, with the mark that goes with each colour.

import * as f from "../../lib/format.js";

/** @import { Activity, Label } from "./model.js" */

/** @type {Record<string, [mark: string, about: string]>} of a tip */
const STATUSES = {
    active: ["●", "the tip of the node's active chain"],
    "valid-fork": ["◆", "valid, but not part of the active chain"],
    "valid-headers": ["▲", "all blocks are there, and were not checked whole"],
    "headers-only": ["○", "not all blocks are there, but the headers are valid"],
    invalid: ["✕", "has a block that is not valid"],
    unknown: ["?", "the node does not tell its status"],
};

/** @type {Record<string, [word: string, kind: string]>} of what changed, with how it looks */
export const KINDS = {
    "active-tip-changed": ["new tip", "good"],
    "reorg-detected": ["reorg", "warn"],
    "tip-added": ["branch", "info"],
    "tip-status-changed": ["status", "info"],
    "invalid-block-observed": ["invalid", "bad"],
    "node-unreachable": ["unreachable", "bad"],
    "node-reachable": ["reachable", "good"],
    "node-lagging": ["behind", "warn"],
    "node-caught-up": ["caught up", "good"],
    "same-pool": ["same pool", "warn"],
};

/** The status of a tip. @param {string} status */
export const statusText = (status) => f.printable(status, 20);

/** @param {string} status */
export const markOf = (status) => STATUSES[status]?.[0] ?? "?";

/** @param {string} status */
export const statusAbout = (status) => STATUSES[status]?.[1] ?? "";

/** The class of a status, for its colour. @param {string} status */
export const statusClass = (status) => (status in STATUSES ? `tip-${status}` : "tip-unknown");

/** @param {Label} label */
export const labelText = ({ status, names }) => `${f.count(names.length)} × ${statusText(status)}`;

/**
 * The names of nodes, not too many.
 * @param {string[]} names
 */
export function namesText(names) {
    const shown = names.slice(0, 40).map((name) => f.printable(name, 40));
    const more = names.length - shown.length;
    return `${shown.join(", ")}${more > 0 ? ` and ${f.count(more)} more` : ""}`;
}

/** "1 block", "2 blocks". @param {number} n */
export const blocksText = (n) => `${f.count(n)} ${n === 1 ? "block" : "blocks"}`;

/**
 * What changed, in a line.
 * @param {Activity} one
 */
export function changeText(one) {
    const { kind, hash, height, old_height, depth, common_height, status, old_status } = one;
    const block = `${f.count(height)} ${f.hash(hash)}`;
    if (kind === "active-tip-changed") {
        return old_height !== null && old_height !== undefined && (height ?? 0) > old_height + 1
            ? `${block}, ${blocksText((height ?? 0) - old_height)} after ${f.count(old_height)}`
            : block;
    }
    if (kind === "reorg-detected") {
        const from = `from ${f.count(old_height)} ${f.hash(one.old_hash)}`;
        return `to ${block} ${from}: ${blocksText(depth ?? 0)} disconnected, both build on ${f.count(common_height)}`;
    }
    if (kind === "tip-added") return `${block} (${statusText(status ?? "unknown")})`;
    if (kind === "tip-status-changed") {
        return `${block}: ${statusText(old_status ?? "unknown")}, now ${statusText(status ?? "unknown")}`;
    }
    if (kind === "invalid-block-observed") return `${block} is not valid`;
    if (kind === "node-unreachable") return f.printable(one.reason ?? "does not answer", 200);
    if (kind === "node-reachable") return "answers again";
    if (kind === "node-lagging" || kind === "node-caught-up") {
        return `at ${f.count(one.node_height)}, the best at ${f.count(one.best_height)}`;
    }
    if (kind === "same-pool") {
        const hashes = (one.hashes ?? []).map((each) => f.hash(each)).join(", ");
        return `${f.printable(one.pool, 64)} has several blocks at ${f.count(height)}: ${hashes}`;
    }
    return "";
}

/** @param {Activity} one */
export const isTipChange = ({ kind }) => kind === "active-tip-changed" || kind === "reorg-detected";
