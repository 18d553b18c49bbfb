// @ts-check
// What is wrong with what all pages are made of: the server that events come from, and the nodes.

import { clear, h } from "./dom.js";
import { clock, printable } from "./format.js";
import { isAway, looksOf, sinceWhen } from "./state.js";

/** So many nodes are named. */
const NAMED = 3;

export function alarm() {
    const el = h("div", { class: "notices", role: "status" });
    /** @type {Pick<Api["Info"], "away" | "server" | "nodes">} */
    let info = { away: {}, server: null, nodes: [] };
    let page = { view: "", node: "" };
    let shown = "";

    function show() {
        const texts = [server(info.server), nodes(info, page)].filter((text) => text !== "");
        const next = texts.join("\n");
        if (next === shown) return;
        shown = next;
        clear(
            el,
            texts.map((text) => h("p", { class: "notice bad" }, text)),
        );
    }

    return {
        el,
        /** @param {Api["Info"]} next */
        info(next) {
            info = next;
            show();
        },
        /**
         * @param {string} view
         * @param {string} node the selected one; "" means all
         */
        route(view, node) {
            page = { view, node };
            show();
        },
    };
}

/** @param {Api["Info"]["server"]} server */
function server(server) {
    if (!server || server.connected) return "";
    const where = server.url ? ` at ${printable(server.url, 80)}` : "";
    return `No connection to the NATS server${where} since ${clock(server.since)}: nothing new comes from any node.`;
}

/**
 * @param {Pick<Api["Info"], "away" | "server" | "nodes">} info
 * @param {{view: string, node: string}} page
 */
function nodes({ away, server }, { view, node }) {
    // The overview names them itself. Without the server, none of them is to blame.
    if (view === "overview" || (server && !server.connected)) return "";
    const all = Object.entries(away).filter(([name, state]) => isAway(state) && (!node || name === node));
    if (!all.length) return "";
    const [first] = all;
    if (all.length === 1) {
        const [name, { state, since, reason }] = first;
        const is = `${printable(name, 40)}: ${looksOf(state).word} ${sinceWhen(since, reason)}.`;
        return `${is} What is shown of it is from before.`;
    }
    const names = all.slice(0, NAMED).map(([name, { state }]) => `${printable(name, 40)} (${looksOf(state).word})`);
    const more = all.length > NAMED ? ` and ${all.length - NAMED} more` : "";
    return `${names.join(", ")}${more}: what is shown of these nodes is from before.`;
}
