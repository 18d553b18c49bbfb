// @ts-check
// The address manager of a node: its new and tried tables slot by slot, who fills them, where their addresses are, and how
// they change.

import { AddrmanView } from "./addrman/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Address manager";
export const css = "views/addrman.css";

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const view = new AddrmanView(root, ctx);
    ctx.api("api/addrman", {}, 10_000, (data) => view.set(data.nodes ?? []));
    const received = ctx.api(
        "api/addresses",
        () => ({ minutes: 1, node: view.node || ctx.node }),
        30_000,
        (data) => view.received(data.networks),
    );
    view.onNode = () => received.refresh();
    ctx.api("api/connectivity", { minutes: 1 }, 60_000, (data) => {
        if (data.totals.tried !== null) view.outcomes();
    });
    ctx.onTheme(() => view.theme());
    return () => view.destroy();
}
