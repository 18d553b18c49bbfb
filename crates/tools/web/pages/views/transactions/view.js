// @ts-check
// The transactions page: tiles, charts, bars and tables.

import { isKnown, needs, show } from "../../lib/absent.js";
import { bars } from "../../lib/bars.js";
import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { h, section, tile, tileRow } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { notes } from "../../lib/notes.js";
import { perSecond, times } from "../../lib/series.js";
import { announcers, recent, suspects } from "./tables.js";

/** @import { Bar } from "../../lib/bars.js" */
/** @import { Series } from "../../lib/chart.js" */
/** @import { Context } from "../../lib/context.js" */
/** @import { Tile } from "../../lib/dom.js" */

/** So many fee rates have a bar of their own. */
const MOST = 12;
const RELAY =
    "from when a node had a transaction until it announced it on our own P2P connection: median of the last 1,000. A node " +
    "keeps announcements back, unless the connection has the permission noban.";
const UNTRACED =
    "Announcements and requests are not known here: that needs tracepoints, or debug.log with debug=net. Without them " +
    "debug.log has which transactions came, by whom, and what the mempool did (categories mempool and mempoolrej).";
const LOGGED =
    "From debug.log: each announcement received, each request, and how many transactions came and went (category net); what " +
    "the mempool did (validation, mempool, mempoolrej). What was announced to peers is not known here: that needs tracepoints.";
/** @type {Series[]} */
const MESSAGES = [
    { name: "announcements (inv)", color: () => colors.named("orange") },
    { name: "requests (getdata)", color: () => colors.named("blue"), dash: [6, 3] },
    { name: "transactions (tx)", color: () => colors.named("green"), dash: [2, 2] },
];

const tilesOf = () => ({
    announced: tile("Announced", "entries of inv messages that the nodes received, since this began"),
    unique: tile("Different", "transactions among them"),
    requested: tile("Asked for", "transactions that the nodes asked peers for"),
    delivered: tile("Delivered", "transactions that peers sent"),
    waste: tile("Wasted", "delivered although they were there already, or though nobody had asked"),
    unwanted: tile("Never asked for", "announced, and no peer was asked for them within a minute"),
    delay: tile("Announced to delivered", "median of the last transactions"),
    accept: tile("Delivered to mempool", "median of the last transactions"),
    relay: tile("Relay delay", RELAY),
});

