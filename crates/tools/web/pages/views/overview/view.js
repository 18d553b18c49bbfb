// @ts-check
// The overview: what is wrong, tiles, what happened, the nodes as cards or as a table, and two charts.

import { show } from "../../lib/absent.js";
import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { clear, empty, h, section, tile, tileRow } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { isAway, looksOf } from "../../lib/state.js";
import { NodeCard } from "./card.js";
import { fleet } from "./fleet.js";
import { happenings } from "./happenings.js";
import { both, sum, traffic, worstFirst } from "./model.js";

/** @import { Series } from "../../lib/chart.js" */
/** @import { Context } from "../../lib/context.js" */

/** From so many nodes on, a table is easier to survey than cards. */
const FLEET = 5;

/** @type {Series[]} */
const DIRECTIONS = [
    { name: "received", color: () => colors.named("blue"), dash: null },
    { name: "sent", color: () => colors.named("orange"), dash: [6, 3] },
];

const tilesOf = () => ({
    nodes: tile("Nodes"),
    peers: tile("Peers", "connections of all nodes, without our own"),
    messages: tile("Messages", "P2P messages in the last 10 s"),
    bytes: tile("Traffic", "bytes of P2P messages in the last 10 s"),
    block: tile("Last block", "since a node's tip changed"),
    mempool: tile("Mempool", "the largest among the nodes"),
    sources: tile("Sources", "interfaces of the nodes that are read"),
    lost: tile("Lost events", "events that are known to be missing"),
});

