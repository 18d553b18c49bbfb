// The list of lines: keeps at most 2,000 and shows the last few hundred of them. It follows the end unless the reader has
// scrolled away from it; then it stands still and tells how many lines have come since.

import { badge, clear, h, setText } from "../../lib/dom.js";
import { clock, printable, utc } from "../../lib/format.js";
import { shown } from "./line.js";

const KEPT = 2000;
const IN_PAGE = 300;
const OLDER = 200;
const MAX_TEXT = 600;

export function list(withNode) {
    const rows = h("ol", { class: `lines${withNode ? " with-node" : ""}` });
    const older = h(
        "button",
        { type: "button", class: "link older", hidden: true, onclick: showOlder },
        "Show older lines",
    );
    const nothing = h("p", { class: "empty" });
    const scroll = h(
        "div",
        { class: "log-scroll", role: "region", tabindex: "0", "aria-label": "Lines of debug.log" },
        older,
        rows,
        nothing,
    );
    const more = h("button", { type: "button", class: "button to-end", hidden: true, onclick: toEnd }, "");
    const el = h("div", { class: "log-list" }, scroll, more);
    let lines = [];
    let pending = [];
    let first = 0;
    let unseen = 0;
    let follow = true;
    let frame = 0;
    let emptyText = "";

    scroll.addEventListener(
        "scroll",
        () => {
            const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 24;
            if (atEnd === follow) return;
            follow = atEnd;
            if (follow) toEnd();
        },
        { passive: true },
    );

    function row(line) {
        const level = line.level === "error" ? "bad" : line.level === "warning" ? "warn" : "";
        return h(
            "li",
            { class: `line ${line.level}` },
            h("time", { datetime: line.time, title: utc(line.time) }, clock(line.time, true)),
            withNode ? h("span", { class: "line-node" }, printable(line.node, 24)) : null,
            h(
                "span",
                { class: "line-category" },
                level ? badge(line.level, level) : null,
                printable(line.category, 24),
            ),
            h(
                "span",
                { class: "line-text", title: line.text.length > MAX_TEXT ? shown(line, 4000) : null },
                shown(line, MAX_TEXT),
                line.unknown
                    ? [
                          " ",
                          h(
                              "span",
                              { class: "unknown", title: "a line of a kind that peer-observer does not know" },
                              "?",
                          ),
                      ]
                    : null,
            ),
        );
    }

    // Shows the lines from `from` on, anew.
    function rebuild(from) {
        first = Math.max(0, from);
        clear(rows, lines.slice(first).map(row));
        state();
    }

    function state() {
        older.hidden = first === 0;
        more.hidden = follow || unseen === 0;
        setText(more, `${unseen} new ${unseen === 1 ? "line" : "lines"}: to the end`);
        nothing.hidden = lines.length > 0;
        setText(nothing, emptyText);
    }

    function showOlder() {
        const below = scroll.scrollHeight - scroll.scrollTop;
        rows.prepend(...lines.slice(Math.max(0, first - OLDER), first).map(row));
        first = Math.max(0, first - OLDER);
        scroll.scrollTop = scroll.scrollHeight - below;
        state();
    }

    function toEnd() {
        follow = true;
        unseen = 0;
        rebuild(lines.length - IN_PAGE);
        scroll.scrollTop = scroll.scrollHeight;
    }

    function flush() {
        frame = 0;
        const batch = pending;
        pending = [];
        lines.push(...batch);
        const excess = lines.length - KEPT;
        if (excess > 0) {
            lines.splice(0, excess);
            // What is no longer kept leaves the page too.
            const gone = Math.max(0, excess - first);
            first = Math.max(0, first - excess);
            for (let i = 0; i < gone; i += 1) rows.firstChild?.remove();
        }
        if (!follow) {
            unseen += batch.length;
            state();
            return;
        }
        rows.append(...batch.slice(-IN_PAGE).map(row));
        if (batch.length > IN_PAGE) rebuild(lines.length - IN_PAGE);
        while (rows.children.length > IN_PAGE) {
            rows.firstChild.remove();
            first += 1;
        }
        first = Math.max(0, lines.length - rows.children.length);
        state();
        scroll.scrollTop = scroll.scrollHeight;
    }

    return {
        el,
        // Puts these lines (oldest first) in place of all.
        seed(next) {
            pending = [];
            lines = next.slice(-KEPT);
            unseen = 0;
            if (follow) {
                toEnd();
            } else {
                rebuild(lines.length - IN_PAGE);
            }
        },
        add(line) {
            pending.push(line);
            if (pending.length > KEPT) pending.splice(0, pending.length - KEPT);
            if (!frame) frame = window.requestAnimationFrame(flush);
        },
        empty(text) {
            emptyText = text;
            state();
        },
        // Lines that are kept.
        get size() {
            return lines.length + pending.length;
        },
        stop() {
            window.cancelAnimationFrame(frame);
        },
    };
}
