// @ts-check
// The tips as they were: what changed since is undone, the newest first. Pure.

/** @import { Activity, Node, Tip } from "./model.js" */

/**
 * A node, with what of it changes over time.
 * @typedef {{active: Tip | null, others: Map<string, Tip>, node: Node}} Then
 */

/** @param {Node} node */
function thenOf(node) {
    const active = node.tips.find((tip) => tip.status === "active") ?? null;
    const others = new Map(node.tips.filter((tip) => tip !== active).map((tip) => [tip.hash, tip]));
    return { active, others, node };
}

/**
 * Undoes a change of a node.
 * @param {Then} then
 * @param {Activity} activity
 */
function undo(then, { kind, hash, height, old_hash, old_height, old_status }) {
    if (kind === "active-tip-changed" || kind === "reorg-detected") {
        if (!old_hash || old_height === null || old_height === undefined) return;
        then.active = { hash: old_hash, height: old_height, status: "active" };
        then.others.delete(old_hash);
        // When it began to be the tip before is not known.
        then.node = { ...then.node, tip_changed: null };
    } else if (kind === "tip-added") {
        if (hash) then.others.delete(hash);
    } else if (kind === "tip-status-changed") {
        if (hash && old_status && old_status !== "active" && height !== null && height !== undefined) {
            then.others.set(hash, { hash, height, status: old_status });
        }
    } else if (kind === "node-unreachable" || kind === "node-reachable") {
        then.node = { ...then.node, reachable: kind === "node-unreachable", problem: null };
    } else if (kind === "node-lagging" || kind === "node-caught-up") {
        then.node = { ...then.node, lagging: kind === "node-caught-up" };
    }
}

/**
 * The nodes as they were before the newest `undone` changes.
 * @param {Iterable<Node>} nodes as they are now
 * @param {Activity[]} activities newest first
 * @param {number} undone
 * @returns {Node[]}
 */
export function nodesBefore(nodes, activities, undone) {
    /** @type {Map<string, Then>} */
    const all = new Map();
    for (const node of nodes) all.set(node.name, thenOf(node));
    for (const activity of activities.slice(0, undone)) {
        const then = all.get(activity.node);
        if (then) undo(then, activity);
    }
    // When the active tip became that: by the newest change that is not undone.
    /** @type {Map<string, string>} */
    const changed = new Map();
    for (const { kind, node, time } of activities.slice(undone)) {
        const moved = kind === "active-tip-changed" || kind === "reorg-detected";
        if (moved && !changed.has(node)) changed.set(node, time);
    }
    return [...all.values()].map(({ active, others, node }) => ({
        ...node,
        tips: active ? [active, ...others.values()] : [...others.values()],
        tip_changed: node.tip_changed ?? changed.get(node.name) ?? null,
    }));
}
