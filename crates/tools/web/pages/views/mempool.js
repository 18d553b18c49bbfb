// The mempools: their size, what comes and goes and why, at which fee rates, and what the nodes think of fees.

import { bars } from "../lib/bars.js";
import { chart } from "../lib/chart.js";
import * as colors from "../lib/colors.js";
import { h, section, setText, tile } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { polled, range } from "../lib/range.js";
import { times } from "../lib/series.js";
import { byNode, estimates, recent } from "./mempool/tables.js";

export const title = "Mempool";
export const css = "views/mempool.css";

const REASONS = 12;
const NO_RPC = "Not known for this time: the RPC extractor tells it (getmempoolinfo).";
const WHO = {
    changes: "Nothing is known for this time: tracepoints tell what comes and goes, debug.log a part of it.",
};

export function mount(root, ctx) {
    const tiles = {
        transactions: tile("Transactions", "the largest mempool among the nodes"),
        size: tile("Size", "virtual bytes of the largest mempool"),
        usage: tile("Memory", "of the fullest mempool"),
        fee: tile("Least fee rate", "which a transaction needs to get in: the highest among the nodes"),
        orphans: tile("Orphans", "transactions whose parents are unknown, of all nodes"),
        unbroadcast: tile("Unbroadcast", "transactions of the nodes' own that no peer has asked for yet"),
        rates: tile("Added", "in the last minute, over all nodes"),
    };
    const missing = h("div", { class: "notices" });
    const size = section("Transactions in the mempool");
    const vbytes = section("Virtual size");
    const changes = section("Changes");
    const fee = section("Least fee rate");
    const rates = section("Fee rates of what was added");
    const removed = section("Removed, by reason");
    const rejected = section("Rejected, by reason");
    const nodes = byNode(ctx);
    const fees = estimates(ctx);
    const last = recent(ctx);
    const why = h("p", { class: "muted small" });

    const charts = {
        size: chart(size, {
            label: "Transactions in the mempool",
            series: [{ name: "transactions" }],
            height: 160,
            legend: false,
        }),
        vbytes: chart(vbytes, {
            label: "Virtual bytes of the mempool",
            unit: "vB",
            height: 160,
            legend: false,
            series: [{ name: "virtual size", color: () => colors.named("orange") }],
        }),
        changes: chart(changes, {
            label: "Changes per second",
            unit: "/s",
            height: 160,
            series: [
                { name: "added", color: () => colors.named("green") },
                { name: "removed", color: () => colors.named("blue"), dash: [6, 3] },
                { name: "replaced", color: () => colors.named("purple"), dash: [2, 2] },
                { name: "rejected", color: () => colors.named("vermillion"), dash: [8, 3, 2, 3] },
            ],
        }),
        fee: chart(fee, {
            label: "Least fee rate",
            unit: "sat/vB",
            height: 160,
            legend: false,
            series: [{ name: "least fee rate", color: () => colors.named("purple") }],
        }),
        rates: bars(rates, {
            title: "Added transactions by fee rate in sat/vB",
            hideTitle: true,
            label: "Fee rate",
            empty: "No transaction has been added since this began.",
        }),
        removed: bars(removed, {
            title: "Removed transactions by reason",
            hideTitle: true,
            label: "Reason",
            empty: "No removal has been seen.",
        }),
        rejected: bars(rejected, {
            title: "Rejected transactions by reason",
            hideTitle: true,
            label: "Reason",
            empty: "No rejection has been seen.",
        }),
    };
    const absent = Object.fromEntries(
        Object.entries({ size, vbytes, changes, fee }).map(([key, el]) => {
            const text = h("p", { class: "empty", hidden: true });
            el.append(text);
            return [key, text];
        }),
    );
    const unit = h("p", { class: "muted small" }, "sat/vB, over all nodes that are shown, since this began");
    rates.append(unit);
    removed.append(why);

    const time = range(ctx, () => again());
    root.append(
        h(
            "section",
            { class: "tiles", "aria-label": "Now" },
            Object.values(tiles).map((t) => t.el),
        ),
        missing,
        h("div", { class: "toolbar" }, time.el),
        h("div", { class: "split" }, size, vbytes, changes, fee),
        h("div", { class: "cards" }, rates, removed, rejected),
        section("By node", nodes.el),
        h("div", { class: "mempool-low" }, section("Last changes", last.el), section("Fee estimates", fees.el)),
    );

    const again = polled(ctx, "api/mempool", time, (data) => {
        now(tiles, data);
        series(charts, absent, data.series ?? {});
        const added = (data.added_fee_rates ?? []).some((b) => b.count > 0);
        charts.rates.set(added ? data.added_fee_rates.map((b) => ({ label: b.bucket, value: b.count })) : []);
        unit.hidden = !added;
        charts.removed.set(top(data.removed));
        charts.rejected.set(top(data.rejected));
        const told = (data.removed ?? []).some((r) => r.reason === "replaced");
        setText(
            why,
            data.replaced && !told ? `${f.count(data.replaced)} were replaced by others with a higher fee.` : "",
        );
        nodes.set(data.nodes ?? []);
        fees.set(data.nodes ?? []);
        last.set(data.recent ?? []);
        lacking(missing, ctx, data);
    });

    return () => {
        for (const c of Object.values(charts)) c.destroy();
    };
}

