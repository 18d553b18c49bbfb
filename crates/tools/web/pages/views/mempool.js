// @ts-check
// The mempools: their size, what comes and goes and why, at which fee rates, and what the nodes think of fees.

import { polled, range } from "../lib/range.js";
import { MempoolView } from "./mempool/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Mempool";
export const css = "views/mempool.css";

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const time = range(ctx, () => again());
    const view = new MempoolView(root, ctx, time.el);
    const again = polled(ctx, "api/mempool", time, (data) => view.set(data));
    return () => view.destroy();
}
