// @ts-check
// The card of one block: its header, who mined it, and who saw it when.

import { badge, clear, h, section, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { isEasy } from "./drawing.js";
import { signals } from "./model.js";
import { KINDS, markOf, statusText } from "./words.js";

/** @import { ApiError } from "../../lib/api.js" */
/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["ChainBlock"]} Block */

/** So many rows are listed of those who saw it. */
const ROWS = 100;

/** @type {[name: string, time: (node: Api["BlockNode"]) => Time][]} what an observed node had, in order */
const STAGES = [
    ["header", (node) => node.header],
    ["compact block", (node) => node.compact_block],
    ["put together", (node) => node.reconstructed],
    ["connected", (node) => node.connected],
    ["tip", (node) => node.tip],
];

/**
 * @param {Context} ctx
 * @param {() => void} close
 */
export function blockCard(ctx, close) {
    const title = h("h2", { tabindex: "-1" });
    const facts = h("dl", { class: "facts" });
    const times = h("div", {});
    const button = h("button", { type: "button", class: "button", onclick: close }, "Close");
    const card = section("", h("div", { class: "split" }, h("div", {}, facts), times));
    card.classList.add("chain-block");
    card.hidden = true;
    card.querySelector("h2")?.replaceWith(
        h("div", { class: "card-head" }, title, h("span", { class: "grow" }), button),
    );
    title.id = card.getAttribute("aria-labelledby") ?? "";
    let drawn = "";
    return {
        card,
        /**
         * @param {Block | null} block null: it is closed
         * @param {string | null} blocksUrl where stale blocks are served
         */
        set(block, blocksUrl) {
            card.hidden = block === null;
            const now = JSON.stringify([block, blocksUrl]);
            if (!block || now === drawn) return;
            drawn = now;
            clear(title, `Block ${f.count(block.header.height)} `, badges(block));
            clear(facts, rows(block, blocksUrl));
            clear(times, sightings(block), observed(ctx, block));
        },
        /** @param {ApiError} error */
        failed(error) {
            card.hidden = false;
            drawn = "";
            clear(title, "Block");
            const gone = "It is not among the headers that are shown, or were.";
            clear(facts, h("dd", {}, error.status === 404 ? gone : f.printable(error.message, 300)));
            clear(times);
        },
        focus: () => title.focus({ preventScroll: true }),
    };
}

/** @param {Block} block */
function badges({ header, tips }) {
    return [
        header.active ? badge("in the chain with the most work", "good") : badge("stale", "warn"),
        isEasy(header) ? badge("difficulty 1", "info") : null,
        tips.some(({ status }) => status === "invalid") ? badge("invalid", "bad") : null,
    ].flatMap((one) => (one ? [" ", one] : []));
}

/**
 * @param {Block} block
 * @param {string | null} blocksUrl
 */
function rows(block, blocksUrl) {
    const { header } = block;
    const bits = signals(header.version);
    /** @type {[string, Child][]} */
    const all = [
        ["Hash", h("span", { class: "mono" }, header.hash)],
        ["Builds on", h("span", { class: "mono" }, header.previous)],
        ["Next", block.next.length ? block.next.map((hash) => h("div", { class: "mono" }, hash)) : "–"],
        ["Time in it", h("span", { title: f.utc(header.time) }, timeText(header.time))],
        ["First seen", firstSeen(block)],
        ["Mined by", mined(header)],
        ["Version", `0x${header.version.toString(16).padStart(8, "0")}`],
        [
            "Signals",
            bits.length
                ? bits.map((bit) => badge(bit === 4 ? "bit 4: BIP110" : `bit ${bit}`, "info"))
                : "none of bits 0 to 4",
        ],
        ["Difficulty", difficultyText(header.difficulty)],
        ["Target", h("span", { class: "mono" }, `0x${block.bits}`)],
        ["Nonce", h("span", { class: "mono" }, `0x${block.nonce.toString(16).padStart(8, "0")}`)],
        ["Merkle root", h("span", { class: "mono" }, block.merkle_root)],
        ["Header", h("span", { class: "mono small" }, block.serialized)],
        ["Tip of", block.tips.length ? tipsOf(block) : "–"],
    ];
    if (blocksUrl && !header.active) all.push(["Download", downloads(blocksUrl, header.hash)]);
    return all.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}

/** @param {Time} time */
const timeText = (time) => (time ? `${f.dateTime(time).slice(0, 10)} ${f.clock(time)}` : "–");

/** @param {Maybe} difficulty */
function difficultyText(difficulty) {
    if (difficulty === null || difficulty === undefined) return "–";
    return difficulty >= 1000 ? f.short(difficulty) : String(Number(difficulty.toPrecision(6)));
}

/** @param {Block} block */
function firstSeen({ header }) {
    if (!header.first_seen) return "before the tool began to look";
    const by = header.first_node ? `, by ${f.printable(header.first_node, 60)}` : "";
    const late = ((f.millis(header.first_seen) ?? 0) - (f.millis(header.time) ?? 0)) / 1000;
    const after = header.time ? `, ${f.seconds(Math.abs(late))} ${late < 0 ? "before" : "after"} its time` : "";
    return h("span", { title: f.utc(header.first_seen) }, `${timeText(header.first_seen)}${by}${after}`);
}

