// @ts-check
// What a sequence diagram is made of: arrows, pauses, and what joins requests with their replies.

import * as colors from "../../lib/colors.js";
import { svg } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { fits, ROW } from "./measures.js";

/** @import { Measures, Message } from "./measures.js" */

/** So many joins stand side by side. */
const LANES = 3;
const LANE = 6;

/**
 * A pause between messages.
 * @param {Measures} m
 * @param {number} y
 * @param {number} seconds
 */
export function pause(m, y, seconds) {
    return svg(
        "g",
        { class: "gap" },
        svg("line", { x1: m.left, x2: m.right, y1: y, y2: y }),
        svg("text", { x: m.left - 8, y: y + 4, "text-anchor": "end" }, f.seconds(seconds)),
    );
}

/**
 * A message.
 * @param {Measures} m
 * @param {number} y
 * @param {Message} message
 */
export function arrow(m, y, message) {
    const color = colors.forMessage(message.message);
    const inbound = message.direction === "inbound";
    const from = inbound ? m.right : m.left;
    const to = inbound ? m.left + 1 : m.right - 1;
    const back = inbound ? 7 : -7;
    const name = f.printable(message.message, 16);
    const about = f.printable(message.about, 60);
    const room = m.right - m.left - 24;
    const more = fits(`${f.bytes(message.size)}${about ? ` · ${about}` : ""}`, room - (name.length + 1) * 7);
    const middle = { class: "what", x: (m.left + m.right) / 2, y: y - 5, "text-anchor": "middle" };
    return svg(
        "g",
        { class: "message" },
        svg("title", {}, inWords(message)),
        svg("rect", { x: 0, y: y - ROW + 6, width: m.width, height: ROW }),
        svg("text", { class: "at", x: 0, y: y + 4 }, f.clock(message.time, !m.narrow)),
        svg("line", { x1: from, x2: to, y1: y, y2: y, stroke: color }),
        svg("polygon", { points: `${to},${y} ${to + back},${y - 4} ${to + back},${y + 4}`, fill: color }),
        svg(
            "text",
            middle,
            svg("tspan", { class: "name" }, name),
            more ? svg("tspan", { class: "more", dx: 5 }, more) : null,
        ),
    );
}

/** @param {Message} message */
function inWords({ time, direction, message, size, about, after_seconds }) {
    const way = direction === "inbound" ? "from the peer" : "to the peer";
    const after = after_seconds ?? null;
    return [
        `${f.clock(time, true)} ${way}: ${f.printable(message, 16)}, ${f.bytes(size)}`,
        f.printable(about, 60),
        after === null ? "" : `a reply after ${f.seconds(after)}`,
    ]
        .filter(Boolean)
        .join(", ");
}

/**
 * A line beside the lifeline of who replied, from the request to its last reply, with the time of each reply.
 * @param {Measures} m
 * @param {Message[]} messages
 * @param {Map<number, number>} places
 */
export function joins(m, messages, places) {
    /** @type {Map<number, {inbound: boolean, from: number, ends: number[]}>} by the request's number */
    const requests = new Map();
    /** @type {Child[]} */
    const out = [];
    for (const reply of messages) {
        const request = reply.reply_to ?? null;
        const y = places.get(reply.seq);
        if (request === null || y === undefined) continue;
        const inbound = reply.direction === "inbound";
        out.push(replyTime(m, y, inbound, reply.after_seconds));
        const from = places.get(request);
        if (from === undefined) continue;
        const known = requests.get(request);
        if (known) known.ends.push(y);
        else requests.set(request, { inbound, from, ends: [y] });
    }
    const free = { received: lanes(), sent: lanes() };
    for (const { inbound, from, ends } of [...requests.values()].sort((a, b) => a.from - b.from)) {
        const lane = take(inbound ? free.received : free.sent, from, ends[ends.length - 1]);
        const edge = inbound ? m.right : m.left;
        const x = edge + outward(inbound) * (lane + 1) * LANE;
        const ticks = ends.map((y) => `M${x} ${y}H${edge}`).join("");
        out.push(svg("path", { class: "join", d: `M${edge} ${from}H${x}V${ends[ends.length - 1]}${ticks}` }));
    }
    return svg("g", { class: "joins" }, out);
}

/** @param {boolean} inbound */
const outward = (inbound) => (inbound ? 1 : -1);

/** Until where each lane is taken. @returns {number[]} */
const lanes = () => new Array(LANES).fill(-1);

/**
 * Takes the first lane that is free; the last one if none is.
 * @param {number[]} taken
 * @param {number} from
 * @param {number} to
 */
function take(taken, from, to) {
    const first = taken.findIndex((until) => until < from);
    const lane = first < 0 ? LANES - 1 : first;
    taken[lane] = Math.max(taken[lane], to);
    return lane;
}

/**
 * @param {Measures} m
 * @param {number} y
 * @param {boolean} inbound
 * @param {Maybe} seconds
 */
function replyTime(m, y, inbound, seconds) {
    const x = (inbound ? m.right : m.left) + outward(inbound) * (LANES * LANE + 7);
    const props = { class: "after", x, y: y + 4, "text-anchor": inbound ? "start" : "end" };
    return svg("text", props, f.seconds(seconds));
}
