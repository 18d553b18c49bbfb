// @ts-check
// Gossip of addresses (addr and addrv2): how many come and go, who sends them, of which networks, how old; where in the space of
// IPv4; whether somebody is there; and what the nodes' address managers make of it.

import { polled, range } from "../lib/range.js";
import { AddressesView } from "./addresses/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Addresses";
export const css = "views/addresses.css";

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const time = range(ctx, () => {
        again();
        results();
    });
    const view = new AddressesView(root, ctx, time.el);
    const again = polled(ctx, "api/addresses", time, (data) => view.set(data));
    // The map is large and changes slowly.
    ctx.api("api/addresses", { map: 1, minutes: 1 }, 30_000, (data) => view.space.slash16(data.ipv4_slash16 ?? ""));
    const results = polled(ctx, "api/connectivity", time, (data) => view.connectivity.set(data));
    ctx.api("api/addrman", {}, 10_000, (data) => view.managers.set(data.nodes ?? []));
    ctx.onTheme(() => view.space.draw());
    return () => view.destroy();
}
