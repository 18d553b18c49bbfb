// P2P messages: how many and how many bytes by type and direction over time, a table of types, and messages as they
// come, each of which can be looked into.

import { h, labelled, section, select } from "../lib/dom.js";
import { polled, range } from "../lib/range.js";
import { charts } from "./messages/charts.js";
import { live } from "./messages/live.js";
import { types } from "./messages/types.js";

export const title = "Messages";
export const css = "views/messages.css";

const MEASURES = [
    ["count", "Messages"],
    ["bytes", "Bytes"],
];
const DIRECTIONS = [
    ["", "Both"],
    ["inbound", "Received"],
    ["outbound", "Sent"],
];

export function mount(root, ctx) {
    const oneOf = (options, value) => (options.some(([key]) => key === value) ? value : options[0][0]);
    const shown = {
        measure: oneOf(MEASURES, ctx.params.get("by")),
        direction: oneOf(DIRECTIONS, ctx.params.get("way")),
    };
    let last = null;

    const measure = select(MEASURES, shown.measure, (value) => choose({ measure: value }));
    const direction = select(DIRECTIONS, shown.direction, (value) => choose({ direction: value }));
    const time = range(ctx, () => again());
    const missing = h("div", { class: "notices" });
    const graphs = charts();
    const stream = live(ctx);
    const list = types(ctx, (t) => stream.only(t.message, t.direction));
    root.append(
        missing,
        h("div", { class: "toolbar" }, time.el, labelled("Show", measure), labelled("Direction", direction)),
        graphs.el,
        stream.el,
        section("Types", list.el),
    );

    function choose(next) {
        Object.assign(shown, next);
        ctx.set({ by: shown.measure === "count" ? null : shown.measure, way: shown.direction || null });
        draw();
    }

    function draw() {
        if (!last) return;
        const counted = last.source !== "rpc";
        // Without tracepoints nobody counts messages: bytes are what there is.
        measure.disabled = !counted;
        measure.value = counted ? shown.measure : "bytes";
        graphs.set(last, counted ? shown.measure : "bytes", shown.direction);
        list.set(
            (last.types ?? []).filter((t) => !shown.direction || t.direction === shown.direction),
            counted,
        );
    }

    const again = polled(ctx, "api/messages", time, (data) => {
        last = data;
        const counted = data.source !== "rpc";
        missing.hidden = counted;
        if (!counted && !missing.firstChild) {
            missing.append(
                h(
                    "p",
                    { class: "notice" },
                    h("strong", {}, "Bytes only. "),
                    "getpeerinfo (RPC) tells how many bytes of each type went over the connections that are open, " +
                        "every few seconds. How many messages there were, and what is in them, comes from " +
                        "tracepoints: the tracepoint extractor does not run for what is shown. See the manual, " +
                        "tracepoints.",
                ),
            );
        }
        stream.source(
            data.source,
            (data.types ?? []).map((t) => t.message),
        );
        draw();
    });

    return () => {
        graphs.destroy();
        stream.stop();
    };
}
