// @ts-check
// What a message is about, in few words, from its decoded body.

import { count, feeRate, hash, printable } from "../../lib/format.js";

/** @type {Record<string, string>} */
const SINGULAR = {
    entries: "entry",
    addresses: "address",
    "block hashes": "block hash",
    "locator hashes": "locator hash",
};

/** @typedef {NonNullable<FeedEvent["body"]>} Body a decoded event: meta, and a field with the content of the message */

/**
 * The field beside meta: [name, value]; null if nothing was decoded.
 * @param {Body | null} body
 */
export function content(body) {
    return Object.entries(body ?? {}).find(([key]) => key !== "meta") ?? null;
}

/**
 * What a message is about, in few words.
 * @param {Body} body
 */
export function about(body) {
    const value = content(body)?.[1] ?? null;
    if (value === null || value === true) return "";
    if (typeof value !== "object") return printable(value, 40);
    if (Array.isArray(value)) return entries(value.length, "entries");
    if (body.meta?.command === "feefilter" && Number.isFinite(Number(value.fee))) {
        return feeRate(Number(value.fee) / 1e8);
    }
    if (typeof value.user_agent === "string") {
        return `${printable(value.user_agent, 40)}, height ${printable(value.start_height, 12)}`;
    }
    const id = idOf(value);
    const parts = id === null ? [] : [hash(id)];
    for (const [key, v] of Object.entries(value)) {
        if (parts.length >= 3) break;
        if (Array.isArray(v)) parts.push(entries(v.length, key));
        else if (isPlain(v) && v !== id && parts.length < 2) parts.push(`${printable(key, 20)} ${plain(v)}`);
    }
    return parts.join(", ");
}

/**
 * The hash of the transaction or block that a content is about; null if it has none.
 * @param {Record<string, any>} value
 * @returns {string | null}
 */
function idOf(value) {
    const { tx, txid, header, block, hash: own, block_hash } = value;
    const id = tx?.txid ?? txid ?? header?.hash ?? block?.header?.hash ?? own ?? block_hash;
    return typeof id === "string" ? id : null;
}

/** @param {unknown} v */
const isPlain = (v) => ["number", "boolean", "string"].includes(typeof v);

/** @param {unknown} v */
const plain = (v) => (typeof v === "string" && /^[0-9a-f]{40,}$/.test(v) ? hash(v) : printable(v, 24));

/**
 * @param {number} n
 * @param {string} name of what is counted, in the plural
 */
function entries(n, name) {
    const plural = printable(name.replaceAll("_", " "), 24);
    return `${count(n)} ${n === 1 ? (SINGULAR[plural] ?? plural.replace(/s$/, "")) : plural}`;
}
