// @ts-check
// Tips of the nodes' chains, forks, and blocks that went wrong.

import { ago, clock, nodeColumn, number } from "../../lib/columns.js";
import { badge, clear, h, section, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["ChainHappened"] & {kind: string}} Happened */

/** So many forks are described. */
const FORKS = 3;

/**
 * The chains of the nodes.
 * @param {Context} ctx
 */
export function chain(ctx) {
    const tips = tipTable();
    const forks = h("div", { class: "notices" });
    const events = eventTable(ctx);
    return {
        /** The forks, which are for the top of the page. */
        forks,
        el: h(
            "div",
            { class: "blocks-chain" },
            section("Tips", tips.el),
            section("Disconnected and invalid", events.el),
        ),
        /** @param {Api["Chain"]} data */
        set(data) {
            tips.set(data.nodes);
            const more = data.forks.length - FORKS;
            clear(
                forks,
                data.forks.slice(0, FORKS).map(forkNote),
                more > 0
                    ? h(
                          "p",
                          { class: "muted small" },
                          `And at ${f.count(more)} lower ${more === 1 ? "height" : "heights"}.`,
                      )
                    : null,
            );
            const stale = new Set(data.stale.map((e) => `${e.node}/${e.hash}`));
            const gone = data.disconnected.map((e) => ({
                ...e,
                kind: stale.has(`${e.node}/${e.hash}`) ? "stale" : "disconnected",
            }));
            const bad = data.invalid.map((e) => ({ ...e, kind: "invalid" }));
            events.set([...gone, ...bad].sort((a, b) => (f.millis(b.time) ?? 0) - (f.millis(a.time) ?? 0)));
        },
    };
}

function tipTable() {
    return table({
        caption: "Tips by node",
        empty: "No tip is known: they come from debug.log and from the RPC extractor (getblockchaininfo).",
        // Who is behind comes first.
        sort: "height",
        rowKey: (/** @type {Api["ChainNode"]} */ n) => n.node,
        columns: [
            { key: "node", label: "Node", value: (n) => n.node, text: (n) => f.printable(n.node, 40), head: true },
            number("height", "Height", (n) => n.height),
            number("headers", "Headers", (n) => n.headers),
            {
                key: "best",
                label: "Tip",
                value: (n) => n.best_block,
                text: (n) => f.hash(n.best_block),
                hint: (n) => f.printable(n.best_block ?? "", 80),
                class: "mono",
                sort: false,
            },
            ago("since", "Since", (n) => n.tip_changed),
        ],
    });
}

/** @param {Context} ctx */
function eventTable(ctx) {
    return table({
        caption: "Blocks that were disconnected or are not valid, newest first",
        empty: "None since this began.",
        rowKey: (/** @type {Happened} */ e) => `${e.kind}/${e.node}/${e.time}/${e.hash}`,
        columns: [
            clock("time", "Time", (e) => e.time),
            ...nodeColumn(ctx),
            {
                key: "kind",
                label: "What",
                value: (e) => e.kind,
                node: (e) => badge(e.kind, e.kind === "invalid" ? "bad" : "warn"),
            },
            number("height", "Height", (e) => e.height),
            {
                key: "hash",
                label: "Block",
                value: (e) => e.hash,
                text: (e) => f.hash(e.hash),
                hint: (e) => f.printable(e.hash ?? "", 80),
                class: "mono",
                sort: false,
            },
            {
                key: "text",
                label: "Why",
                value: (e) => e.text ?? "",
                node: (e) => untrusted(e.text ?? "", 100),
                class: "wrap",
                sort: false,
            },
        ],
    });
}

/** @param {Api["ChainBranch"]} branch */
function nodesOf({ nodes }) {
    const named = nodes.slice(0, 4).map((name) => f.printable(name, 20));
    const more = nodes.length - named.length;
    return `(${named.join(", ")}${more > 0 ? ` and ${f.count(more)} more` : ""})`;
}

/** @param {Api["Fork"]} fork */
function forkNote(fork) {
    return h(
        "p",
        { class: "notice warn" },
        `At height ${f.count(fork.height)} there are ${fork.hashes.length} blocks: `,
        fork.hashes.map((branch, i) => [
            i ? "; " : "",
            h("span", { class: "mono", title: f.printable(branch.hash, 80) }, f.hash(branch.hash)),
            " ",
            h("span", { title: f.printable(branch.nodes.join(", "), 2000) }, nodesOf(branch)),
        ]),
    );
}
