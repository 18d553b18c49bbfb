// The overview: totals over the nodes, what needs attention, traffic of late, and a card per node.

import { chart } from "../lib/chart.js";
import * as colors from "../lib/colors.js";
import { badge, clear, empty, h, section, setText, tile } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { usual } from "../lib/range.js";
import { perSecond, times } from "../lib/series.js";
import { spark } from "../lib/spark.js";

export const title = "Overview";
export const css = "views/overview.css";

const TYPES = [
    "inbound",
    "outbound-full-relay",
    "block-relay-only",
    "manual",
    "addr-fetch",
    "feeler",
    "private-broadcast",
];
const NETWORKS = ["ipv4", "ipv6", "onion", "i2p", "cjdns", "not_publicly_routable"];
const SPARKS = 12;

export function mount(root, ctx) {
    const tiles = {
        nodes: tile("Nodes"),
        peers: tile("Peers", "connections of all nodes"),
        messages: tile("Messages", "P2P messages in the last 10 s"),
        bytes: tile("Traffic", "bytes of P2P messages in the last 10 s"),
        block: tile("Last block", "since a node's tip changed"),
        mempool: tile("Mempool", "the largest among the nodes"),
        sources: tile("Sources", "interfaces of the nodes that are read"),
        lost: tile("Lost events", "events that are known to be missing"),
    };
    const attention = h("div", { class: "attention" });
    const messages = section("P2P messages");
    const bytes = section("P2P traffic");
    const nodes = h("div", { class: "cards nodes" });
    root.append(
        h(
            "section",
            { class: "tiles overview-tiles", "aria-label": "Totals" },
            Object.values(tiles).map((t) => t.el),
        ),
        attention,
        h("div", { class: "split" }, messages, bytes),
        nodes,
    );
    const direction = () => [
        { name: "received", color: () => colors.named("blue"), dash: null },
        { name: "sent", color: () => colors.named("orange"), dash: [6, 3] },
    ];
    const messageChart = chart(messages, {
        label: "P2P messages per second",
        unit: "/s",
        series: direction(),
        height: 150,
    });
    const byteChart = chart(bytes, { label: "P2P bytes per second", unit: "B/s", series: direction(), height: 150 });

    const cards = new Map();
    const asked = new Map();

    ctx.api("api/nodes", {}, 2000, (list) => {
        totals(tiles, list);
        if (!list.length) {
            clear(nodes, empty("No node is known yet: none of the sources has told of one. See Health for what runs."));
            cards.clear();
            return;
        }
        const names = new Set(list.map((n) => n.node));
        for (const [name, card] of cards) {
            if (names.has(name)) continue;
            card.el.remove();
            cards.delete(name);
            asked.get(name)?.stop();
            asked.delete(name);
        }
        if (!cards.size) clear(nodes);
        for (const node of list) {
            let card = cards.get(node.node);
            if (!card) {
                card = nodeCard(ctx, node.node);
                cards.set(node.node, card);
                nodes.append(card.el);
                history(node.node, card);
            }
            card.set(node);
        }
    });

    // The last time of a node for its sparklines; for the first nodes only, so that many nodes do not mean many requests.
    function history(name, card) {
        if (asked.size >= SPARKS) return;
        asked.set(
            name,
            ctx.api("api/messages", { node: name, minutes: usual(ctx) }, 15_000, (data) => card.history(traffic(data))),
        );
    }

    ctx.api("api/messages", { minutes: usual(ctx) }, 10_000, (data) => {
        const t = traffic(data);
        messageChart.set(t.times, [t.countIn, t.countOut]);
        byteChart.set(t.times, [t.bytesIn, t.bytesOut]);
        messages.hidden = data.source === "rpc";
    });

    ctx.api("api/losses", {}, 10_000, (data) => {
        const advice = data.advice ?? [];
        clear(
            attention,
            advice
                .slice(0, 3)
                .map((a) =>
                    h(
                        "p",
                        { class: `notice ${a.severity === "error" ? "bad" : "warn"}` },
                        h("strong", {}, f.printable(a.what, 300)),
                        " ",
                        f.printable(a.do, 300),
                    ),
                ),
            advice.length > 3
                ? h("p", {}, h("a", { href: ctx.href("health") }, `${advice.length - 3} more on Health`))
                : null,
        );
    });

    return () => {
        messageChart.destroy();
        byteChart.destroy();
    };
}

const sum = (list, of) => list.reduce((n, x) => n + (of(x) ?? 0), 0);

