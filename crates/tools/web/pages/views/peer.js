// @ts-check
// A peer: all that is known of one connection of a node, its last messages as a sequence diagram, and how it ended.

import { clear, empty, h } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { unknown } from "./peer/model.js";
import { PeerView } from "./peer/view.js";

/** @import { ApiError } from "../lib/api.js" */
/** @import { Context } from "../lib/context.js" */

export const title = "Peer";
export const css = "views/peer.css";

const EVERY = 2000;

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const id = ctx.params.get("id") ?? "";
    const { node } = ctx;
    const status = h("div", { class: "notices", role: "status" });
    root.append(status);
    if (!node || !/^\d{1,20}$/.test(id)) {
        const text = "A peer is found by its node and its number, as in #/peer?node=alice&id=5.";
        clear(status, empty(text), h("p", {}, back(ctx)));
        return undefined;
    }
    const waiting = empty(`Asking for peer ${id} of ${f.printable(node, 40)}…`);
    root.append(waiting);
    /** @type {PeerView | null} */
    let view = null;
    /** @type {number | null} when the server answered last */
    let answered = null;

    // The path names the node; the endpoint takes no parameters.
    ctx.api(
        `api/peers/${encodeURIComponent(node)}/${id}`,
        { node: null },
        EVERY,
        (peer) => {
            waiting.remove();
            view ??= new PeerView(root, ctx, node, id, back(ctx));
            answered = Date.now();
            if (status.firstChild) clear(status);
            view.set(peer);
        },
        (error) => {
            if (!error) return;
            waiting.remove();
            if (error.status === 404 && !view) {
                clear(status, empty(unknown(ctx.info.nodes, node, id, ctx.paused)), h("p", {}, back(ctx)));
            } else {
                clear(status, failure(error, answered));
            }
        },
    );

    return () => view?.destroy();
}

/**
 * The link to the list of peers.
 * @param {Context} ctx
 */
function back(ctx) {
    const { nodes } = ctx.info;
    const known = ctx.node && (!nodes.length || nodes.includes(ctx.node));
    const text = known ? `The peers of ${f.printable(ctx.node, 40)}` : "All peers";
    return h("a", { href: ctx.href("peers", { node: known ? ctx.node : "" }) }, text);
}

/**
 * @param {ApiError} error
 * @param {number | null} answered when the server answered last
 */
function failure(error, answered) {
    if (error.status === 404) {
        const text = `This peer is not known any more; what is shown is of ${f.clock(answered)}.`;
        return h("p", { class: "notice warn" }, text);
    }
    return h("p", { class: "notice bad" }, `The peer could not be asked for: ${f.printable(error.message, 200)}`);
}
