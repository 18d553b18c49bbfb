// @ts-check
// What is known of the peer that is selected, in short; and the list of connections that came and went.

import { badge, clear, h, setText, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { ours } from "../../lib/own.js";
import { endName } from "./effects.js";
import { markName, networkName } from "./groups.js";
import { sign } from "./legend.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { CirclePeer } from "./peers.js" */

/**
 * A peer in one line, for the tooltip and for screen readers.
 * @param {CirclePeer} peer
 * @param {boolean} withNode
 */
export function inWords(peer, withNode) {
    const d = peer.data;
    const parts = [`peer ${peer.id}`];
    if (withNode) parts.push(`of ${f.printable(peer.node, 40)}`);
    if (d.addr) parts.push(f.printable(d.addr, 70));
    parts.push(d.connection_type ? f.printable(d.connection_type, 30) : "type not known yet");
    if (d.network) parts.push(networkName(d.network));
    if (d.as) parts.push(`AS${d.as}`);
    if (d.sets?.length) parts.push(d.sets.map((s) => f.printable(s, 30)).join(", "));
    if (d.user_agent) parts.push(f.printable(d.user_agent, 50));
    if (d.own) parts.push("our own connection");
    for (const m of (d.marks ?? []).slice(0, 4)) parts.push(`marked ${markName(m.mark)}`);
    if (peer.ended !== null) parts.push(endOf(peer));
    return parts.join(", ");
}

/** @param {CirclePeer} peer */
function endOf(peer) {
    const reason = peer.reason ?? peer.data.end?.reason;
    return reason ? `${endName(peer.how)} (${f.printable(reason, 60)})` : endName(peer.how);
}

/**
 * The panel.
 * @param {Context} ctx
 * @param {(by: number) => void} onStep
 * @param {() => void} onClose
 */
export function story(ctx, onStep, onClose) {
    const title = h("h2", {}, "Peer");
    const marks = h("div", { class: "badges" });
    const facts = h("dl", { class: "facts" });
    const whys = h("ul", { class: "small circle-whys" });
    const link = h("a", {}, "All about this peer");
    const hint = h(
        "p",
        { class: "empty" },
        "Click a peer, or move to the circle with the Tab key and go from peer to peer with the arrow keys.",
    );
    const place = h("span", { class: "muted small" });
    const body = h("div", {}, marks, whys, facts, h("p", {}, link));
    const props = { type: "button", class: "button" };
    /** @type {(label: string, text: string, onclick: () => void) => HTMLButtonElement} */
    const button = (label, text, onclick) => h("button", { ...props, onclick, "aria-label": label }, text);
    const close = button("Select no peer", "✕", onClose);
    const el = h(
        "section",
        { class: "card circle-story", "aria-label": "Selected peer" },
        h(
            "div",
            { class: "card-head" },
            title,
            place,
            h("span", { class: "grow" }),
            button("Previous peer", "‹", () => onStep(-1)),
            button("Next peer", "›", () => onStep(1)),
            close,
        ),
        hint,
        body,
    );
    body.hidden = true;
    close.hidden = true;

    return {
        el,
        /**
         * @param {CirclePeer | null} peer
         * @param {number} index its place; -1: it is not among those shown
         * @param {number} total
         */
        set(peer, index, total) {
            hint.hidden = Boolean(peer);
            body.hidden = !peer;
            close.hidden = !peer;
            setText(title, peer ? `Peer ${peer.id}` : "Peer");
            setText(place, peer && index >= 0 ? `${index + 1} of ${f.count(total)}` : "");
            if (!peer) return;
            const d = peer.data;
            link.setAttribute("href", ctx.href("peer", { node: peer.node, id: peer.id }));
            clear(
                marks,
                peer.ended !== null ? badge(endOf(peer), "bad") : null,
                d.own ? ours() : null,
                (d.sets ?? []).map((s) => badge(f.printable(s, 30), "info")),
                (d.marks ?? []).map((m) => badge(markName(m.mark), "warn")),
                (d.misbehaviour ?? 0) > 0 ? badge(`misbehaved ${f.count(d.misbehaviour)} ×`, "bad") : null,
            );
            clear(
                whys,
                (d.marks ?? []).map((m) => h("li", {}, `${markName(m.mark)}: ${f.printable(m.why, 200)}`)),
            );
            whys.hidden = !d.marks?.length;
            clear(
                facts,
                factsOf(peer, ctx).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
            );
        },
    };
}

/**
 * @param {CirclePeer} peer
 * @param {Context} ctx
 * @returns {[string, Child][]}
 */
function factsOf(peer, ctx) {
    const d = peer.data;
    const txs = d.txs;
    const announced = known(txs?.announced)
        ? `${f.count(txs?.announced)} announced, ${f.count(txs?.first)} of them first; `
        : "";
    /** @type {(a: Maybe, b: Maybe, text: (n: Maybe) => string) => string | null} */
    const pair = (a, b, text) => (known(a) || known(b) ? `${text(a)} in, ${text(b)} out` : null);
    /** @type {([string, Child] | null)[]} */
    const facts = [
        ctx.node ? null : ["Node", f.printable(peer.node, 40)],
        ["Address", d.addr ? untrusted(d.addr, 80, { class: "mono" }) : null],
        ["Connection", d.connection_type ? f.printable(d.connection_type, 30) : null],
        ["Network", d.network ? networkName(d.network) : null],
        ["AS", d.as ? `AS${d.as}` : null],
        ["User agent", d.user_agent ? untrusted(d.user_agent, 80) : null],
        ["Protocol", known(d.version) ? `${d.version}${d.transport ? `, ${f.printable(d.transport, 12)}` : ""}` : null],
        ["Services", d.services?.length ? d.services.map((s) => f.printable(s, 24)).join(", ") : null],
        ["Connected", d.connected ? h("span", { title: f.utc(d.connected) }, f.ago(d.connected)) : null],
        ["Ended", d.closed ? h("span", { title: f.utc(d.closed) }, f.ago(d.closed)) : null],
        ["Reason", d.end?.text ? untrusted(d.end.text, 120) : null],
        [
            "Ping",
            known(d.ping_seconds) ? `${f.seconds(d.ping_seconds)}, at least ${f.seconds(d.min_ping_seconds)}` : null,
        ],
        ["Messages now", pair(d.rate_in, d.rate_out, f.rate)],
        ["Messages", pair(d.messages_received, d.messages_sent, f.count)],
        ["Bytes", pair(d.bytes_received, d.bytes_sent, f.bytes)],
        ["Addresses", pair(d.addresses_in, d.addresses_out, f.count)],
        ["Transactions", txs ? `${announced}${f.count(txs.delivered)} delivered` : null],
        ["Last block", d.last_block ? f.ago(d.last_block) : null],
    ];
    return facts.flatMap((fact) => (fact !== null && fact[1] !== null ? [fact] : []));
}

/** @type {(n: unknown) => boolean} */
const known = (n) => n !== null && n !== undefined;

/**
 * Connections that came and went in the last 10 minutes, newest first.
 * @param {boolean} withNode
 */
export function comings(withNode) {
    const items = h("ul", {});
    const el = h("div", { class: "circle-comings small", role: "region", tabindex: "0" }, items);
    el.setAttribute("aria-label", "Connections that came and went");
    let shown = "";
    return {
        el,
        /** @param {Coming[]} list */
        set(list) {
            const key = JSON.stringify(list.map((c) => [c.time, c.node, c.id, c.how]));
            if (key === shown) return;
            shown = key;
            clear(
                items,
                list.map((c) =>
                    h(
                        "li",
                        {},
                        h("span", { class: "muted" }, f.clock(c.time)),
                        c.how === "connected"
                            ? h("span", { class: "good circle-came", "aria-hidden": "true" }, "+")
                            : sign(c.how),
                        h(
                            "span",
                            {},
                            `${withNode ? `${f.printable(c.node, 20)} ` : ""}${c.id} `,
                            c.how === "connected"
                                ? `connected, ${f.printable(c.type ?? "type not known", 30)}`
                                : endName(c.how),
                            c.reason ? h("span", { class: "muted" }, ` ${f.printable(c.reason, 60)}`) : null,
                        ),
                    ),
                ),
                list.length ? null : h("li", { class: "muted" }, "No connection came or went in the last 10 minutes."),
            );
        },
    };
}

/**
 * @typedef {object} Coming a connection that came or went
 * @property {string} node
 * @property {number} id
 * @property {string} type
 * @property {number} at in milliseconds
 * @property {string} [time]
 * @property {string} how "connected", or how it ended
 * @property {string | null} [reason]
 */

/**
 * The same from api/peers, and how many ended in which way, without our own.
 * @param {Api["Peer"][]} list
 * @param {number} now in milliseconds
 */
export function comingsOf(list, now) {
    const since = now - 600_000;
    /** @type {Coming[]} */
    const out = [];
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const d of list) {
        if (d.own) continue;
        const came = f.millis(d.connected);
        const what = { node: d.node, id: d.id, type: d.connection_type };
        if (came !== null && came >= since)
            out.push({ ...what, at: came, time: d.connected ?? undefined, how: "connected" });
        const went = f.millis(d.closed);
        if (went === null) continue;
        const how = d.end?.how ?? "closed";
        counts.set(how, (counts.get(how) ?? 0) + 1);
        out.push({ ...what, at: went, time: d.closed ?? undefined, how, reason: d.end?.reason });
    }
    out.sort((a, b) => b.at - a.at);
    return { list: out.slice(0, 30), counts };
}
