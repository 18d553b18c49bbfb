// @ts-check
// The head of a peer's page: who it is, how it ended, what is striking about it.

import { badge, clear, h, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { ours } from "../../lib/own.js";
import { ended, missing } from "./model.js";

/** @import { Peer } from "./model.js" */

/** @param {HTMLElement} back the link to the list */
export function head(back) {
    const name = h("h2", {});
    const kinds = h("span", { class: "badges" });
    const end = h("div", { class: "notices" });
    const marks = h("ul", { class: "marks" });
    const unknown = h("div", { class: "notices" });
    let shown = "";
    return {
        el: h(
            "section",
            { class: "card", "aria-label": "Which peer" },
            h("div", { class: "card-head" }, name, kinds, h("span", { class: "grow" }), back),
            end,
            marks,
            unknown,
        ),
        /**
         * @param {Peer} peer
         * @param {Api["Info"]["sources"]} sources
         */
        set(peer, sources) {
            const texts = missing(peer, sources);
            const state = stateOf(peer, texts);
            if (state === shown) return;
            shown = state;
            setText(name, `Peer ${peer.id} of ${f.printable(peer.node, 40)}: ${f.printable(peer.addr, 60)}`);
            clear(kinds, kindsOf(peer));
            clear(end, peer.closed ? endNote(peer) : null);
            clear(marks, peer.marks.map(mark));
            clear(
                unknown,
                texts.map((text) => h("p", { class: "notice" }, text)),
            );
        },
    };
}

/**
 * Everything that the head shows, as text.
 * @param {Peer} peer
 * @param {string[]} texts
 */
function stateOf(peer, texts) {
    const { addr, direction, connection_type, closed, end, marks, transport, sets, misbehaviour, own } = peer;
    const since = closed ? f.ago(closed) : "";
    return JSON.stringify([
        addr,
        direction,
        connection_type,
        closed,
        end,
        marks,
        transport,
        sets,
        since,
        misbehaviour,
        own,
        texts,
    ]);
}

/** @param {Peer} peer */
function kindsOf(peer) {
    return [
        badge(peer.closed ? "closed" : "open", peer.closed ? "" : "good"),
        peer.own ? ours() : null,
        badge(f.printable(peer.connection_type, 30), "info"),
        badge(f.network(peer.network)),
        peer.transport ? badge(f.printable(peer.transport, 12)) : null,
        peer.sets.map((s) => badge(f.printable(s, 30), "warn")),
    ];
}

/** @param {Peer} peer */
function endNote(peer) {
    const [point, rest] = ended(peer);
    return h("p", { class: "notice" }, h("strong", {}, point), rest);
}

/** @param {Api["Mark"]} m */
function mark(m) {
    const name = f.printable(m.mark.replaceAll("_", " "), 24);
    return h("li", {}, badge(name, m.mark === "misbehaving" ? "bad" : "warn"), " ", f.printable(m.why, 300));
}
