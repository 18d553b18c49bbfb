// @ts-check
// Chain: the tree of headers of a network, the tips of its nodes, and what changed, as the tool chain reports them.

import { clear, h, select } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { ChainView } from "./chain/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Chain";
export const css = "views/chain.css";

/** Milliseconds between two questions for networks. */
const EVERY = 2000;

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    /** @type {ChainView | null} */
    let view = null;
    let shown = "";

    /** @param {string[]} names */
    function show(names) {
        const chosen = ctx.params.get("network") ?? "";
        const name = names.includes(chosen) ? chosen : (names[0] ?? "");
        const next = JSON.stringify([name, names]);
        if (next === shown) return;
        shown = next;
        view?.stop();
        view = null;
        clear(root);
        if (!name) {
            root.append(ctx.info.past?.recording ? notRecorded() : off());
            return;
        }
        view = new ChainView(root, ctx, name, names.length > 1 ? picker(names, name) : null);
    }
    /**
     * @param {string[]} names
     * @param {string} name
     */
    function picker(names, name) {
        const choices = names.map((each) => [each, f.printable(each, 40)]);
        return select(choices, name, (network) => {
            ctx.set({ network, block: "" });
            show(names);
        });
    }

    ctx.api("api/chain/networks", { node: null }, EVERY, (networks) => show(networks.map(({ network }) => network)));
    return () => view?.stop();
}

/** What stands here where a recording has nothing of the tool. */
function notRecorded() {
    return h("p", { class: "notice" }, "Nothing of the tool chain was recorded up to the time that is shown.");
}

/** What stands here without the tool. */
function off() {
    const lines = ["peer-observer run --tools metrics,web,chain", "peer-observer chain --nats nats://127.0.0.1:4222"];
    return h(
        "div",
        { class: "notice" },
        h(
            "p",
            {},
            "The tool chain does not run, which asks nodes for their tips and headers: switch it on with a section [chain] in " +
                "peer-observer.toml, or with one of these lines.",
        ),
        h("pre", {}, h("code", {}, ["[chain]   # in peer-observer.toml", ...lines].join("\n"))),
    );
}
