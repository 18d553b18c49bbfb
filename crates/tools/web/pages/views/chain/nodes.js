// @ts-check
// The nodes of a network: what each has as tips, since when, and whether it answers.

import { ago, number } from "../../lib/columns.js";
import { badge, h, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { markOf, statusAbout, statusText } from "./words.js";

/** @import { Node } from "./model.js" */

/** Seconds without an answer after which a node is pale. */
const LONG = 600;

/** @param {Node} node */
const activeOf = ({ tips }) => tips.find((tip) => tip.status === "active") ?? tips[0] ?? null;

/**
 * What is to be said of a node, the worst first.
 * @param {Node} node
 * @returns {[rank: number, word: string, kind: string, title: string]}
 */
function stateOf(node) {
    if (!node.reachable) {
        const since = node.answered ? `; it answered last at ${f.dateTime(node.answered)}` : "; it never answered";
        return [0, "unreachable", "bad", `${f.printable(node.problem ?? "does not answer", 200)}${since}`];
    }
    if (node.other_rules) {
        return [
            1,
            "different rules",
            "warn",
            "its headers lack Bitcoin's proof of work: they lend no work to the tree",
        ];
    }
    if (node.lagging) return [2, "behind", "warn", "by three blocks or more"];
    return [3, "up", "good", node.problem ? f.printable(node.problem, 200) : "it answers"];
}

/** @param {Node} node */
function states(node) {
    const [, word, kind, title] = stateOf(node);
    // That its rules differ is worth knowing also while it is away.
    const also = word === "unreachable" && node.other_rules ? badge("different rules", "warn") : null;
    return h("span", { class: "badges" }, badge(word, kind, title), also);
}

/** @param {Node} node */
function otherTips(node) {
    const active = activeOf(node);
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const tip of node.tips) if (tip !== active) counts.set(tip.status, (counts.get(tip.status) ?? 0) + 1);
    const texts = [...counts].map(([status, count]) => `${f.count(count)} ${statusText(status)}`);
    if (node.more_tips) texts.push(`${f.count(node.more_tips)} more`);
    return texts.join(", ");
}

/** @param {Node} node */
function otherTipsList(node) {
    const active = activeOf(node);
    const others = node.tips.filter((tip) => tip !== active).slice(0, 20);
    return others.map((tip) => `${f.count(tip.height)} ${f.hash(tip.hash)} ${statusText(tip.status)}`).join("\n");
}

/** @param {Node} node */
function tipText(node) {
    const tip = activeOf(node);
    if (!tip) return h("span", { class: "muted" }, "–");
    // Electrum servers and block explorers have one tip, whose status is their word for it.
    const mark = tip.status === "active" ? "" : `${markOf(tip.status)} ${statusText(tip.status)} `;
    return h("span", { class: "mono", title: `${tip.hash}\n${statusAbout(tip.status)}` }, mark, f.hash(tip.hash));
}

/** @param {Node} node */
function whatText({ implementation, version, transport }) {
    const name = f.printable(implementation, 40);
    const how = transport ? `, by ${f.printable(transport, 10)}` : "";
    return version ? `${name} ${f.printable(version, 60)}${how}` : `${name}${how}`;
}

/** @param {Node} node */
function aboutText({ description, problem, remote_source, reachable }) {
    const parts = [];
    if (remote_source) parts.push(`by ${f.printable(remote_source, 60)}`);
    if (description) parts.push(f.printable(description, 200));
    if (problem && reachable) parts.push(f.printable(problem, 200));
    return parts.join("; ");
}

/** @param {Node} node */
function rowClass(node) {
    if (node.reachable) return "";
    const at = f.millis(node.answered);
    const isLong = at === null || f.now() - at > LONG * 1000;
    return isLong ? "away long" : "away";
}

export function nodeTable() {
    return table({
        caption: "Nodes and their tips",
        empty: "No node is known yet.",
        sort: "state",
        rowKey: (/** @type {Node} */ node) => node.name,
        rowClass,
        columns: [
            {
                key: "name",
                label: "Node",
                value: (node) => node.name,
                node: (node) => untrusted(node.name, 40),
                text: (node) => f.printable(node.name, 40),
                head: true,
            },
            {
                key: "state",
                label: "State",
                value: (node) => stateOf(node)[0],
                text: (node) => stateOf(node)[1],
                node: states,
            },
            number("height", "Height", (node) => activeOf(node)?.height),
            {
                key: "tip",
                label: "Tip",
                value: (node) => activeOf(node)?.hash,
                text: (node) => activeOf(node)?.hash ?? "–",
                node: tipText,
                sort: false,
            },
            ago("since", "Since", (node) => node.tip_changed, "when this became its active tip"),
            {
                key: "others",
                label: "Other tips",
                value: (node) => node.tips.length + node.more_tips,
                text: otherTips,
                hint: otherTipsList,
                sort: "desc",
            },
            ago("answered", "Answered", (node) => node.answered, "when it answered last"),
            { key: "what", label: "What it is", value: whatText, text: whatText },
            {
                key: "about",
                label: "About",
                value: aboutText,
                text: aboutText,
                node: (node) => untrusted(aboutText(node), 70),
                sort: false,
            },
        ],
    });
}
