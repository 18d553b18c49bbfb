// Ping-pong: how long the nodes take to answer our own pings, which is how far behind they are with their messages,
// and how long their peers take to answer theirs.

import { chart } from "../lib/chart.js";
import * as colors from "../lib/colors.js";
import { h, labelled, section, setText, tile } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { polled, range } from "../lib/range.js";
import { times } from "../lib/series.js";
import { table } from "../lib/table.js";
import { peers as peerTable } from "./pings/peers.js";

export const title = "Ping-pong";
export const css = "views/pings.css";

export function mount(root, ctx) {
    const tiles = {
        own: tile("Our last ping", "how long a node took to answer our own ping: its backlog"),
        median: tile("Median", "of the peers' last pings"),
        p99: tile("p99", "99 of 100 peers' last pings took less"),
        slow: tile("Slowest"),
        waiting: tile("Waiting", "peers that have not answered a ping yet"),
        peers: tile("Peers", "whose ping is known"),
    };
    const own = section("Our own pings: the nodes' backlog");
    const ownNote = h(
        "p",
        { class: "muted small" },
        "The P2P extractor is a peer of each node and pings it. A node answers when it has worked off what came " +
            "before, so these times tell how far behind it is.",
    );
    const ownMissing = h("p", { class: "empty", hidden: true });
    const ownBody = h("div", {});
    const ownRecent = table({
        caption: "Our last pings, newest first",
        rowKey: (p) => `${p.node}/${p.time}`,
        columns: [
            {
                key: "time",
                label: "Time",
                value: (p) => f.millis(p.time),
                text: (p) => f.clock(p.time),
                hint: (p) => f.utc(p.time),
                sort: "desc",
            },
            { key: "node", label: "Node", value: (p) => p.node, head: true },
            {
                key: "seconds",
                label: "Answer after",
                value: (p) => p.seconds,
                text: (p) => f.seconds(p.seconds),
                align: "right",
                sort: "desc",
            },
        ],
    });
    own.append(ownNote, ownMissing, ownBody);
    const ownChart = chart(ownBody, {
        label: "Our own pings",
        unit: "s",
        height: 170,
        series: [
            { name: "median", color: () => colors.named("blue") },
            { name: "max", color: () => colors.named("vermillion"), dash: [6, 3] },
        ],
        spanGaps: true,
    });
    ownBody.append(ownRecent.el);

    const peerSeries = section("Peers' pings");
    const peerChart = chart(peerSeries, {
        label: "Peers' pings",
        unit: "s",
        height: 170,
        series: [
            { name: "median", color: () => colors.named("blue") },
            { name: "p99", color: () => colors.named("orange"), dash: [6, 3] },
        ],
        spanGaps: true,
    });
    const peerMissing = h("p", { class: "empty", hidden: true });
    peerSeries.append(peerMissing);
    const peerNote = h(
        "p",
        { class: "muted small" },
        "Of several nodes, the one with the longest pings at each moment.",
    );
    peerSeries.append(peerNote);

    const list = peerTable(ctx);
    const shown = h("span", { class: "muted small shown", role: "status" });
    const search = h("input", {
        type: "search",
        value: ctx.params.get("filter") ?? "",
        placeholder: "e.g. inbound",
        oninput: () => {
            ctx.set({ filter: search.value.trim() });
            list.filter(search.value);
            said();
        },
    });
    const time = range(ctx, () => again());
    root.append(
        h(
            "section",
            { class: "tiles", "aria-label": "Now" },
            Object.values(tiles).map((t) => t.el),
        ),
        h("div", { class: "toolbar" }, time.el),
        h("div", { class: "split" }, own, peerSeries),
        section("Peers", h("div", { class: "toolbar" }, labelled("Filter", search), shown), list.el),
    );
    list.filter(search.value);

    let known = 0;
    function said() {
        setText(
            shown,
            list.shown === known ? `${f.count(known)} peers` : `${f.count(list.shown)} of ${f.count(known)} peers`,
        );
    }

    const again = polled(ctx, "api/pings", time, (data) => {
        const peers = data.peers ?? [];
        now(tiles, data.own ?? {}, peers);
        const has = data.own?.source === "p2p";
        ownBody.hidden = !has;
        ownNote.hidden = !has;
        ownMissing.hidden = has;
        setText(
            ownMissing,
            ctx.info.sources?.p2p
                ? "No ping of our own yet for what is shown: the P2P extractor has not connected to this node, or " +
                      "has just begun."
                : "No ping of our own: the P2P extractor does not run. It connects to the node as a peer and pings " +
                      "it; the time to the pong tells how far behind the node is with its messages. See the manual, " +
                      "P2P.",
        );
        if (has) {
            const s = data.own.series ?? {};
            ownChart.set(times(s, (s.median ?? []).length), [s.median ?? [], s.max ?? []]);
            ownRecent.set(data.own.recent ?? []);
        }
        const s = data.series ?? {};
        const any = (s.median ?? []).some((v) => v !== null);
        peerChart.set(times(s, (s.median ?? []).length), [s.median ?? [], s.p99 ?? []]);
        peerChart.el.hidden = !any;
        peerMissing.hidden = any;
        peerNote.hidden = !any || ctx.node !== "";
        setText(
            peerMissing,
            ctx.info.sources?.rpc || ctx.info.sources?.ebpf
                ? "No ping of a peer in this time. Nodes ping their peers every two minutes."
                : "No ping of a peer: neither tracepoints (pings and pongs) nor RPC (getpeerinfo) are read. See the " +
                      "manual, tracepoints and RPC.",
        );
        known = peers.length;
        list.set(peers);
        said();
    });

    return () => {
        ownChart.destroy();
        peerChart.destroy();
    };
}

// The value below which a share of the sorted list lies.
function quantile(sorted, share) {
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : null;
}

function now(tiles, own, peers) {
    const mine = own.recent?.[0];
    tiles.own.set(
        mine ? f.seconds(mine.seconds) : "–",
        mine ? `${f.printable(mine.node, 20)}, ${f.ago(mine.time)}` : "P2P extractor only",
    );
    const known = peers.filter((p) => p.ping_seconds !== null && p.ping_seconds !== undefined);
    const sorted = known.map((p) => p.ping_seconds).sort((a, b) => a - b);
    tiles.median.set(f.seconds(quantile(sorted, 0.5)));
    tiles.p99.set(f.seconds(quantile(sorted, 0.99)));
    const slowest = known.reduce((a, b) => (a && a.ping_seconds >= b.ping_seconds ? a : b), null);
    tiles.slow.set(
        f.seconds(slowest?.ping_seconds),
        slowest ? `peer ${slowest.id} of ${f.printable(slowest.node, 16)}` : "",
    );
    const waiting = peers.filter((p) => p.ping_wait_seconds > 0);
    const longest = Math.max(0, ...waiting.map((p) => p.ping_wait_seconds));
    tiles.waiting.set(
        f.count(waiting.length),
        waiting.length ? `up to ${f.seconds(longest)}` : "",
        longest > 60 ? "warn" : "",
    );
    tiles.peers.set(f.count(known.length), `of ${f.count(peers.length)}`);
}
