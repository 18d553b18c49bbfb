// How transactions spread: what is announced, asked for and sent, who is first, what is wasted, and who only listens.

import { bars } from "../lib/bars.js";
import { chart } from "../lib/chart.js";
import * as colors from "../lib/colors.js";
import { h, section, tile } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { polled, range } from "../lib/range.js";
import { perSecond, times } from "../lib/series.js";
import { announcers, recent, suspects } from "./transactions/tables.js";

export const title = "Transactions";
export const css = "views/transactions.css";

export function mount(root, ctx) {
    const tiles = {
        announced: tile("Announced", "entries of inv messages that the nodes received, since this began"),
        unique: tile("Different", "transactions among them"),
        requested: tile("Asked for", "transactions that the nodes asked peers for"),
        delivered: tile("Delivered", "transactions that peers sent"),
        waste: tile("Wasted", "delivered although they were there already, or though nobody had asked"),
        unwanted: tile("Never asked for", "announced, and no peer was asked for them within a minute"),
        delay: tile("Announced to delivered", "median of the last transactions"),
        accept: tile("Delivered to mempool", "median of the last transactions"),
    };
    const missing = h("div", { class: "notices" });
    const flow = section("Announcements, requests, transactions: received");
    const out = section("Announcements, requests, transactions: sent");
    const fate = section("What the mempool does with them");
    const sizes = section("Announcements in one inv");
    const fees = section("Fee filters of the peers");
    const names = ["announcements (inv)", "requests (getdata)", "transactions (tx)"];
    const three = [
        { name: names[0], color: () => colors.named("orange") },
        { name: names[1], color: () => colors.named("blue"), dash: [6, 3] },
        { name: names[2], color: () => colors.named("green"), dash: [2, 2] },
    ];
    const charts = {
        flow: chart(flow, { label: "Received per second", unit: "/s", height: 170, series: three }),
        out: chart(out, { label: "Sent per second", unit: "/s", height: 170, series: three }),
        fate: chart(fate, {
            label: "Mempool changes per second",
            unit: "/s",
            height: 170,
            series: [
                { name: "added", color: () => colors.named("green") },
                { name: "rejected", color: () => colors.named("vermillion"), dash: [6, 3] },
            ],
        }),
    };
    const barCharts = {
        sizes: bars(sizes, {
            title: "inv messages by how many transactions they announce",
            hideTitle: true,
            label: "Transactions",
            empty: "No inv message has been seen: tracepoints tell of them.",
        }),
        fees: bars(fees, {
            title: "Peers by the least fee rate that they want",
            hideTitle: true,
            label: "Fee rate",
            empty: "No peer has told a least fee rate (feefilter).",
        }),
    };
    const first = announcers(ctx);
    const odd = suspects(ctx);
    const last = recent(ctx);
    const time = range(ctx, () => again());
    root.append(
        h(
            "section",
            { class: "tiles", "aria-label": "Since this began" },
            Object.values(tiles).map((t) => t.el),
        ),
        missing,
        h("div", { class: "toolbar" }, time.el),
        h("div", { class: "split" }, flow, out, fate),
        section("Who announces first", first.el),
        section("Who only listens, or sends what nobody asked for", odd.el),
        h("div", { class: "cards" }, sizes, fees),
        section("The last transactions", last.el),
    );
    const again = polled(ctx, "api/transactions", time, (data) => {
        totals(tiles, data);
        series(charts, data.series ?? {});
        const any = (data.inv_sizes ?? []).some((size) => size.messages > 0);
        barCharts.sizes.set(any ? data.inv_sizes.map((size) => ({ label: size.items, value: size.messages })) : []);
        barCharts.fees.set(feeRows(data.fee_filters ?? []));
        first.set(data.announcers ?? []);
        odd.set(data.suspects ?? []);
        last.set(data.recent ?? []);
        const lacks = data.source !== "ebpf";
        if (missing.childElementCount !== Number(lacks)) {
            missing.replaceChildren(
                ...(lacks
                    ? [
                          h(
                              "p",
                              { class: "notice" },
                              "Announcements and requests are missing: they come from tracepoints, and the tracepoint extractor tells of no messages. " +
                                  "Without it debug.log tells which transactions came, by whom, and what the mempool did " +
                                  "(categories mempool and mempoolrej).",
                          ),
                      ]
                    : []),
            );
        }
    });
    return () => {
        for (const c of Object.values(charts)) c.destroy();
    };
}

function totals(tiles, data) {
    const t = data.totals ?? {};
    const traced = data.source === "ebpf";
    const only = (n) => (traced ? f.count(n) : "–");
    const share = (n, all) => (traced && all > 0 ? f.percent(n / all) : "");
    tiles.announced.set(only(t.announced));
    tiles.unique.set(only(t.unique), traced && t.unique > 0 ? `${(t.announced / t.unique).toFixed(1)} times each` : "");
    tiles.requested.set(only(t.requested), t.not_found ? `${f.count(t.not_found)} not found` : "");
    tiles.delivered.set(
        f.count(t.delivered),
        share(t.delivered, t.requested) && `${share(t.delivered, t.requested)} of the requests`,
    );
    tiles.waste.set(
        only((t.duplicates ?? 0) + (t.unrequested ?? 0)),
        traced ? `${f.count(t.duplicates)} again, ${f.count(t.unrequested)} not asked for` : "",
    );
    tiles.unwanted.set(only(t.never_requested), share(t.never_requested, t.unique));
    const delay = (tile, d) => tile.set(f.seconds(d?.median), d?.count ? `99 % within ${f.seconds(d.p99)}` : "");
    delay(tiles.delay, data.delay?.inv_to_tx_seconds);
    delay(tiles.accept, data.delay?.tx_to_mempool_seconds);
}

// The newest step is not over yet.
function series(charts, s) {
    const step = s.step_seconds ?? 10;
    const rates = (key) => perSecond(s[key], step);
    const n = (s.inv_in ?? s.added ?? []).length;
    const at = times(s, n);
    charts.flow.set(at, [rates("inv_in"), rates("getdata_in"), rates("tx_in")]);
    charts.out.set(at, [rates("inv_out"), rates("getdata_out"), rates("tx_out")]);
    charts.fate.set(at, [rates("added"), rates("rejected")]);
}

// The most frequent fee rates in ascending order, the others together.
function feeRows(filters) {
    const MOST = 12;
    const often = [...filters]
        .sort((a, b) => b.peers - a.peers)
        .slice(0, MOST)
        .sort((a, b) => a.btc_kvb - b.btc_kvb);
    const rows = often.map((filter) => ({ label: f.feeRate(filter.btc_kvb), value: filter.peers }));
    const rest = filters.reduce((n, x) => n + x.peers, 0) - often.reduce((n, x) => n + x.peers, 0);
    if (rest > 0)
        rows.push({ label: `${filters.length - often.length} others`, value: rest, color: "var(--line-strong)" });
    return rows;
}
