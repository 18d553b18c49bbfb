// @ts-check
// Whether gossiped addresses can be reached: by network, by autonomous system, and by who gossips them.

import { bars } from "../../lib/bars.js";
import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { ago, clock, nodeColumn, number, peerLink } from "../../lib/columns.js";
import { badge, h, section, tile, tileRow, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { notes } from "../../lib/notes.js";
import { perSecond, times } from "../../lib/series.js";
import { table } from "../../lib/table.js";

/** @import { Context } from "../../lib/context.js" */

const OFF =
    "The connectivity check is off. It finds out at which of these addresses there is a node, and so who gossips " +
    "addresses where nobody is. It connects to addresses that peers choose, which shows them this machine's address " +
    "unless it goes through a proxy. So it runs only if it is asked for: with “peer-observer connectivity”, with " +
    "“--tools metrics,web,connectivity”, or with a section [connectivity] in peer-observer.toml.";
const ENDED = "The connectivity check does not run at present. What it found out since this began stays here.";
const WAITS = "The connectivity check runs. No address has been tried yet.";

/** @type {Record<string, string>} */
const OUTCOMES = {
    v1: "a node (transport v1)",
    v2: "a node (transport v2)",
    refused: "refused: nothing listens there",
    timeout: "no answer in time",
    reset: "closed before it said anything",
    unreachable: "no way there",
    not_bitcoin: "something that is no node",
    wrong_network: "a node of another network",
};
/** @type {Record<string, string>} */
const REASONS = {
    same: "as gossiped",
    other: "others than gossiped",
    p2p_v2_untrue: "no transport v2, as gossip claims",
};
/** Autonomous systems that are shown at once. */
const SYSTEMS = 12;

const tilesOf = () => ({
    tried: tile("Tried", "addresses, since this began; each not again for a day, unless configured"),
    reachable: tile("Reachable", "addresses at which a node of the network answered"),
    v2: tile("With transport v2", "of the nodes that answered (BIP 324)"),
    untrue: tile("Untrue P2P_V2", "nodes that gossip says speak transport v2, and that do not"),
    known: tile("Known from before", "addresses heard of again whose outcome was known"),
    skipped: tile("Not tried", "addresses beyond the limits, or that no one can have on the internet"),
});

/** The part of the page about the connectivity check. */
export class Connectivity {
    #tiles = tilesOf();
    #notes = notes();
    #flow = section("Addresses tried over time");
    #networks = section("Reachable, by network");
    #systems = section("Reachable, by autonomous system");
    #outcomes = section("What was there");
    #flowChart = chart(this.#flow, {
        label: "Addresses tried per second",
        unit: "/s",
        height: 150,
        series: [{ name: "tried" }, { name: "reachable", dash: [6, 3] }],
    });
    #networkBars = share(
        this.#networks,
        "Share of the addresses tried at which a node answered, by network",
        "Network",
    );
    #systemBars = share(this.#systems, "Share of the addresses tried at which a node answered", "Autonomous system");
    #outcomeBars = bars(this.#outcomes, {
        title: "Attempts by outcome",
        hideTitle: true,
        label: "Outcome",
        empty: "No address has been tried.",
    });
    #never;
    #sources;
    #recent;
    #results;
    el;

    /** @param {Context} ctx */
    constructor(ctx) {
        this.#never = sources(ctx, "Sources at whose addresses nobody ever was", "There is none.");
        this.#sources = sources(ctx, "Who gossips how many addresses with a node", "No outcome is known yet.");
        this.#recent = recent(ctx);
        this.#results = h(
            "div",
            { class: "connectivity-results", hidden: true },
            tileRow("Since this began", this.#tiles),
            h("div", { class: "cards" }, this.#networks, this.#systems, this.#outcomes),
            this.#flow,
            section("Sources whose addresses are never there", this.#never.el),
            section("Who gossips them", this.#sources.el),
            section("The last attempts", this.#recent.el),
        );
        const heading = h("h2", { class: "connectivity-heading" }, "Can these addresses be reached?");
        this.el = h("div", { class: "connectivity" }, heading, this.#notes.el, this.#results);
    }

    /** @param {Api["Connectivity"]} data */
    set(data) {
        const hasResults = data.totals.tried !== null;
        this.#notes.set(noteOf(data.running, hasResults));
        this.#results.hidden = !hasResults;
        if (!hasResults) return;
        this.#totals(data);
        const s = data.series;
        const at = times(s, s.tried.length);
        this.#flowChart.set(at, [perSecond(s.tried, s.step_seconds), perSecond(s.reachable, s.step_seconds)]);
        this.#networkBars.set(
            data.networks.map((n) => ({ ...shareOf(n, n.network), color: colors.forNetwork(n.network) })),
        );
        this.#systems.hidden = data.systems.length === 0;
        this.#systemBars.set(data.systems.slice(0, SYSTEMS).map((s) => shareOf(s, `AS${s.asn}`)));
        this.#outcomeBars.set(outcomesOf(data.networks));
        this.#never.set(data.never);
        this.#sources.set(data.sources);
        this.#recent.set(data.recent);
    }

    /** @param {Api["Connectivity"]} data */
    #totals({ totals: t, skipped }) {
        const tiles = this.#tiles;
        const reachable = t.tried ? (t.reachable ?? 0) / t.tried : null;
        tiles.tried.set(f.count(t.tried));
        tiles.reachable.set(f.percent(reachable), `${f.count(t.reachable)} addresses`);
        tiles.v2.set(f.percent(t.reachable ? (t.v2 ?? 0) / t.reachable : null), `${f.count(t.v2)} nodes`);
        tiles.untrue.set(f.count(t.claims_p2p_v2_untrue), "", t.claims_p2p_v2_untrue ? "warn" : "");
        tiles.known.set(f.count(t.known));
        const reasons = Object.entries(skipped ?? {}).sort((a, b) => b[1] - a[1]);
        const all = reasons.reduce((sum, [, count]) => sum + count, 0);
        const [most] = reasons;
        const note = most ? `most: ${f.printable(most[0].replaceAll("_", " "), 24)}` : "";
        tiles.skipped.set(skipped ? f.count(all) : "–", skipped ? note : "not reported");
        const list = reasons.map(([reason, count]) => `${f.printable(reason, 32)}: ${f.count(count)}`);
        tiles.skipped.el.title = list.length ? list.join("\n") : "";
    }

    destroy() {
        this.#flowChart.destroy();
    }
}

/**
 * @param {boolean} running
 * @param {boolean} hasResults
 */
function noteOf(running, hasResults) {
    if (running) return hasResults ? [] : [WAITS];
    return hasResults ? [ENDED] : [OFF];
}

/**
 * Bars of shares.
 * @param {HTMLElement} el
 * @param {string} title
 * @param {string} label
 */
function share(el, title, label) {
    return bars(el, { title, hideTitle: true, label, max: 1, unit: f.percent, empty: "No address has been tried." });
}

/**
 * @param {{tried: number, reachable: number}} of
 * @param {string} label
 */
function shareOf({ tried, reachable }, label) {
    const value = tried ? reachable / tried : 0;
    const words = `${f.count(reachable)} of ${f.count(tried)}`;
    return { label, value, text: `${f.percent(value)} of ${f.short(tried)}`, title: words };
}

/** @param {Api["ConnectivityNetwork"][]} networks */
function outcomesOf(networks) {
    /** @type {Map<string, number>} */
    const sums = new Map();
    for (const { outcomes } of networks) {
        for (const [name, count] of Object.entries(outcomes)) sums.set(name, (sums.get(name) ?? 0) + count);
    }
    const list = [...sums].sort((a, b) => b[1] - a[1]);
    return list.map(([name, value]) => ({ label: OUTCOMES[name] ?? "unknown", value }));
}

/**
 * Who gossiped an address: the peer, or the node itself.
 * @param {Context} ctx
 * @param {string} node
 * @param {string | null} addr
 * @param {number | null} id
 */
function sourceOf(ctx, node, addr, id) {
    if (addr === null) return h("span", { class: "muted", title: "to our own P2P connection" }, "the node itself");
    const peer = id === null ? null : [" ", h("span", { class: "small" }, "peer ", peerLink(ctx, node, id))];
    return h("span", {}, untrusted(addr, 46, { class: "mono" }), peer);
}

/**
 * @param {Context} ctx
 * @param {string} caption
 * @param {string} empty
 */
function sources(ctx, caption, empty) {
    return table({
        caption,
        empty,
        sort: "-gossiped",
        rowKey: (/** @type {Api["ConnectivitySource"]} */ row) => `${row.node}/${row.addr ?? ""}`,
        columns: [
            ...nodeColumn(ctx),
            {
                key: "addr",
                label: "Source",
                value: (row) => row.addr ?? "",
                head: true,
                node: (row) =>
                    h(
                        "span",
                        {},
                        sourceOf(ctx, row.node, row.addr ?? null, row.id ?? null),
                        row.tor_exit ? [" ", badge("Tor exit", "info")] : null,
                    ),
            },
            number("gossiped", "Addresses", (row) => row.gossiped, f.count, "whose outcome is known"),
            number("reachable", "With a node", (row) => row.reachable, f.count, "at which a node answered"),
            number("share", "Share", (row) => row.reachable / Math.max(1, row.gossiped), f.percent, "with a node"),
            ago("last", "Last", (row) => row.last),
        ],
    });
}

/** @param {Context} ctx */
function recent(ctx) {
    return table({
        caption: "The last addresses tried, newest first",
        empty: "No address has been tried.",
        rowKey: (/** @type {Api["ConnectivityAttempt"]} */ row) => `${row.node}/${row.time}/${row.addr}`,
        columns: [
            clock("time", "Time", (row) => row.time),
            ...nodeColumn(ctx),
            {
                key: "addr",
                label: "Address",
                value: (row) => row.addr,
                class: "mono",
                node: (row) => untrusted(row.addr, 40),
            },
            { key: "network", label: "Network", value: (row) => row.network, text: (row) => f.network(row.network) },
            number(
                "as",
                "AS",
                (row) => row.asn,
                (n) => (n === null || n === undefined ? "–" : String(n)),
            ),
            {
                key: "outcome",
                label: "Outcome",
                value: (row) => row.outcome,
                node: (row) =>
                    badge(
                        row.outcome.replaceAll("_", " "),
                        row.reachable ? "good" : "",
                        [OUTCOMES[row.outcome], f.printable(row.reason, 200)].filter(Boolean).join(": "),
                    ),
            },
            number("seconds", "After", (row) => row.seconds, f.seconds, "from the first packet to the outcome"),
            {
                key: "agent",
                label: "User agent",
                value: (row) => row.user_agent,
                node: (row) => (row.user_agent === null ? "–" : untrusted(row.user_agent, 40)),
            },
            {
                key: "claim",
                label: "Services",
                title: "those that the node offers, compared with those that gossip claims",
                value: (row) => row.claim,
                node: (row) => claimOf(row),
            },
            number("clock", "Clock", (row) => row.clock_offset_seconds, f.seconds, "how far it is before ours"),
            ago("seen", "Seen", (row) => row.timestamp, "when somebody was there, as gossip claims"),
            {
                key: "source",
                label: "From",
                value: (row) => row.source ?? "",
                node: (row) => sourceOf(ctx, row.node, row.source ?? null, row.source_id ?? null),
            },
        ],
    });
}

/** @param {Api["ConnectivityAttempt"]} row */
function claimOf({ claim, claimed_services: claimed, services }) {
    if (!claim) return "–";
    const list = (/** @type {string[]} */ names) => f.printable(names.join(" "), 200) || "none";
    const title = `claimed: ${list(claimed)}; offered: ${list(services ?? [])}`;
    return badge(REASONS[claim] ?? "", claim === "p2p_v2_untrue" ? "warn" : "", title);
}
