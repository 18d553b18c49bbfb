// @ts-check
// The overview: what is wrong, totals over the nodes, the nodes, what happened, and recent traffic.

import { usual } from "../lib/range.js";
import { traffic } from "./overview/model.js";
import { OverviewView } from "./overview/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Overview";
export const css = "views/overview.css";

/** How often nodes are asked for, in milliseconds: one that is gone is to look so within seconds. */
const OFTEN = 1000;

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const view = new OverviewView(root, ctx);
    /** @type {Map<string, {stop(): void}>} requests for sparklines by node */
    const histories = new Map();

    ctx.api("api/nodes", {}, OFTEN, (nodes) => {
        const { added, removed } = view.nodes(nodes);
        for (const name of removed) {
            histories.get(name)?.stop();
            histories.delete(name);
        }
        for (const { name, card } of added) {
            const query = { node: name, minutes: usual(ctx) };
            histories.set(
                name,
                ctx.api("api/messages", query, 15_000, (data) => card.history(traffic(data))),
            );
        }
    });
    ctx.api("api/messages", { minutes: usual(ctx) }, 10_000, (data) => view.traffic(data));
    ctx.api("api/happenings", {}, OFTEN, (data) => view.happenings(data));

    return () => view.destroy();
}
