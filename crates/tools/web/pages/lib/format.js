// @ts-check
// Numbers, times and names as people read them. Everything takes null or undefined and then writes "–".

const NONE = "–";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

let offset = 0;
/** @type {{at: number, rate: number, since: number} | null} the clock of the past, in milliseconds */
let past = null;

/** @type {(n: unknown) => n is number} */
const known = (n) => n !== null && n !== undefined && n !== "" && Number.isFinite(Number(n));

/**
 * The server's clock minus ours, in milliseconds, so that "ago" is right on a machine whose clock is wrong.
 * @param {number} ms
 */
export function setClockOffset(ms) {
    offset = Math.abs(ms) > 1500 ? ms : 0;
}

/**
 * Of a server that shows the past: what time it is there, in milliseconds, and how fast that goes by; null for the present.
 * @param {number | null} at
 * @param {number} rate
 */
export function setPast(at, rate = 0) {
    past = at === null ? null : { at, rate, since: Date.now() };
}

/** The server's time now, in milliseconds. */
export function now() {
    return past ? past.at + (Date.now() - past.since) * past.rate : Date.now() + offset;
}

/**
 * A point in time (RFC 3339, Date, or a number: seconds, or milliseconds from 1e11) as milliseconds; null if it is none.
 * @param {Time} time
 */
export function millis(time) {
    if (time === null || time === undefined || time === "") return null;
    if (time instanceof Date) return time.getTime();
    if (typeof time === "number") return Number.isFinite(time) ? (time < 1e11 ? time * 1000 : time) : null;
    const ms = Date.parse(time);
    return Number.isNaN(ms) ? null : ms;
}

/**
 * Three significant digits, no needless zeros.
 * @param {number} n
 */
function digits(n) {
    const a = Math.abs(n);
    if (a >= 99.5 || Number.isInteger(n)) return n.toFixed(0);
    return (a >= 9.95 ? n.toFixed(1) : n.toFixed(2)).replace(/\.?0+$/, "");
}

/**
 * @param {number} n
 * @param {string[]} units from the smallest, each 1000 of the one before
 */
function scaled(n, units) {
    let value = Number(n);
    let i = 0;
    while (Math.abs(value) >= 999.5 && i < units.length - 1) {
        value /= 1000;
        i += 1;
    }
    return [digits(value), units[i]];
}

/**
 * 1234567 -> "1.23 MB" (powers of 1000, as Bitcoin Core counts).
 * @param {Maybe} n
 */
export function bytes(n) {
    if (!known(n)) return NONE;
    return scaled(n, ["B", "kB", "MB", "GB", "TB", "PB"]).join(" ");
}

/**
 * 1234567 -> "1,234,567".
 * @param {Maybe} n
 */
