// @ts-check
// The mempool page: tiles, charts, bars and tables.

import { needs, show } from "../../lib/absent.js";
import { bars } from "../../lib/bars.js";
import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { h, section, setText, tile, tileRow } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { notes } from "../../lib/notes.js";
import { times } from "../../lib/series.js";
import { largest, lastMinute, missing, reasonBars, total } from "./model.js";
import { byNode, estimates, recent } from "./tables.js";

/** @import { ChartOptions } from "../../lib/chart.js" */
/** @import { Context } from "../../lib/context.js" */
/** @import { Pool } from "./model.js" */

const NO_RPC = "Not known for this time: that needs RPC (getmempoolinfo).";
const NO_CHANGES = "Nothing is known for this time: tracepoints report what comes and goes, debug.log some of it.";

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
const UNKNOWN = sentence(needs("tracepoints"));

const tilesOf = () => ({
    transactions: tile("Transactions", "the largest mempool among the nodes"),
    size: tile("Size", "virtual bytes of the largest mempool"),
    usage: tile("Memory", "of the fullest mempool"),
    fee: tile("Least fee rate", "which a transaction needs to get in: the highest among the nodes"),
    orphans: tile("Orphans", "transactions whose parents are unknown, of all nodes"),
    unbroadcast: tile("Unbroadcast", "transactions of the nodes' own that no peer has asked for yet"),
    rates: tile("Added", "in the last minute, over all nodes"),
});

/** A chart in a card, which a text replaces while nothing is known. */
class ChartCard {
    #chart;
    #nothing;

