// @ts-check
// The overview: totals over the nodes, what needs attention, recent traffic, and a card per node.

import { usual } from "../lib/range.js";
import { traffic } from "./overview/model.js";
import { OverviewView } from "./overview/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Overview";
export const css = "views/overview.css";

/** So many nodes get sparklines, so that many nodes do not mean many requests. */
const SPARKS = 12;

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const view = new OverviewView(root, ctx);
    /** @type {Map<string, {stop(): void}>} requests for sparklines by node */
    const histories = new Map();

    ctx.api("api/nodes", {}, 2000, (nodes) => {
        const { added, removed } = view.nodes(nodes);
        for (const name of removed) {
            histories.get(name)?.stop();
            histories.delete(name);
        }
        for (const { name, card } of added) {
            if (histories.size >= SPARKS) break;
            const query = { node: name, minutes: usual(ctx) };
            histories.set(
                name,
                ctx.api("api/messages", query, 15_000, (data) => card.history(traffic(data))),
            );
        }
    });
    ctx.api("api/messages", { minutes: usual(ctx) }, 10_000, (data) => view.traffic(data));
    ctx.api("api/losses", {}, 10_000, (data) => view.attention(data.advice));

    return () => view.destroy();
}
