// @ts-check
// The card of a node.

import { absent, isKnown, known } from "../../lib/absent.js";
import * as colors from "../../lib/colors.js";
import { badge, clear, h, setText, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { CONNECTION_TYPES, NETWORKS } from "../../lib/names.js";
import { inWords, ours } from "../../lib/own.js";
import { spark } from "../../lib/spark.js";
import { isAway, looksOf, sinceWhen } from "../../lib/state.js";
import { both } from "./model.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Traffic } from "./model.js" */

/** Seconds from which on it is worth a word that the node does not answer our ping. */
const LATE = 5;

/** So many values has a sparkline. */
const HISTORY = 180;

/**
 * How the kinds of something are shown.
 * @typedef {object} Looks
 * @property {string[]} order
 * @property {(key: string) => string} name
 * @property {(key: string) => string} color
 * @property {(key: string) => string} shape
 * @property {string} none what is written without any
 */

/** @type {Looks} */
const TYPE_LOOKS = {
    order: CONNECTION_TYPES,
    name: f.connectionType,
    color: colors.forType,
    shape: colors.shapeForType,
    none: "no peers",
};
/** @type {Looks} */
const NETWORK_LOOKS = {
    order: NETWORKS,
    name: f.network,
    color: colors.forNetwork,
    shape: colors.shapeForNetwork,
    none: "",
};

export class NodeCard {
    #ctx;
    #badges = h("span", { class: "badges" });
    #version = h("span", { class: "muted small version" });
    #warnings = h("div", { class: "notices" });
    #facts = h("dl", { class: "facts" });
    #types = h("p", { class: "kinds" });
    #networks = h("p", { class: "kinds" });
    #sources = h("ul", { class: "sources" });
    #messages = spark();
    #bytes = spark();
    #messageRate = h("span", {}, "–");
    #byteRate = h("span", {}, "–");
    #shown = "";

    /**
     * @param {Context} ctx
     * @param {string} name of the node
     */
    constructor(ctx, name) {
        this.#ctx = ctx;
        const link = h("a", { href: ctx.href("overview", { node: name }) }, f.printable(name, 40));
        /** @type {(label: string, now: HTMLElement, line: SVGElement) => HTMLElement} */
        const part = (label, now, line) =>
            h("div", {}, h("p", { class: "small" }, h("span", { class: "muted" }, label), now), line);
        this.el = h(
            "section",
            { class: "card node" },
            h("div", { class: "card-head" }, h("h2", {}, link), this.#badges, this.#version),
            this.#warnings,
            this.#facts,
            h(
                "div",
                { class: "sparks" },
                part("Messages ", this.#messageRate, this.#messages.el),
                part("Bytes ", this.#byteRate, this.#bytes.el),
            ),
            h("h3", {}, "Peers"),
            this.#types,
            this.#networks,
            h("h3", {}, "Sources"),
            this.#sources,
        );
    }

    /** @param {Api["Node"]} node */
    set(node) {
        // Most of the time little changes: nothing is built anew for the same data.
        const state = JSON.stringify([node, f.ago(node.tip_changed), isAway(node) && f.ago(node.state_since)]);
        if (state === this.#shown) return;
        this.#shown = state;
        this.el.classList.toggle("stale", isAway(node));
        clear(this.#badges, badges(node));
        setText(this.#version, f.printable(node.version ?? "", 60));
        const warnings = node.warnings.filter(Boolean);
        clear(
            this.#warnings,
            away(node),
            warnings.map((w) => h("p", { class: "notice warn" }, f.printable(w, 400))),
        );
        clear(this.#facts, facts(this.#ctx, node));
        const { rates, connections, sources } = node;
        // What is old has no rate.
        /** @type {(a: Maybe, b: Maybe) => number | null} */
        const rate = (a, b) => (isAway(node) ? null : both(a, b));
        clear(this.#messageRate, known(rate(rates.messages_in, rates.messages_out), f.rate, "net"));
        clear(this.#byteRate, known(rate(rates.bytes_in, rates.bytes_out), f.byteRate, "rpc"));
        kinds(this.#types, connections.by_type, TYPE_LOOKS);
        kinds(this.#networks, connections.by_network, NETWORK_LOOKS);
        clear(
            this.#sources,
            sources.length ? sources.map(source) : h("li", { class: "muted" }, "none has reported yet"),
        );
    }

    /** @param {Traffic} t */
    history(t) {
        /** @type {(a: Steps, b: Steps) => Steps} */
        const add = (a, b) => a.map((v, i) => both(v, b[i])).slice(-HISTORY);
        /** @type {(steps: Steps) => number | null} */
        const most = (steps) => steps.reduce((a, b) => (b !== null && b > (a ?? 0) ? b : a), null);
        const m = add(t.countIn, t.countOut);
        const b = add(t.bytesIn, t.bytesOut);
        this.#messages.set(m, `messages per second, at most ${f.rate(most(m))}`);
        this.#bytes.set(b, `bytes per second, at most ${f.byteRate(most(b))}`);
    }
}

/**
 * @param {string} name
 * @param {...Child} value
 */
function fact(name, ...value) {
    return [h("dt", {}, name), h("dd", {}, value)];
}

/**
 * @param {Context} ctx
 * @param {Api["Node"]} node
 */
function facts(ctx, node) {
    const { connections: c, mempool: pool, process, net, own } = node;
    const headers = (node.headers ?? 0) > (node.height ?? 0) ? ` of ${f.count(node.headers)} headers` : "";
    const tip = h("span", { class: "mono nowrap", title: node.best_block ?? null }, f.hash(node.best_block));
    const peers = h("a", { href: ctx.href("peers", { node: node.node }) }, f.count(c.total));
    const inAndOut = ` (${f.count(c.inbound)} in, ${f.count(c.outbound)} out)`;
    const uptime = node.uptime_seconds ?? null;
    const lost = { href: ctx.href("health", { node: node.node }), class: "warn" };
    return [
        fact("Height", f.count(node.height), headers),
        fact("Tip", tip),
        fact("Last block", h("span", { title: f.utc(node.tip_changed) }, f.ago(node.tip_changed))),
        fact("Peers", isKnown(c.total) ? [peers, inAndOut, c.own ? [", and ", ours()] : null] : absent("rpc")),
        own ? fact("Our connection", inWords(own), answers(own)) : null,
        own?.announced_address ? fact("Announces", untrusted(own.announced_address, 70, { class: "mono" })) : null,
        pool ? fact("Mempool", mempoolInWords(pool)) : null,
        fact(
            "Network",
            net ? `${f.bytes(net.bytes_received)} received, ${f.bytes(net.bytes_sent)} sent` : absent("rpc"),
        ),
        process
            ? fact("Process", `${f.percent(process.cpu_seconds_per_second)} of a core, ${f.bytes(process.resident)}`)
            : null,
        fact(
            "Up for",
            f.seconds(uptime === null ? null : Math.floor(uptime)),
            node.restarts ? `, ${node.restarts} restarts seen` : "",
        ),
        node.lost ? fact("Lost", h("a", lost, `${f.count(node.lost)} events`)) : null,
    ];
}

/**
 * How soon the node answers us.
 * @param {Api["Own"]} own
 */
function answers(own) {
    const waits = own.ping_wait_seconds ?? 0;
    if (waits > LATE) return h("span", { class: "warn" }, `; no answer for ${f.seconds(Math.floor(waits))}`);
    return isKnown(own.ping_seconds) ? `; answers within ${f.seconds(own.ping_seconds)}` : null;
}

/** @param {Api["NodeMempool"]} pool */
function mempoolInWords(pool) {
    const size = `${f.count(pool.transactions)} transactions, ${f.vbytes(pool.vbytes)}`;
    return `${size}, ${f.bytes(pool.usage)} of ${f.bytes(pool.max)}`;
}

/** @param {Api["Node"]} node */
function away(node) {
    if (!isAway(node)) return null;
    const { word, kind } = looksOf(node.state);
    const since = sinceWhen(node.state_since, node.state_reason);
    const age = node.state_since ? ` What is shown is from ${f.ago(node.state_since)}.` : "";
    return h("p", { class: `notice ${kind}` }, h("strong", {}, word), ` ${since}.${age}`);
}

/** @param {Api["Node"]} node */
function badges(node) {
    const { word, kind } = looksOf(node.state);
    // A node whose tip is old is in initial block download even if it has verified all that it knows of.
    const share = node.verification_progress ?? null;
    const progress = share !== null && share < 0.9995 ? ` ${f.percent(share)}` : "";
    return [
        node.state === "up" ? null : badge(word, kind),
        node.chain ? badge(f.printable(node.chain, 20)) : null,
        node.initial_block_download ? badge(`initial block download${progress}`, "warn") : null,
        node.network_active === false ? badge("network off", "bad") : null,
        node.pruned ? badge("pruned") : null,
    ];
}

/** @param {Api["NodeSource"]} s */
function source(s) {
    const parts = [`${f.count(s.events)} events`, `last ${f.ago(s.last_event)}`];
    if (s.missing) parts.push(`${f.count(s.missing)} missing`);
    if (!s.up) parts.push(sinceWhen(s.state_since, s.state_reason));
    return h(
        "li",
        { title: parts.join(", ") },
        h("span", { class: `dot ${s.up ? "good" : "bad"}`, "aria-hidden": "true" }),
        f.printable(s.source, 20),
        h("span", { class: s.up ? "muted" : "bad" }, s.up ? ` ${f.rate(s.rate)}` : ` ${s.state}`),
    );
}

/**
 * "● 4 in  ■ 8 full": one for each kind that occurs.
 * @param {HTMLElement} el
 * @param {Record<string, number>} counts
 * @param {Looks} looks
 */
function kinds(el, counts, { order, name, color, shape, none }) {
    const entries = Object.entries(counts).filter(([, n]) => n > 0);
    // Those that are not in the order come last.
    /** @param {string} key */
    const place = (key) => (order.indexOf(key) + 99) % 99;
    entries.sort(([a], [b]) => place(a) - place(b));
    if (!entries.length) {
        clear(el, h("span", { class: "muted" }, none));
        return;
    }
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
    );
}
