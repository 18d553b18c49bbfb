// @ts-check
// Where blocks are: one column for each height that is shown, one lane for each branch, the chain with the most work in the
// first. Pure: no page, so that a test can call it.

/** @import { Header } from "./model.js" */

/**
 * A block in its place: its middle, in pixels.
 * @typedef {{header: Header, x: number, y: number}} Placed
 */

/**
 * From a block to one that builds on it: "next", or "hidden" with the number of blocks between, or "open" if it is not known
 * where it begins.
 * @typedef {object} Link
 * @property {string} key
 * @property {"next" | "hidden" | "open"} kind
 * @property {number} hidden
 * @property {boolean} active
 * @property {string} path
 * @property {number} x the middle
 * @property {number} y
 */

/** @typedef {{blocks: Placed[], links: Link[], width: number, height: number}} Layout */

/** What stands beside a block: how many lines, and how wide, in pixels. @typedef {{lines: number, width: number}} Beside */

/** Pixels of a block's side. */
export const SIDE = 58;
/** Pixels of a line of text beside a block. */
export const LINE = 15;

/** From one column to the next, and how much more if there are blocks between; by direction. */
const STEP = { across: 128, up: 92 };
const GAP = { across: 74, up: 22 };
/** Between lanes; and from a block to what stands beside it, if they go up. */
const BETWEEN = 18;
const BESIDE = 8;
const EDGE = 14;
/** The radius of a bend. */
const ROUND = 9;
/** Half of the width of what stands below a block, if they go across. */
const BELOW = 62;

/**
 * The block that each builds on, of those that are shown: with the number of those between; null if it is not known.
 * @param {Header[]} headers lowest first
 * @returns {Map<string, {parent: Header, hidden: number} | null>}
 */
function parentsOf(headers) {
    const byHash = new Map(headers.map((header) => [header.hash, header]));
    /** @type {ReturnType<typeof parentsOf>} */
    const parents = new Map();
    /** @type {Header | null} */
    let active = null;
    for (const header of headers) {
        const parent = byHash.get(header.previous);
        if (parent) parents.set(header.hash, { parent, hidden: 0 });
        else if (header.active && active) {
            parents.set(header.hash, { parent: active, hidden: header.height - active.height - 1 });
        } else parents.set(header.hash, null);
        if (header.active) active = header;
    }
    return parents;
}

/**
 * The lane of each block. A branch goes on in its lane, and another one takes the first that is free from its parent on.
 * @param {Header[]} headers lowest first
 * @param {Map<string, {parent: Header, hidden: number} | null>} parents
 * @param {Map<number, number>} columns by height
 */
function lanesOf(headers, parents, columns) {
    /** @type {Map<string, Header[]>} */
    const children = new Map();
    for (const header of headers) {
        const parent = parents.get(header.hash)?.parent;
        if (parent) children.set(parent.hash, [...(children.get(parent.hash) ?? []), header]);
    }
    /** @type {Map<string, number>} how high the branch from a block on goes */
    const tops = new Map();
    for (const header of [...headers].reverse()) {
        const above = (children.get(header.hash) ?? []).map((child) => tops.get(child.hash) ?? 0);
        tops.set(header.hash, Math.max(header.height, ...above));
    }
    /** Whom a branch goes on with: the active one, else the one that goes highest. */
    const heirOf = (/** @type {Header} */ header) => {
        const all = children.get(header.hash) ?? [];
        const of = (/** @type {Header} */ child) => [Number(child.active), tops.get(child.hash) ?? 0];
        return all.reduce((/** @type {Header | null} */ best, child) => {
            if (best === null) return child;
            const [[a, x], [b, y]] = [of(best), of(child)];
            return b > a || (b === a && y > x) ? child : best;
        }, null);
    };
    const columnOf = (/** @type {Header} */ header) => columns.get(header.height) ?? 0;
    /** @type {Map<string, number>} */
    const lanes = new Map();
    /** @type {Set<string>} places that are taken: lane and column */
    const taken = new Set();
    // The active chain is first, also where it begins with what is not known.
    const begins = headers.filter((header) => parents.get(header.hash) === null);
    const starts = [...begins.filter((header) => header.active), ...begins.filter((header) => !header.active)];
    const side = starts[0]?.active ? 1 : 0;
    /** @param {Header} start */
    const branch = (start) => {
        /** @type {Header[]} */
        const all = [];
        for (let at = /** @type {Header | null} */ (start); at; at = heirOf(at)) all.push(at);
        const parent = parents.get(start.hash)?.parent;
        const from = parent ? columnOf(parent) + 1 : columnOf(start);
        const to = columnOf(all[all.length - 1]);
        let lane = start.active && !parent ? 0 : side;
        const isFree = () => {
            for (let column = from; column <= to; column += 1) if (taken.has(`${lane} ${column}`)) return false;
            return true;
        };
        while (!isFree()) lane += 1;
        for (let column = from; column <= to; column += 1) taken.add(`${lane} ${column}`);
        for (const header of all) lanes.set(header.hash, lane);
        return all;
    };
    const waiting = [...starts];
    while (waiting.length) {
        const start = /** @type {Header} */ (waiting.shift());
        if (lanes.has(start.hash)) continue;
        for (const header of branch(start)) {
            const heir = heirOf(header);
            for (const child of children.get(header.hash) ?? []) if (child !== heir) waiting.push(child);
        }
    }
    return lanes;
}

