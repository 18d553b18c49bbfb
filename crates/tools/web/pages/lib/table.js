// @ts-check
// A table that sorts by click and key, filters, keeps its rows in place when data comes anew, and holds only the rows in
// view in the page when there are more than 200.

import { h, setText } from "./dom.js";
import { hintAtMore } from "./scroll.js";
import { cellClass, TableRow } from "./table/row.js";
import { matches, sorted } from "./table/sort.js";

/** @typedef {string | number | boolean | null | undefined} Value what a column sorts by */

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {string} [title] what it is, for the heading
 * @property {(row: Row) => Value} [value] what sorts, and what is shown unless text or node is given
 * @property {(row: Row) => string} [text] what is shown and filtered
 * @property {(row: Row) => Node | string | null | undefined} [node] a node in place of the text
 * @property {(row: Row) => string | null | undefined} [hint] the title of the cell
 * @property {string} [align] "right" or "center"
 * @property {boolean | string | ((a: Row, b: Row) => number)} [sort] false: does not sort; "desc": large first; or a function
 * @property {string} [class]
 * @property {boolean} [head] the cell is the row's heading
 */

/**
 * @template Row
 * @typedef {object} TableOptions
 * @property {(row: Row) => string | number} rowKey
 * @property {Column<Row>[]} columns
 * @property {string} [caption] for screen readers
 * @property {string} [empty] what stands there without rows
 * @property {string} [sort] "key" or "-key" (descending)
 * @property {(sort: string) => void} [onSort]
 * @property {(row: Row) => void} [onRow] a click on a row, or Enter
 * @property {(row: Row) => string | null | undefined} [rowClass]
 */

/**
 * @template Row
 * @typedef {Column<Row> & {th: HTMLElement, width: number}} Head a column with its heading and the width it had at most, in pixels
 */

/** So many rows are in the page at once; of more, those in view. */
const ALL = 200;
/** Rows above and below those in view. */
const MARGIN = 12;

/**
 * @template Row
 * @param {TableOptions<Row>} options
 */
export function table(options) {
    return new Table(options);
}

/** @param {string} sort "key" or "-key" */
const keyOf = (sort) => sort.replace(/^-/, "");

/** @template Row */
export class Table {
    #options;
    #columns;
    #sort;
    /** @type {string[]} */
    #words = [];
    /** @type {Row[]} all rows */
    #rows = [];
    /** @type {Row[]} those that fit the filter, sorted */
    #shown = [];
    /** In pixels: measured when the first row is in the page. */
    #rowHeight = 28;
    #measured = false;
    /** The animation frame that will draw; 0: none. */
    #frame = 0;
    /** @type {Map<string | number, TableRow<Row>>} the rows in the page */
    #live = new Map();
    #body = h("tbody");
    #before;
    #after;
    #table;
    #nothing = h("p", { class: "empty", hidden: true });

    /** @param {TableOptions<Row>} options */
    constructor(options) {
        this.#options = options;
        const headRow = h("tr");
        // What a row is about stays in sight while the rest is scrolled.
        const [first, ...others] = options.columns;
        const columns = first.head
            ? [{ ...first, class: `${first.class ?? ""} stuck`.trim() }, ...others]
            : options.columns;
        this.#columns = columns.map((column) => this.#head(column));
        headRow.append(...this.#columns.map((column) => column.th));
        this.#sort = options.sort && this.#find(options.sort) ? options.sort : "";
        this.#before = spacer(this.#columns.length);
        this.#after = spacer(this.#columns.length);
        this.#table = h(
            "table",
            { class: `data${options.onRow ? " clickable" : ""}` },
            h("caption", { class: "visually-hidden" }, options.caption ?? ""),
            h("thead", {}, headRow),
            this.#body,
        );
        const props = { role: "region", tabindex: "0", "aria-label": options.caption ?? "table" };
        this.el = h("div", { class: "table-wrap", ...props }, this.#table, this.#nothing);
        this.el.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        hintAtMore(this.el);
        this.#arrange();
    }

    /**
     * Shows these rows.
     * @param {Row[]} rows
     */
    set(rows) {
        this.#rows = rows;
        this.#arrange();
    }

    /**
     * Shows only rows in which every word of the text occurs; returns how many fit.
     * @param {string | null | undefined} text
     */
    filter(text) {
        this.#words = (text ?? "").toLowerCase().split(/\s+/).filter(Boolean);
        this.#arrange();
        return this.#shown.length;
    }

    /**
     * Sorts by "key" or "-key".
     * @param {string} sort
     */
    sort(sort) {
        if (!this.#find(sort)) return;
        this.#sort = sort;
        this.#arrange();
    }

    /** How many rows fit the filter. */
    get shown() {
        return this.#shown.length;
    }

    /** @param {string} sort */
    #find(sort) {
        return this.#columns.find((column) => column.key === keyOf(sort));
    }

    /**
     * @param {Column<Row>} column
     * @returns {Head<Row>}
     */
    #head(column) {
        const th = h("th", { scope: "col", class: cellClass(column), title: column.title ?? null });
        if (column.sort === false) {
            th.append(column.label);
        } else {
            const arrow = h("span", { class: "arrow", "aria-hidden": "true" });
            const onclick = () => this.#sortBy(column);
            th.append(h("button", { type: "button", class: "sort", onclick }, h("span", {}, column.label), arrow));
        }
        return { ...column, th, width: 0 };
    }