export class OverviewView {
    #ctx;
    #tiles = tilesOf();
    #messages = section("P2P messages");
    #bytes = section("P2P traffic");
    #messageChart = chart(this.#messages, {
        label: "P2P messages per second",
        unit: "/s",
        series: DIRECTIONS,
        height: 150,
    });
    #byteChart = chart(this.#bytes, {
        label: "P2P bytes per second",
        unit: "B/s",
        series: DIRECTIONS,
        height: 150,
    });
    #happenings;
    #fleet;
    #table;
    #nodes = h("div", { class: "cards nodes" });
    /** @type {Map<string, NodeCard>} by the node's name */
    #cards = new Map();

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     */
    constructor(root, ctx) {
        this.#ctx = ctx;
        this.#happenings = happenings(ctx);
        this.#fleet = fleet(ctx);
        this.#table = section("Nodes", this.#fleet.el);
        this.#table.hidden = true;
        root.append(
            this.#happenings.lasting,
            tileRow("Totals", this.#tiles, "overview-tiles"),
            this.#happenings.card,
            this.#table,
            this.#nodes,
            h("div", { class: "split" }, this.#messages, this.#bytes),
        );
    }

    /**
     * Shows the nodes; returns whose cards came and went.
     * @param {Api["Node"][]} list
     */
    nodes(list) {
        const alive = list.filter((n) => !isAway(n));
        totals(this.#tiles, alive, list);
        const many = list.length >= FLEET;
        this.#table.hidden = !many;
        this.#nodes.hidden = many;
        if (many) this.#fleet.set(worstFirst(list));
        const names = new Set(many ? [] : list.map((n) => n.node));
        const removed = [...this.#cards.keys()].filter((name) => !names.has(name));
        for (const name of removed) {
            this.#cards.get(name)?.el.remove();
            this.#cards.delete(name);
        }
        const added = [];
        if (!list.length) {
            const text = "No node is known yet: none of the sources has reported one. See Health for what runs.";
            clear(this.#nodes, empty(text));
        } else if (!this.#cards.size) {
            clear(this.#nodes);
        }
        const cards = many ? [] : worstFirst(list);
        for (const [place, node] of cards.entries()) {
            let card = this.#cards.get(node.node);
            if (!card) {
                card = new NodeCard(this.#ctx, node.node);
                this.#cards.set(node.node, card);
                added.push({ name: node.node, card });
            }
            const there = this.#nodes.children[place] ?? null;
            if (there !== card.el) this.#nodes.insertBefore(card.el, there);
            card.set(node);
        }
        return { added, removed };
    }

    /** @param {Api["Messages"]} data */
    traffic(data) {
        const t = traffic(data);
        this.#messageChart.set(t.times, [t.countIn, t.countOut]);
        this.#byteChart.set(t.times, [t.bytesIn, t.bytesOut]);
        this.#messages.hidden = data.source === "rpc" || data.source === "p2p";
    }

    /** @param {Api["Happening"][]} all */
    happenings(all) {
        this.#happenings.set(all);
    }

    destroy() {
        this.#messageChart.destroy();
        this.#byteChart.destroy();
    }
}

/** @typedef {ReturnType<typeof tilesOf>} Tiles */

/**
 * @param {Tiles} all
 * @param {Api["Node"][]} list those whose values are not old
 * @param {Api["Node"][]} every
 */
function totals(all, list, every) {
    const syncing = list.filter((n) => n.initial_block_download).length;
    const away = every.filter(isAway);
    const note = syncing ? `${syncing} in initial block download` : chains(every);
    const there = away.length ? `${list.length} of ${every.length}` : f.count(every.length);
    all.nodes.set(there, away.length ? states(away) : note, away.length ? "bad" : "");
    /** @type {(key: "total" | "inbound" | "outbound") => string} */
    const peers = (key) => f.count(sum(list, (n) => n.connections[key]));
    const inAndOut = `${peers("inbound")} in, ${peers("outbound")} out`;
    show(
        all.peers,
        sum(list, (n) => n.connections.total),
        f.count,
        "rpc",
        inAndOut,
    );
    /** @type {(key: "messages_in" | "messages_out" | "bytes_in" | "bytes_out") => number | null} */
    const rate = (key) => sum(list, (n) => n.rates[key]);
    const [messagesIn, messagesOut] = [rate("messages_in"), rate("messages_out")];
    const [bytesIn, bytesOut] = [rate("bytes_in"), rate("bytes_out")];
    const messages = `${f.short(messagesIn)} in, ${f.short(messagesOut)} out`;
    show(all.messages, both(messagesIn, messagesOut), f.rate, "net", messages);
    show(all.bytes, both(bytesIn, bytesOut), f.byteRate, "rpc", `${f.bytes(bytesIn)} in, ${f.bytes(bytesOut)} out`);
    const newest = Math.max(0, ...list.map((n) => f.millis(n.tip_changed) ?? 0));
    const heights = list.map((n) => n.height).filter((x) => x !== null && x !== undefined);
    all.block.set(newest ? f.ago(newest) : "–", heights.length ? `height ${f.count(Math.max(...heights))}` : "");
    const pools = list.flatMap((n) => (n.mempool ? [n.mempool] : []));
    const [pool] = pools.sort((a, b) => b.transactions - a.transactions);
    show(all.mempool, pool?.transactions, f.count, "rpc", pool ? `transactions, ${f.vbytes(pool.vbytes)}` : "");
    const sources = every.flatMap((n) => n.sources);
    const down = sources.filter((s) => !s.up);
    const names = [...new Set(down.map((s) => s.source))].join(", ");
    const up = `${sources.length - down.length} of ${sources.length}`;
    all.sources.set(up, down.length ? `down: ${names}` : "all up", down.length ? "bad" : "");
    const lost = sum(every, (n) => n.lost);
    all.lost.set(f.count(lost), lost ? "see Health" : "nothing missing", lost ? "warn" : "");
}

/**
 * "2 down, 1 hangs".
 * @param {Api["Node"][]} away
 */
function states(away) {
    const words = away.map((n) => looksOf(n.state).word);
    return [...new Set(words)].map((word) => `${words.filter((w) => w === word).length} ${word}`).join(", ");
}

/** @param {Api["Node"][]} list */
function chains(list) {
    return [...new Set(list.map((n) => n.chain).filter(Boolean))].map((c) => f.printable(c, 20)).join(", ");
}
