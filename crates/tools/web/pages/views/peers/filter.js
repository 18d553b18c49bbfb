// @ts-check
// The filter of peers. Words are separated by spaces and all must hold; "-" before one turns it
// round; "a,b" means either.
//   net:onion,i2p   type:inbound   ping>0.5   age<10min   bytesin>=1MB   -v:1   as:?   spy   "some text"
// A bare word is a mark (spy …) or text in the address, the user agent, and names of sets, marks and permissions.

import { typeName } from "../../lib/format.js";
import { age, direction, highBandwidth, net, services, since, transport, type } from "./netinfo.js";

/** @typedef {Api["Peer"]} Peer */
/** @typedef {(peer: Peer) => boolean} Test */
/** @typedef {[fits: string, words: (peer: Peer) => string[], help: string]} Words */
/** @typedef {[value: (peer: Peer) => Maybe, unit: string, help: string]} Numbers */

/** @type {(value: unknown) => string[]} */
const text = (value) => (value === null || value === undefined || value === "" ? [] : [value].flat().map(String));
/** @type {(value: boolean | null | undefined) => string[]} */
const yesNo = (value) => (value === null || value === undefined ? [] : [value ? "yes" : "no"]);
/** @type {(p: Peer) => string[]} */
const bandwidth = (p) =>
    [p.high_bandwidth_to ? "to" : "", p.high_bandwidth_from ? "from" : "", highBandwidth(p)].filter(Boolean);

/**
 * A type's names: that of -netinfo, that of getpeerinfo, and "outbound" for all types but inbound.
 * @param {Peer} p
 */
function types(p) {
    const name = String(p.connection_type ?? "");
    const outbound = direction(p) === "out" || (name !== "" && typeName(name) !== "inbound");
    return [type(p), name, ...(outbound ? ["outbound"] : [])];
}

/**
 * Keys with words: how a word of the filter fits a word of the peer ("is", "has": within it), and the peer's words.
 * @type {Record<string, Words>}
 */
const WORDS = {
    dir: ["is", (p) => text(direction(p)), "direction: in, out"],
    type: ["start", types, "inbound; outbound: all that are not; full, block, manual, feeler, addr, priv"],
    net: ["is", (p) => [net(p), String(p.network ?? "")], "ipv4, ipv6, onion, i2p, cjdns, npr"],
    serv: ["letters", (p) => [services(p)], "letters of services, all of them: nw, c"],
    service: ["is", (p) => text(p.services), "a service by its name: NETWORK_LIMITED"],
    v: ["is", (p) => [...text(transport(p)), ...text(p.transport)], "transport: 1, 2"],
    hb: ["is", bandwidth, "high bandwidth: to, from"],
    relay: ["is", (p) => yesNo(p.relay_transactions), "wants transactions: yes, no"],
    addr: ["has", (p) => text(p.addr), "part of the address"],
    group: ["has", (p) => text(p.group), "part of the network group"],
    as: ["is", (p) => text(p.as), "autonomous system: 64500"],
    ua: ["has", (p) => text(p.user_agent), "part of the user agent"],
    mark: [
        "is",
        (p) => (p.marks ?? []).map((m) => String(m.mark)),
        "spy, address_flood, unrequested, misbehaving, late_pong",
    ],
    set: ["has", (p) => text(p.sets), "a set of networks: linkinglion"],
    perm: ["is", (p) => text(p.permissions), "a permission: noban"],
    end: [
        "has",
        (p) => (p.end ? [p.end.how, p.end.reason, p.end.text].filter(Boolean).map(String) : []),
        "how a closed one ended",
    ],
    own: ["is", (p) => yesNo(p.own), "our own P2P connection: yes, no"],
    node: ["is", (p) => text(p.node), "the node"],
    id: ["is", (p) => text(p.id), "number of the peer"],
};

/**
 * Keys with numbers: the peer's number, and which units it takes.
 * @type {Record<string, Numbers>}
 */