export function count(n) {
    if (!known(n)) return NONE;
    const value = Number(n);
    if (!Number.isInteger(value)) return digits(value);
    return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/**
 * 1234567 -> "1.23 M".
 * @param {Maybe} n
 */
export function short(n) {
    if (!known(n)) return NONE;
    const [value, unit] = scaled(n, ["", "k", "M", "G", "T"]);
    return unit ? `${value} ${unit}` : value;
}

/**
 * 227 -> "227 vB", 12345 -> "12.3 kvB".
 * @param {Maybe} n
 */
export function vbytes(n) {
    if (!known(n)) return NONE;
    return n < 999.5 ? `${short(n)} vB` : `${short(n)}vB`;
}

/**
 * 12.345 -> "12.3/s".
 * @param {Maybe} n
 */
export function rate(n) {
    return known(n) ? `${short(Math.abs(n) < 0.005 ? 0 : n)}/s` : NONE;
}

/**
 * 12345 -> "12.3 kB/s".
 * @param {Maybe} n
 */
export function byteRate(n) {
    return known(n) ? `${bytes(Math.abs(n) < 0.005 ? 0 : n)}/s` : NONE;
}

/**
 * A duration: "85 µs", "12 ms", "3.4 s", "5 min 3 s", "2 h 10 min", "3 d 4 h".
 * @param {Maybe} s
 * @returns {string}
 */
export function seconds(s) {
    if (!known(s)) return NONE;
    const n = Number(s);
    if (n < 0) return `-${seconds(-n)}`;
    if (n === 0) return "0 s";
    if (n < 0.000_999_5) return `${digits(n * 1e6)} µs`;
    if (n < 0.999_5) return `${digits(n * 1e3)} ms`;
    if (n < MINUTE) return `${digits(n)} s`;
    return two(n);
}

/** @param {number} n seconds */
function two(n) {
    const whole = Math.round(n);
    /** @type {(big: number, bigName: string, small: number, smallName: string) => string} */
    const pair = (big, bigName, small, smallName) => {
        const rest = Math.floor((whole % big) / small);
        return `${Math.floor(whole / big)} ${bigName}${rest ? ` ${rest} ${smallName}` : ""}`;
    };
    if (whole < HOUR) return pair(MINUTE, "min", 1, "s");
    if (whole < DAY) return pair(HOUR, "h", MINUTE, "min");
    return pair(DAY, "d", HOUR, "h");
}

/**
 * Whole seconds since a point in time: "now", "12 s ago", "3 min ago".
 * @param {Time} time
 */
export function ago(time) {
    const ms = millis(time);
    if (ms === null) return NONE;
    const s = (now() - ms) / 1000;
    if (s < -2) return `in ${seconds(Math.round(-s))}`;
    if (s < 1) return "now";
    return `${span(s)} ago`;
}

/**
 * A duration in one unit: "12 s", "3 min", "5 h", "2 d".
 * @param {Maybe} s
 */
export function span(s) {
    if (!known(s)) return NONE;
    const n = Math.max(0, Number(s));
    if (n < MINUTE) return `${Math.floor(n)} s`;
    if (n < HOUR) return `${Math.floor(n / MINUTE)} min`;
    if (n < 2 * DAY) return `${Math.floor(n / HOUR)} h`;
    return `${Math.floor(n / DAY)} d`;
}

/** @type {(n: number, width?: number) => string} */
const pad = (n, width = 2) => String(n).padStart(width, "0");

/**
 * "12:03:11" in the reader's time zone; with ms: "12:03:11.042".
 * @param {Time} time
 */
export function clock(time, ms = false) {
    const at = millis(time);
    if (at === null) return NONE;
    const d = new Date(at);
    const text = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
    return ms ? `${text}.${pad(d.getMilliseconds(), 3)}` : text;
}

/**
 * "2026-11-23 12:03" in the reader's time zone.
 * @param {Time} time
 */
export function dateTime(time) {
    const at = millis(time);
    if (at === null) return NONE;
    const d = new Date(at);
    return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}`;
}

/**
 * The exact time in UTC, for a title.
 * @param {Time} time
 */
export function utc(time) {
    const at = millis(time);
    return at === null ? "" : new Date(at).toISOString().replace("T", " ").replace("Z", " UTC");
}

/**
 * "0694a4…76fff9"; a block hash with its leading zeros left out: "0…b5b76fff9".
 * @param {string | null | undefined} text
 */
export function hash(text) {
    if (text === null || text === undefined) return NONE;
    const s = printable(text, 80);
    if (s.length <= 16) return s;
    return s.startsWith("00000000") ? `0…${s.slice(-10)}` : `${s.slice(0, 6)}…${s.slice(-6)}`;
}

/**
 * A share from 0 to 1: "12.3 %".
 * @param {Maybe} x
 */
export function percent(x) {
    if (!known(x)) return NONE;
    const n = Number(x) * 100;
    if (n > 0 && n < 0.1) return "< 0.1 %";
    if (n < 100 && n > 99.9) return "> 99.9 %";
    return `${n >= 10 ? n.toFixed(n % 1 >= 0.05 && n < 99.95 ? 1 : 0) : digits(n)} %`;
}

/**
 * A share from 0 to 1 that may be very small, with the digits that matter: "0.063 %".
 * @param {Maybe} x
 */
export function load(x) {
    return known(x) ? `${Number((Number(x) * 100).toPrecision(2))} %` : NONE;
}

/**
 * BTC per 1,000 vbytes as sat/vB.
 * @param {Maybe} btcPerKvb
 */
export function feeRate(btcPerKvb) {
    if (!known(btcPerKvb)) return NONE;
    return `${digits(Number(btcPerKvb) * 1e5)} sat/vB`;
}

/** @type {Record<string, string>} */
const TYPES = {
    inbound: "in",
    "outbound-full-relay": "full",
    "block-relay-only": "block",
    manual: "manual",
    feeler: "feeler",
    "addr-fetch": "addr",
    "private-broadcast": "priv",
};

/**
 * A connection type as `bitcoin-cli -netinfo` abbreviates it.
 * @param {string | null | undefined} type
 */
export function connectionType(type) {
    if (!type) return NONE;
    return TYPES[typeName(type)] ?? printable(type, 20);
}

/**
 * "OutboundFullRelay", "outbound_full_relay" -> "outbound-full-relay", as getpeerinfo writes it.
 * @param {string | null | undefined} type
 */
export function typeName(type) {
    return String(type ?? "")
        .replace(/([a-z])([A-Z])/g, "$1-$2")
        .replaceAll("_", "-")
        .toLowerCase();
}

/**
 * A network as `bitcoin-cli -netinfo` abbreviates it.
 * @param {string | null | undefined} name
 */
export function network(name) {
    if (!name) return NONE;
    return name === "not_publicly_routable" ? "npr" : printable(name, 20);
}

/**
 * Untrusted text for people to read: control characters, bidirectional controls and invisible characters are made
 * visible, at most `max` characters, cut with "…".
 * @param {unknown} text
 */
export function printable(text, max = 200) {
    if (text === null || text === undefined) return "";
    const source = String(text);
    let out = "";
    let length = 0;
    for (const c of source) {
        if (length >= max) return `${out}…`;
        out += visible(c);
        length += 1;
    }
    return out;
}

const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u17b4\u17b5\u3164\uffa0]|\u034f/u;

/** @param {string} c one character */
function visible(c) {
    const code = c.codePointAt(0) ?? 0;
    if (code >= 0x20 && code < 0x7f) return c;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return HIDDEN.test(c) ? `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›` : c;
}