export class TransactionsView {
    #tiles = tilesOf();
    #missing = notes();
    #received = section("Announcements, requests, transactions: received");
    #sent = section("Announcements, requests, transactions: sent");
    #fate = section("What the mempool does with them");
    #sizes = section("Announcements in one inv");
    #fees = section("Fee filters of the peers");
    #receivedChart = chart(this.#received, {
        label: "Received per second",
        unit: "/s",
        height: 170,
        series: MESSAGES,
    });
    #sentChart = chart(this.#sent, { label: "Sent per second", unit: "/s", height: 170, series: MESSAGES });
    #fateChart = chart(this.#fate, {
        label: "Mempool changes per second",
        unit: "/s",
        height: 170,
        series: [
            { name: "added", color: () => colors.named("green") },
            { name: "rejected", color: () => colors.named("vermillion"), dash: [6, 3] },
        ],
    });
    #sizeBars = bars(this.#sizes, {
        title: "inv messages by how many transactions they announce",
        hideTitle: true,
        label: "Transactions",
        empty: "No inv message has been seen: tracepoints report them.",
    });
    #feeBars = bars(this.#fees, {
        title: "Peers by the least fee rate that they want",
        hideTitle: true,
        label: "Fee rate",
        empty: "No peer has announced a least fee rate (feefilter).",
    });
    #announcers;
    #suspects;
    #recent;

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {HTMLElement} time the choice of how much time is shown
     */
    constructor(root, ctx, time) {
        this.#announcers = announcers(ctx);
        this.#suspects = suspects(ctx);
        this.#recent = recent(ctx);
        root.append(
            tileRow("Since this began", this.#tiles),
            this.#missing.el,
            h("div", { class: "toolbar" }, time),
            h("div", { class: "split" }, this.#received, this.#sent, this.#fate),
            section("Who announces first", this.#announcers.el),
            section("Who only listens, sends what nobody asked for, or misbehaves", this.#suspects.el),
            h("div", { class: "cards" }, this.#sizes, this.#fees),
            section("The last transactions", this.#recent.el),
        );
    }

    /** @param {Api["Transactions"]} data */
    set(data) {
        this.#totals(data.totals);
        setDelay(this.#tiles.delay, data.delay?.inv_to_tx_seconds);
        setDelay(this.#tiles.accept, data.delay?.tx_to_mempool_seconds);
        this.#series(data.series);
        const sizes = data.inv_sizes ?? [];
        const any = sizes.some((size) => size.messages > 0);
        this.#sizeBars.set(any ? sizes.map((size) => ({ label: size.items, value: size.messages })) : []);
        this.#feeBars.set(feeBars(data.fee_filters));
        this.#announcers.set(data.announcers);
        this.#suspects.set(data.suspects);
        this.#recent.set(data.recent);
        this.#missing.set(data.source === "ebpf" ? [] : [isKnown(data.totals.announced) ? LOGGED : UNTRACED]);
    }

    /** @param {Api["RelayDelay"]} delay on our own connections */
    relay({ median_seconds, p90_seconds, count }) {
        const tile_ = this.#tiles.relay;
        if (count) tile_.set(f.seconds(median_seconds), `90 % within ${f.seconds(p90_seconds)}`);
        else tile_.set("–", needs("p2p"));
    }

    destroy() {
        for (const c of [this.#receivedChart, this.#sentChart, this.#fateChart]) c.destroy();
    }

    /** @param {Api["TransactionTotals"]} t what is not known is null */
    #totals(t) {
        const tiles = this.#tiles;
        /** @type {(n: Maybe, all: Maybe) => string} */
        const share = (n, all) => (isKnown(n) && all ? f.percent(Number(n) / all) : "");
        /** @type {(tile: Tile, n: Maybe, note?: string) => void} */
        const counted = (tile_, n, note) => show(tile_, n, f.count, "net", note);
        const each = t.unique ? `${(Number(t.announced) / t.unique).toFixed(1)} times each` : "";
        const delivered = share(t.delivered, t.requested);
        const wasted = `${f.count(t.duplicates)} again, ${f.count(t.unrequested)} not asked for`;
        counted(tiles.announced, t.announced);
        counted(tiles.unique, t.unique, each);
        counted(tiles.requested, t.requested, t.not_found ? `${f.count(t.not_found)} not found` : "");
        show(tiles.delivered, t.delivered, f.count, "mempool", delivered && `${delivered} of the requests`);
        const waste = isKnown(t.duplicates) ? Number(t.duplicates) + Number(t.unrequested) : null;
        show(tiles.waste, waste, f.count, "tracepoints", wasted);
        counted(tiles.unwanted, t.never_requested, share(t.never_requested, t.unique));
    }

    /** @param {Api["TransactionSeries"]} s */
    #series(s) {
        /** @type {(values: Steps) => Steps} */
        const rates = (values) => perSecond(values, s.step_seconds);
        const at = times(s, s.inv_in.length);
        this.#receivedChart.set(at, [rates(s.inv_in), rates(s.getdata_in), rates(s.tx_in)]);
        this.#sentChart.set(at, [rates(s.inv_out), rates(s.getdata_out), rates(s.tx_out)]);
        this.#fateChart.set(at, [rates(s.added), rates(s.rejected)]);
    }
}

/**
 * @param {Tile} tile_
 * @param {Api["Delay"]} [delay]
 */
function setDelay(tile_, delay) {
    tile_.set(f.seconds(delay?.median), delay?.count ? `99 % within ${f.seconds(delay.p99)}` : "");
}

/**
 * The most frequent fee rates in ascending order, the others together.
 * @param {Api["FeeFilter"][]} filters
 */
function feeBars(filters) {
    const often = [...filters]
        .sort((a, b) => b.peers - a.peers)
        .slice(0, MOST)
        .sort((a, b) => a.btc_kvb - b.btc_kvb);
    /** @type {Bar[]} */
    const list = often.map((filter) => ({ label: f.feeRate(filter.btc_kvb), value: filter.peers }));
    /** @type {(some: Api["FeeFilter"][]) => number} */
    const peers = (some) => some.reduce((n, filter) => n + filter.peers, 0);
    const rest = peers(filters) - peers(often);
    if (rest > 0) {
        list.push({ label: `${filters.length - often.length} others`, value: rest, color: "var(--line-strong)" });
    }
    return list;
}
