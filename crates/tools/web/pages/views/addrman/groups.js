// @ts-check
// Network groups, as Bitcoin Core forms them without a map of autonomous systems: the /16 of IPv4, also if it is embedded in
// an IPv6 address; the /32 of IPv6 (/36 in 2001:470::/32); the /12 of CJDNS; 16 groups of onion and of I2P addresses, by
// their first four bits; all others are one.

/** @import { Tables } from "./columns.js" */

/**
 * The group of an address.
 * @param {string} address without a port
 * @param {string} network the node's name of it
 */
export function groupOf(address, network) {
    if (network === "onion" || network === "i2p") return byFirstBits(address, network);
    if (network === "internal" || network === "not_publicly_routable") return network;
    const v4 = ipv4(address);
    if (v4) return `${v4[0]}.${v4[1]}.0.0/16`;
    const v6 = ipv6(address);
    if (!v6) return network || "unknown";
    const inside = embedded(v6);
    if (inside) return `${inside[0]}.${inside[1]}.0.0/16`;
    const length = v6[0] === 0x2001 && v6[1] === 0x470 ? 36 : v6[0] >> 8 === 0xfc ? 12 : 32;
    return `${compressed(masked(v6, length))}/${length}`;
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * A character of the name has five bits, so a group has names that begin with one of two.
 * @param {string} address
 * @param {string} network
 */
function byFirstBits(address, network) {
    const first = BASE32.indexOf(address.slice(0, 1).toLowerCase());
    if (first < 0) return network;
    const even = first - (first % 2);
    return `${network}:${BASE32[even]}${BASE32[even + 1]}`;
}

/**
 * @param {string} text
 * @returns {number[] | null} four bytes
 */
function ipv4(text) {
    if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
    const bytes = text.split(".").map(Number);
    return bytes.every((byte) => byte < 256) ? bytes : null;
}

/**
 * @param {string} text
 * @returns {number[] | null} eight segments
 */
function ipv6(text) {
    const last = text.slice(text.lastIndexOf(":") + 1);
    const tail = ipv4(last);
    const whole = tail
        ? `${text.slice(0, -last.length)}${((tail[0] << 8) | tail[1]).toString(16)}:${((tail[2] << 8) | tail[3]).toString(16)}`
        : text;
    const halves = whole.split("::");
    if (halves.length > 2) return null;
    const [head, rest] = halves.map((half) => (half ? half.split(":") : []));
    const missing = 8 - head.length - (rest?.length ?? 0);
    if (rest ? missing < 1 : missing !== 0) return null;
    const all = [...head, ...Array(rest ? missing : 0).fill("0"), ...(rest ?? [])];
    return all.every((segment) => /^[0-9a-f]{1,4}$/i.test(segment))
        ? all.map((segment) => parseInt(segment, 16))
        : null;
}

/**
 * The first two bytes of the IPv4 address that is embedded in an IPv6 address: mapped, 6to4, Teredo, NAT64, SIIT.
 * @param {number[]} s
 */
function embedded(s) {
    /** @param {number} high */
    const bytes = (high) => [high >> 8, high & 255];
    const zeros = s.slice(0, 4).every((segment) => segment === 0);
    if (zeros && s[4] === 0 && s[5] === 0xffff) return bytes(s[6]);
    if (s[0] === 0x2002) return bytes(s[1]);
    if (s[0] === 0x2001 && s[1] === 0) return bytes(~s[6] & 0xffff);
    if (s[0] === 0x64 && s[1] === 0xff9b && s.slice(2, 6).every((segment) => segment === 0)) return bytes(s[6]);
    if (zeros && s[4] === 0xffff && s[5] === 0) return bytes(s[6]);
    return null;
}

/**
 * @param {number[]} segments
 * @param {number} length in bits
 */
function masked(segments, length) {
    return segments.map((segment, i) => {
        const bits = Math.max(0, Math.min(16, length - i * 16));
        return segment & (0xffff << (16 - bits)) & 0xffff;
    });
}

/**
 * A network of IPv6, whose segments end with zeros, as it is written.
 * @param {number[]} segments
 */
function compressed(segments) {
    let end = segments.length;
    while (end > 0 && segments[end - 1] === 0) end -= 1;
    const head = segments.slice(0, end).map((segment) => segment.toString(16));
    return end === 8 ? head.join(":") : `${head.join(":")}::`;
}

/**
 * What belongs to tables and takes long to find out, once for each.
 * @type {WeakMap<Tables, {entries: string[], sources: string[]}>}
 */
const made = new WeakMap();

/**
 * The groups of all entries and sources. The group of a source is what Bitcoin Core chooses buckets by: if the node has a
 * map of autonomous systems, that is the system.
 * @param {Tables} tables
 */
export function groupsOf(tables) {
    const known = made.get(tables);
    if (known) return known;
    const { networkNames: names } = tables;
    /** @type {(address: string, network: number, system: number) => string} */
    const group = (address, network, system) =>
        tables.systemsFrom === "node" && system ? `AS${system}` : groupOf(address, names[network]);
    const groups = {
        entries: tables.addresses.map((address, i) => groupOf(address, names[tables.networks[i]])),
        sources: tables.sourceNames.map((name, i) => group(name, tables.sourceNetworks[i], tables.sourceSystems[i])),
    };
    made.set(tables, groups);
    return groups;
}
