// @ts-check
// What stands in the middle of each circle: the node, how many peers it has, what goes in and out.

import { h, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Circle } from "./layout.js" */
/** @import { CirclePeer } from "./peers.js" */

// In a smaller middle there is no room for rates.
const ROOM = 50;

/**
 * A node is a link if there are several.
 * @param {Context} ctx
 * @param {(peer: CirclePeer, side: number) => Maybe} rateOf what goes over a peer's line per second: received (0) or sent (1)
 */
export function middles(ctx, rateOf) {
    const el = h("div", { class: "circle-hubs" });
    /** @type {Map<string, {el: HTMLElement, peers: HTMLElement, rates: HTMLElement}>} */
    const shown = new Map();

    /** @param {string} node */
    function make(node) {
        const name = f.printable(node, 24);
        const title = ctx.node ? h("strong", {}, name) : h("a", { href: ctx.href("circle", { node }) }, name);
        const peers = h("span", { class: "muted" });
        const rates = h("span", { class: "muted" });
        const hub = { el: h("div", { class: "circle-hub" }, title, peers, rates), peers, rates };
        el.append(hub.el);
        shown.set(node, hub);
        return hub;
    }

    return {
        el,
        /**
         * @param {Circle[]} list
         * @param {boolean} byBytes rates are bytes per second, not messages
         */
        set(list, byBytes) {
            const gone = new Set(shown.keys());
            const text = byBytes ? f.byteRate : f.rate;
            for (const circle of list) {
                const hub = shown.get(circle.node) ?? make(circle.node);
                gone.delete(circle.node);
                hub.el.style.left = `${circle.cx}px`;
                hub.el.style.top = `${circle.cy}px`;
                hub.el.style.width = `${circle.hub * 2 - 8}px`;
                const others = circle.peers.filter((peer) => peer.ended === null && !peer.data.own);
                setText(hub.peers, `${f.count(others.length)} peers`);
                /** @type {(side: number) => number | null} */
                const sum = (side) => {
                    const known = circle.peers
                        .map((peer) => rateOf(peer, side) ?? null)
                        .filter((rate) => rate !== null);
                    return known.length ? known.reduce((a, b) => a + b, 0) : null;
                };
                setText(hub.rates, circle.hub < ROOM ? "" : `${text(sum(0))} in\n${text(sum(1))} out`);
            }
            for (const node of gone) {
                shown.get(node)?.el.remove();
                shown.delete(node);
            }
        },
    };
}
