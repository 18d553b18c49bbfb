// @ts-check
// How rows of a table are filtered and sorted.

import { textOf } from "./row.js";

/**
 * @template Row
 * @typedef {import("../table.js").Column<Row>} Column
 */

/**
 * Whether every word occurs in the row.
 * @template Row
 * @param {Column<Row>[]} columns
 * @param {Row} row
 * @param {string[]} words in lower case
 */
export function matches(columns, row, words) {
    const text = columns
        .map((column) => textOf(column, row))
        .join("\n")
        .toLowerCase();
    return words.every((word) => text.includes(word));
}

/**
 * The rows by a column. What has no value comes last, in either direction.
 * @template Row
 * @param {Row[]} rows sorted in place
 * @param {Column<Row>} column
 * @param {boolean} descending
 */
export function sorted(rows, column, descending) {
    const sign = descending ? -1 : 1;
    const { sort } = column;
    if (typeof sort === "function") return rows.sort((a, b) => sign * sort(a, b));
    return rows.sort((a, b) => {
        const x = column.value?.(a) ?? null;
        const y = column.value?.(b) ?? null;
        if (x === null || y === null) return Number(x === null) - Number(y === null);
        if (typeof x === "number" && typeof y === "number") return sign * (x - y);
        return sign * String(x).localeCompare(String(y), "en", { numeric: true });
    });
}
