// The last blocks: when each node had which part of them, from what they were put together, who announced them first; and the chains' tips.

import { h, section, tile } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { card } from "./blocks/card.js";
import { chain } from "./blocks/chain.js";

export const title = "Blocks";
export const css = "views/blocks.css";

const SHOWN = 12;

export function mount(root, ctx) {
    const tiles = {
        last: tile("Last block", "when a node first heard of it"),
        height: tile("Height", "of the highest tip"),
        spread: tile("Spread", "from the first node's tip to the last one's, of the last block"),
        ask: tile("Without asking", "share of the compact blocks that needed no transactions from peers"),
        connect: tile("Connecting", "median of the blocks that are shown"),
        forks: tile("Forks", "heights with more than one block, of the last 200 blocks of each node"),
    };
    const missing = h("div", { class: "notices" });
    const list = h("div", { class: "blocks-list" });
    const nothing = h(
        "p",
        { class: "empty" },
        "No block has been seen since this began. A node on the main chain sees one every ten minutes, on average.",
    );
    const timing = section("The last blocks", list, nothing);
    const tips = chain(ctx);
    const cards = new Map();

    timing
        .querySelector("h2")
        .after(
            h(
                "p",
                { class: "muted small" },
                "By node, from the moment when the first of them heard of the block: ",
                legend("header", "header"),
                legend("compact", "compact block"),
                legend("reconstructed", "put together"),
                legend("connected", "connected"),
                legend("tip", "tip"),
            ),
        );
    root.append(
        h(
            "section",
            { class: "tiles", "aria-label": "Now" },
            Object.values(tiles).map((t) => t.el),
        ),
        missing,
        timing,
        tips.el,
    );

    ctx.api("api/blocks", { limit: 30 }, 3000, (blocks) => {
        nothing.hidden = blocks.length > 0;
        const shown = blocks.slice(0, SHOWN);
        const keep = new Set(shown.map((block) => block.hash));
        for (const [hash, one] of cards) {
            if (!keep.has(hash)) {
                one.el.remove();
                cards.delete(hash);
            }
        }
        shown.forEach((block, i) => {
            if (!cards.has(block.hash)) cards.set(block.hash, card(ctx));
            const one = cards.get(block.hash);
            one.set(block);
            if (list.children[i] !== one.el) list.insertBefore(one.el, list.children[i] ?? null);
        });
        now(tiles, blocks);
        lacking(missing, ctx);
    });
    ctx.api("api/chain", {}, 5000, (data) => {
        const forks = data.forks ?? [];
        const heights = (data.nodes ?? []).map((n) => n.height).filter((n) => n !== null);
        tiles.height.set(
            heights.length ? f.count(Math.max(...heights)) : "–",
            heights.length && Math.min(...heights) < Math.max(...heights)
                ? `the lowest: ${f.count(Math.min(...heights))}`
                : "",
        );
        tiles.forks.set(
            f.count(forks.length),
            (data.stale ?? []).length ? `${data.stale.length} stale blocks` : "",
            forks.length ? "warn" : "",
        );
        tips.set(data);
    });
}

function legend(kind, text) {
    return h("span", { class: "block-key" }, h("span", { class: `block-mark ${kind}`, "aria-hidden": "true" }), text);
}

function median(values) {
    const sorted = values.filter((v) => v !== null && v !== undefined).sort((a, b) => a - b);
    return sorted.length ? sorted[Math.floor(sorted.length / 2)] : null;
}

function now(tiles, blocks) {
    const last = blocks[0];
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
    const took = median(all.map((n) => n.connect_seconds));
    tiles.connect.set(took === null ? "–" : f.seconds(took));
}

function lacking(el, ctx) {
    const sources = ctx.info.sources ?? {};
    const notes = [];
    if (sources.log === false) {
        notes.push(
            "Headers, reconstruction and tips are missing: they come from debug.log, and the log extractor does not run.",
        );
    }
    if (sources.ebpf === false) {
        notes.push(
            "How long connecting takes, and how many transactions and inputs a block has, is missing: tracepoints tell it, and the " +
                "tracepoint extractor does not run. Who announced a block is known from debug.log only (category net).",
        );
    }
    if (el.dataset.shown === notes.join("\n")) return;
    el.dataset.shown = notes.join("\n");
    el.replaceChildren(...notes.map((text) => h("p", { class: "notice" }, text)));
}
