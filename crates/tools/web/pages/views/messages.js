// @ts-check
// P2P messages: how many and how many bytes by type and direction over time, a table of types, and messages as they
// come, each of which can be looked into.

import { h, labelled, section, select, setText } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { notes } from "../lib/notes.js";
import { polled, range } from "../lib/range.js";
import { charts } from "./messages/charts.js";
import { DIRECTIONS } from "./messages/filters.js";
import { Live } from "./messages/live.js";
import { types } from "./messages/types.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Messages";
export const css = "views/messages.css";

/** @type {[value: string, label: string][]} */
const MEASURES = [
    ["count", "Messages"],
    ["bytes", "Bytes"],
];
/** @type {[string, string]} */
const BYTES_ONLY = [
    "Bytes only. ",
    "getpeerinfo (RPC) has how many bytes of each type went over the connections that are open, every few seconds. " +
        "How many messages there were, and what is in them, is not known here: that needs tracepoints.",
];
/** @type {[string, string]} */
const OWN_ONLY = [
    "Only our own connection. ",
    "These are the messages of our own P2P connection to the node (extractor p2p), without their contents. Those of the " +
        "node's peers are not known here: that needs tracepoints.",
];

/** @type {[string, string]} */
const LOGGED = [
    "From debug.log: no contents. ",
    "The node logs type, size and peer of each message (category net). What is in them comes from tracepoints.",
];

/**
 * What the types do not explain of the bytes that the nodes counted.
 * @param {Api["Messages"]} data
 */
function unexplained({ net, source }) {
    if (!net || net.unexplained_received + net.unexplained_sent === 0) return "";
    const [received, sent] = [net.unexplained_received, net.unexplained_sent].map(f.bytes);
    const all = `Of the ${f.bytes(net.received)} received and ${f.bytes(net.sent)} sent in this time (getnettotals), `;
    const why = source === "rpc" ? "of connections that were short, and what wraps messages" : "what wraps messages";
    return `${all}${received} and ${sent} belong to no type: ${why} (headers, encryption).`;
}

/**
 * @param {[value: string, label: string][]} options
 * @param {string | null} value
 */
function oneOf(options, value) {
    return options.find(([key]) => key === value)?.[0] ?? options[0][0];
}

/**
 * What is to be known of a source.
 * @param {string} source
 */
function notesOf(source) {
    if (source === "log") return [LOGGED];
    if (source === "p2p") return [OWN_ONLY];
    return source === "rpc" ? [BYTES_ONLY] : [];
}

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    /** @type {Api["Messages"] | null} */
    let last = null;
    const measure = select(MEASURES, oneOf(MEASURES, ctx.params.get("by")), (by) => choose({ by }));
    const direction = select(DIRECTIONS, oneOf(DIRECTIONS, ctx.params.get("way")), (way) => choose({ way }));
    /** What was chosen; without tracepoints the control shows bytes, which are what there is. */
    const chosen = { by: measure.value, way: direction.value };
    const time = range(ctx, () => again());
    const missing = notes();
    const graphs = charts();
    const live = new Live(ctx);
    const rest = h("p", { class: "muted small" });
    const list = types(ctx, (t) => live.only(t.message, t.direction));
    const ownList = types(ctx, (t) => live.only(t.message, t.direction), "own");
    const ownNote = h(
        "p",
        { class: "muted small" },
        "Each message of our own P2P connection to the node (extractor p2p). They are among those of the peers above.",
    );
    const ownTypes = section("Types, of our own connection", ownNote, ownList.el);
    root.append(
        missing.el,
        h("div", { class: "toolbar" }, time.el, labelled("Show", measure), labelled("Direction", direction)),
        graphs.el,
        live.el,
        section("Types", list.el, rest),
        ownTypes,
    );

    /** @param {Partial<typeof chosen>} next */
    function choose(next) {
        Object.assign(chosen, next);
        ctx.set({ by: chosen.by === "count" ? null : chosen.by, way: chosen.way || null });
        draw();
    }

    function draw() {
        if (!last) return;
        const counted = last.source !== "rpc";
        const by = counted && chosen.by === "count" ? "count" : "bytes";
        measure.disabled = !counted;
        measure.value = by;
        graphs.set(last, by, chosen.way);
        const inDirection = (/** @type {Api["MessageType"]} */ t) => !chosen.way || t.direction === chosen.way;
        list.set(last.types.filter(inDirection));
        ownTypes.hidden = last.own.length === 0;
        ownList.set(last.own.filter(inDirection));
    }

    const again = polled(ctx, "api/messages", time, (data) => {
        last = data;
        missing.set(notesOf(data.source));
        setText(rest, unexplained(data));
        live.source(
            data.source,
            [...data.types, ...data.own].map((t) => t.message),
        );
        draw();
    });

    return () => {
        graphs.destroy();
        live.stop();
    };
}