const NUMBERS = {
    ping: [(p) => p.ping_seconds, "time", "last ping"],
    mping: [(p) => p.min_ping_seconds, "time", "shortest ping"],
    wait: [(p) => p.ping_wait_seconds, "time", "how long it owes a pong"],
    send: [(p) => since(p, p.last_send), "time", "since it was last sent something"],
    recv: [(p) => since(p, p.last_received), "time", "since it last sent something"],
    txn: [(p) => since(p, p.last_transaction), "time", "since its last new transaction"],
    blk: [(p) => since(p, p.last_block), "time", "since its last new block"],
    age: [age, "time", "since it connected"],
    bytesin: [(p) => p.bytes_received, "size", "bytes that it sent"],
    bytesout: [(p) => p.bytes_sent, "size", "bytes that it was sent"],
    msgin: [(p) => p.messages_received, "", "messages that it sent"],
    msgout: [(p) => p.messages_sent, "", "messages that it was sent"],
    ratein: [(p) => p.rate_in, "", "messages per second that it sends"],
    rateout: [(p) => p.rate_out, "", "messages per second that it is sent"],
    addrp: [(p) => p.addr_processed, "", "addresses processed"],
    addrl: [(p) => p.addr_rate_limited, "", "addresses over the limit"],
    addrin: [(p) => p.addresses_in, "", "addresses that it sent"],
    addrout: [(p) => p.addresses_out, "", "addresses that it was sent"],
    txs: [(p) => p.txs?.announced, "", "transactions that it announced"],
    first: [(p) => p.txs?.first, "", "… of these, the first to do so"],
    useful: [(p) => p.txs?.useful, "", "… of these, those that the node asked for and accepted"],
    txin: [(p) => p.txs?.delivered, "", "transactions that it delivered"],
    txout: [(p) => p.txs?.sent, "", "transactions that it was sent"],
    inv: [(p) => p.inv_to_send, "", "transactions that are going to be announced to it"],
    fee: [(p) => scaled(p.fee_filter_btc_kvb, 1e5), "", "fee filter in sat/vB"],
    cpu: [(p) => p.cpu_load, "", "share of the node's processor, 0 to 1"],
    clock: [(p) => p.time_offset_seconds, "time", "difference of its clock"],
    version: [(p) => p.version, "", "protocol version"],
    height: [(p) => p.synced_blocks, "", "height of its blocks that the node has"],
    bad: [(p) => p.misbehaviour, "", "how often it misbehaved"],
};

/** @type {Record<string, Record<string, number>>} */
const UNITS = {
    time: { us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, min: 60, h: 3600, d: 86400 },
    size: { b: 1, k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, g: 1e9, gb: 1e9 },
    "": { k: 1e3, m: 1e6 },
};

/**
 * Columns whose headings differ from the key here.
 * @type {Record<string, string>}
 */
const HEADINGS = { address: "addr", asmap: "as", ended: "end", marks: "mark", permissions: "perm", sets: "set" };

const MARKS = ["spy", "address_flood", "unrequested", "misbehaving", "late_pong"];
const MOST = 40;

// What the filter takes, for people: [[key, meaning]…] of words and of numbers.
export const HELP = {
    words: Object.entries(WORDS).map(([key, [, , help]]) => [key, help]),
    numbers: Object.entries(NUMBERS).map(([key, [, , help]]) => [key, help]),
};

/**
 * @param {Maybe} n
 * @param {number} by
 */
function scaled(n, by) {
    return n === null || n === undefined ? null : n * by;
}

/** @type {Record<string, (has: string, word: string) => boolean>} */
const FITS = {
    is: (has, word) => has === word,
    has: (has, word) => has.includes(word),
    start: (has, word) => has === word || (word.length > 2 && has.startsWith(word)),
    letters: (has, word) => [...word].every((c) => has.includes(c)),
};

/** @type {(s: string) => string} */
const plain = (s) => s.toLowerCase().replaceAll("-", "_");

/**
 * @param {string} key
 * @param {string} list
 * @returns {Test}
 */
function byWords(key, list) {
    const [how, of] = WORDS[key];
    const fits = FITS[how];
    const words = list.split(",").filter(Boolean).map(plain);
    return (peer) => {
        const has = of(peer).map(plain);
        return words.some((w) => (w === "?" ? !has.some(Boolean) : has.some((x) => fits(x, w))));
    };
}

