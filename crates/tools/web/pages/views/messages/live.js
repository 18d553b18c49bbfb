// Messages as they come. At most 30 a second are shown, the last 200 are kept; while the reader is at the list
// (pointer, keyboard or scrolled away from its top), what comes waits. With "Decode" the messages come with their
// bodies, and a row opens its own.

import { h, section, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { about } from "./about.js";
import { detail } from "./detail.js";
import { filters } from "./filters.js";
import { direction, message } from "./marks.js";
import { pick } from "./pick.js";

const TICK = 333;
const PER_SECOND = 30;
const KEPT = 200;
const BUFFER = 500;
// Bodies of blocks are large: beyond this sum (of the messages' sizes) the oldest are forgotten.
const KEPT_BYTES = 16e6;

export function live(ctx) {
    let full = ctx.params.get("decode") === "1";
    let source = null;
    let rows = [];
    let arrived = [];
    let waiting = [];
    let came = 0;
    let skipped = 0;
    let waitingSkipped = 0;
    let dropped = 0;
    let allowance = PER_SECOND;
    let chosen = null;
    let hovering = false;
    let rateSince = performance.now();
    let rateCount = 0;
    let perSecond = null;

    const decode = h("input", {
        type: "checkbox",
        checked: full,
        onchange: () => {
            full = decode.checked;
            ctx.set({ decode: full ? "1" : null });
            open();
        },
    });
    const choice = filters(ctx, () => {
        const wanted = choice.filter();
        if (!wanted) return;
        forget();
        handle.subscribe(wanted);
    });
    const note = h("p", { class: "muted small live-note" });
    const held = h(
        "button",
        {
            type: "button",
            class: "button held",
            hidden: true,
            onclick: () => {
                hovering = false;
                list.el.scrollTop = 0;
                release();
            },
        },
        "",
    );
    const look = detail(ctx, () => {
        const key = chosen?.key;
        chosen = null;
        look.close();
        layout.classList.remove("with-detail");
        mark();
        list.el.focus();
        return key;
    });
    const list = table({
        caption: "Messages as they come, newest first",
        empty: "",
        rowKey: (r) => r.key,
        rowClass: (r) => (r === chosen ? "chosen" : ""),
        onRow: choose,
        columns: [
            { key: "time", label: "Time", sort: false, text: (r) => f.clock(r.time, true), hint: (r) => f.utc(r.time) },
            ...(ctx.node ? [] : [{ key: "node", label: "Node", sort: false, text: (r) => f.printable(r.node, 24) }]),
            { key: "message", label: "Type", sort: false, head: true, node: (r) => r.nodes.message },
            { key: "direction", label: "Direction", sort: false, node: (r) => r.nodes.direction },
            { key: "peer", label: "Peer", sort: false, align: "right", node: (r) => r.nodes.peer },
            { key: "size", label: "Size", sort: false, align: "right", text: (r) => f.bytes(r.size) },
            {
                key: "about",
                label: "About",
                title: "in few words; with Decode",
                sort: false,
                class: "about",
                text: (r) => r.about,
                hint: (r) => r.addr,
            },
        ],
    });
    const nothing = h("p", { class: "empty" });
    const layout = h(
        "div",
        { class: "live-layout" },
        h("div", { class: "live-list" }, list.el, nothing, held),
        look.el,
    );
    const el = section(
        "As they come",
        h(
            "div",
            { class: "live-controls" },
            choice.el,
            h(
                "label",
                {
                    class: "check",
                    title: "fetches the messages with their content; the last 200 of those shown are kept",
                },
                decode,
                "Decode",
            ),
        ),
        note,
        layout,
    );

    list.el.addEventListener("pointerenter", (event) => {
        if (event.pointerType === "mouse") hovering = true;
    });
    list.el.addEventListener("pointerleave", () => {
        hovering = false;
    });

    let handle = null;
    function open() {
        handle?.stop();
        forget();
        handle = ctx.events(choice.filter() ?? { kind: ["message"] }, take, {
            form: full ? "full" : "brief",
            onDropped: (n) => {
                dropped += n;
            },
            onError: (text) => choice.refused(text),
        });
    }

    // Another filter or form: what is shown no longer fits it.
    function forget() {
        rows = [];
        arrived = [];
        waiting = [];
        came = 0;
        skipped = 0;
        waitingSkipped = 0;
        dropped = 0;
        rateCount = 0;
        rateSince = performance.now();
        perSecond = null;
        list.set(rows);
        state();
    }

    function take(event) {
        if (event.kind !== "message") return;
        came += 1;
        rateCount += 1;
        if (arrived.length < BUFFER) arrived.push(event);
        else skipped += 1;
    }

    function tick() {
        measure();
        allowance = Math.min(PER_SECOND, allowance + (PER_SECOND * TICK) / 1000);
        if (arrived.length) {
            const picked = pick(arrived.map(brief), Math.floor(allowance));
            allowance -= picked.length;
            skipped += arrived.length - picked.length;
            arrived = [];
            waiting.push(...picked);
            if (waiting.length > KEPT) waitingSkipped += waiting.splice(0, waiting.length - KEPT).length;
        }
        if (waiting.length && !busy()) release();
        else state();
    }

    // Whether the reader is at the list, so that it must not move.
    function busy() {
        const active = document.activeElement;
        return (
            hovering ||
            list.el.scrollTop > 4 ||
            (active !== list.el && list.el.contains(active) && active.matches(":focus-visible"))
        );
    }

    function release() {
        skipped += waitingSkipped;
        waitingSkipped = 0;
        const fresh = waiting.map(row).sort((a, b) => (a.time < b.time ? 1 : -1));
        waiting = [];
        rows = [...fresh, ...rows].slice(0, KEPT);
        bound();
        list.set(rows);
        state();
    }

    function bound() {
        let sum = 0;
        for (const r of rows) {
            sum += r.size ?? 0;
            if (sum > KEPT_BYTES && r !== chosen && r.event.body) r.event = { ...r.event, body: null, forgotten: true };
        }
    }

    function measure() {
        const now = performance.now();
        if (now - rateSince < 2000) return;
        perSecond = ctx.paused ? null : rateCount / ((now - rateSince) / 1000);
        rateCount = 0;
        rateSince = now;
    }

    function state() {
        const parts = [];
        if (ctx.paused) parts.push("paused");
        if (perSecond !== null) parts.push(`${f.rate(perSecond)} come`);
        const hidden = skipped + waitingSkipped;
        parts.push(`${f.count(came - hidden)} of ${f.count(came)} shown`);
        if (hidden) parts.push(`${f.count(hidden)} not (at most ${PER_SECOND} a second are)`);
        if (dropped) parts.push(`${f.count(dropped)} more were dropped because this page was too slow`);
        setText(note, came || ctx.paused ? parts.join("; ") : "");
        held.hidden = !waiting.length;
        setText(held, `${waiting.length} new: show them`);
        nothing.hidden = rows.length > 0;
        list.el.hidden = rows.length === 0;
        setText(nothing, reason());
    }

    function reason() {
        if (source === "rpc") {
            return (
                "No live messages: they come from tracepoints, and the tracepoint extractor does not run for what is " +
                "shown. What the node writes to debug.log is on the page Log."
            );
        }
        if (ctx.paused) return "Paused: nothing comes until the page goes on.";
        return choice.any
            ? "No message that fits the filter has come since it was set."
            : "No message yet: they appear as they come.";
    }

    function choose(r) {
        chosen = r;
        layout.classList.add("with-detail");
        const heading = look.show(
            r,
            r.event.forgotten
                ? "Its content is no longer kept: large messages came after it."
                : [
                      "Its content was not fetched. ",
                      h(
                          "button",
                          {
                              type: "button",
                              class: "link",
                              onclick: () => {
                                  decode.checked = true;
                                  decode.dispatchEvent(new Event("change"));
                                  decode.focus();
                              },
                          },
                          "Decode the messages that come from now on",
                      ),
                      ".",
                  ],
        );
        mark();
        heading.focus({ preventScroll: window.innerWidth > 1100 });
    }

    function mark() {
        list.set(rows);
    }

    ctx.onPause(() => state());
    open();
    const timer = window.setInterval(tick, TICK);

    return {
        el,
        // Shows only messages of this type and direction.
        only(type, to) {
            choice.set(type, to);
            el.scrollIntoView({ block: "start" });
        },
        // Where the numbers come from, and the types that are known.
        source(name, types) {
            source = name;
            choice.types(types);
            state();
        },
        stop() {
            window.clearInterval(timer);
            choice.stop();
            handle.stop();
        },
    };

    function row(r) {
        r.nodes = nodes(ctx, r);
        r.about = r.event.body ? about(r.event) : "";
        r.addr = f.printable(r.event.body?.meta?.addr ?? "", 100);
        return r;
    }
}

function brief(event) {
    const meta = event.body?.meta;
    return {
        key: `${event.node}/${event.run}/${event.source}/${event.sequence}`,
        time: event.time,
        node: event.node,
        peer: event.peer ?? meta?.peer_id ?? null,
        message: String(event.message ?? meta?.command ?? ""),
        direction: event.direction ?? (meta?.inbound ? "inbound" : "outbound"),
        size: event.size ?? meta?.size ?? null,
        event,
    };
}

function nodes(ctx, r) {
    return {
        message: message(r.message),
        direction: direction(r.direction),
        peer:
            r.peer === null
                ? document.createTextNode("–")
                : h("a", { href: ctx.href("peer", { node: r.node, id: r.peer }) }, String(r.peer)),
    };
}
