// @ts-check
// Colours after Okabe and Ito, which people with any colour vision can distinguish, in a tone for each theme that has a contrast of at
// least 3:1 with the page. Where colour alone would distinguish things, use the shape or the dash that goes with it.

import { typeName } from "./format.js";
import { MESSAGE_FAMILIES } from "./names.js";

/** @type {Record<string, string>} */
const LIGHT = {
    blue: "#0072b2",
    orange: "#b87400",
    green: "#008a64",
    vermillion: "#d55e00",
    purple: "#b35c8c",
    sky: "#2b8cc4",
    olive: "#857a00",
    black: "#3a4350",
};

/** @type {Record<string, string>} */
const DARK = {
    blue: "#4a9fe8",
    orange: "#e69f00",
    green: "#1fb68b",
    vermillion: "#f07a3c",
    purple: "#d994bb",
    sky: "#7cc8f2",
    olive: "#e8dc4a",
    black: "#c3cbd6",
};

const ORDER = ["blue", "orange", "green", "vermillion", "purple", "sky", "olive", "black"];
const DASHES = [null, [6, 3], [2, 2], [8, 3, 2, 3]];
// The shapes that lib users draw: for canvas and for marks in front of text.
const SHAPES = ["circle", "square", "triangle", "diamond", "cross", "plus", "star", "ring"];
/** @type {Record<string, string>} */
const MARKS = { circle: "●", square: "■", triangle: "▲", diamond: "◆", cross: "✕", plus: "✚", star: "★", ring: "○" };

/** "light" or "dark". */
export function theme() {
    return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/**
 * Calls fn(theme) at each change; returns what ends it.
 * @param {(theme: string) => void} fn
 */
export function onTheme(fn) {
    const listener = () => fn(theme());
    window.addEventListener("theme", listener);
    return () => window.removeEventListener("theme", listener);
}

/** What the reader chose: "auto", "light", "dark". */
export function themeChoice() {
    return document.documentElement.dataset.themeChoice ?? "auto";
}

/** @param {string} choice "auto", "light" or "dark" */
export function chooseTheme(choice) {
    window.dispatchEvent(new CustomEvent("themechoice", { detail: choice }));
}

/**
 * A variable of the style sheet, e.g. css("--fg"), for canvas.
 * @param {string} name
 */
export function css(name) {
    return window.getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * A colour by its name in the palette.
 * @param {string} name
 */
export function named(name) {
    return (theme() === "dark" ? DARK : LIGHT)[name];
}

/**
 * The n-th colour; eight, then again from the first.
 * @param {number} i
 */
export function forIndex(i) {
    return named(ORDER[((i % ORDER.length) + ORDER.length) % ORDER.length]);
}

/**
 * The dash that goes with the n-th colour, so that the ninth line differs from the first; null: none.
 * @param {number} i
 */
export function dashForIndex(i) {
    return DASHES[Math.floor(i / ORDER.length) % DASHES.length];
}

/**
 * The n-th shape's name: circle, square, triangle, diamond, cross, plus, star, ring.
 * @param {number} i
 */
export function shapeForIndex(i) {
    return SHAPES[((i % SHAPES.length) + SHAPES.length) % SHAPES.length];
}

/**
 * A shape as a character.
 * @param {string} shape
 */
export function mark(shape) {
    return MARKS[shape] ?? "●";
}

/** @type {Record<string, [color: string, shape: string]>} */
const TYPES = {
    inbound: ["blue", "circle"],
    "outbound-full-relay": ["orange", "square"],
    "block-relay-only": ["green", "triangle"],
    manual: ["purple", "diamond"],
    "addr-fetch": ["olive", "plus"],
    feeler: ["vermillion", "cross"],
    "private-broadcast": ["sky", "star"],
};

/**
 * The colour of a connection type.
 * @param {string | null | undefined} type
 */
export function forType(type) {
    return named(TYPES[typeName(type)]?.[0] ?? "black");
}

/** @param {string | null | undefined} type */
export function shapeForType(type) {
    return TYPES[typeName(type)]?.[1] ?? "ring";
}

/** @type {Record<string, [color: string, shape: string]>} */
const NETWORKS = {
    ipv4: ["blue", "circle"],
    ipv6: ["orange", "square"],
    onion: ["purple", "diamond"],
    i2p: ["green", "triangle"],
    cjdns: ["vermillion", "cross"],
    not_publicly_routable: ["black", "ring"],
    npr: ["black", "ring"],
};

/**
 * The colour of a network.
 * @param {string | null | undefined} network
 */
export function forNetwork(network) {
    return named(NETWORKS[network ?? ""]?.[0] ?? "olive");
}

/** @param {string | null | undefined} network */
export function shapeForNetwork(network) {
    return NETWORKS[network ?? ""]?.[1] ?? "plus";
}

// Messages by what they are about; within a family the dash distinguishes them.
const FAMILY_COLORS = ["orange", "green", "vermillion", "blue", "purple", "sky", "olive"];

/** @type {Map<string, [color: string, family: number, member: number]>} */
const FAMILY = new Map();
for (const [i, [, names]] of MESSAGE_FAMILIES.entries()) {
    for (const [j, name] of names.entries()) FAMILY.set(name, [FAMILY_COLORS[i], i, j]);
}

// How the members of a family differ in tone: towards the text (> 0) or the page (< 0).
const TONES = [0, 0.4, -0.35, 0.65, -0.15, 0.2, 0.5, -0.25, 0.3];

/**
 * The colour of a P2P message: its family's (transactions, addresses, blocks, headers, pings, handshake, filters, others) in a tone
 * of its own.
 * @param {string} message its type
 */
export function forMessage(message) {
    const [family, , j] = FAMILY.get(message) ?? ["black", 7, 0];
    const tone = TONES[j % TONES.length];
    const dark = theme() === "dark";
    return mix(named(family), tone > 0 === dark ? "#ffffff" : "#000000", Math.abs(tone) * (tone < 0 ? 0.7 : 1));
}

/**
 * Two colours (#rrggbb) mixed, with a share of the second from 0 to 1.
 * @param {string} a
 * @param {string} b
 * @param {number} share
 */
export function mix(a, b, share) {
    let out = "#";
    for (let i = 1; i < 7; i += 2) {
        const x = parseInt(a.slice(i, i + 2), 16);
        const y = parseInt(b.slice(i, i + 2), 16);
        out += Math.round(x + (y - x) * share)
            .toString(16)
            .padStart(2, "0");
    }
    return out;
}

/** @param {string} message its type */
export function shapeForMessage(message) {
    return shapeForIndex(FAMILY.get(message)?.[1] ?? 7);
}

/**
 * The dash of a P2P message within its family; null: none.
 * @param {string} message its type
 */
export function dashForMessage(message) {
    return DASHES[(FAMILY.get(message)?.[2] ?? 0) % DASHES.length];
}
