// @ts-check
// How a block and a link look.

import { svg } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { LINE, SIDE } from "./layout.js";
import { bitName, signals } from "./model.js";
import { blocksText, labelText, markOf, namesText, statusAbout, statusClass, statusText } from "./words.js";

/** @import { Link, Placed } from "./layout.js" */
/** @import { Header, Label } from "./model.js" */

/** So many letters of who mined it are beside a block. */
const MINER = 14;
const HALF = SIDE / 2;

/** How a block is shown, beside its header. @typedef {{labels: Label[], chosen: boolean}} Look */

/**
 * Whether its difficulty is the lowest of test networks, to which they fall when no block comes.
 * @param {Header} header
 */
export const isEasy = ({ difficulty }) => difficulty === 1;

/** Pixels of a bit that is signalled, and of a letter. */
const CHIP = 13;
const CHIP_110 = 42;
const LETTER = 6.6;

/** @param {number} bit */
const chipWidth = (bit) => (bit === 4 ? CHIP_110 : CHIP);

/** @param {number[]} bits */
const chipsWidth = (bits) => bits.reduce((sum, bit) => sum + chipWidth(bit) + 2, -2);

/**
 * The room of what stands beside a block.
 * @param {Header} header
 * @param {Label[]} labels
 */
export function besideOf({ miner, version }, labels) {
    const bits = signals(version);
    const lines = Number(Boolean(miner)) + Number(bits.length > 0) + labels.length;
    const letters = labels.map((label) => (labelText(label).length + 2) * LETTER);
    const width = Math.max(0, Math.min(miner?.length ?? 0, MINER + 1) * LETTER, chipsWidth(bits), ...letters);
    return { lines, width: Math.ceil(width) };
}

/**
 * A block for those who do not see it.
 * @param {Header} header
 * @param {Label[]} labels
 */
function blockInWords(header, labels) {
    const parts = [`Block ${f.count(header.height)}`, f.hash(header.hash)];
    if (header.miner) parts.push(`by ${f.printable(header.miner, 64)}`);
    if (!header.active) parts.push("not in the chain with the most work");
    if (isEasy(header)) parts.push("difficulty 1");
    const bits = signals(header.version);
    if (bits.length) parts.push(`signals ${bits.map((bit) => (bit === 4 ? "BIP110" : `bit ${bit}`)).join(", ")}`);
    for (const label of labels) parts.push(`tip of ${labelText(label)}`);
    return parts.join(", ");
}

/**
 * What stands beside a block, line by line.
 * @param {Header} header
 * @param {Label[]} labels
 * @param {boolean} isUp whether it stands on the right, not below
 */
function beside(header, labels, isUp) {
    const { lines: count } = besideOf(header, labels);
    const x = isUp ? HALF + 8 : 0;
    const anchor = isUp ? "start" : "middle";
    let y = isUp ? (-(count - 1) * LINE) / 2 + 4 : HALF + LINE;
    const lines = [];
    if (header.miner) {
        const props = { x, y, class: header.pool ? "miner" : "miner unknown", "text-anchor": anchor };
        lines.push(
            svg(
                "text",
                props,
                svg("title", {}, header.pool ? `mined by ${f.printable(header.miner, 64)}` : minedText(header)),
                f.printable(header.miner, MINER),
            ),
        );
        y += LINE;
    }
    const bits = signals(header.version);
    if (bits.length) {
        lines.push(chips(bits, x, y, isUp));
        y += LINE;
    }
    for (const label of labels) {
        const props = { x, y, class: `tip ${statusClass(label.status)}`, "text-anchor": anchor };
        const about = `${statusText(label.status)}: ${statusAbout(label.status)}. ${namesText(label.names)}`;
        lines.push(svg("text", props, svg("title", {}, about), `${markOf(label.status)} ${labelText(label)}`));
        y += LINE;
    }
    return lines;
}

/** @param {Header} header */
const minedText = ({ miner }) => `text of its coinbase: ${f.printable(miner, 64)}`;

/**
 * The bits that a block signals.
 * @param {number[]} bits
 * @param {number} x
 * @param {number} y
 * @param {boolean} isUp
 */
function chips(bits, x, y, isUp) {
    const whole = chipsWidth(bits);
    let at = isUp ? x : x - whole / 2;
    return svg(
        "g",
        { class: "chips" },
        svg("title", {}, `signals ${bits.map((bit) => (bit === 4 ? "bit 4 (BIP110)" : `bit ${bit}`)).join(", ")}`),
        bits.map((bit) => {
            const left = at;
            const width = chipWidth(bit);
            at += width + 2;
            return [
                svg("rect", { x: left, y: y - 10.5, width, height: 13, rx: 4 }),
                svg("text", { x: left + width / 2, y: y - 0.5, "text-anchor": "middle" }, bitName(bit)),
            ];
        }),
    );
}

/**
 * A block, around 0/0: it is moved to its place.
 * @param {Header} header
 * @param {Look} look
 * @param {boolean} isUp
 * @param {(hash: string) => void} choose
 */
export function drawBlock(header, { labels, chosen }, isUp, choose) {
    const isInvalid = labels.some(({ status }) => status === "invalid");
    const kind = [
        "block",
        header.active ? "active" : "stale",
        isInvalid && !header.active ? "invalid" : "",
        isEasy(header) ? "easy" : "",
        chosen ? "chosen" : "",
    ];
    const words = blockInWords(header, labels);
    return svg(
        "g",
        {
            class: kind.filter(Boolean).join(" "),
            role: "button",
            tabindex: "-1",
            "aria-pressed": String(chosen),
            dataset: { hash: header.hash },
            onclick: () => choose(header.hash),
            onkeydown: (event) => {
                if (event.key !== "Enter" && event.key !== " ") return;
                event.preventDefault();
                choose(header.hash);
            },
        },
        svg("title", {}, words),
        svg(
            "g",
            { "aria-hidden": "true" },
            svg("rect", { class: "square", x: -HALF, y: -HALF, width: SIDE, height: SIDE, rx: 9 }),
            svg("text", { class: "height", y: 0, "text-anchor": "middle" }, f.count(header.height)),
            svg("text", { class: "hash", y: 14, "text-anchor": "middle" }, header.hash.slice(-6)),
            isEasy(header) ? svg("text", { class: "mark", y: -16, "text-anchor": "middle" }, "diff 1") : null,
            isInvalid ? svg("text", { class: "mark bad", y: -16, "text-anchor": "middle" }, "✕") : null,
            beside(header, labels, isUp),
        ),
    );
}

/**
 * @param {Link} link
 * @param {boolean} isUp
 */
export function drawLink({ kind, hidden, active, path, x, y }, isUp) {
    const line = svg("path", { d: path, class: `link ${kind}${active ? " active" : ""}` });
    if (kind === "next") return svg("g", {}, line);
    if (kind === "open") {
        return svg("g", {}, line, svg("title", {}, "what it builds on is not shown"));
    }
    const [left, top] = isUp ? [x + 8, y + 4] : [x, y - 8];
    const text = svg("text", { class: "hidden-blocks", x: left, y: top, "text-anchor": isUp ? "start" : "middle" });
    text.textContent = `${blocksText(hidden)} hidden`;
    return svg("g", {}, line, text);
}

/**
 * What a drawing depends on.
 * @param {Placed} placed
 * @param {Look} look
 */
export function blockKey({ header }, { labels, chosen }) {
    const { height, miner, pool, active, version, difficulty } = header;
    const of = labels.map(({ status, names }) => `${status}:${names.length > 40 ? names.length : names.join()}`);
    return [height, miner, pool, active, version, difficulty, chosen, ...of].join("\n");
}
