// @ts-check
// What is known of a network: headers, nodes with their tips, and what changed; from the API, and from live events at once.
// Pure: no page, no requests.

/** @typedef {Api["ChainHeader"]} Header */
/** @typedef {Api["ChainTreeNode"]} Node */
/** @typedef {Api["ChainTreeTip"]} Tip */
/** @typedef {Api["ChainActivity"]} Activity */

/**
 * Nodes that have a block as a tip with one status.
 * @typedef {{status: string, names: string[]}} Label
 */

/** So much of what changed is kept. */
export const MAX_ACTIVITIES = 1000;
/** So many headers are kept, of which those that are interesting are drawn. */
const MAX_HEADERS = 10_000;
const MAX_NODES = 1000;

/** What a status of a tip is called, the most important first. */
export const STATUSES = ["active", "valid-fork", "valid-headers", "headers-only", "invalid", "unknown"];

/** @param {string} status */
const rankOf = (status) => (STATUSES.indexOf(status) + STATUSES.length + 1) % (STATUSES.length + 1);

/**
 * A time of an event in nanoseconds, which is text, as milliseconds; null if there is none.
 * @param {unknown} ns
 */
const ofNanos = (ns) => (ns === null || ns === undefined ? null : new Date(Number(ns) / 1e6).toISOString());

/** @param {unknown} value */
const textOr = (value) => (typeof value === "string" ? value : null);

/**
 * "VALID_FORK" -> "valid-fork".
 * @param {unknown} status
 */
const statusOf = (status) =>
    String(status ?? "unknown")
        .toLowerCase()
        .replaceAll("_", "-");

/**
 * @param {any} tip of an event
 * @returns {Tip}
 */
const tipOf = (tip) => ({ hash: String(tip?.hash), height: Number(tip?.height), status: statusOf(tip?.status) });

/** @param {string} hex */
const reversed = (hex) => (hex.match(/../g) ?? []).reverse().join("");

/**
 * A number of four bytes, the lowest first.
 * @param {string} hex
 * @param {number} at which byte
 */
const number = (hex, at) => parseInt(reversed(hex.slice(at * 2, at * 2 + 8)), 16);

/**
 * The difficulty of a target in compact form; null if that is none.
 * @param {number} bits
 */
function difficultyOf(bits) {
    const mantissa = bits & 0x7fffff;
    return mantissa > 0 ? (65535 / mantissa) * 256 ** (29 - (bits >>> 24)) : null;
}

/**
 * A header of an event chain_header.
 * @param {any} body
 * @param {Header | undefined} before
 * @returns {Header | null}
 */
function headerOf(body, before) {
    const hex = String(body?.header ?? "");
    if (hex.length !== 160) return null;
    return {
        hash: String(body.hash),
        previous: reversed(hex.slice(8, 72)),
        height: Number(body.height),
        version: number(hex, 0),
        time: new Date(number(hex, 68) * 1000).toISOString(),
        difficulty: difficultyOf(number(hex, 72)),
        miner: textOr(body.miner) ?? before?.miner ?? null,
        pool: Boolean(body.pool ?? before?.pool),
        active: Boolean(body.active),
        first_seen: ofNanos(body.first_seen_ns) ?? before?.first_seen ?? null,
        first_node: textOr(body.first_node) ?? before?.first_node ?? null,
    };
}

/**
 * A node of an event chain_node.
 * @param {any} body
 * @param {Node | undefined} before
 * @returns {Node}
 */
function nodeOf(body, before) {
    return {
        name: String(body.name),
        implementation: String(body.implementation),
        version: textOr(body.version),
        transport: textOr(body.transport),
        reachable: Boolean(body.reachable),
        answered: ofNanos(body.answered_ns),
        other_rules: Boolean(body.other_rules),
        lagging: before?.lagging ?? null,
        tips: Array.isArray(body.tips) ? body.tips.map(tipOf) : [],
        more_tips: Number(body.more_tips ?? 0),
        tip_changed: ofNanos(body.tip_changed_ns),
        remote_source: textOr(body.remote_source),
        description: textOr(body.description),
        problem: textOr(body.problem),
    };
}

