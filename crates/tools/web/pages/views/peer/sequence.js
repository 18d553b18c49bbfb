// The last messages between node and peer as a sequence diagram: an arrow for each, and requests joined with their
// replies on the side that replied. The newest is at the bottom, where the diagram stays unless it is scrolled away.
// The same is told as a table.

import * as colors from "../../lib/colors.js";
import { clear, empty, h, select, setText, svg } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

const ROW = 26;
const GAP = 18;
const TOP = 10;
const LONG = 1;
const LANES = 3;
const LANE = 6;
const LETTER = 6.3;

const fits = (text, width) => {
    const most = Math.floor(width / LETTER);
    return text.length <= most ? text : most > 3 ? `${text.slice(0, most - 1)}…` : "";
};

// Where things stand in a diagram of this width.
function measures(width) {
    const narrow = width < 620;
    const time = narrow ? 50 : 88;
    const side = narrow ? 76 : 104;
    return { narrow, width, left: time + side, right: width - side, side };
}

// ctx.params.message limits it to one type and what is joined with that. {el, set(peer), stop()}
export function sequence(ctx, node) {
    let messages = [];
    let shown = [];
    let wanted = ctx.params.get("message") ?? "";
    let asTable = ctx.params.get("messages") === "table";
    let atEnd = true;
    let drawn = "";
    let places = new Map();

    const pick = select([["", "All messages"]], "", (value) => {
        wanted = value;
        ctx.set({ message: value });
        arrange();
    });
    const chips = [
        ["Diagram", false],
        ["Table", true],
    ].map(([label, value]) =>
        h(
            "button",
            { type: "button", class: "chip", "aria-pressed": String(asTable === value), onclick: () => show(value) },
            label,
        ),
    );
    const count = h("span", { class: "muted small" });
    const peerName = h("span", {});
    const picture = svg("svg", { class: "sequence", role: "img" });
    const scroll = h(
        "div",
        {
            class: "sequence-scroll",
            role: "region",
            tabindex: "0",
            "aria-label": "Sequence diagram of the last messages",
        },
        picture,
    );
    const toEnd = h(
        "button",
        {
            type: "button",
            class: "button to-end",
            hidden: true,
            onclick: () => {
                atEnd = true;
                scroll.scrollTop = scroll.scrollHeight;
                toEnd.hidden = true;
            },
        },
        "To the newest",
    );
    const heads = h(
        "div",
        { class: "lifelines", "aria-hidden": "true" },
        h("span", { class: "mono" }, f.printable(node, 24)),
        peerName,
    );
    const diagram = h("div", { class: "diagram" }, heads, scroll, toEnd);
    const nothing = empty("");
    const list = table({
        caption: "The last messages",
        empty: "No message of this type.",
        sort: "-time",
        rowKey: (m) => m.seq,
        columns: [
            {
                key: "time",
                label: "Time",
                value: (m) => m.time,
                text: (m) => f.clock(m.time, true),
                hint: (m) => f.utc(m.time),
            },
            {
                key: "direction",
                label: "Direction",
                value: (m) => (m.direction === "inbound" ? "← received" : "→ sent"),
            },
            {
                key: "message",
                label: "Message",
                head: true,
                value: (m) => m.message,
                text: (m) => f.printable(m.message, 24),
            },
            {
                key: "size",
                label: "Size",
                align: "right",
                sort: "desc",
                value: (m) => m.size,
                text: (m) => f.bytes(m.size),
            },
            { key: "about", label: "About", value: (m) => m.about, text: (m) => f.printable(m.about ?? "", 80) },
            { key: "reply", label: "Reply to", value: (m) => m.reply_to, text: (m) => replyTo(m) },
            {
                key: "after",
                label: "After",
                align: "right",
                sort: "desc",
                value: (m) => m.after_seconds,
                text: (m) =>
                    m.after_seconds === null || m.after_seconds === undefined ? "" : f.seconds(m.after_seconds),
            },
        ],
    });
    const holder = h("div", { class: "sequence-table", hidden: true }, list.el);
    list.el.classList.add("tall");
    const el = h(
        "section",
        { class: "card wide", "aria-label": "Messages" },
        h(
            "div",
            { class: "card-head" },
            h("h2", {}, "Last messages"),
            count,
            h("span", { class: "grow" }),
            h("label", { class: "picker" }, h("span", { class: "visually-hidden" }, "Messages of type"), pick),
            h("div", { class: "chips", role: "group", "aria-label": "Shown as" }, chips),
        ),
        nothing,
        diagram,
        holder,
    );

    function replyTo(m) {
        if (m.reply_to === null || m.reply_to === undefined) return "";
        const request = messages.find((x) => x.seq === m.reply_to);
        return request ? `${f.printable(request.message, 24)} of ${f.clock(request.time, true)}` : "an earlier message";
    }

    function show(value) {
        asTable = value;
        ctx.set({ messages: value ? "table" : null });
        for (const [i, chip] of chips.entries()) chip.setAttribute("aria-pressed", String((i === 1) === value));
        arrange();
    }

    function types() {
        const names = [...new Set([...messages.map((m) => m.message), wanted].filter(Boolean))].sort();
        const state = names.join("\n");
        if (pick.dataset.state === state) return;
        pick.dataset.state = state;
        clear(
            pick,
            h("option", { value: "" }, "All messages"),
            names.map((x) => h("option", { value: x }, f.printable(x, 24))),
        );
        pick.value = wanted;
    }

    function arrange() {
        const joined = new Set();
        if (wanted) {
            for (const m of messages) {
                if (m.message !== wanted) continue;
                joined.add(m.seq);
                if (m.reply_to !== null) joined.add(m.reply_to);
            }
            for (const m of messages) if (m.message !== wanted && joined.has(m.reply_to)) joined.add(m.seq);
        }
        shown = wanted ? messages.filter((m) => joined.has(m.seq)) : messages;
        setText(
            count,
            messages.length ? (wanted ? `${shown.length} of ${messages.length}` : `${messages.length}`) : "",
        );
        nothing.hidden = shown.length > 0;
        diagram.hidden = asTable || shown.length === 0;
        holder.hidden = !asTable || shown.length === 0;
        if (asTable) list.set(shown);
        else draw();
    }

    function draw() {
        const width = Math.floor(scroll.clientWidth);
        if (width < 200 || !shown.length) return;
        const ends = [shown[0].seq, shown[shown.length - 1].seq, shown.length];
        const state = [width, colors.theme(), wanted, ...ends].join(" ");
        if (state === drawn) return;
        drawn = state;
        const m = measures(width);
        // Where the reader is stays, though old messages leave at the top.
        const anchor = atEnd ? null : shown.find((x) => (places.get(x.seq) ?? -1) >= scroll.scrollTop);
        const before = anchor ? places.get(anchor.seq) - scroll.scrollTop : 0;
        places = new Map();
        let y = TOP;
        const rows = [];
        let last = null;
        for (const message of shown) {
            const at = f.millis(message.time);
            const gap = last === null || at === null ? 0 : (at - last) / 1000;
            if (gap >= LONG) {
                y += GAP;
                rows.push(gapOf(m, y, gap));
            }
            y += ROW;
            places.set(message.seq, y);
            rows.push(row(m, y, message));
            last = at;
        }
        const height = y + 14;
        const line = (x) => svg("line", { class: "lifeline", x1: x, x2: x, y1: 0, y2: height });
        picture.setAttribute("width", width);
        picture.setAttribute("height", height);
        picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
        picture.setAttribute(
            "aria-label",
            `Sequence diagram of ${shown.length} messages between ${f.printable(node, 24)} and the peer. ` +
                "The button Table shows them as a table.",
        );
        clear(picture, line(m.left), line(m.right), joins(m), rows);
        heads.style.paddingLeft = `${m.left}px`;
        heads.style.paddingRight = `${m.side + (scroll.offsetWidth - width)}px`;
        if (atEnd) scroll.scrollTop = scroll.scrollHeight;
        else if (anchor) scroll.scrollTop = places.get(anchor.seq) - before;
        else scroll.scrollTop = 0;
    }

    function gapOf(m, y, seconds) {
        return svg(
            "g",
            { class: "gap" },
            svg("line", { x1: m.left, x2: m.right, y1: y, y2: y }),
            svg("text", { x: m.left - 8, y: y + 4, "text-anchor": "end" }, `${f.seconds(seconds)}`),
        );
    }

    function row(m, y, message) {
        const color = colors.forMessage(message.message);
        const inbound = message.direction === "inbound";
        const from = inbound ? m.right : m.left;
        const to = inbound ? m.left + 1 : m.right - 1;
        const back = inbound ? 7 : -7;
        const name = f.printable(message.message, 16);
        const about = f.printable(message.about ?? "", 60);
        const room = m.right - m.left - 24;
        const more = fits(`${f.bytes(message.size)}${about ? ` · ${about}` : ""}`, room - (name.length + 1) * 7);
        const way = inbound ? "from the peer" : "to the peer";
        const words = [
            `${f.clock(message.time, true)} ${way}: ${name}, ${f.bytes(message.size)}`,
            about,
            message.after_seconds === null || message.after_seconds === undefined
                ? ""
                : `a reply after ${f.seconds(message.after_seconds)}`,
        ];
        return svg(
            "g",
            { class: "message" },
            svg("title", {}, words.filter(Boolean).join(", ")),
            svg("rect", { x: 0, y: y - ROW + 6, width: m.width, height: ROW }),
            svg("text", { class: "at", x: 0, y: y + 4 }, f.clock(message.time, !m.narrow)),
            svg("line", { x1: from, x2: to, y1: y, y2: y, stroke: color }),
            svg("polygon", { points: `${to},${y} ${to + back},${y - 4} ${to + back},${y + 4}`, fill: color }),
            svg(
                "text",
                { class: "what", x: (m.left + m.right) / 2, y: y - 5, "text-anchor": "middle" },
                svg("tspan", { class: "name" }, name),
                more ? svg("tspan", { class: "more", dx: 5 }, more) : null,
            ),
        );
    }

    // A line beside the lifeline of who replied, from the request to its last reply, with the time of each reply.
    function joins(m) {
        const requests = new Map();
        const out = [];
        const x0 = (inbound) => (inbound ? m.right : m.left);
        const sign = (inbound) => (inbound ? 1 : -1);
        for (const reply of shown) {
            if (reply.reply_to === null || reply.reply_to === undefined) continue;
            const inbound = reply.direction === "inbound";
            const y = places.get(reply.seq);
            out.push(
                svg(
                    "text",
                    {
                        class: "after",
                        x: x0(inbound) + sign(inbound) * (LANES * LANE + 7),
                        y: y + 4,
                        "text-anchor": inbound ? "start" : "end",
                    },
                    f.seconds(reply.after_seconds),
                ),
            );
            const from = places.get(reply.reply_to);
            if (from === undefined) continue;
            const known = requests.get(reply.reply_to);
            if (known) known.ends.push(y);
            else requests.set(reply.reply_to, { inbound, from, ends: [y] });
        }
        const free = { true: new Array(LANES).fill(-1), false: new Array(LANES).fill(-1) };
        for (const { inbound, from, ends } of [...requests.values()].sort((a, b) => a.from - b.from)) {
            const lanes = free[inbound];
            const end = ends[ends.length - 1];
            let lane = lanes.findIndex((until) => until < from);
            if (lane < 0) lane = LANES - 1;
            lanes[lane] = Math.max(lanes[lane], end);
            const edge = x0(inbound);
            const x = edge + sign(inbound) * (lane + 1) * LANE;
            const ticks = ends.map((y) => `M${x} ${y}H${edge}`).join("");
            out.push(svg("path", { class: "join", d: `M${edge} ${from}H${x}V${end}${ticks}` }));
        }
        return svg("g", { class: "joins" }, out);
    }

    scroll.addEventListener(
        "scroll",
        () => {
            atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 24;
            toEnd.hidden = atEnd;
        },
        { passive: true },
    );
    const observer = new ResizeObserver(draw);
    observer.observe(scroll);
    ctx.onTheme(() => {
        if (!asTable) draw();
    });

    return {
        el,
        // none: what to say without any message.
        set(peer, none) {
            messages = peer.messages ?? [];
            setText(nothing, messages.length ? "No message of this type among the last." : none);
            setText(peerName, `peer ${peer.id}`);
            types();
            arrange();
        },
        stop: () => observer.disconnect(),
    };
}