/**
 * Where each column begins, along the direction of the chain.
 * @param {number[]} heights that are shown, lowest first
 * @param {"across" | "up"} direction
 */
function offsetsOf(heights, direction) {
    let at = 0;
    return heights.map((height, i) => {
        if (i > 0) at += STEP[direction] + (height - heights[i - 1] > 1 ? GAP[direction] : 0);
        return at;
    });
}

/**
 * Where each lane is, and how much room all of them take.
 * @param {Map<string, number>} lanes
 * @param {(hash: string) => Beside} besideOf
 * @param {"across" | "up"} direction
 */
function lanePlaces(lanes, besideOf, direction) {
    const count = Math.max(0, ...lanes.values()) + 1;
    const rooms = new Array(count).fill(SIDE);
    for (const [hash, lane] of lanes) {
        const { lines, width } = besideOf(hash);
        const room = direction === "up" ? width && BESIDE + width : lines * LINE + 4;
        rooms[lane] = Math.max(rooms[lane], SIDE + room);
    }
    let at = EDGE;
    const places = rooms.map((room) => {
        const place = at;
        at += room + BETWEEN;
        return place;
    });
    return { places, room: at - BETWEEN + EDGE };
}

/**
 * @param {Header[]} shown
 * @param {"across" | "up"} direction of the chain: to the right, or up
 * @param {(hash: string) => Beside} besideOf
 * @returns {Layout}
 */
export function layout(shown, direction, besideOf) {
    if (!shown.length) return { blocks: [], links: [], width: 0, height: 0 };
    const headers = [...shown].sort((a, b) => a.height - b.height || Number(b.active) - Number(a.active));
    const parents = parentsOf(headers);
    const heights = [...new Set(headers.map((header) => header.height))];
    const columns = new Map(heights.map((height, column) => [height, column]));
    const lanes = lanesOf(headers, parents, columns);
    const offsets = offsetsOf(heights, direction);
    const { places, room } = lanePlaces(lanes, besideOf, direction);
    const length = (offsets[offsets.length - 1] ?? 0) + SIDE;
    const isUp = direction === "up";
    // Where a chain begins that goes on below, there is room for its link.
    const [width, height] = isUp ? [room, length + 2 * EDGE + 26] : [length + 2 * BELOW + 2 * EDGE - SIDE + 12, room];
    /** @type {Map<string, Placed>} */
    const placed = new Map();
    for (const header of headers) {
        const along = offsets[columns.get(header.height) ?? 0];
        const across = places[lanes.get(header.hash) ?? 0] + SIDE / 2;
        const [x, y] = isUp ? [across, EDGE + length - SIDE / 2 - along] : [EDGE + BELOW + 12 + along, across];
        placed.set(header.hash, { header, x, y });
    }
    const links = headers.flatMap((header) => {
        const to = /** @type {Placed} */ (placed.get(header.hash));
        const of = parents.get(header.hash);
        const from = of ? placed.get(of.parent.hash) : null;
        return header.height > 0 ? [linkOf(from ?? null, to, of?.hidden ?? 0, isUp)] : [];
    });
    return { blocks: [...placed.values()], links, width, height };
}

/**
 * @param {Placed | null} from
 * @param {Placed} to
 * @param {number} hidden
 * @param {boolean} isUp
 * @returns {Link}
 */
function linkOf(from, to, hidden, isUp) {
    const half = SIDE / 2;
    const [x, y] = isUp ? [to.x, to.y + half] : [to.x - half, to.y];
    const key = `${from?.header.hash ?? ""} ${to.header.hash}`;
    const { active } = to.header;
    if (!from) {
        const path = isUp ? `M${x} ${y + 22}V${y}` : `M${x - 22} ${y}H${x}`;
        return { key, kind: "open", hidden: 0, active, path, x, y };
    }
    const [a, b] = isUp ? [from.x, from.y - half] : [from.x + half, from.y];
    const [mx, my] = [(a + x) / 2, (b + y) / 2];
    const path = isUp ? bent([b, a], [y, x], true) : bent([a, b], [x, y], false);
    return { key, kind: hidden > 0 ? "hidden" : "next", hidden, active, path, x: mx, y: my };
}

/**
 * A line that goes along, across in the middle, where nothing stands beside blocks, and along again.
 * @param {[along: number, across: number]} from
 * @param {[along: number, across: number]} to
 * @param {boolean} isUp
 */
function bent([a, b], [x, y], isUp) {
    const point = (/** @type {number} */ along, /** @type {number} */ across) =>
        isUp ? `${across} ${along}` : `${along} ${across}`;
    if (b === y) return `M${point(a, b)}L${point(x, y)}`;
    const middle = (a + x) / 2;
    const [on, over] = [Math.sign(x - a) * ROUND, Math.sign(y - b) * ROUND];
    const first = `L${point(middle - on, b)}Q${point(middle, b)} ${point(middle, b + over)}`;
    const second = `L${point(middle, y - over)}Q${point(middle, y)} ${point(middle + on, y)}`;
    return `M${point(a, b)}${first}${second}L${point(x, y)}`;
}
