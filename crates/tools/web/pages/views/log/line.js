// Events of debug.log as lines: the raw text where it is known, else the event's kind and fields.

import { printable } from "../../lib/format.js";

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

// The order of levels: trace 0 … error 4; what is not known counts as info.
export function rank(level) {
    const i = LEVELS.indexOf(level);
    return i < 0 ? 2 : i;
}

export const levels = LEVELS;

// A live event in the form of api/log's lines.
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
        suppressing: body.suppressing === true,
    };
}

function category(body) {
    const name = String(body.category_name ?? body.category ?? "").toLowerCase();
    return name === "" || name === "unknown" ? "all" : name;
}

function fields(entry) {
    return Object.entries(entry)
        .filter(([, v]) => v !== null && v !== "")
        .map(([k, v]) => `${k}=${typeof v === "object" ? JSON.stringify(v) : v}`)
        .join(" ");
}

// The words of a line as they are shown.
export function shown(line, max) {
    return printable(line.text, max);
}

// Whether a line passes the filter {level, category, text (lower case), unknown}.
export function passes(line, filter) {
    if (filter.level && rank(line.level) < rank(filter.level)) return false;
    if (filter.category && line.category !== filter.category) return false;
    if (filter.unknown && !line.unknown) return false;
    if (!filter.text) return true;
    return `${line.text} ${line.thread} ${line.kind}`.toLowerCase().includes(filter.text);
}