/** @type {Activity} */
const NOTHING = {
    id: 0,
    time: "",
    node: "",
    kind: "",
    hash: null,
    height: null,
    status: null,
    old_status: null,
    old_hash: null,
    old_height: null,
    common_ancestor: null,
    common_height: null,
    depth: null,
    node_height: null,
    best_height: null,
    reason: null,
    pool: null,
    hashes: null,
};

/**
 * What changed, of an event chain_activity; null if this page does not know what.
 * @param {any} body
 * @param {string} time
 * @returns {Activity | null}
 */
function activityOf(body, time) {
    const known = { ...NOTHING, id: Number(body.id), time, node: String(body.node) };
    const moved = body.active_tip_changed ?? body.reorg;
    if (moved) {
        const { old_hash, old_height, new_hash, new_height, common_ancestor = null, common_height = null } = moved;
        const depth = common_height === null ? null : old_height - common_height;
        const kind = body.reorg ? "reorg-detected" : "active-tip-changed";
        return {
            ...known,
            kind,
            hash: new_hash,
            height: new_height,
            old_hash,
            old_height,
            common_ancestor,
            common_height,
            depth,
        };
    }
    if (body.tip_added) return { ...known, kind: "tip-added", ...tipOf(body.tip_added) };
    if (body.invalid_block) return { ...known, kind: "invalid-block-observed", ...tipOf(body.invalid_block) };
    if (body.tip_status_changed) {
        const { tip, old_status } = body.tip_status_changed;
        return { ...known, kind: "tip-status-changed", ...tipOf(tip), old_status: statusOf(old_status) };
    }
    if (body.reachability) {
        const { reachable, reason } = body.reachability;
        return { ...known, kind: reachable ? "node-reachable" : "node-unreachable", reason: textOr(reason) };
    }
    if (body.lag) {
        const { lagging, node_height, best_height } = body.lag;
        return { ...known, kind: lagging ? "node-lagging" : "node-caught-up", node_height, best_height };
    }
    if (body.same_pool) {
        const { height, pool, hashes } = body.same_pool;
        return { ...known, kind: "same-pool", height, pool: String(pool), hashes };
    }
    return null;
}

/** A network. */
export class Network {
    /** @type {Map<string, Header>} by hash */
    headers = new Map();
    /** @type {Map<string, Node>} by name */
    nodes = new Map();
    /** @type {Activity[]} newest first */
    activities = [];
    /** When anything last came of it. @type {string | null} */
    last = null;
    /** Of the API's answer that is known. */
    version = "";
    /** @type {string | null} */
    blocksUrl = null;

    /**
     * Takes an answer of the API. Returns whether it changed anything.
     * @param {Api["ChainTree"]} tree
     */
    set(tree) {
        this.last = tree.last;
        this.version = tree.version;
        this.blocksUrl = tree.blocks_url ?? null;
        if (!tree.headers || !tree.nodes) return false;
        this.headers = new Map(tree.headers.map((header) => [header.hash, header]));
        this.nodes = new Map(tree.nodes.map((node) => [node.name, node]));
        return true;
    }

    /**
     * Takes what changed, newest first.
     * @param {Activity[]} activities
     */
    add(activities) {
        const known = new Set(this.activities.map((one) => `${one.id} ${one.node} ${one.kind}`));
        const fresh = activities.filter((one) => !known.has(`${one.id} ${one.node} ${one.kind}`));
        if (!fresh.length) return false;
        this.activities = [...fresh, ...this.activities].sort((a, b) => b.id - a.id).slice(0, MAX_ACTIVITIES);
        return true;
    }

