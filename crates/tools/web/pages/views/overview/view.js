// @ts-check
// The overview: tiles, what needs attention, two charts, and the cards of nodes.

import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { clear, empty, h, section, tile, tileRow } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { NodeCard } from "./card.js";
import { sum, traffic } from "./model.js";

/** @import { Series } from "../../lib/chart.js" */
/** @import { Context } from "../../lib/context.js" */

/** So much advice is written here; the rest is on Health. */
const ADVICE = 3;

/** @type {Series[]} */
const DIRECTIONS = [
    { name: "received", color: () => colors.named("blue"), dash: null },
    { name: "sent", color: () => colors.named("orange"), dash: [6, 3] },
];

const tilesOf = () => ({
    nodes: tile("Nodes"),
    peers: tile("Peers", "connections of all nodes"),
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
    #attention = h("div", { class: "attention" });
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
    #nodes = h("div", { class: "cards nodes" });
    /** @type {Map<string, NodeCard>} by the node's name */
    #cards = new Map();

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     */
    constructor(root, ctx) {
        this.#ctx = ctx;
        root.append(
            tileRow("Totals", this.#tiles, "overview-tiles"),
            this.#attention,
            h("div", { class: "split" }, this.#messages, this.#bytes),
            this.#nodes,
        );
    }

    /**
     * Shows the nodes; returns whose cards came and went.
     * @param {Api["Node"][]} list
     */
    nodes(list) {
        totals(this.#tiles, list);
        const names = new Set(list.map((n) => n.node));
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
        for (const node of list) {
            let card = this.#cards.get(node.node);
            if (!card) {
                card = new NodeCard(this.#ctx, node.node);
                this.#cards.set(node.node, card);
                this.#nodes.append(card.el);
                added.push({ name: node.node, card });
            }
            card.set(node);
        }
        return { added, removed };
    }

    /** @param {Api["Messages"]} data */
    traffic(data) {
        const t = traffic(data);
        this.#messageChart.set(t.times, [t.countIn, t.countOut]);
        this.#byteChart.set(t.times, [t.bytesIn, t.bytesOut]);
        this.#messages.hidden = data.source === "rpc";
    }

    /** @param {Api["Advice"][]} advice */
    attention(advice) {
        const more = advice.length - ADVICE;
        clear(
            this.#attention,
            advice.slice(0, ADVICE).map(note),
            more > 0 ? h("p", {}, h("a", { href: this.#ctx.href("health") }, `${more} more on Health`)) : null,
        );
    }

    destroy() {
        this.#messageChart.destroy();
        this.#byteChart.destroy();
    }
}

/** @param {Api["Advice"]} a */
function note(a) {
    const kind = a.severity === "error" ? "bad" : "warn";
    return h("p", { class: `notice ${kind}` }, h("strong", {}, f.printable(a.what, 300)), " ", f.printable(a.do, 300));
}

/** @typedef {ReturnType<typeof tilesOf>} Tiles */

/**
 * @param {Tiles} all
 * @param {Api["Node"][]} list
 */
function totals(all, list) {
    const syncing = list.filter((n) => n.initial_block_download).length;
    all.nodes.set(f.count(list.length), syncing ? `${syncing} in initial block download` : chains(list));
    /** @type {(key: "total" | "inbound" | "outbound") => string} */
    const peers = (key) => f.count(sum(list, (n) => n.connections[key]));
    all.peers.set(peers("total"), `${peers("inbound")} in, ${peers("outbound")} out`);
    /** @type {(key: "messages_in" | "messages_out" | "bytes_in" | "bytes_out") => number} */
    const rate = (key) => sum(list, (n) => n.rates[key]);
    const [messagesIn, messagesOut] = [rate("messages_in"), rate("messages_out")];
    const [bytesIn, bytesOut] = [rate("bytes_in"), rate("bytes_out")];
    all.messages.set(f.rate(messagesIn + messagesOut), `${f.short(messagesIn)} in, ${f.short(messagesOut)} out`);
    all.bytes.set(f.byteRate(bytesIn + bytesOut), `${f.bytes(bytesIn)} in, ${f.bytes(bytesOut)} out`);
    const newest = Math.max(0, ...list.map((n) => f.millis(n.tip_changed) ?? 0));
    const heights = list.map((n) => n.height).filter((x) => x !== null && x !== undefined);
    all.block.set(newest ? f.ago(newest) : "–", heights.length ? `height ${f.count(Math.max(...heights))}` : "");
    const pools = list.flatMap((n) => (n.mempool ? [n.mempool] : []));
    const [pool] = pools.sort((a, b) => b.transactions - a.transactions);
    all.mempool.set(f.count(pool?.transactions), pool ? `transactions, ${f.vbytes(pool.vbytes)}` : "");
    const sources = list.flatMap((n) => n.sources);
    const down = sources.filter((s) => !s.up);
    const names = [...new Set(down.map((s) => s.source))].join(", ");
    const up = `${sources.length - down.length} of ${sources.length}`;
    all.sources.set(up, down.length ? `down: ${names}` : "all up", down.length ? "bad" : "");
    const lost = sum(list, (n) => n.lost);
    all.lost.set(f.count(lost), lost ? "see Health" : "nothing missing", lost ? "warn" : "");
}

/** @param {Api["Node"][]} list */
function chains(list) {
    return [...new Set(list.map((n) => n.chain).filter(Boolean))].map((c) => f.printable(c, 20)).join(", ");
}
