// @ts-check
// The peers' pings over time.

import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { h, section, setText } from "../../lib/dom.js";
import { times } from "../../lib/series.js";

/** @import { Context } from "../../lib/context.js" */

const NONE = "No ping of a peer in this time. Nodes ping their peers every two minutes.";
const NOT_RUN = "No ping of a peer is known here: that needs tracepoints (pings and pongs) or RPC (getpeerinfo).";

/** @param {Context} ctx */
export function series(ctx) {
    const el = section("Peers' pings");
    const plot = chart(el, {
        label: "Peers' pings",
        unit: "s",
        height: 170,
        series: [
            { name: "median", color: () => colors.named("blue") },
            { name: "p99", color: () => colors.named("orange"), dash: [6, 3] },
        ],
        spanGaps: true,
    });
    const missing = h("p", { class: "empty", hidden: true });
    const text = "Of several nodes, the one with the longest pings at each moment.";
    const note = h("p", { class: "muted small" }, text);
    el.append(missing, note);
    return {
        el,
        /** @param {Api["PingOfPeers"]} data */
        set(data) {
            const any = data.median.some((v) => v !== null);
            plot.set(times(data, data.median.length), [data.median, data.p99]);
            plot.el.hidden = !any;
            missing.hidden = any;
            note.hidden = !any || ctx.node !== "";
            setText(missing, ctx.info.sources?.rpc || ctx.info.sources?.ebpf ? NONE : NOT_RUN);
        },
        destroy: () => plot.destroy(),
    };
}