// Sums the rows of api/messages by direction, per second. The newest step is not over yet and is left out.
function traffic(data) {
    const series = data.series ?? {};
    const rows = series.rows ?? [];
    const n = Math.max(0, Math.max(0, ...rows.map((r) => (r.bytes ?? r.count ?? []).length)) - 1);
    const add = (key, inbound) => {
        const mine = rows.filter((r) => (r.direction === "inbound") === inbound && r[key]);
        const out = new Array(n).fill(null);
        for (const row of mine) {
            for (let i = 0; i < n; i += 1) {
                const v = row[key][i];
                if (v !== null && v !== undefined) out[i] = (out[i] ?? 0) + v;
            }
        }
        return perSecond(out, series.step_seconds ?? 10);
    };
    return {
        times: times(series, n),
        countIn: add("count", true),
        countOut: add("count", false),
        bytesIn: add("bytes", true),
        bytesOut: add("bytes", false),
    };
}

function totals(tiles, list) {
    const behind = list.filter((n) => n.initial_block_download);
    tiles.nodes.set(f.count(list.length), behind.length ? `${behind.length} in initial block download` : chains(list));
    const peers = (key) => sum(list, (n) => n.connections?.[key]);
    tiles.peers.set(f.count(peers("total")), `${f.count(peers("inbound"))} in, ${f.count(peers("outbound"))} out`);
    const rate = (key) => sum(list, (n) => n.rates?.[key]);
    tiles.messages.set(
        f.rate(rate("messages_in") + rate("messages_out")),
        `${f.short(rate("messages_in"))} in, ${f.short(rate("messages_out"))} out`,
    );
    tiles.bytes.set(
        f.byteRate(rate("bytes_in") + rate("bytes_out")),
        `${f.bytes(rate("bytes_in"))} in, ${f.bytes(rate("bytes_out"))} out`,
    );
    const newest = Math.max(0, ...list.map((n) => f.millis(n.tip_changed) ?? 0));
    const heights = list.map((n) => n.height).filter((x) => x !== null && x !== undefined);
    tiles.block.set(newest ? f.ago(newest) : "–", heights.length ? `height ${f.count(Math.max(...heights))}` : "");
    const pool = list
        .map((n) => n.mempool)
        .filter(Boolean)
        .sort((a, b) => (b.transactions ?? 0) - (a.transactions ?? 0))[0];
    tiles.mempool.set(pool ? f.count(pool.transactions) : "–", pool ? `transactions, ${f.vbytes(pool.vbytes)}` : "");
    const sources = list.flatMap((n) => n.sources ?? []);
    const down = sources.filter((s) => !s.up);
    tiles.sources.set(
        `${sources.length - down.length} of ${sources.length}`,
        down.length ? `down: ${[...new Set(down.map((s) => s.source))].join(", ")}` : "all up",
        down.length ? "bad" : "",
    );
    const lost = sum(list, (n) => n.lost);
    tiles.lost.set(f.count(lost), lost ? "see Health" : "nothing missing", lost ? "warn" : "");
}

function chains(list) {
    return [...new Set(list.map((n) => n.chain).filter(Boolean))].map((c) => f.printable(c, 20)).join(", ");
}

