// @ts-check
// Columns that several tables have.

import { isKnown, needs } from "./absent.js";
import { h } from "./dom.js";
import * as f from "./format.js";

/** @import { Source } from "./absent.js" */
/** @import { Context } from "./context.js" */
/**
 * @template Row
 * @typedef {import("./table.js").Column<Row>} Column
 */

/**
 * A number, on the right, large first.
 * @template Row
 * @param {string} key
 * @param {string} label
 * @param {(row: Row) => Maybe} value
 * @param {(n: Maybe) => string} text
 * @param {string} [title]
 * @param {Source} [source] what it comes from, which a cell without a value names
 * @returns {Column<Row>}
 */
export function number(key, label, value, text = f.count, title, source) {
    /** @param {Row} row */
    const hint = (row) => (source === undefined || isKnown(value(row)) ? "" : needs(source));
    return { key, label, title, value, text: (row) => text(value(row)), hint, align: "right", sort: "desc" };
}

/**
 * Numbers with one decimal at most.
 * @param {Maybe} n
 */
export function decimal(n) {
    return n === null || n === undefined ? "–" : String(Number(n.toFixed(1)));
}

/**
 * A point in time as a time of day, newest first.
 * @template Row
 * @param {string} key
 * @param {string} label
 * @param {(row: Row) => Time} time
 * @param {boolean} ms with milliseconds
 * @returns {Column<Row>}
 */
export function clock(key, label, time, ms = false) {
    return {
        key,
        label,
        value: (row) => f.millis(time(row)),
        text: (row) => f.clock(time(row), ms),
        hint: (row) => f.utc(time(row)),
        sort: "desc",
    };
}

/**
 * How long ago something was, newest first.
 * @template Row
 * @param {string} key
 * @param {string} label
 * @param {(row: Row) => Time} time
 * @param {string} [title]
 * @returns {Column<Row>}
 */
export function ago(key, label, time, title) {
    return { ...clock(key, label, time), title, text: (row) => f.ago(time(row)) };
}

/**
 * The node, unless one is selected.
 * @param {Context} ctx
 * @returns {Column<{node: string}>[]}
 */
export function nodeColumn(ctx) {
    return ctx.node
        ? []
        : [{ key: "node", label: "Node", value: (row) => row.node, text: (row) => f.printable(row.node, 40) }];
}

/**
 * The number of a peer as a link to its page.
 * @param {Context} ctx
 * @param {string} node
 * @param {number} id
 */
export function peerLink(ctx, node, id) {
    return h("a", { href: ctx.href("peer", { node, id }) }, String(id));
}

/**
 * The peer.
 * @param {Context} ctx
 * @returns {Column<{node: string, id: number}>}
 */
export function peerColumn(ctx) {
    return {
        key: "id",
        label: "Peer",
        value: (row) => row.id,
        node: (row) => peerLink(ctx, row.node, row.id),
        align: "right",
    };
}