/** @param {Api["ChainHeader"]} header */
function mined({ miner, pool }) {
    if (!miner) return "not known";
    return [untrusted(miner, 64), pool ? "" : h("span", { class: "muted" }, " (text of its coinbase)")];
}

/** @param {Block} block */
function tipsOf({ tips }) {
    /** @type {Map<string, string[]>} */
    const by = new Map();
    for (const { node, status } of tips) by.set(status, [...(by.get(status) ?? []), node]);
    return [...by].map(([status, names]) => {
        const shown = names.slice(0, 12).map((name) => f.printable(name, 40));
        const more = names.length > shown.length ? ` and ${f.count(names.length - shown.length)} more` : "";
        return h("div", {}, `${markOf(status)} ${statusText(status)}: ${shown.join(", ")}${more}`);
    });
}

/**
 * @param {string} url
 * @param {string} hash
 */
function downloads(url, hash) {
    const link = (/** @type {string} */ form, /** @type {string} */ words) =>
        h("a", { href: `${url}/block/${hash}/${form}`, target: "_blank", rel: "noreferrer" }, words);
    return [
        link("hex", "as hexadecimal"),
        ", ",
        link("bin", "as bytes"),
        h("span", { class: "muted" }, " (from the tool chain)"),
    ];
}

/** @param {Block} block when the nodes of the network were seen to have it */
function sightings({ header, seen }) {
    const head = h("h3", {}, "Seen at the nodes of the network");
    if (!seen.length) {
        return [
            head,
            h(
                "p",
                { class: "empty" },
                "It was there before the tool began to look, or no node came to have it as a tip.",
            ),
        ];
    }
    const [{ time: first }] = seen;
    const lines = seen.slice(0, ROWS).map(({ node, time, kind }) => {
        const after = ((f.millis(time) ?? 0) - (f.millis(header.first_seen ?? first) ?? 0)) / 1000;
        return h(
            "tr",
            {},
            h("th", { scope: "row" }, f.printable(node, 40)),
            h("td", { class: "num", title: f.utc(time) }, f.clock(time, true)),
            h("td", { class: "num" }, after <= 0 ? "first" : `+${f.seconds(after)}`),
            h("td", { class: "num" }, badge(KINDS[kind]?.[0] ?? f.printable(kind, 30), KINDS[kind]?.[1] ?? "")),
        );
    });
    const more = seen.length - lines.length;
    return [
        head,
        small(["Node", "Time", "After the first", "By"], lines, head.textContent ?? ""),
        more > 0 ? h("p", { class: "muted small" }, `and ${f.count(more)} more`) : null,
    ];
}

/**
 * @param {Context} ctx
 * @param {Block} block when the nodes that are observed had it
 */
function observed(ctx, { observed, header }) {
    const head = h("h3", {}, "At the nodes that are observed");
    if (!observed) {
        return [
            head,
            h(
                "p",
                { class: "empty" },
                "Not seen there since this began. When an observed node has which part of a block comes from its tracepoints and debug.log.",
            ),
        ];
    }
    const first = f.millis(observed.first_seen) ?? 0;
    const lines = observed.nodes.slice(0, ROWS).map((node) =>
        h(
            "tr",
            {},
            h("th", { scope: "row" }, f.printable(node.node, 40)),
            STAGES.map(([, time]) => {
                const at = f.millis(time(node));
                const text = at === null ? "–" : at <= first ? "first" : `+${f.seconds((at - first) / 1000)}`;
                return h("td", { class: "num", title: f.utc(time(node)) }, text);
            }),
            h("td", { class: "num" }, announcer(ctx, node)),
        ),
    );
    const names = ["Node", ...STAGES.map(([name]) => name), "First announced by"];
    const note = `First seen at ${f.clock(observed.first_seen, true)}. `;
    const link = h("a", { href: ctx.href("blocks", { node: null }) }, "More on Blocks");
    return [
        head,
        small(names, lines, `${head.textContent} ${f.hash(header.hash)}`),
        h("p", { class: "small" }, note, link),
    ];
}

/**
 * @param {Context} ctx
 * @param {Api["BlockNode"]} node
 */
function announcer(ctx, { node, announced_by }) {
    const [first] = announced_by;
    if (!first) return "–";
    const words = `${first.message}${first.addr ? ` ${f.printable(first.addr, 60)}` : ""}`;
    return [h("a", { href: ctx.href("peer", { node, id: first.id }) }, `peer ${first.id}`), ` (${words})`];
}

/**
 * A table that is small enough to be there whole.
 * @param {string[]} headings
 * @param {Child[]} lines
 * @param {string} caption
 */
function small(headings, lines, caption) {
    const head = headings.map((text, i) => h("th", { scope: "col", class: i ? "num" : null }, text));
    const table = h(
        "table",
        { class: "data" },
        h("caption", { class: "visually-hidden" }, caption),
        h("thead", {}, h("tr", {}, head)),
        h("tbody", {}, lines),
    );
    return h("div", { class: "table-wrap", role: "region", tabindex: "0", "aria-label": caption }, table);
}
