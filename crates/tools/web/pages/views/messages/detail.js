// @ts-check
// One message in full: where it came from, when, and its decoded body as a tree.

import { clear, h, uid } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { content } from "./about.js";
import { tree } from "./tree.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Row } from "./feed.js" */

/**
 * @param {Context} ctx
 * @param {() => void} onClose called when the reader closes it
 */
export function detail(ctx, onClose) {
    const id = uid("h");
    const heading = h("h3", { id, tabindex: "-1" }, "Message");
    const close = h("button", { type: "button", class: "button", onclick: onClose }, "Close");
    const body = h("div", { class: "detail-body" });
    const el = h(
        "section",
        { class: "detail", "aria-labelledby": id, hidden: true },
        h("div", { class: "detail-head" }, heading, h("span", { class: "grow" }), close),
        body,
    );

    return {
        el,
        /**
         * Shows a row of the list; returns its heading.
         * @param {Row} row
         * @param {Child} explain what is written when its body is not there
         */
        show(row, explain) {
            const way = row.direction === "inbound" ? "received from" : "sent to";
            clear(heading, `${f.printable(row.message, 24)}, ${way} peer ${row.peer ?? "unknown"}`);
            clear(body, facts(ctx, row), incomplete(row), decoded(row, explain));
            el.hidden = false;
            return heading;
        },
        close() {
            el.hidden = true;
        },
    };
}

/**
 * @param {string} name
 * @param {...Child} value
 */
function fact(name, ...value) {
    return [h("dt", {}, name), h("dd", {}, value)];
}

/**
 * @param {Context} ctx
 * @param {Row} row
 */
function facts(ctx, { time, node, peer, size, body }) {
    const meta = body?.meta ?? {};
    const type = meta.conn_type ? `, ${f.typeName(f.printable(meta.conn_type, 30))}` : "";
    const link = peer === null ? null : h("a", { href: ctx.href("peer", { node, id: peer }) }, String(peer));
    return h(
        "dl",
        { class: "facts" },
        fact("Time", h("time", { datetime: time, title: f.utc(time) }, f.clock(time, true))),
        fact("Node", f.printable(node, 40)),
        link ? fact("Peer", link, type) : null,
        meta.addr ? fact("Address", h("span", { class: "mono" }, f.printable(meta.addr, 100))) : null,
        fact("Size", `${f.count(size)} bytes`),
    );
}

/** @param {Row} row */
function incomplete({ size, body }) {
    const captured = body?.meta?.captured ?? null;
    if (captured === null || size === null || captured >= size) return null;
    const text = `Only ${f.count(captured)} of ${f.count(size)} bytes were captured: what follows is incomplete.`;
    return h("p", { class: "notice warn" }, text);
}

/**
 * @param {Row} row
 * @param {Child} explain
 */
function decoded({ body }, explain) {
    if (!body) return h("p", { class: "muted" }, explain);
    const field = content(body);
    if (!field) return h("p", { class: "muted" }, "Nothing of it was decoded.");
    const [, value] = field;
    if (value === true || (value !== null && typeof value === "object" && !Object.keys(value).length)) {
        return h("p", { class: "muted" }, "This message has no content beside its type.");
    }
    return [h("h4", { class: "tree-title" }, "Content"), tree(value)];
}
