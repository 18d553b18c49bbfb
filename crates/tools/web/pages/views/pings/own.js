// @ts-check
// Our own pings, which the P2P extractor sends.

import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { clock, number } from "../../lib/columns.js";
import { h, section, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { times } from "../../lib/series.js";
import { table } from "../../lib/table.js";

/** @import { Context } from "../../lib/context.js" */

const NONE_YET =
    "No ping of our own yet for what is shown: the P2P extractor has not connected to this node, or has just begun.";
const NOT_RUN =
    "No ping of our own: the P2P extractor does not run. It connects to the node as a peer and pings it; the time to " +
    "the pong is how far behind the node is with its messages. See the manual, P2P.";

/** @param {Context} ctx */
export function own(ctx) {
    const note = h(
        "p",
        { class: "muted small" },
        "The P2P extractor is a peer of each node and pings it. A node answers when it has worked off what came " +
            "before, so these times show how far behind it is.",
    );
    const missing = h("p", { class: "empty", hidden: true });
    const body = h("div", {});
    const plot = chart(body, {
        label: "Our own pings",
        unit: "s",
        height: 170,
        series: [
            { name: "median", color: () => colors.named("blue") },
            { name: "max", color: () => colors.named("vermillion"), dash: [6, 3] },
        ],
        spanGaps: true,
    });
    const recent = table({
        caption: "Our last pings, newest first",
        rowKey: (/** @type {Api["OwnPing"]} */ p) => `${p.node}/${p.time}`,
        columns: [
            clock("time", "Time", (p) => p.time),
            { key: "node", label: "Node", value: (p) => p.node, head: true },
            number("seconds", "Answer after", (p) => p.seconds, f.seconds),
        ],
    });
    body.append(recent.el);
    return {
        el: section("Our own pings: the nodes' backlog", note, missing, body),
        /** @param {Api["PingOwn"]} data */
        set(data) {
            const has = data.source === "p2p";
            body.hidden = !has;
            note.hidden = !has;
            missing.hidden = has;
            setText(missing, ctx.info.sources?.p2p ? NONE_YET : NOT_RUN);
            if (!has) return;
            const { series } = data;
            plot.set(times(series, series.median.length), [series.median, series.max]);
            recent.set(data.recent);
        },
        destroy: () => plot.destroy(),
    };
}
