// @ts-check
// Our own pings, which a P2P extractor sends: other peer-observer programs have one.

import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { clock, number } from "../../lib/columns.js";
import { h, section } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { times } from "../../lib/series.js";
import { table } from "../../lib/table.js";

export function own() {
    const note = h(
        "p",
        { class: "muted small" },
        "A P2P extractor is a peer of each node and pings it. A node answers when it has worked off what came " +
            "before, so these times show how far behind it is.",
    );
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
    const el = section("Our own pings: the nodes' backlog", note, body);
    el.hidden = true;
    return {
        el,
        /** @param {Api["PingOwn"]} data */
        set(data) {
            // This program sends none itself: they come over NATS.
            el.hidden = data.source !== "p2p";
            if (el.hidden) return;
            const { series } = data;
            plot.set(times(series, series.median.length), [series.median, series.max]);
            recent.set(data.recent);
        },
        destroy: () => plot.destroy(),
    };
}
