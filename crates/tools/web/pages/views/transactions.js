// @ts-check
// How transactions spread: what is announced, asked for and sent, who is first, what is wasted, and who only listens.

import { polled, range } from "../lib/range.js";
import { TransactionsView } from "./transactions/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Transactions";
export const css = "views/transactions.css";

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const time = range(ctx, () => again());
    const view = new TransactionsView(root, ctx, time.el);
    const again = polled(ctx, "api/transactions", time, (data) => view.set(data));
    ctx.api("api/relay", {}, 5000, (data) => view.relay(data.transactions));
    return () => view.destroy();
}