// The most frequent reasons, and the rest together.
function top(list) {
    const all = (list ?? []).filter((r) => r.count > 0).sort((a, b) => b.count - a.count);
    const rest = all.slice(REASONS).reduce((n, r) => n + r.count, 0);
    const rows = all
        .slice(0, REASONS)
        .map((r) => ({ label: f.printable(r.reason, 44), title: f.printable(r.reason, 200), value: r.count }));
    if (rest) rows.push({ label: `${all.length - REASONS} others`, value: rest, color: "var(--line-strong)" });
    return rows;
}

const largest = (list, of) =>
    list.reduce((best, n) => ((of(n) ?? -1) > (best === null ? -1 : of(best)) ? n : best), null);
const total = (list, of) => {
    const known = list.map(of).filter((x) => x !== null && x !== undefined);
    return known.length ? known.reduce((a, b) => a + b, 0) : null;
};

function now(tiles, data) {
    const nodes = data.nodes ?? [];
    const whose = (n) => (n && nodes.length > 1 ? f.printable(n.node, 20) : "");
    const most = largest(nodes, (n) => n.transactions);
    const loading = nodes.filter((n) => n.loaded === false);
    tiles.transactions.set(
        f.count(most?.transactions),
        loading.length ? `${loading.length} still loading` : whose(most),
    );
    const big = largest(nodes, (n) => n.vbytes);
    tiles.size.set(big ? f.vbytes(big.vbytes) : "–", big ? `${btc(big.total_fee_btc)} of fees` : "");
    const full = largest(nodes, (n) => (n.max ? n.usage / n.max : null));
    tiles.usage.set(
        full ? f.bytes(full.usage) : "–",
        full ? `${f.percent(full.usage / full.max)} of ${f.bytes(full.max)}` : "",
    );
    const dear = largest(nodes, (n) => n.min_fee_btc_kvb);
    const raised = dear && dear.min_relay_fee_btc_kvb !== null && dear.min_fee_btc_kvb > dear.min_relay_fee_btc_kvb;
    tiles.fee.set(
        f.feeRate(dear?.min_fee_btc_kvb),
        raised ? `raised: relay ${f.feeRate(dear.min_relay_fee_btc_kvb)}` : whose(dear),
        raised ? "warn" : "",
    );
    const bytes = total(nodes, (n) => n.orphan_bytes);
    tiles.orphans.set(f.count(total(nodes, (n) => n.orphans)), bytes === null ? "" : f.bytes(bytes));
    tiles.unbroadcast.set(f.count(total(nodes, (n) => n.unbroadcast)));
    const step = data.series?.step_seconds ?? 10;
    const minute = (key) => {
        const list = (data.series?.[key] ?? []).slice(0, -1).slice(-Math.max(1, Math.round(60 / step)));
        return total(list, (x) => x);
    };
    const rejected = minute("rejected");
    tiles.rates.set(
        f.count(minute("added")),
        rejected === null ? "last minute" : `${f.count(rejected)} rejected, last minute`,
    );
}

function btc(n) {
    return n === null || n === undefined ? "–" : `${Number(n.toFixed(4))} BTC`;
}

// What comes and goes is counted by step; the newest step is not over yet and is left out of it.
function series(charts, absent, s) {
    const step = s.step_seconds ?? 10;
    const whole = (key) => s[key] ?? [];
    const over = (key) =>
        whole(key)
            .slice(0, -1)
            .map((v) => (v === null ? null : v / step));
    const n = Math.max(whole("transactions").length, whole("added").length);
    const at = times(s, n);
    const show = (key, when, values) => {
        const any = values.some((list) => list.some((v) => v !== null && v !== undefined));
        charts[key].el.hidden = !any;
        absent[key].hidden = any;
        setText(absent[key], any ? "" : (WHO[key] ?? NO_RPC));
        charts[key].set(when, values);
    };
    show("size", at, [whole("transactions")]);
    show("vbytes", at, [whole("vbytes")]);
    show("changes", at.slice(0, -1), ["added", "removed", "replaced", "rejected"].map(over));
    show("fee", at, [whole("min_fee_btc_kvb").map((v) => (v === null ? null : v * 1e5))]);
}

function lacking(el, ctx, data) {
    const sources = ctx.info.sources ?? {};
    const notes = [];
    if (!(data.nodes ?? []).length) {
        notes.push(
            sources.rpc === false
                ? "Size, least fee rate and estimates are missing: the RPC extractor does not run (getmempoolinfo " +
                      "tells them). See the manual, RPC."
                : "Size, least fee rate and estimates are not known yet: the RPC extractor tells them every few " +
                      "seconds.",
        );
    }
    if (sources.ebpf === false) {
        notes.push(
            sources.log === false
                ? "What comes and goes is missing: neither the tracepoint extractor nor the log extractor runs. See " +
                      "the manual, tracepoints."
                : "Removed, replaced and fee rates are missing: they come from tracepoints, and the tracepoint " +
                      "extractor does not run. Added and rejected transactions come from debug.log, if the node " +
                      "writes the categories mempool and mempoolrej.",
        );
    }
    if (el.dataset.shown === notes.join("\n")) return;
    el.dataset.shown = notes.join("\n");
    el.replaceChildren(...notes.map((text) => h("p", { class: "notice" }, text)));
}
