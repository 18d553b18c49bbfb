// @ts-check
// How a message's type and direction look in tables: a shape for what it is about (transactions, addresses, blocks,
// …) and its name. The shape has no colour: on this page colours belong to the lines of the charts.

import * as colors from "../../lib/colors.js";
import { h } from "../../lib/dom.js";
import { printable } from "../../lib/format.js";

/**
 * A type of message.
 * @param {string} name
 */
export function message(name) {
    return h(
        "span",
        { class: "message-name" },
        h("span", { class: "muted", "aria-hidden": "true" }, colors.mark(colors.shapeForMessage(name))),
        ` ${printable(name, 24)}`,
    );
}

/**
 * "inbound": the peer sent it to the node.
 * @param {string} name
 */
export function direction(name) {
    const inbound = name === "inbound";
    return h(
        "span",
        { class: "nowrap" },
        h("span", { class: "muted", "aria-hidden": "true" }, inbound ? "↓ " : "↑ "),
        inbound ? "received" : "sent",
    );
}
