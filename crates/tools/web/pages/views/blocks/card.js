// @ts-check
// One block: in a line, and when it is opened its times by node as a picture and as a table, and what it was put together from.

import { badge, clear, h, svg, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { hintAtMore } from "../../lib/scroll.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["Block"]} Block */
/** @typedef {Api["BlockNode"]} BlockNode */

/** @type {[kind: string, name: string, time: (node: BlockNode) => string | null | undefined][]} */
const MARKS = [
    ["header", "header", (node) => node.header],
    ["compact", "compact block", (node) => node.compact_block],
    ["reconstructed", "reconstructed", (node) => node.reconstructed],
    ["connected", "connected", (node) => node.connected],
    ["tip", "tip", (node) => node.tip],
    ["own", "announced to us", (node) => node.own?.time],
];
const ROW = 22;
/** Of more nodes than these, what is known of each stands with the numbers, which are closed at first. */
const FEW = 4;

/** @type {Record<string, string>} what shows since when a node has anything of a block */
const SINCE = {
    header: "its header",
    compact_block: "its compact block",
    block: "the whole block",
    reconstructed: "it was put together",
    connected: "it was connected",
    tip: "it was the tip",
};
const OURS = "announced on our own P2P connection to the node";

const HEADINGS = [
    "Node",
    "Header",
    "Compact block",
    "Put together",
    "Connected",
    "Tip",
    "To us",
    "Connecting",
    "Checked within",
    "Transactions",
    "Inputs",
    "Size",
];
const NUMBERS = "Times and numbers of the block by node";

/**
 * The card of a block.
 * @param {Context} ctx
 */
export function card(ctx) {
    const heading = h("h3");
    const summary = h("summary", {}, heading);
    const picture = h("div", { class: "block-times" });
    const body = h("tbody");
    const headings = HEADINGS.map((text, i) => h("th", { scope: "col", class: i ? "num" : null }, text));
    const caption = h("caption", { class: "visually-hidden" }, NUMBERS);
    const numbers = h("table", { class: "data" }, caption, h("thead", {}, h("tr", {}, headings)), body);
    const wrap = h("div", { class: "table-wrap", role: "region", tabindex: "0", "aria-label": NUMBERS }, numbers);
    const details = h("details", { class: "block-more" }, h("summary", {}, "Numbers"), wrap);
    hintAtMore(wrap);
    const made = h("div", { class: "block-made" });
    const announced = h("ul", { class: "block-announced" });
    const parts = [made, announced];
    const el = h("details", { class: "block" }, summary, picture, details);
    /** Whether its reader opened or closed it: then it stays so. */
    let chosen = false;
    let headed = "";
    let drawn = "";
    /** @type {Block | undefined} */
    let block;
    summary.addEventListener("click", () => {
        chosen = true;
    });
    el.addEventListener("toggle", draw);

    /** Draws what is inside, if that can be seen. */
    function draw() {
        const shown = block;
        const now = JSON.stringify(shown);
        if (!shown || !el.open || now === drawn) return;
        drawn = now;
        clear(picture, times(shown));
        clear(made, shown.nodes.map(composition));
        clear(
            announced,
            shown.nodes.map((node) => [announcers(ctx, node), toUs(node)]),
        );
        clear(
            body,
            shown.nodes.map((node) => row(shown, node)),
        );
        if (shown.nodes.length > FEW) details.append(...parts);
        else details.before(...parts);
    }

    return {
        el,
        /**
         * @param {Block} next
         * @param {boolean} forked whether there is another block at its height
         * @param {boolean} open whether it is open as long as nobody chose
         */
        set(next, forked, open) {
            block = next;
            const now = JSON.stringify([next, forked]);
            if (now !== headed) {
                headed = now;
                clear(heading, line(next, forked));
            }
            if (!chosen) el.open = open;
            draw();
        },
    };
}

/**
 * A block in a line.
 * @param {Block} block
 * @param {boolean} forked
 */
function line(block, forked) {
    const ends = block.nodes.map((node) => after(block, node.tip ?? node.connected)).filter((t) => t !== null);
    const nodes = `${f.count(block.nodes.length)} ${block.nodes.length === 1 ? "node" : "nodes"}`;
    return [
        block.height === null || block.height === undefined ? "Block " : `${f.count(block.height)} `,
        h("span", { class: "mono muted", title: f.printable(block.hash, 80) }, f.hash(block.hash)),
        forked ? badge("fork", "warn") : null,
        h(
            "span",
            { class: "muted small", title: f.utc(block.first_seen) },
            `first seen at ${f.clock(block.first_seen, true)}`,
            block.time ? `, ${headerAge(block)}` : "",
            ends.length ? `; ${nodes} within ${f.seconds(Math.max(...ends))}` : `; ${nodes}`,
        ),
    ];
}

/** @param {Block} block */
function headerAge(block) {
    const s = ((f.millis(block.first_seen) ?? 0) - (f.millis(block.time) ?? 0)) / 1000;
    return s >= 0 ? `${f.seconds(s)} after its header's time` : `${f.seconds(-s)} before its header's time`;
}

/**
 * Exact to the microsecond: Date has milliseconds only.
 * @param {string} time
 */
function micros(time) {
    const fraction = /\.(\d{1,6})/.exec(time)?.[1] ?? "";
    return Math.floor((f.millis(time) ?? 0) / 1000) * 1e6 + Number(fraction.padEnd(6, "0"));
}

/**
 * Seconds after the block was first seen.
 * @param {Block} block
 * @param {string | null | undefined} time
 */
function after(block, time) {
    return time === null || time === undefined ? null : Math.max(0, (micros(time) - micros(block.first_seen)) / 1e6);
}

/**
 * The times by node as a picture.
 * @param {Block} block
 */
function times(block) {
    const all = block.nodes
        .flatMap((node) => MARKS.map(([, , time]) => after(block, time(node))))
        .filter((t) => t !== null);
    const end = Math.max(1e-4, ...all);
    /** @param {number} s */
    const x = (s) => `${((s / end) * 100).toFixed(3)}%`;
    const rows = block.nodes.map((node, i) => {
        const y = i * ROW + ROW / 2;
        const known = MARKS.flatMap(([kind, , time]) => {
            const t = after(block, time(node));
            return t === null ? [] : [{ kind, t }];
        });
        const from = Math.min(...known.map(({ t }) => t));
        const to = Math.max(...known.map(({ t }) => t));
        return [
            svg("line", { x1: 0, x2: "100%", y1: y, y2: y, class: "block-line" }),
            known.length ? svg("line", { x1: x(from), x2: x(to), y1: y, y2: y, class: "block-span" }) : null,
            known.map(({ kind, t }) => mark(kind, x(t), y)),
        ];
    });
    const text = block.nodes.map((node) => inWords(block, node)).join("; ");
    return [
        h(
            "div",
            { class: "block-names" },
            block.nodes.map((node) => h("span", {}, untrusted(node.node, 16))),
        ),
        svg(
            "svg",
            {
                role: "img",
                "aria-label": f.printable(`Times after the block was first seen: ${text}`, 600),
                style: { height: `${block.nodes.length * ROW}px` },
            },
            rows,
        ),
        h("span", { class: "block-end muted small" }, f.seconds(end)),
    ];
}

/**
 * @param {Block} block
 * @param {BlockNode} node
 */
function inWords(block, node) {
    const known = MARKS.filter(([, , time]) => after(block, time(node)) !== null);
    const times_ = known.map(([, name, time]) => `${name} ${f.seconds(after(block, time(node)))}`);
    return `${node.node}: ${times_.join(", ")}`;
}

/**
 * Shapes differ, not only colours.
 * @param {string} kind
 * @param {string} x a share of the width: the shape itself is not stretched
 * @param {number} y
 */
function mark(kind, x, y) {
    return svg("svg", { x, y, class: "block-at" }, shape(kind));
}

/** @param {string} kind */
function shape(kind) {
    const at = { class: `block-mark ${kind}` };
    if (kind === "header") return svg("circle", { ...at, r: 4 });
    if (kind === "compact") return svg("rect", { ...at, x: -4, y: -4, width: 8, height: 8 });
    if (kind === "reconstructed") return svg("path", { ...at, d: "M0 -5L5 0L0 5L-5 0Z" });
    if (kind === "own") return svg("circle", { ...at, r: 5 });
    if (kind === "connected") return svg("path", { ...at, d: "M0 -5L5 4H-5Z" });
    return svg("path", { ...at, d: "M-2 -8h4v16h-4z" });
}

/** @type {["prefilled" | "from_mempool" | "from_extra_pool" | "requested", string][]} */
const PARTS = [
    ["prefilled", "sent along"],
    ["from_mempool", "from the mempool"],
    ["from_extra_pool", "from the extra pool"],
    ["requested", "asked for"],
];

/**
 * From what a compact block was put together.
 * @param {BlockNode} node
 */
function composition(node) {
    if (node.from_mempool === null || node.from_mempool === undefined) return null;
    const all = PARTS.reduce((n, [key]) => n + (node[key] ?? 0), 0);
    const text = PARTS.filter(([key]) => node[key])
        .map(([key, name]) => `${f.count(node[key])} ${name}`)
        .join(", ");
    return h(
        "div",
        { class: "block-parts" },
        h("span", { class: "block-node" }, untrusted(node.node, 16)),
        h(
            "span",
            { class: "block-bar", "aria-hidden": "true" },
            PARTS.map(([key]) => {
                const n = node[key];
                return n ? h("span", { class: `part ${key}`, style: { flexGrow: String(n / all) } }) : null;
            }),
        ),
        h(
            "span",
            { class: "small" },
            text || "empty",
            node.requested_bytes ? ` (${f.bytes(node.requested_bytes)})` : "",
        ),
    );
}

/**
 * Who announced the block to a node.
 * @param {Context} ctx
 * @param {BlockNode} node
 */
function announcers(ctx, node) {
    if (!node.announced_by.length) return null;
    return h(
        "li",
        {},
        h("span", { class: "block-node" }, untrusted(node.node, 16)),
        h(
            "span",
            {},
            ...node.announced_by.slice(0, 4).map((by, i) => [
                i ? ", " : "",
                i ? "" : badge("first", "good"),
                i ? "" : " ",
                h(
                    "a",
                    {
                        href: ctx.href("peer", { node: node.node, id: by.id }),
                        title: by.addr ? f.printable(by.addr, 80) : null,
                    },
                    `peer ${by.id}`,
                ),
                [` ${f.printable(by.message, 20)}`, i ? ` +${f.seconds(by.after_seconds)}` : ""],
            ]),
            node.announced_by.length > 4 ? ` and ${node.announced_by.length - 4} more` : null,
        ),
    );
}

/**
 * How the node announced the block to us.
 * @param {BlockNode} node
 */
function toUs({ node, own }) {
    if (!own) return null;
    const { relay_seconds: delay, relay_since: since, validation_seconds: checked } = own;
    const known = delay !== null && delay !== undefined;
    // Negative where the announcement came first by the clock.
    const when = known ? `${f.seconds(Math.abs(delay))} ${delay < 0 ? "before" : "after"}` : "";
    const relayed = known ? `, ${when} ${SINCE[since ?? ""] ?? "it had something of it"}` : "";
    const checking = checked !== null && checked !== undefined ? `; checked within ${f.seconds(checked)}` : "";
    return h(
        "li",
        {},
        h("span", { class: "block-node" }, untrusted(node, 16)),
        h("span", {}, badge("to us", "info", OURS), ` by ${f.printable(own.message, 20)}${relayed}${checking}`),
    );
}

/**
 * Times and numbers of a node.
 * @param {Block} block
 * @param {BlockNode} node
 */
function row(block, node) {
    /** @type {(text: string, title?: string | null) => HTMLElement} */
    const cell = (text, title = null) => h("td", { class: "num", title }, text);
    return h(
        "tr",
        {},
        h("th", { scope: "row" }, untrusted(node.node, 30)),
        MARKS.map(([, , time]) => cell(f.seconds(after(block, time(node))), time(node) ? f.utc(time(node)) : null)),
        cell(f.seconds(node.connect_seconds)),
        cell(f.seconds(node.own?.validation_seconds)),
        cell(f.count(node.transactions)),
        cell(f.count(node.inputs)),
        cell(f.bytes(node.size)),
    );
}