/** @type {Record<string, (a: number, b: number) => boolean>} */
const COMPARE = {
    ">": (a, b) => a > b,
    "<": (a, b) => a < b,
    ">=": (a, b) => a >= b,
    "<=": (a, b) => a <= b,
    "=": (a, b) => a === b,
    ":": (a, b) => a === b,
};

/**
 * @param {string} key
 * @param {string} operator
 * @param {string} value
 * @returns {Test}
 */
function byNumber(key, operator, value) {
    const [of, kind] = NUMBERS[key];
    /** @type {(a: Maybe) => a is number} */
    const is = (a) => a !== null && a !== undefined;
    if (value === "?") return (peer) => !is(of(peer));
    const match = /^(-?(?:\d+\.?\d*|\.\d+))\s*([a-zµ]*)$/i.exec(value);
    const scale = match?.[2] ? UNITS[kind][match[2].toLowerCase()] : 1;
    if (!match || scale === undefined) {
        const units = Object.keys(UNITS[kind])
            .filter((u) => u !== "µs")
            .join(", ");
        throw new Error(
            `“${key}${operator}${value}”: after ${operator} comes a number, ` +
                (units ? `with a unit if any (${units}), or ?` : "or ?"),
        );
    }
    const limit = Number(match[1]) * scale;
    const compare = COMPARE[operator];
    return (peer) => {
        const n = of(peer);
        return is(n) && compare(n, limit);
    };
}

/**
 * @param {string} word
 * @returns {Test}
 */
function byText(word) {
    const wanted = word.toLowerCase();
    return (peer) =>
        [
            peer.addr,
            peer.user_agent,
            ...(peer.sets ?? []),
            ...(peer.permissions ?? []),
            ...(peer.marks ?? []).map((m) => m.mark),
        ].some((x) => x && String(x).toLowerCase().includes(wanted));
}

const TERM = /(-?)(?:"([^"]*)"?|([a-z]+)(>=|<=|[:=<>])(?:"([^"]*)"?|(\S*))|(\S+))/gi;

/**
 * @param {RegExpExecArray} match of TERM
 * @returns {Test | null}
 */
function term([, , quoted, key, operator, quotedValue, bareValue, bare]) {
    if (quoted !== undefined) return quoted ? byText(quoted) : null;
    if (bare !== undefined) return MARKS.includes(plain(bare)) ? byWords("mark", bare) : byText(bare);
    const lower = key.toLowerCase();
    const name = Object.hasOwn(HEADINGS, lower) ? HEADINGS[lower] : lower;
    const value = quotedValue ?? bareValue ?? "";
    // Half a term, while it is being typed, limits nothing.
    if (Object.hasOwn(NUMBERS, name)) return value ? byNumber(name, operator, value) : null;
    if (!Object.hasOwn(WORDS, name)) throw new Error(`“${key}” is not known; known are ${known().join(", ")}`);
    if (operator !== ":" && operator !== "=") throw new Error(`“${key}” takes words: ${key}:${value || "…"}`);
    return value ? byWords(name, value) : null;
}

function known() {
    return [...Object.keys(WORDS), ...Object.keys(NUMBERS)];
}

/**
 * The filter in a text, and what is wrong with it (null: nothing). What is wrong limits nothing.
 * @param {string} source
 */
export function parse(source) {
    /** @type {Test[]} */
    const tests = [];
    /** @type {string | null} */
    let error = null;
    for (const match of [...source.slice(0, 1000).matchAll(TERM)].slice(0, MOST)) {
        try {
            const test = term(match);
            if (test) tests.push(match[1] ? (peer) => !test(peer) : test);
        } catch (failure) {
            error ??= failure instanceof Error ? failure.message : String(failure);
        }
    }
    /** @type {Test} */
    const test = (peer) => tests.every((t) => t(peer));
    return { test, error, any: tests.length > 0 };
}

/**
 * The filter with these keys set to these words ({net: "onion", dir: null}): others stay.
 * @param {string} source
 * @param {Record<string, string | null>} changes
 */
export function withKeys(source, changes) {
    let out = source;
    for (const [key, value] of Object.entries(changes)) {
        out = out.replace(new RegExp(`(^|\\s)${key}[:=]("[^"]*"?|\\S*)`, "gi"), " ");
        if (value) out += ` ${key}:${value}`;
    }
    return out.trim().replace(/\s+/g, " ");
}
