// @ts-check
// The table of messages as they come.

import { h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { ours } from "../../lib/own.js";
import { table } from "../../lib/table.js";
import { direction, message } from "./marks.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Row } from "./feed.js" */
/**
 * @template R
 * @typedef {import("../../lib/table.js").Column<R>} Column
 */

/**
 * @param {Context} ctx
 * @param {(row: Row) => void} onRow
 * @param {(row: Row) => boolean} isChosen
 */
export function liveTable(ctx, onRow, isChosen) {
    /** @type {WeakMap<Row, ReturnType<typeof nodesOf>>} a row's nodes are made once */
    const made = new WeakMap();
    /** @param {Row} row */
    function nodes(row) {
        const known = made.get(row) ?? nodesOf(ctx, row);
        made.set(row, known);
        return known;
    }
    return table({
        caption: "Messages as they come, newest first",
        empty: "",
        rowKey: (/** @type {Row} */ r) => r.key,
        rowClass: (r) => (isChosen(r) ? "chosen" : ""),
        onRow,
        columns: [
            { key: "time", label: "Time", sort: false, text: (r) => f.clock(r.time, true), hint: (r) => f.utc(r.time) },
            ...nodeColumn(ctx),
            { key: "message", label: "Type", sort: false, head: true, node: (r) => nodes(r).message },
            { key: "direction", label: "Direction", sort: false, node: (r) => nodes(r).direction },
            { key: "peer", label: "Peer", sort: false, align: "right", node: (r) => nodes(r).peer },
            { key: "size", label: "Size", sort: false, align: "right", text: (r) => f.bytes(r.size) },
            {
                key: "about",
                label: "About",
                title: "in few words; with Decode",
                sort: false,
                class: "about",
                text: (r) => r.about,
                hint: (r) => f.printable(r.addr, 100),
            },
        ],
    });
}

/**
 * @param {Context} ctx
 * @returns {Column<Row>[]}
 */
function nodeColumn(ctx) {
    return ctx.node ? [] : [{ key: "node", label: "Node", sort: false, text: (r) => f.printable(r.node, 24) }];
}

/**
 * @param {Context} ctx
 * @param {Row} r
 */
function nodesOf(ctx, r) {
    /** @type {Node} */
    let peer = document.createTextNode("–");
    if (r.own) peer = ours();
    else if (r.peer !== null) peer = h("a", { href: ctx.href("peer", { node: r.node, id: r.peer }) }, String(r.peer));
    return { message: message(r.message), direction: direction(r.direction), peer };
}