    /**
     * Takes a live event. Returns what changed by it: "", "tree" or "activity".
     * @param {FeedEvent} event
     * @returns {"" | "tree" | "activity"}
     */
    live(event) {
        const body = event.body ?? {};
        this.last = event.time;
        if (event.kind === "chain_activity") {
            const activity = activityOf(body, event.time);
            if (activity === null || !this.add([activity])) return "";
            this.#lag(activity);
            return "activity";
        }
        // What is repeated is known.
        if (event.kind === "chain_node") return this.#node(body) ? "tree" : "";
        return event.kind === "chain_header" && this.#header(body) ? "tree" : "";
    }

    /** @param {Activity} activity */
    #lag({ kind, node }) {
        const known = this.nodes.get(node);
        if (known && kind === "node-lagging") this.nodes.set(node, { ...known, lagging: true });
        if (known && kind === "node-caught-up") this.nodes.set(node, { ...known, lagging: false });
    }

    /** @param {any} body */
    #node(body) {
        const before = this.nodes.get(String(body.name));
        // All is as before, but that it answered again.
        if (before && body.again) before.answered = ofNanos(body.answered_ns) ?? before.answered;
        if ((before && body.again) || (!before && this.nodes.size >= MAX_NODES)) return false;
        this.nodes.set(String(body.name), nodeOf(body, before));
        return true;
    }

    /** @param {any} body */
    #header(body) {
        const before = this.headers.get(String(body.hash));
        if ((before && body.again) || (!before && this.headers.size >= MAX_HEADERS)) return false;
        const header = headerOf(body, before);
        if (header) this.headers.set(header.hash, header);
        return header !== null;
    }
}

/**
 * Who has which block as a tip, by hash; of each the most important status first.
 * @param {Iterable<{name: string, tips: Tip[]}>} nodes
 */
export function labelsOf(nodes) {
    /** @type {Map<string, Map<string, string[]>>} */
    const byHash = new Map();
    for (const { name, tips } of nodes) {
        for (const { hash, status } of tips) {
            const of = byHash.get(hash) ?? new Map();
            byHash.set(hash, of);
            const names = of.get(status);
            if (names) names.push(name);
            else of.set(status, [name]);
        }
    }
    /** @type {Map<string, Label[]>} */
    const labels = new Map();
    for (const [hash, of] of byHash) {
        const all = [...of].map(([status, names]) => ({ status, names }));
        labels.set(
            hash,
            all.sort((a, b) => rankOf(a.status) - rankOf(b.status)),
        );
    }
    return labels;
}

/**
 * Headers at heights where something happens, and around them: more than one block, a tip, or the highest. Of those heights
 * the last `most`.
 * @param {Header[]} headers
 * @param {Map<string, Label[]>} labels
 * @param {number} most
 */
export function interesting(headers, labels, most) {
    /** @type {Map<number, number>} how many there are at a height */
    const counts = new Map();
    for (const { height } of headers) counts.set(height, (counts.get(height) ?? 0) + 1);
    const heights = new Set(headers.filter(({ hash }) => labels.has(hash)).map(({ height }) => height));
    for (const [height, count] of counts) if (count > 1) heights.add(height);
    if (headers.length) heights.add(headers.reduce((max, { height }) => Math.max(max, height), 0));
    const last = new Set([...heights].sort((a, b) => b - a).slice(0, most));
    return headers.filter(({ height: h }) => last.has(h - 1) || last.has(h) || last.has(h + 1) || last.has(h + 2));
}

/**
 * The bits 0 to 4 that a version signals (BIP 9). Others are for general use (BIP 323).
 * @param {number} version
 */
export function signals(version) {
    if (version >>> 29 !== 1) return [];
    return [0, 1, 2, 3, 4].filter((bit) => (version >>> bit) & 1);
}

/**
 * What a bit is for, where that is known.
 * @param {number} bit
 */
export const bitName = (bit) => (bit === 4 ? "BIP110" : String(bit));
