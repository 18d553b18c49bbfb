// @ts-check
// Ping-pong: how long the nodes take to answer our own pings, which is how far behind they are with their messages,
// and how long their peers take to answer theirs.

import { h, labelled, section, setText, tileRow } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { polled, range } from "../lib/range.js";
import { lately, ownTiles, rightNow } from "./pings/now.js";
import { own } from "./pings/own.js";
import { peers as peerTable } from "./pings/peers.js";
import { series } from "./pings/series.js";
import { now, tilesOf } from "./pings/tiles.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Ping-pong";
export const css = "views/pings.css";

/** How often nodes are asked for, in milliseconds: we ping them each second. */
const OFTEN = 1000;

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const ourTiles = ownTiles();
    const tiles = tilesOf();
    const ourRow = tileRow("Our own pings, now", ourTiles);
    const mine = own(ctx);
    const theirs = series(ctx);
    const list = filtered(ctx);
    const time = range(ctx, () => again());
    root.append(
        ourRow,
        h("div", { class: "toolbar" }, time.el),
        mine.el,
        tileRow("The peers' pings, now", tiles),
        theirs.el,
        list.el,
    );
    const again = polled(ctx, "api/pings", time, (data) => {
        ourRow.hidden = data.own.source !== "p2p";
        lately(ourTiles, data.own.nodes);
        now(tiles, data.peers);
        mine.set(data.own);
        theirs.set(data.series);
        list.set(data.peers);
    });
    ctx.api("api/nodes", {}, OFTEN, (nodes) => rightNow(ourTiles, nodes));
    return () => {
        mine.destroy();
        theirs.destroy();
    };
}

/**
 * The table of peers with its filter.
 * @param {Context} ctx
 */
function filtered(ctx) {
    const list = peerTable(ctx);
    const count = h("span", { class: "muted small shown", role: "status" });
    let known = 0;
    const search = h("input", {
        type: "search",
        value: ctx.params.get("filter") ?? "",
        placeholder: "e.g. inbound",
        oninput: () => {
            ctx.set({ filter: search.value.trim() });
            list.filter(search.value);
            write();
        },
    });

    function write() {
        const all = `${f.count(known)} peers`;
        setText(count, list.shown === known ? all : `${f.count(list.shown)} of ${all}`);
    }

    list.filter(search.value);
    return {
        el: section("Peers", h("div", { class: "toolbar" }, labelled("Filter", search), count), list.el),
        /** @param {Api["PingsOfPeer"][]} peers */
        set(peers) {
            known = peers.length;
            list.set(peers);
            write();
        },
    };
}