    /** @param {Column<Row>} column a second time: the other way round */
    #sortBy(column) {
        const first = column.sort === "desc" ? `-${column.key}` : column.key;
        const other = first.startsWith("-") ? column.key : `-${column.key}`;
        this.#sort = this.#sort === first ? other : first;
        this.#options.onSort?.(this.#sort);
        this.#arrange();
    }

    /** Filters and sorts, then draws. */
    #arrange() {
        const fitting = this.#words.length
            ? this.#rows.filter((row) => matches(this.#columns, row, this.#words))
            : [...this.#rows];
        const column = this.#find(this.#sort);
        const descending = this.#sort.startsWith("-");
        this.#shown = column ? sorted(fitting, column, descending) : fitting;
        for (const c of this.#columns) {
            if (c === column) c.th.setAttribute("aria-sort", descending ? "descending" : "ascending");
            else c.th.removeAttribute("aria-sort");
        }
        const large = this.#shown.length > ALL;
        this.el.classList.toggle("tall", large);
        if (large) this.#table.setAttribute("aria-rowcount", String(this.#shown.length + 1));
        else this.#table.removeAttribute("aria-rowcount");
        this.#nothing.hidden = this.#shown.length > 0;
        // Headings over nothing would only be in the way.
        this.#table.hidden = this.#shown.length === 0;
        const empty = this.#options.empty ?? "Nothing here yet.";
        setText(this.#nothing, this.#rows.length ? "No row fits the filter." : empty);
        this.#draw();
    }

    /**
     * Which rows are in the page: from the first to before the second.
     * @returns {[number, number]}
     */
    #range() {
        const all = this.#shown.length;
        if (all <= ALL) return [0, all];
        const height = this.el.clientHeight || 600;
        const from = Math.max(0, Math.floor(this.el.scrollTop / this.#rowHeight) - MARGIN);
        return [from, Math.min(all, from + Math.ceil(height / this.#rowHeight) + 2 * MARGIN)];
    }

    #draw() {
        const [from, to] = this.#range();
        const { activeElement } = document;
        const focused =
            activeElement instanceof HTMLElement && this.#body.contains(activeElement) ? activeElement : null;
        this.#place(from, to);
        const all = this.#shown.length;
        if (from > 0 || to < all) {
            setHeight(this.#after, (all - to) * this.#rowHeight);
            this.#body.append(this.#after);
            this.#freeze();
        } else {
            this.#after.remove();
            this.#thaw();
        }
        if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
        this.#keepReachable();
    }

    /**
     * Puts the rows of a range into the page. Those that are in their place already are not touched.
     * @param {number} from
     * @param {number} to
     */
    #place(from, to) {
        const keep = new Set();
        let place = this.#body.firstChild;
        /** @param {Node} node */
        const put = (node) => {
            if (node === place) place = place.nextSibling;
            else this.#body.insertBefore(node, place);
        };
        if (from > 0 || to < this.#shown.length) {
            setHeight(this.#before, from * this.#rowHeight);
            put(this.#before);
        } else {
            if (place === this.#before) place = place.nextSibling;
            this.#before.remove();
        }
        for (let i = from; i < to; i += 1) {
            const row = this.#shown[i];
            const key = this.#options.rowKey(row);
            if (keep.has(key)) continue;
            keep.add(key);
            const entry = this.#live.get(key) ?? this.#makeRow(key, row);
            entry.set(row, this.#shown.length > ALL ? i + 2 : null);
            put(entry.tr);
        }
        for (const [key, entry] of this.#live) {
            if (keep.has(key)) continue;
            if (place === entry.tr) place = place.nextSibling;
            entry.tr.remove();
            this.#live.delete(key);
        }
    }

    /**
     * @param {string | number} key
     * @param {Row} row
     */
    #makeRow(key, row) {
        const entry = new TableRow(row, this.#columns, this.#options, (next) => this.#focus(next));
        this.#live.set(key, entry);
        return entry;
    }

    /** One row can be reached with the Tab key; from there the arrow keys lead to the others. */
    #keepReachable() {
        if (!this.#options.onRow) return;
        const rows = [...this.#live.values()];
        if (!rows.length || rows.some((entry) => entry.tr.tabIndex === 0)) return;
        const first = this.#firstRow();
        if (first) first.tabIndex = 0;
    }

    /** @param {HTMLElement} tr */
    #focus(tr) {
        for (const entry of this.#live.values()) entry.tr.tabIndex = -1;
        tr.tabIndex = 0;
        tr.focus();
    }

    /** @returns {HTMLElement | null} */
    #firstRow() {
        return this.#body.querySelector("tr:not(.spacer)");
    }

    /** While only some of the rows are in the page, columns must not jump: they grow but do not shrink. */
    #freeze() {
        const height = this.#measured ? 0 : (this.#firstRow()?.offsetHeight ?? 0);
        if (height) {
            this.#rowHeight = height;
            this.#measured = true;
        }
        for (const column of this.#columns) {
            const width = column.th.offsetWidth;
            if (width > column.width) {
                column.width = width;
                column.th.style.minWidth = `${width}px`;
            }
        }
    }

    #thaw() {
        for (const column of this.#columns) {
            if (!column.width) continue;
            column.width = 0;
            column.th.style.minWidth = "";
        }
    }

    #scrolled() {
        if (this.#shown.length <= ALL || this.#frame) return;
        this.#frame = window.requestAnimationFrame(() => {
            this.#frame = 0;
            this.#draw();
        });
    }
}

/** @param {number} columns */
function spacer(columns) {
    return h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: columns }));
}

/**
 * @param {HTMLTableRowElement} tr a spacer
 * @param {number} pixels
 */
function setHeight(tr, pixels) {
    tr.cells[0].style.height = `${pixels}px`;
}
