// A peer: all that is known of one connection of a node, its last messages as a sequence diagram, and how it ended.

import { chart } from "../lib/chart.js";
import * as colors from "../lib/colors.js";
import { badge, clear, empty, h, section, setText } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { perSecond, times } from "../lib/series.js";
import { facts, missing } from "./peer/facts.js";
import { sequence } from "./peer/sequence.js";
import { byMessage, logLines, misbehaviours, replies } from "./peer/tables.js";
import { age } from "./peers/netinfo.js";

export const title = "Peer";
export const css = "views/peer.css";

const EVERY = 2000;

export function mount(root, ctx) {
    const id = ctx.params.get("id") ?? "";
    const node = ctx.node;
    const say = h("div", { class: "notices", role: "status" });
    root.append(say);
    const back = () => {
        const known = node && (!ctx.info.nodes.length || ctx.info.nodes.includes(node));
        return h(
            "a",
            { href: ctx.href("peers", { node: known ? node : "" }) },
            known ? `The peers of ${f.printable(node, 40)}` : "All peers",
        );
    };
    if (!node || !/^\d{1,20}$/.test(id)) {
        clear(
            say,
            empty("A peer is found by its node and its number, as in #/peer?node=alice&id=5."),
            h("p", {}, back()),
        );
        return undefined;
    }
    const waiting = empty(`Asking for peer ${id} of ${f.printable(node, 40)}…`);
    root.append(waiting);
    let page = null;
    let last = null;

    // The path names the node; the endpoint takes no parameters.
    ctx.api(
        `api/peers/${encodeURIComponent(node)}/${id}`,
        { node: null },
        EVERY,
        (peer) => {
            if (!page) {
                waiting.remove();
                page = build(ctx, node, id, back);
                root.append(...page.parts);
            }
            last = Date.now();
            if (say.firstChild) clear(say);
            page.set(peer);
        },
        (error) => {
            if (!error) return;
            waiting.remove();
            if (error.status !== 404) {
                clear(
                    say,
                    h(
                        "p",
                        { class: "notice bad" },
                        `The peer could not be asked for: ${f.printable(error.message, 200)}`,
                    ),
                );
            } else if (page) {
                clear(
                    say,
                    h(
                        "p",
                        { class: "notice warn" },
                        `This peer is not known any more; what is shown is of ${f.clock(last)}.`,
                    ),
                );
            } else {
                clear(say, unknown(ctx, node, id), h("p", {}, back()));
            }
        },
    );

    return () => page?.destroy();
}

function unknown(ctx, node, id) {
    if (ctx.info.nodes.length && !ctx.info.nodes.includes(node)) {
        const names = ctx.info.nodes.slice(0, 50).map((x) => f.printable(x, 40));
        return empty(`There is no node “${f.printable(node, 40)}”. Known are ${names.join(", ")}.`);
    }
    return empty(
        `${f.printable(node, 40)} has no peer ${id}, or had it so long ago that it is forgotten: ` +
            "those that closed are kept for ten minutes. Should it come, this page shows it.",
    );
}