function nodeCard(ctx, name) {
    const heading = h("h2", {}, h("a", { href: ctx.href("overview", { node: name }) }, f.printable(name, 40)));
    const marks = h("span", { class: "badges" });
    const version = h("span", { class: "muted small version" });
    const warnings = h("div", { class: "notices" });
    const facts = h("dl", { class: "facts" });
    const types = h("p", { class: "kinds" });
    const networks = h("p", { class: "kinds" });
    const sources = h("ul", { class: "sources" });
    const messages = spark();
    const bytes = spark();
    const messageNow = h("span", {}, "–");
    const byteNow = h("span", {}, "–");
    const sparks = h(
        "div",
        { class: "sparks" },
        h("div", {}, h("p", { class: "small" }, h("span", { class: "muted" }, "Messages "), messageNow), messages.el),
        h("div", {}, h("p", { class: "small" }, h("span", { class: "muted" }, "Bytes "), byteNow), bytes.el),
    );
    const el = h(
        "section",
        { class: "card node" },
        h("div", { class: "card-head" }, heading, marks, version),
        warnings,
        facts,
        sparks,
        h("h3", {}, "Peers"),
        types,
        networks,
        h("h3", {}, "Sources"),
        sources,
    );
    let shown = "";

    function fact(name_, ...value) {
        return [h("dt", {}, name_), h("dd", {}, value)];
    }

    return {
        el,
        set(node) {
            // Most of the time little changes: nothing is built anew for the same data.
            const key = JSON.stringify([node, f.ago(node.tip_changed)]);
            if (key === shown) return;
            shown = key;
            clear(marks, badges(node));
            setText(version, f.printable(node.version ?? "", 60));
            clear(
                warnings,
                (node.warnings ?? []).filter(Boolean).map((w) => h("p", { class: "notice warn" }, f.printable(w, 400))),
            );
            const c = node.connections ?? {};
            const pool = node.mempool;
            const process = node.process;
            clear(
                facts,
                fact(
                    "Height",
                    f.count(node.height),
                    node.headers > node.height ? ` of ${f.count(node.headers)} headers` : "",
                ),
                fact(
                    "Tip",
                    h("span", { class: "mono nowrap", title: node.best_block ?? null }, f.hash(node.best_block)),
                ),
                fact("Last block", h("span", { title: f.utc(node.tip_changed) }, f.ago(node.tip_changed))),
                fact(
                    "Peers",
                    h("a", { href: ctx.href("peers", { node: node.node }) }, f.count(c.total)),
                    ` (${f.count(c.inbound)} in, ${f.count(c.outbound)} out)`,
                ),
                pool
                    ? fact(
                          "Mempool",
                          `${f.count(pool.transactions)} transactions, ${f.vbytes(pool.vbytes)}, `,
                          `${f.bytes(pool.usage)} of ${f.bytes(pool.max)}`,
                      )
                    : null,
                fact("Network", `${f.bytes(node.net?.bytes_received)} received, ${f.bytes(node.net?.bytes_sent)} sent`),
                process
                    ? fact(
                          "Process",
                          `${f.percent(process.cpu_seconds_per_second)} of a core, ${f.bytes(process.resident)}`,
                      )
                    : null,
                fact(
                    "Up for",
                    f.seconds(
                        node.uptime_seconds === null || node.uptime_seconds === undefined
                            ? null
                            : Math.floor(node.uptime_seconds),
                    ),
                    node.restarts ? `, ${node.restarts} restarts seen` : "",
                ),
                node.lost
                    ? fact(
                          "Lost",
                          h(
                              "a",
                              { href: ctx.href("health", { node: node.node }), class: "warn" },
                              `${f.count(node.lost)} events`,
                          ),
                      )
                    : null,
            );
            setText(messageNow, f.rate(total(node.rates, "messages")));
            setText(byteNow, f.byteRate(total(node.rates, "bytes")));
            kinds(types, c.by_type, TYPES, f.connectionType, colors.forType, colors.shapeForType, "no peers");
            kinds(networks, c.by_network, NETWORKS, f.network, colors.forNetwork, colors.shapeForNetwork, "");
            clear(
                sources,
                (node.sources ?? []).map((s) =>
                    h(
                        "li",
                        { title: sourceTitle(s) },
                        h("span", { class: `dot ${s.up ? "good" : "bad"}`, "aria-hidden": "true" }),
                        f.printable(s.source, 20),
                        h("span", { class: s.up ? "muted" : "bad" }, s.up ? ` ${f.rate(s.rate)}` : " down"),
                    ),
                ),
            );
            if (!node.sources?.length) clear(sources, h("li", { class: "muted" }, "none has been heard of yet"));
        },
        history(t) {
            const add = (a, b) =>
                a.map((v, i) => (v === null && b[i] === null ? null : (v ?? 0) + (b[i] ?? 0))).slice(-180);
            const m = add(t.countIn, t.countOut);
            const b = add(t.bytesIn, t.bytesOut);
            messages.set(m, `messages per second, at most ${f.rate(Math.max(0, ...m))}`);
            bytes.set(b, `bytes per second, at most ${f.byteRate(Math.max(0, ...b))}`);
        },
    };
}

function total(rates, what) {
    if (!rates) return null;
    const a = rates[`${what}_in`] ?? null;
    const b = rates[`${what}_out`] ?? null;
    return a === null && b === null ? null : (a ?? 0) + (b ?? 0);
}

function badges(node) {
    return [
        node.chain ? badge(f.printable(node.chain, 20)) : null,
        node.initial_block_download
            ? badge(`initial block download ${f.percent(node.verification_progress)}`, "warn")
            : null,
        node.network_active === false ? badge("network off", "bad") : null,
        node.pruned ? badge("pruned") : null,
    ];
}

function sourceTitle(s) {
    const parts = [`${f.count(s.events)} events`, `last ${f.ago(s.last_event)}`];
    if (s.missing) parts.push(`${f.count(s.missing)} missing`);
    return parts.join(", ");
}

// "● 4 in  ■ 8 full": one for each kind that occurs.
function kinds(el, counts, order, name, color, shape, none) {
    const entries = Object.entries(counts ?? {}).filter(([, n]) => n > 0);
    entries.sort(([a], [b]) => ((order.indexOf(a) + 99) % 99) - ((order.indexOf(b) + 99) % 99));
    clear(
        el,
        entries.map(([key, n]) =>
            h(
                "span",
                { class: "kind", title: f.printable(key, 40) },
                h("span", { style: { color: color(key) }, "aria-hidden": "true" }, colors.mark(shape(key))),
                ` ${f.count(n)} `,
                h("span", { class: "muted" }, name(key)),
            ),
        ),
        entries.length ? null : h("span", { class: "muted" }, none),
    );
}
