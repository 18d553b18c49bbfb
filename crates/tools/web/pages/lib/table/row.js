// @ts-check
// A row of a table: its cells, and what a click or a key on it does.

import { clear, h, setText } from "../dom.js";
import { printable } from "../format.js";

/**
 * @template Row
 * @typedef {import("../table.js").Column<Row>} Column
 */
/**
 * @template Row
 * @typedef {import("../table.js").TableOptions<Row>} TableOptions
 */

/** @param {{align?: string, class?: string}} column */
export function cellClass(column) {
    const align = { right: "num", center: "center" }[column.align ?? ""] ?? "";
    return [align, column.class ?? ""].filter(Boolean).join(" ") || null;
}

/**
 * What a cell shows, which is also what the filter looks at.
 * @template Row
 * @param {Column<Row>} column
 * @param {Row} row
 */
export function textOf(column, row) {
    if (column.text) return column.text(row) ?? "";
    const value = column.value?.(row);
    return value === null || value === undefined ? "–" : printable(value, 200);
}

/** @template Row */
export class TableRow {
    /** @type {Row} */
    #row;
    #columns;
    #options;
    #cells;

    /**
     * @param {Row} row
     * @param {Column<Row>[]} columns
     * @param {TableOptions<Row>} options
     * @param {(tr: HTMLElement) => void} focus moves the focus to another row
     */
    constructor(row, columns, options, focus) {
        this.#row = row;
        this.#columns = columns;
        this.#options = options;
        this.#cells = columns.map((column) =>
            column.head ? h("th", { scope: "row", class: cellClass(column) }) : h("td", { class: cellClass(column) }),
        );
        this.tr = h("tr", { tabindex: options.onRow ? "-1" : null }, this.#cells);
        if (!options.onRow) return;
        this.tr.addEventListener("click", (event) => {
            if (event.target instanceof Element && event.target.closest("a, button, input, select")) return;
            if (window.getSelection()?.toString()) return;
            options.onRow?.(this.#row);
        });
        this.tr.addEventListener("keydown", (event) => this.#key(event, focus));
    }

    /**
     * @param {Row} row
     * @param {number | null} index its place among all rows, if not all are in the page
     */
    set(row, index) {
        this.#row = row;
        for (const [i, column] of this.#columns.entries()) this.#fill(this.#cells[i], column);
        if (this.#options.rowClass) this.tr.className = this.#options.rowClass(row) ?? "";
        if (index === null) this.tr.removeAttribute("aria-rowindex");
        else this.tr.setAttribute("aria-rowindex", String(index));
    }

    /**
     * @param {HTMLTableCellElement} cell
     * @param {Column<Row>} column
     */
    #fill(cell, column) {
        if (column.node) {
            const node = column.node(this.#row);
            const content = node instanceof Node ? node : document.createTextNode(String(node ?? ""));
            if (cell.childNodes.length !== 1 || !cell.firstChild?.isEqualNode(content)) clear(cell, content);
        } else {
            setText(cell, textOf(column, this.#row));
        }
        const hint = column.hint?.(this.#row) ?? "";
        if (cell.title !== hint) cell.title = hint;
    }

    /**
     * @param {KeyboardEvent} event
     * @param {(tr: HTMLElement) => void} focus
     */
    #key(event, focus) {
        if (event.target !== this.tr) return;
        if (event.key === "Enter") {
            event.preventDefault();
            this.#options.onRow?.(this.#row);
            return;
        }
        let next = null;
        if (event.key === "ArrowDown") next = this.tr.nextElementSibling;
        else if (event.key === "ArrowUp") next = this.tr.previousElementSibling;
        if (!(next instanceof HTMLElement) || next.classList.contains("spacer")) return;
        event.preventDefault();
        focus(next);
    }
}
