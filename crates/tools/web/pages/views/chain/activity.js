// @ts-check
// What changed of tips and nodes: a list with filters.

import { badge, h, labelled, section, select, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { MAX_ACTIVITIES } from "./model.js";
import { changeText, KINDS } from "./words.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Activity } from "./model.js" */

/** @type {[kind: string, label: string][]} */
const CHOICES = [
    ["", "all"],
    ["active-tip-changed", "new tips"],
    ["reorg-detected", "reorgs"],
    ["tip-added,tip-status-changed", "branches and their status"],
    ["invalid-block-observed", "invalid blocks"],
    ["node-unreachable,node-reachable", "unreachable and reachable"],
    ["node-lagging,node-caught-up", "behind and caught up"],
    ["same-pool", "two blocks of one pool"],
];

/** So many are listed at first, and so many more with each press of the button. */
const AT_ONCE = 100;

/** @param {Activity} one */
const kindBadge = ({ kind }) => badge(KINDS[kind]?.[0] ?? f.printable(kind, 30), KINDS[kind]?.[1] ?? "");

/**
 * Whether a change is one that the reader wants to see.
 * @param {Activity} one
 * @param {{kind: string, node: string, text: string}} filter text in lower case
 */
function isWanted(one, { kind, node, text }) {
    if (kind && !kind.split(",").includes(one.kind)) return false;
    if (node && !one.node.toLowerCase().includes(node)) return false;
    if (!text) return true;
    const texts = [one.node, one.kind, one.hash, one.old_hash, one.common_ancestor, one.pool, one.reason, one.status];
    const all = [...texts, one.height, one.old_height, ...(one.hashes ?? []), changeText(one)];
    return all.some((of) =>
        String(of ?? "")
            .toLowerCase()
            .includes(text),
    );
}

/**
 * @param {Context} ctx
 * @param {(hash: string) => void} choose opens the card of a block
 */
export function activityCard(ctx, choose) {
    const { params } = ctx;
    /** @type {Activity[]} */
    let all = [];
    let most = AT_ONCE;
    const filter = {
        kind: params.get("kind") ?? "",
        node: params.get("of") ?? "",
        text: params.get("text") ?? "",
    };
    const list = activityTable(choose);
    const count = h("span", { class: "small muted" });
    const older = h("button", { type: "button", class: "button", onclick: () => more() }, "Older");

    function more() {
        most += AT_ONCE;
        show();
    }
    function show() {
        const wanted = { ...filter, node: filter.node.toLowerCase(), text: filter.text.toLowerCase() };
        const found = all.filter((one) => isWanted(one, wanted));
        list.set(found.slice(0, most));
        older.hidden = found.length <= most;
        setText(count, countText(all.length, found.length, Math.min(most, found.length)));
    }
    /** @param {Query} change */
    function set(change) {
        Object.assign(filter, change);
        most = AT_ONCE;
        ctx.set({ kind: filter.kind, of: filter.node, text: filter.text });
        show();
    }
    /** @param {"node" | "text"} name @param {string} placeholder */
    const search = (name, placeholder) => {
        const input = h("input", {
            type: "search",
            value: filter[name],
            placeholder,
            maxlength: 100,
            spellcheck: "false",
            oninput: () => set({ [name]: input.value.trim() }),
        });
        return input;
    };
    const toolbar = h(
        "div",
        { class: "toolbar" },
        labelled(
            "What",
            select(CHOICES, filter.kind, (kind) => set({ kind })),
        ),
        labelled("Node", search("node", "all")),
        labelled("Text", search("text", "hash, height, pool…")),
        count,
    );
    return {
        card: section("Activity", toolbar, list.el, older),
        /** @param {Activity[]} activities newest first */
        set(activities) {
            all = activities;
            show();
        },
    };
}

/**
 * @param {number} all
 * @param {number} found
 * @param {number} shown
 */
function countText(all, found, shown) {
    if (!all) return "";
    const whole = all >= MAX_ACTIVITIES ? `the last ${f.count(all)}` : f.count(all);
    return found === all
        ? `${f.count(shown)} of ${whole}`
        : `${f.count(shown)} of ${f.count(found)} that fit, of ${whole}`;
}

/** @param {(hash: string) => void} choose */
function activityTable(choose) {
    return table({
        caption: "What changed, newest first",
        empty: "Nothing changed since this began.",
        rowKey: (/** @type {Activity} */ one) => `${one.id} ${one.node} ${one.kind}`,
        columns: [
            {
                key: "time",
                label: "Time",
                value: (one) => f.millis(one.time),
                text: (one) => timeText(one.time),
                hint: (one) => f.utc(one.time),
                sort: false,
            },
            {
                key: "kind",
                label: "What",
                value: (one) => one.kind,
                text: (one) => KINDS[one.kind]?.[0] ?? one.kind,
                node: kindBadge,
                sort: false,
            },
            {
                key: "node",
                label: "Node",
                value: (one) => one.node,
                text: (one) => f.printable(one.node, 40),
                sort: false,
            },
            {
                key: "change",
                label: "Change",
                value: changeText,
                node: (one) => changeNode(one, choose),
                hint: (one) => f.printable(one.hash ?? "", 80),
                class: "wrap",
                sort: false,
            },
        ],
    });
}

/**
 * "12:03:04", with the date if that is another one than today's.
 * @param {Time} time
 */
function timeText(time) {
    const date = f.dateTime(time).slice(0, 10);
    return date === f.dateTime(f.now()).slice(0, 10) ? f.clock(time) : `${date} ${f.clock(time)}`;
}

/**
 * A change; that of a block opens its card.
 * @param {Activity} one
 * @param {(hash: string) => void} choose
 */
function changeNode(one, choose) {
    const text = changeText(one);
    const { hash } = one;
    if (!hash) return h("span", {}, text);
    return h("button", { type: "button", class: "link", onclick: () => choose(hash) }, text);
}
