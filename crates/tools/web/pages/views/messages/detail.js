// One message in full: where it came from, when, and its decoded body as a tree.

import { clear, h, uid } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { content } from "./about.js";
import { tree } from "./tree.js";

// {el, show(row), close(), hint(text)}; onClose() when the reader closes it.
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

    function fact(name, ...value) {
        return [h("dt", {}, name), h("dd", {}, value)];
    }

    return {
        el,
        // Shows a row of the list; explain: what to say when its body is not there (a node or text).
        show(row, explain) {
            const meta = row.event.body?.meta ?? {};
            const inbound = row.direction === "inbound";
            clear(
                heading,
                `${f.printable(row.message, 24)}, ${inbound ? "received from" : "sent to"} peer ` +
                    `${row.peer ?? "unknown"}`,
            );
            const captured = meta.captured;
            clear(
                body,
                h(
                    "dl",
                    { class: "facts" },
                    fact("Time", h("time", { datetime: row.time, title: f.utc(row.time) }, f.clock(row.time, true))),
                    fact("Node", f.printable(row.node, 40)),
                    row.peer === null
                        ? null
                        : fact(
                              "Peer",
                              h("a", { href: ctx.href("peer", { node: row.node, id: row.peer }) }, String(row.peer)),
                              meta.conn_type ? `, ${f.typeName(f.printable(meta.conn_type, 30))}` : "",
                          ),
                    meta.addr ? fact("Address", h("span", { class: "mono" }, f.printable(meta.addr, 100))) : null,
                    fact("Size", `${f.count(row.size)} bytes`),
                ),
                captured !== undefined && captured !== null && captured < row.size
                    ? h(
                          "p",
                          { class: "notice warn" },
                          `Only ${f.count(captured)} of ${f.count(row.size)} bytes were captured: what follows ` +
                              `is incomplete.`,
                      )
                    : null,
                decoded(row, explain),
            );
            el.hidden = false;
            return heading;
        },
        close() {
            el.hidden = true;
        },
    };
}

function decoded(row, explain) {
    if (!row.event.body) return h("p", { class: "muted" }, explain);
    const [name, value] = content(row.event) ?? [];
    if (name === undefined) return h("p", { class: "muted" }, "Nothing of it was decoded.");
    if (value === true || (value !== null && typeof value === "object" && !Object.keys(value).length)) {
        return h("p", { class: "muted" }, "This message has no content beside its type.");
    }
    return [h("h4", { class: "tree-title" }, "Content"), tree(value)];
}
