// @ts-check
// The peers as `bitcoin-cli -netinfo 4` lists them, with what else is seen of them: filtered, sorted, columns chosen,
// and those that closed.

import { PeersModel } from "./peers/model.js";
import { PeersView } from "./peers/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Peers";
export const css = "views/peers.css";

const EVERY = 2000;

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const model = new PeersModel(ctx);
    const view = new PeersView(root, ctx, model, () => api.refresh());
    const api = ctx.api(
        "api/peers",
        () => ({ closed: model.closed ? 1 : null }),
        EVERY,
        (peers) => {
            model.set(peers);
            view.update();
        },
    );
    ctx.onTheme(() => view.show());
    return () => view.stop();
}
