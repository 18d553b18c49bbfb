// @ts-check
// What extractors lost and counted: by process what belongs to no single one of them, and all counters one by one.

import { number } from "../../lib/columns.js";
import { h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** @typedef {Api["LossCounter"]} Counter */
/** @typedef {Api["ExtractorProcess"]} Process */
/** @typedef {Counter & {where: string, source: string}} Row */

/** So many nodes are named. */
const NAMED = 3;

/** @param {{count: number}[]} list */
export const total = (list) => list.reduce((n, d) => n + d.count, 0);

/** @param {Api["LossDropped"][]} dropped */
export function reasons(dropped) {
    return dropped.map((d) => `${d.stage}, ${d.reason}: ${f.count(d.count)}`).join("\n");
}

/**
 * Counters in few words.
 * @param {Counter[]} list
 */
export function inShort(list) {
    /** @type {(name: string, end?: string) => number} the sum of a family, or of those whose last label is this one */
    const sum = (name, end = "") =>
        list.filter((c) => c.name === name && c.label.endsWith(end)).reduce((n, c) => n + c.value, 0);
    /** @type {(name: string, label: string) => number} */
    const level = (name, label) => list.find((c) => c.name === name && c.label === label)?.value ?? 0;
    const calls = sum("rpc_calls");
    const hits = sum("tracepoint_events", "seen");
    const size = level("ring_buffer_bytes", "size");
    const parts = [
        calls ? `${f.count(calls)} calls in ${f.seconds(sum("rpc_seconds"))}` : "",
        calls ? `${f.count(sum("rpc_errors"))} failed` : "",
        sum("log_bytes") ? `${f.bytes(sum("log_bytes"))} of debug.log` : "",
        hits ? `${f.count(hits)} hits of tracepoints` : "",
        size ? `ring buffer at most ${f.percent(level("ring_buffer_bytes", "peak") / size)} full` : "",
    ];
    return parts.filter(Boolean).join(", ");
}

/** @param {Process} p */
const nameOf = (p) => (p.own ? "this one" : p.id.slice(0, 8));

/** @param {string[]} nodes */
function names(nodes) {
    const named = nodes.slice(0, NAMED).map((name) => f.printable(name, 40));
    const more = nodes.length - named.length;
    return `${named.join(", ")}${more > 0 ? ` and ${f.count(more)} more` : ""}`;
}

/** Processes of extractors, and what they have in common. */
export function processTable() {
    return table({
        caption: "Processes of the sources, and what these share there",
        empty: "No extractor has reported its status yet.",
        rowKey: (/** @type {Process} */ p) => p.id,
        columns: [
            { key: "id", label: "Process", value: nameOf, hint: (p) => p.id, head: true },
            { key: "extractors", label: "Sources", value: (p) => p.extractors.join(", ") },
            { key: "nodes", label: "Nodes", value: (p) => names(p.nodes), hint: (p) => p.nodes.join(", ") },
            {
                ...number("dropped", "Lost", (p) => total(p.dropped)),
                title: "events lost in what its sources share: connection to NATS, queues, tracepoints",
                hint: (p) => reasons(p.dropped),
            },
            { key: "counters", label: "Counted", value: (p) => inShort(p.counters) || "–", sort: false },
        ],
    });
}

/** All counters, in a list that is closed at first. */
export function counterList() {
    const list = table({
        caption: "All counters of sources and processes",
        empty: "Nothing is counted yet.",
        rowKey: (/** @type {Row} */ c) => `${c.where}/${c.source}/${c.name}/${c.label}`,
        columns: [
            { key: "where", label: "Of", value: (c) => c.where, head: true },
            { key: "source", label: "Source", value: (c) => c.source },
            { key: "name", label: "Counter", value: (c) => c.name.replaceAll("_", " ") },
            { key: "label", label: "For", value: (c) => c.label || "–" },
            { ...number("value", "Value", (c) => c.value), text: written },
        ],
    });
    const el = h("details", { class: "counters" }, h("summary", {}, "All counters"), list.el);
    /** @type {Row[]} */
    let rows = [];
    el.addEventListener("toggle", () => list.set(rows));
    return {
        el,
        /** @param {Api["Losses"]} data */
        set({ sources, processes }) {
            const ofSources = sources.flatMap((s) =>
                s.counters.map((c) => ({ ...c, where: s.node, source: s.extractor })),
            );
            const ofProcesses = processes.flatMap((p) =>
                p.counters.map((c) => ({ ...c, where: `process ${nameOf(p)}`, source: p.extractors.join(", ") })),
            );
            rows = [...ofProcesses, ...ofSources];
            if (el.open) list.set(rows);
        },
    };
}

/** @param {Row} c */
function written({ name, value }) {
    if (name.endsWith("_bytes")) return f.bytes(value);
    return name.endsWith("_seconds") ? f.seconds(value) : f.count(value);
}
