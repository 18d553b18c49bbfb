// @ts-check
// Events of debug.log as lines: the raw text where it is known, else the event's kind and fields.

import { printable } from "../../lib/format.js";

/**
 * A line, as api/log has it.
 * @typedef {object} Line
 * @property {string} time
 * @property {string} node
 * @property {string} level
 * @property {string} category
 * @property {string} thread
 * @property {string} kind of the event
 * @property {string} text
 * @property {boolean} unknown whether it is of no kind that is known
 */

// What stands around the entry itself in the body of a log event.
const AROUND = new Set([
    "log_timestamp",
    "category",
    "category_name",
    "threadname",
    "log_level",
    "log_line_bytes",
    "suppressing",
    "source_location",
    "function",
]);

const LEVELS = ["trace", "debug", "info", "warning", "error"];

/**
 * The order of levels: trace 0 … error 4; what is not known counts as info.
 * @param {string} level
 */
export function rank(level) {
    const i = LEVELS.indexOf(level);
    return i < 0 ? 2 : i;
}

/** The levels, from the least to the most important. */
export const levels = LEVELS;

/**
 * A live event in the form of api/log's lines.
 * @param {FeedEvent} event
 * @returns {Line}
 */
export function lineOf(event) {
    const body = event.body ?? {};
    const unknown = event.kind === "unknown_log_message";
    const key = Object.keys(body).find((k) => !AROUND.has(k) && body[k] !== null && typeof body[k] === "object");
    const entry = key ? body[key] : {};
    return {
        time: event.time,
        node: event.node,
        level: String(body.log_level ?? "info").toLowerCase(),
        category: category(body),
        thread: body.threadname ?? "",
        kind: event.kind,
        text: unknown ? String(entry.raw_message ?? "") : `${event.kind} ${fields(entry)}`.trim(),
        unknown,
    };
}

/** @param {NonNullable<FeedEvent["body"]>} body */
function category(body) {
    const name = String(body.category_name ?? body.category ?? "").toLowerCase();
    return name === "" || name === "unknown" ? "all" : name;
}

/** @param {Record<string, unknown>} entry */
function fields(entry) {
    return Object.entries(entry)
        .filter(([, v]) => v !== null && v !== "")
        .map(([k, v]) => `${k}=${typeof v === "object" ? JSON.stringify(v) : v}`)
        .join(" ");
}

/**
 * The words of a line as they are shown.
 * @param {Line} line
 * @param {number} max
 */
export function shown(line, max) {
    return printable(line.text, max);
}

/**
 * Whether a line passes the filter {level, category, text (lower case), unknown}.
 * @param {Line} line
 * @param {{level: string, category: string, text: string, unknown: boolean}} filter
 */
export function passes(line, filter) {
    if (filter.level && rank(line.level) < rank(filter.level)) return false;
    if (filter.category && line.category !== filter.category) return false;
    if (filter.unknown && !line.unknown) return false;
    if (!filter.text) return true;
    return `${line.text} ${line.thread} ${line.kind}`.toLowerCase().includes(filter.text);
}
