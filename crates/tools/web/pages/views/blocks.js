// @ts-check
// The last blocks: when each node had which part of them, from what they were put together, who announced them first; and the chains' tips.

import { needs } from "../lib/absent.js";
import { h, section, tile, tileRow } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { notes } from "../lib/notes.js";
import { card } from "./blocks/card.js";
import { chain } from "./blocks/chain.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Blocks";
export const css = "views/blocks.css";

/** So many blocks have a card. */
const SHOWN = 12;
/** So many of them may be there first because they are at a height that has several. */
const FORKED = 4;
/** So many others are open at first, and of a fleet, whose blocks each have many rows. */
const OPEN = 3;
const OPEN_IN_FLEETS = 1;
const FLEET = 5;

const tilesOf = () => ({
    last: tile("Last block", "when a node first heard of it"),
    height: tile("Height", "of the highest tip"),
    spread: tile("Spread", "from the first node's tip to the last one's, of the last block"),
    ask: tile("Without asking", "share of the compact blocks that needed no transactions from peers"),
    connect: tile("Connecting", "median of the blocks that are shown"),
    relay: tile(
        "Relay delay",
        "from when a node had anything of a block until it announced it on our own P2P connection: median of the last 100",
    ),
    checked: tile(
        "Checked within",
        "as seen from outside: from the node's compact block until it had checked the block; median of the last 100",
    ),
    forks: tile("Forks", "heights with more than one block, of the last 200 blocks of each node"),
});

/** @typedef {ReturnType<typeof tilesOf>} Tiles */

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const tiles = tilesOf();
    const missing = notes();
    const cards = cardList(ctx);
    const tips = chain(ctx);
    root.append(tileRow("Now", tiles), tips.forks, missing.el, cards.el, tips.el);
    ctx.api("api/blocks", { limit: 30 }, 3000, (blocks) => {
        cards.set(blocks);
        now(tiles, blocks);
        missing.set(lacking(ctx.info.sources ?? {}));
    });
    ctx.api("api/relay", {}, 5000, (data) => {
        relayTile(tiles.relay, data.blocks);
        relayTile(tiles.checked, data.validations);
    });
    ctx.api("api/chain", {}, 5000, (data) => {
        chainTiles(tiles, data);
        tips.set(data);
        cards.forked(data.forks.flatMap((fork) => fork.hashes.map((branch) => branch.hash)));
    });
}

/**
 * The cards of blocks, in their order.
 * @param {Context} ctx
 */
function cardList(ctx) {
    const list = h("div", { class: "blocks-list" });
    const nothing = h(
        "p",
        { class: "empty" },
        "No block has been seen since this began. A node on the main chain sees one every ten minutes, on average.",
    );
    const key = h(
        "p",
        { class: "muted small" },
        "By node, from the moment when the first of them heard of the block: ",
        legend("header", "header"),
        legend("compact", "compact block"),
        legend("reconstructed", "put together"),
        legend("connected", "connected"),
        legend("tip", "tip"),
        legend("own", "announced to us"),
    );
    /** @type {Map<string, ReturnType<typeof card>>} by the block's hash */
    const cards = new Map();
    /** @type {Api["Block"][]} */
    let all = [];
    /** @type {Set<string>} hashes of the blocks at heights that have several */
    let forked = new Set();

    function show() {
        const first = all.filter((block) => forked.has(block.hash)).slice(0, FORKED);
        const blocks = [...first, ...all.filter((block) => !first.includes(block))].slice(0, SHOWN);
        const most = Math.max(0, ...blocks.map((block) => block.nodes.length));
        const open = first.length + (most < FLEET ? OPEN : OPEN_IN_FLEETS);
        nothing.hidden = blocks.length > 0;
        const keep = new Set(blocks.map((block) => block.hash));
        for (const [hash, one] of cards) {
            if (keep.has(hash)) continue;
            one.el.remove();
            cards.delete(hash);
        }
        for (const [i, block] of blocks.entries()) {
            const one = cards.get(block.hash) ?? card(ctx);
            cards.set(block.hash, one);
            one.set(block, forked.has(block.hash), i >= first.length && i < open);
            if (list.children[i] !== one.el) list.insertBefore(one.el, list.children[i] ?? null);
        }
    }

    return {
        el: section("The last blocks", key, list, nothing),
        /** @param {Api["Block"][]} blocks */
        set(blocks) {
            all = blocks;
            show();
        },
        /** @param {string[]} hashes of the blocks at heights that have several: they come first */
        forked(hashes) {
            forked = new Set(hashes);
            show();
        },
    };
}

/**
 * @param {string} kind
 * @param {string} text
 */
function legend(kind, text) {
    return h("span", { class: "block-key" }, h("span", { class: `block-mark ${kind}`, "aria-hidden": "true" }), text);
}

/** @param {Maybe[]} values */
function median(values) {
    const sorted = values.filter((v) => v !== null && v !== undefined).sort((a, b) => a - b);
    return sorted.length ? sorted[Math.floor(sorted.length / 2)] : null;
}

/**
 * @param {Tiles} tiles
 * @param {Api["Block"][]} blocks
 */
function now(tiles, blocks) {
    const [last] = blocks;
    tiles.last.set(last ? f.ago(last.first_seen) : "–", last ? f.hash(last.hash) : "");
    const when = (last?.nodes ?? []).map((n) => f.millis(n.tip ?? n.connected)).filter((t) => t !== null);
    tiles.spread.set(
        when.length > 1 ? f.seconds((Math.max(...when) - Math.min(...when)) / 1000) : "–",
        when.length > 1 ? `over ${when.length} nodes` : "",
    );
    const all = blocks.flatMap((block) => block.nodes);
    const compact = all.filter((n) => n.from_mempool !== null);
    const whole = compact.filter((n) => n.requested === 0);
    tiles.ask.set(
        compact.length ? f.percent(whole.length / compact.length) : "–",
        compact.length ? `of ${f.count(compact.length)}` : "",
    );
    tiles.connect.set(f.seconds(median(all.map((n) => n.connect_seconds))));
}

/**
 * @param {Tiles} tiles
 * @param {Api["Chain"]} data
 */
function chainTiles(tiles, data) {
    const heights = data.nodes.map((n) => n.height).filter((n) => n !== null && n !== undefined);
    const [lowest, highest] = [Math.min(...heights), Math.max(...heights)];
    tiles.height.set(
        heights.length ? f.count(highest) : "–",
        heights.length && lowest < highest ? `the lowest: ${f.count(lowest)}` : "",
    );
    const stale = data.stale.length ? `${data.stale.length} stale blocks` : "";
    tiles.forks.set(f.count(data.forks.length), stale, data.forks.length ? "warn" : "");
}

/**
 * @param {import("../lib/dom.js").Tile} shown
 * @param {Api["RelayDelay"]} delay on our own connections
 */
function relayTile(shown, { median_seconds, p90_seconds, count }) {
    if (count) shown.set(f.seconds(median_seconds), `90 % within ${f.seconds(p90_seconds)}`);
    else shown.set("–", needs("p2p"));
}

/**
 * What is missing, and what would show it.
 * @param {Api["Info"]["sources"]} sources
 */
function lacking(sources) {
    const texts = [];
    if (sources.log === false) {
        texts.push(
            "Headers, reconstruction and tips are missing: they come from debug.log, and the log extractor does not run.",
        );
    }
    if (sources.ebpf === false) {
        texts.push(
            "How long connecting takes, and how many transactions and inputs a block has, is missing: tracepoints report it, and the " +
                "tracepoint extractor does not run. Who announced a block is known from debug.log only (category net).",
        );
    }
    return texts;
}