    /**
     * @param {string} title
     * @param {ChartOptions} options
     * @param {string} none what is written while nothing is known
     */
    constructor(title, options, none = NO_RPC) {
        this.el = section(title);
        this.#chart = chart(this.el, { height: 160, ...options });
        this.#nothing = h("p", { class: "empty", hidden: true }, none);
        this.el.append(this.#nothing);
    }

    /**
     * @param {number[]} at
     * @param {Steps[]} values
     */
    set(at, values) {
        const any = values.some((list) => list.some((v) => v !== null && v !== undefined));
        this.#chart.el.hidden = !any;
        this.#nothing.hidden = any;
        this.#chart.set(at, values);
    }

    destroy() {
        this.#chart.destroy();
    }
}

const chartsOf = () => ({
    size: new ChartCard("Transactions in the mempool", {
        label: "Transactions in the mempool",
        series: [{ name: "transactions" }],
        legend: false,
    }),
    vbytes: new ChartCard("Virtual size", {
        label: "Virtual bytes of the mempool",
        unit: "vB",
        legend: false,
        series: [{ name: "virtual size", color: () => colors.named("orange") }],
    }),
    changes: new ChartCard(
        "Changes",
        {
            label: "Changes per second",
            unit: "/s",
            series: [
                { name: "added", color: () => colors.named("green") },
                { name: "removed", color: () => colors.named("blue"), dash: [6, 3] },
                { name: "replaced", color: () => colors.named("purple"), dash: [2, 2] },
                { name: "rejected", color: () => colors.named("vermillion"), dash: [8, 3, 2, 3] },
            ],
        },
        NO_CHANGES,
    ),
    fee: new ChartCard("Least fee rate", {
        label: "Least fee rate",
        unit: "sat/vB",
        legend: false,
        series: [{ name: "least fee rate", color: () => colors.named("purple") }],
    }),
});

export class MempoolView {
    #ctx;
    #tiles = tilesOf();
    #missing = notes();
    #charts = chartsOf();
    #rates = section("Fee rates of what was added");
    #removed = section("Removed, by reason");
    #rejected = section("Rejected, by reason");
    #rateBars = bars(this.#rates, {
        title: "Added transactions by fee rate in sat/vB",
        hideTitle: true,
        label: "Fee rate",
    });
    #removedBars = bars(this.#removed, {
        title: "Removed transactions by reason",
        hideTitle: true,
        label: "Reason",
    });
    #rejectedBars = bars(this.#rejected, {
        title: "Rejected transactions by reason",
        hideTitle: true,
        label: "Reason",
    });
    #unit = h("p", { class: "muted small" }, "sat/vB, over all nodes that are shown, since this began");
    #replaced = h("p", { class: "muted small" });
    #nodes = byNode();
    #estimates;
    #recent;

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {HTMLElement} time the choice of how much time is shown
     */
    constructor(root, ctx, time) {
        this.#ctx = ctx;
        this.#estimates = estimates(ctx);
        this.#recent = recent(ctx);
        this.#rates.append(this.#unit);
        this.#removed.append(this.#replaced);
        const charts = Object.values(this.#charts).map((card) => card.el);
        root.append(
            tileRow("Now", this.#tiles),
            this.#missing.el,
            h("div", { class: "toolbar" }, time),
            h("div", { class: "split" }, charts),
            h("div", { class: "cards" }, this.#rates, this.#removed, this.#rejected),
            section("By node", this.#nodes.el),
            h(
                "div",
                { class: "mempool-low" },
                section("Last changes", this.#recent.el),
                section("Fee estimates", this.#estimates.el),
            ),
        );
    }

    /** @param {Api["Mempool"]} data */
    set(data) {
        this.#now(data);
        this.#series(data.series);
        const rates = data.added_fee_rates ?? [];
        const added = rates.some((b) => b.count > 0);
        this.#rateBars.set(added ? rates.map((b) => ({ label: b.bucket, value: b.count })) : []);
        this.#rateBars.empty(data.added_fee_rates ? "No transaction has been added since this began." : UNKNOWN);
        this.#unit.hidden = !added;
        this.#removedBars.set(reasonBars(data.removed ?? []));
        this.#removedBars.empty(data.removed ? "No removal has been seen." : UNKNOWN);
        this.#rejectedBars.set(reasonBars(data.rejected ?? []));
        this.#rejectedBars.empty(data.rejected ? "No rejection has been seen." : sentence(needs("mempool")));
        const listed = data.removed?.some((r) => r.reason === "replaced");
        const replaced = `${f.count(data.replaced)} were replaced by others with a higher fee.`;
        setText(this.#replaced, data.replaced && !listed ? replaced : "");
        this.#nodes.set(data.nodes);
        this.#estimates.set(data.nodes);
        this.#recent.set(data.recent);
        this.#missing.set(missing(data.nodes.length > 0, this.#ctx.info.sources ?? {}));
    }

    destroy() {
        for (const card of Object.values(this.#charts)) card.destroy();
    }

    /** @param {Api["Mempool"]} data */
    #now({ nodes, series }) {
        const tiles = this.#tiles;
        /** @type {(pool: Pool | null) => string} */
        const whose = (pool) => (pool && nodes.length > 1 ? f.printable(pool.node, 20) : "");
        const most = largest(nodes, (n) => n.transactions);
        const loading = nodes.filter((n) => n.loaded === false).length;
        show(
            tiles.transactions,
            most?.transactions,
            f.count,
            "rpc",
            loading ? `${loading} still loading` : whose(most),
        );
        const big = largest(nodes, (n) => n.vbytes);
        show(tiles.size, big?.vbytes, f.vbytes, "rpc", big ? `${btc(big.total_fee_btc)} of fees` : "");
        const full = largest(nodes, usageShare);
        const share = full && `${f.percent(usageShare(full))} of ${f.bytes(full.max)}`;
        show(tiles.usage, full?.usage, f.bytes, "rpc", share ?? "");
        this.#fee(
            largest(nodes, (n) => n.min_fee_btc_kvb),
            whose,
        );
        const bytes = total(nodes.map((n) => n.orphan_bytes));
        show(tiles.orphans, total(nodes.map((n) => n.orphans)), f.count, "rpc", bytes === null ? "" : f.bytes(bytes));
        show(tiles.unbroadcast, total(nodes.map((n) => n.unbroadcast)), f.count, "rpc");
        const rejected = lastMinute(series.rejected, series.step_seconds);
        const note = rejected === null ? "last minute" : `${f.count(rejected)} rejected, last minute`;
        show(tiles.rates, lastMinute(series.added, series.step_seconds), f.count, "mempool", note);
    }

    /**
     * @param {Pool | null} pool the one with the highest least fee rate
     * @param {(pool: Pool | null) => string} whose
     */
    #fee(pool, whose) {
        const relay = pool?.min_relay_fee_btc_kvb ?? null;
        const raised = relay !== null && (pool?.min_fee_btc_kvb ?? 0) > relay;
        const note = raised ? `raised: relay ${f.feeRate(relay)}` : whose(pool);
        show(this.#tiles.fee, pool?.min_fee_btc_kvb, f.feeRate, "rpc", note, raised ? "warn" : "");
    }

    /**
     * What comes and goes is counted by step; the newest step is not over yet and is left out of it.
     * @param {Api["MempoolSeries"]} s
     */
    #series(s) {
        /** @type {(steps: Steps) => Steps} */
        const rates = (steps) => steps.slice(0, -1).map((v) => (v === null ? null : v / s.step_seconds));
        const at = times(s, Math.max(s.transactions.length, s.added.length));
        this.#charts.size.set(at, [s.transactions]);
        this.#charts.vbytes.set(at, [s.vbytes]);
        this.#charts.changes.set(at.slice(0, -1), [s.added, s.removed, s.replaced, s.rejected].map(rates));
        this.#charts.fee.set(at, [s.min_fee_btc_kvb.map((v) => (v === null ? null : v * 1e5))]);
    }
}

/** @param {Pool} pool */
const usageShare = (pool) => (pool.max ? (pool.usage ?? 0) / pool.max : null);

/** @param {Maybe} n */
const btc = (n) => (n === null || n === undefined ? "–" : `${Number(n.toFixed(4))} BTC`);
