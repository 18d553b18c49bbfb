// @ts-check
// The list of lines: keeps at most 2,000 and shows the last few hundred of them. It follows the end unless the reader has
// scrolled away from it; then it stands still and shows how many lines have come since.

import { badge, clear, h, setText } from "../../lib/dom.js";
import { clock, printable, utc } from "../../lib/format.js";
import { shown } from "./line.js";

/** @import { Line } from "./line.js" */

/** So many lines are kept. */
const KEPT = 2000;
/** So many of them are in the page while it follows the end. */
const IN_PAGE = 300;
/** So many more come into the page at once. */
const OLDER = 200;
/** So many characters of a line are shown. */
const MAX_TEXT = 600;
/** So near to the end, in pixels, the reader is at the end. */
const NEAR = 24;

export class LineList {
    #withNode;
    #rows;
    #older = h(
        "button",
        { type: "button", class: "link older", hidden: true, onclick: () => this.#showOlder() },
        "Show older lines",
    );
    #nothing = h("p", { class: "empty" });
    #scroll;
    #more = h("button", { type: "button", class: "button jump", hidden: true, onclick: () => this.#toEnd() });
    /** @type {Line[]} oldest first */
    #lines = [];
    /** @type {Line[]} what came since the last picture */
    #pending = [];
    /** The place among the lines of the first one in the page. */
    #first = 0;
    /** How many came while the reader was away from the end. */
    #unseen = 0;
    #follow = true;
    /** How far down the reader was last, in pixels. */
    #top = 0;
    /** The animation frame that will show what came; 0: none. */
    #frame = 0;
    #emptyText = "";

    /** @param {boolean} withNode whether lines name their node */
    constructor(withNode) {
        this.#withNode = withNode;
        this.#rows = h("ol", { class: `lines${withNode ? " with-node" : ""}` });
        const region = { role: "region", tabindex: "0", "aria-label": "Lines of debug.log" };
        this.#scroll = h("div", { class: "log-scroll", ...region }, this.#older, this.#rows, this.#nothing);
        this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        this.el = h("div", { class: "log-list" }, this.#scroll, this.#more);
    }

    /**
     * Puts these lines in place of all.
     * @param {Line[]} lines oldest first
     */
    seed(lines) {
        this.#pending = [];
        this.#lines = lines.slice(-KEPT);
        this.#unseen = 0;
        if (this.#follow) this.#toEnd();
        else this.#rebuild(this.#lines.length - IN_PAGE);
    }

    /** @param {Line} line */
    add(line) {
        this.#pending.push(line);
        const excess = this.#pending.length - KEPT;
        if (excess > 0) this.#pending.splice(0, excess);
        if (!this.#frame) this.#frame = window.requestAnimationFrame(() => this.#flush());
    }

    /** @param {string} text what is written without any line */
    empty(text) {
        this.#emptyText = text;
        this.#write();
    }

    stop() {
        window.cancelAnimationFrame(this.#frame);
    }

    /**
     * Shows the lines from a place on, anew.
     * @param {number} from
     */
    #rebuild(from) {
        this.#first = Math.max(0, from);
        clear(this.#rows, this.#lines.slice(this.#first).map(this.#row));
        this.#write();
    }

    #write() {
        this.#older.hidden = this.#first === 0;
        this.#more.hidden = this.#follow || this.#unseen === 0;
        setText(this.#more, `${this.#unseen} new ${this.#unseen === 1 ? "line" : "lines"}: to the end`);
        this.#nothing.hidden = this.#lines.length > 0;
        setText(this.#nothing, this.#emptyText);
    }

    #showOlder() {
        const scroll = this.#scroll;
        const below = scroll.scrollHeight - scroll.scrollTop;
        const from = Math.max(0, this.#first - OLDER);
        this.#rows.prepend(...this.#lines.slice(from, this.#first).map(this.#row));
        this.#first = from;
        scroll.scrollTop = scroll.scrollHeight - below;
        this.#write();
    }

    #toEnd() {
        this.#follow = true;
        this.#unseen = 0;
        this.#rebuild(this.#lines.length - IN_PAGE);
        this.#scroll.scrollTop = this.#scroll.scrollHeight;
    }

    #scrolled() {
        const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
        const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
        const up = scrollTop < this.#top;
        this.#top = scrollTop;
        // Lines that wrap anew when the width changes move the end away, not the reader.
        if (atEnd === this.#follow || (this.#follow && !up)) return;
        this.#follow = atEnd;
        if (atEnd) this.#toEnd();
    }

    /** Shows what came since the last picture. */
    #flush() {
        this.#frame = 0;
        const batch = this.#pending;
        this.#pending = [];
        this.#lines.push(...batch);
        this.#bound();
        if (!this.#follow) {
            this.#unseen += batch.length;
            this.#write();
            return;
        }
        this.#rows.append(...batch.slice(-IN_PAGE).map(this.#row));
        if (batch.length > IN_PAGE) this.#rebuild(this.#lines.length - IN_PAGE);
        while (this.#rows.children.length > IN_PAGE) this.#rows.firstChild?.remove();
        this.#first = Math.max(0, this.#lines.length - this.#rows.children.length);
        this.#write();
        this.#scroll.scrollTop = this.#scroll.scrollHeight;
    }

    /** Forgets the oldest; what is no longer kept leaves the page too. */
    #bound() {
        const excess = this.#lines.length - KEPT;
        if (excess <= 0) return;
        this.#lines.splice(0, excess);
        const gone = Math.max(0, excess - this.#first);
        this.#first = Math.max(0, this.#first - excess);
        for (let i = 0; i < gone; i += 1) this.#rows.firstChild?.remove();
    }

    /** @param {Line} line */
    #row = (line) => {
        const { time, node, category, text, unknown } = line;
        const level = line.level === "error" ? "bad" : line.level === "warning" ? "warn" : "";
        const whole = text.length > MAX_TEXT ? shown(line, 4000) : null;
        const title = "a line of a kind that peer-observer does not know";
        return h(
            "li",
            { class: `line ${line.level}` },
            h("time", { datetime: time, title: utc(time) }, clock(time, true)),
            this.#withNode ? h("span", { class: "line-node" }, printable(node, 24)) : null,
            h("span", { class: "line-category" }, level ? badge(line.level, level) : null, printable(category, 24)),
            h(
                "span",
                { class: "line-text", title: whole },
                shown(line, MAX_TEXT),
                unknown ? [" ", h("span", { class: "unknown", title }, "?")] : null,
            ),
        );
    };
}
