// What a message is about, in few words, from its decoded body.

import { count, feeRate, hash, printable } from "../../lib/format.js";

const SINGULAR = {
    entries: "entry",
    addresses: "address",
    "block hashes": "block hash",
    "locator hashes": "locator hash",
};

// The fields of body beside meta: [name, value]; null if nothing was decoded.
export function content(event) {
    const entry = Object.entries(event.body ?? {}).find(([key]) => key !== "meta");
    return entry ?? null;
}

export function about(event) {
    const [, value] = content(event) ?? [];
    if (value === undefined || value === null || value === true) return "";
    if (typeof value !== "object") return printable(value, 40);
    if (Array.isArray(value)) return entries(value.length, "entries");
    const command = event.body?.meta?.command;
    if (command === "feefilter" && Number.isFinite(Number(value.fee))) return feeRate(Number(value.fee) / 1e8);
    if (typeof value.user_agent === "string")
        return `${printable(value.user_agent, 40)}, height ${printable(value.start_height, 12)}`;
    const parts = [];
    const id =
        value.tx?.txid ??
        value.txid ??
        value.header?.hash ??
        value.block?.header?.hash ??
        value.hash ??
        value.block_hash;
    if (typeof id === "string") parts.push(hash(id));
    for (const [key, v] of Object.entries(value)) {
        if (parts.length >= 3) break;
        if (Array.isArray(v)) parts.push(entries(v.length, key));
        else if (
            (typeof v === "number" || typeof v === "boolean" || typeof v === "string") &&
            v !== id &&
            parts.length < 2
        ) {
            const text = typeof v === "string" && /^[0-9a-f]{40,}$/.test(v) ? hash(v) : printable(v, 24);
            parts.push(`${printable(key, 20)} ${text}`);
        }
    }
    return parts.join(", ");
}

function entries(n, name) {
    const plural = printable(name.replaceAll("_", " "), 24);
    return `${count(n)} ${n === 1 ? (SINGULAR[plural] ?? plural.replace(/s$/, "")) : plural}`;
}