function build(ctx, node, id, back) {
    const name = h("h2", {});
    const kinds = h("span", { class: "badges" });
    const end = h("div", { class: "notices" });
    const marks = h("ul", { class: "marks" });
    const unsaid = h("div", { class: "notices" });
    const head = h(
        "section",
        { class: "card", "aria-label": "Which peer" },
        h("div", { class: "card-head" }, name, kinds, h("span", { class: "grow" }), back()),
        end,
        marks,
        unsaid,
    );
    const known = facts();
    const messages = sequence(ctx, node);
    const noMessages =
        "No P2P message of it was seen: they come from the tracepoint extractor. " + "See the manual, tracepoints.";
    const replyTable = replies("No request was seen with its reply.");
    const messageTable = byMessage("No P2P message of it was seen.");
    const bad = misbehaviours();
    const log = logLines(ctx.info.sources);
    const traffic = section("Traffic of the last hour");
    const pings = section("Pings");
    const noTraffic = empty(noMessages);
    const noPings = empty("No ping was seen with its pong: nodes ping every two minutes.");
    const direction = () => [
        { name: "received", color: () => colors.named("blue"), dash: null },
        { name: "sent", color: () => colors.named("orange"), dash: [6, 3] },
    ];
    const charts = h("div", {});
    const pingPlace = h("div", {});
    traffic.append(noTraffic, charts);
    pings.append(noPings, pingPlace);
    const byteChart = chart(charts, { title: "Bytes", unit: "B/s", series: direction(), height: 130 });
    const countChart = chart(charts, { title: "Messages", unit: "/s", series: direction(), height: 130 });
    const pingChart = chart(pingPlace, {
        label: "Time from ping to pong",
        unit: "s",
        height: 150,
        points: true,
        series: [{ name: "ping", color: () => colors.named("purple") }],
    });
    const logCard = section(
        "debug.log",
        log.el,
        h("p", { class: "small" }, h("a", { href: ctx.href("log", { node, text: `peer=${id}` }) }, "More in the log")),
    );

    let shown = "";
    function top(peer) {
        const state = JSON.stringify([
            peer.addr,
            peer.direction,
            peer.connection_type,
            peer.closed,
            peer.end,
            peer.marks,
            peer.transport,
            peer.sets,
            peer.closed ? f.ago(peer.closed) : "",
            peer.misbehaviour,
            missing(peer, ctx.info.sources),
        ]);
        if (state === shown) return;
        shown = state;
        setText(name, `Peer ${peer.id} of ${f.printable(peer.node, 40)}: ${f.printable(peer.addr, 60)}`);
        clear(
            kinds,
            badge(peer.closed ? "closed" : "open", peer.closed ? "" : "good"),
            badge(f.printable(peer.connection_type, 30), "info"),
            badge(f.network(peer.network)),
            peer.transport ? badge(f.printable(peer.transport, 12)) : null,
            (peer.sets ?? []).map((s) => badge(f.printable(s, 30), "warn")),
        );
        clear(end, peer.closed ? ended(peer) : null);
        clear(
            marks,
            (peer.marks ?? []).map((m) =>
                h(
                    "li",
                    {},
                    badge(
                        f.printable(String(m.mark).replaceAll("_", " "), 24),
                        m.mark === "misbehaving" ? "bad" : "warn",
                    ),
                    " ",
                    f.printable(m.why, 300),
                ),
            ),
        );
        clear(
            unsaid,
            missing(peer, ctx.info.sources).map((t) => h("p", { class: "notice" }, t)),
        );
    }

    return {
        parts: [
            head,
            known.el,
            messages.el,
            h("div", { class: "split" }, traffic, pings),
            h(
                "div",
                { class: "split" },
                h(
                    "div",
                    { class: "stack" },
                    section("Requests and replies", replyTable.el),
                    section("Misbehaviour", bad.el),
                ),
                section("Messages by type", messageTable.el),
            ),
            logCard,
        ],
        set(peer) {
            top(peer);
            known.set(peer);
            messages.set(
                peer,
                ctx.info.sources.ebpf && peer.messages_received === null
                    ? "The tracepoints have told of no message of it."
                    : noMessages,
            );
            replyTable.set(peer.replies ?? []);
            messageTable.set(peer.by_message ?? []);
            bad.set(peer.misbehaviours ?? []);
            log.set(peer.log ?? []);
            drawTraffic(peer.traffic);
            const list = peer.pings ?? [];
            noPings.hidden = list.length > 0;
            pingPlace.hidden = list.length === 0;
            if (list.length)
                pingChart.set(
                    list.map((p) => p.time),
                    [list.map((p) => p.seconds)],
                );
        },
        destroy() {
            messages.stop();
            for (const c of [byteChart, countChart, pingChart]) c.destroy();
        },
    };

    // The newest step is not over yet and is left out.
    function drawTraffic(t) {
        const steps = t ? Math.max(0, (t.bytes_in ?? []).length - 1) : 0;
        noTraffic.hidden = steps > 0;
        charts.hidden = steps === 0;
        if (!steps) return;
        const at = times(t, steps);
        const of = (key) => perSecond((t[key] ?? []).slice(0, steps), t.step_seconds ?? 10);
        byteChart.set(at, [of("bytes_in"), of("bytes_out")]);
        countChart.set(at, [of("messages_in"), of("messages_out")]);
    }
}

const HOW = {
    closed: "The connection was closed",
    evicted: "The node evicted it to make room for another",
    disappeared: "It is gone, and nothing told why",
};

function ended(peer) {
    const lasted = age(peer);
    const why = [peer.end?.reason, peer.end?.text].filter(Boolean).map((x) => f.printable(x, 300));
    return h(
        "p",
        { class: "notice" },
        h("strong", {}, HOW[peer.end?.how] ?? "The connection ended"),
        ` at ${f.clock(peer.closed)} (${f.ago(peer.closed)})`,
        lasted === null ? "" : `, after ${f.seconds(Number(lasted.toPrecision(3)))}`,
        why.length ? `: ${why.join(", ")}.` : ". No reason was told.",
        misbehavedBefore(peer),
    );
}

// What it did wrong shortly before the end, which may be why.
function misbehavedBefore(peer) {
    const end = f.millis(peer.closed);
    const before = (peer.misbehaviours ?? []).filter((m) => Math.abs(end - (f.millis(m.time) ?? 0)) < 1000);
    return before.length ? ` Just before it misbehaved: ${f.printable(before[0].message ?? "", 200)}.` : null;
}
