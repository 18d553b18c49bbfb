// @ts-check
// debug.log as it grows: lines with level and category, filters, rates by category, and when the node limits its own log.

import { LogModel } from "./log/model.js";
import { Side } from "./log/side.js";
import { LogView } from "./log/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Log";
export const css = "views/log.css";

/** Milliseconds between two looks at the counts. */
const EVERY = 3000;

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const model = new LogModel(ctx.params);
    const side = new Side((category) => change({ category }));
    const view = new LogView(root, ctx, model, side, change);
    let connected = false;

    /**
     * Another filter: what the server kept is asked for anew, so that rare lines are found too.
     * @param {Parameters<LogModel["change"]>[0]} next
     */
    function change(next) {
        ctx.set(model.change(next));
        view.filtered();
        seed.refresh();
    }

    const seed = ctx.api(
        "api/log",
        () => model.query(),
        0,
        (data) => view.seed(data),
    );
    const live = ctx.events(
        { kind: ["log"] },
        (event) => {
            const line = model.take(event);
            if (line) view.lines.add(line);
        },
        {
            form: "full",
            onDropped: (n) => view.dropped(n),
            onState: (open) => {
                // Lines of the time without a connection are fetched.
                if (open && connected) change({});
                if (open) connected = true;
            },
        },
    );
    ctx.api("api/log", { limit: 1 }, EVERY, (data) => view.counts(data));

    return () => {
        live.stop();
        view.stop();
    };
}
