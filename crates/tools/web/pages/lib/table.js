// A table that sorts by click and key, filters, keeps its rows in place when data comes anew, and holds only the rows in
// view in the page when there are more than 200.
//
// columns: key, label, title (what it is, for the heading), value(row) (what sorts), text?(row) (what is shown and filtered), node?(row)
// (a node instead of the text), hint?(row) (the cell's title), align? ("right", "center"), sort? (false: does not sort, "desc": large
// first), class?, head? (true: the row's heading cell).
// sort: "key" or "-key" (descending). onSort(sort). onRow(row, event): click, or Enter on a row.

import { clear, h, setText } from "./dom.js";
import { printable } from "./format.js";

const ALL = 200;
const MARGIN = 12;

export function table(options) {
    const { rowKey } = options;
    // Copies: they also hold what this table knows of its columns.
    const columns = options.columns.map((c) => ({ ...c }));
    const byKey = new Map(columns.map((c) => [c.key, c]));
    let sort = byKey.has((options.sort ?? "").replace(/^-/, "")) ? options.sort : "";
    let words = [];
    let rows = [];
    let shown = [];
    let rowHeight = 28;
    let measured = false;
    let frame = 0;
    const live = new Map();

    const headRow = h("tr");
    const body = h("tbody");
    const before = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
    const after = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
    const el = h(
        "table",
        { class: `data${options.onRow ? " clickable" : ""}` },
        h("caption", { class: "visually-hidden" }, options.caption ?? ""),
        h("thead", {}, headRow),
        body,
    );
    const nothing = h("p", { class: "empty", hidden: true });
    const wrap = h(
        "div",
        { class: "table-wrap", role: "region", tabindex: "0", "aria-label": options.caption ?? "table" },
        el,
        nothing,
    );

    for (const column of columns) {
        const th = h("th", { scope: "col", class: cellClass(column), title: column.title ?? null });
        if (column.sort === false) {
            th.append(column.label);
        } else {
            th.append(
                h(
                    "button",
                    { type: "button", class: "sort", onclick: () => byColumn(column) },
                    h("span", {}, column.label),
                    h("span", { class: "arrow", "aria-hidden": "true" }),
                ),
            );
        }
        column.th = th;
        headRow.append(th);
    }

    function cellClass(column) {
        const align = column.align === "right" ? "num" : column.align === "center" ? "center" : "";
        return [align, column.class ?? ""].filter(Boolean).join(" ") || null;
    }

    function byColumn(column) {
        const first = column.sort === "desc" ? `-${column.key}` : column.key;
        const other = first.startsWith("-") ? column.key : `-${column.key}`;
        sort = sort === first ? other : first;
        options.onSort?.(sort);
        arrange();
    }

    function textOf(column, row) {
        if (column.text) return column.text(row) ?? "";
        const value = column.value?.(row);
        return value === null || value === undefined ? "–" : printable(value, 200);
    }

    function compare(column, sign) {
        if (typeof column.sort === "function") return (a, b) => sign * column.sort(a, b);
        return (a, b) => {
            const x = column.value(a) ?? null;
            const y = column.value(b) ?? null;
            if (x === null || y === null) return (x === null) - (y === null);
            if (typeof x === "number" && typeof y === "number") return sign * (x - y);
            return sign * String(x).localeCompare(String(y), "en", { numeric: true });
        };
    }

    // Filters and sorts, then shows.
    function arrange() {
        shown = words.length ? rows.filter(matches) : [...rows];
        const column = byKey.get(sort.replace(/^-/, ""));
        if (column) shown.sort(compare(column, sort.startsWith("-") ? -1 : 1));
        for (const c of columns) {
            const mine = c === column;
            if (mine) c.th.setAttribute("aria-sort", sort.startsWith("-") ? "descending" : "ascending");
            else c.th.removeAttribute("aria-sort");
        }
        const large = shown.length > ALL;
        wrap.classList.toggle("tall", large);
        if (large) el.setAttribute("aria-rowcount", String(shown.length + 1));
        else el.removeAttribute("aria-rowcount");
        nothing.hidden = shown.length > 0;
        setText(nothing, rows.length ? "No row fits the filter." : (options.empty ?? "Nothing here yet."));
        draw();
    }

    function matches(row) {
        const text = columns
            .map((c) => textOf(c, row))
            .join("\n")
            .toLowerCase();
        return words.every((w) => text.includes(w));
    }

    function window_() {
        if (shown.length <= ALL) return [0, shown.length];
        const height = wrap.clientHeight || 600;
        const from = Math.max(0, Math.floor(wrap.scrollTop / rowHeight) - MARGIN);
        return [from, Math.min(shown.length, from + Math.ceil(height / rowHeight) + 2 * MARGIN)];
    }

    function draw() {
        const [from, to] = window_();
        const focused = body.contains(document.activeElement) ? document.activeElement : null;
        const keep = new Set();
        let place = body.firstChild;
        const put = (node) => {
            if (node === place) place = place.nextSibling;
            else body.insertBefore(node, place);
        };
        if (from > 0 || to < shown.length) {
            before.firstChild.style.height = `${from * rowHeight}px`;
            put(before);
        } else {
            if (place === before) place = before.nextSibling;
            before.remove();
        }
        for (let i = from; i < to; i += 1) {
            const row = shown[i];
            const key = rowKey(row);
            if (keep.has(key)) continue;
            keep.add(key);
            let entry = live.get(key);
            if (!entry) {
                entry = makeRow(row);
                live.set(key, entry);
            }
            entry.row = row;
            fill(entry);
            if (shown.length > ALL) entry.tr.setAttribute("aria-rowindex", String(i + 2));
            else entry.tr.removeAttribute("aria-rowindex");
            put(entry.tr);
        }
        for (const [key, entry] of live) {
            if (keep.has(key)) continue;
            if (place === entry.tr) place = place.nextSibling;
            entry.tr.remove();
            live.delete(key);
        }
        if (from > 0 || to < shown.length) {
            after.firstChild.style.height = `${(shown.length - to) * rowHeight}px`;
            body.append(after);
            freeze();
        } else {
            after.remove();
            thaw();
        }
        if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
        const rowsInPage = options.onRow ? [...live.values()] : [];
        if (rowsInPage.length && !rowsInPage.some((e) => e.tr.tabIndex === 0)) {
            const first = body.querySelector("tr:not(.spacer)");
            if (first) first.tabIndex = 0;
        }
    }

    // While only a part of the rows is in the page, columns must not jump: they grow but do not shrink.
    function freeze() {
        if (!measured) {
            const sample = body.querySelector("tr:not(.spacer)");
            if (sample?.offsetHeight) {
                rowHeight = sample.offsetHeight;
                measured = true;
            }
        }
        for (const c of columns) {
            const width = c.th.offsetWidth;
            if (width > (c.width ?? 0)) {
                c.width = width;
                c.th.style.minWidth = `${width}px`;
            }
        }
    }

    function thaw() {
        for (const c of columns) {
            if (!c.width) continue;
            c.width = 0;
            c.th.style.minWidth = "";
        }
    }

    function makeRow(row) {
        const entry = { row, tr: h("tr", { tabindex: options.onRow ? "-1" : null }), cells: [] };
        for (const column of columns) {
            const td = column.head
                ? h("th", { scope: "row", class: cellClass(column) })
                : h("td", { class: cellClass(column) });
            entry.cells.push(td);
            entry.tr.append(td);
        }
        if (options.onRow) {
            entry.tr.addEventListener("click", (event) => {
                if (event.target.closest("a, button, input, select")) return;
                if (window.getSelection()?.toString()) return;
                options.onRow(entry.row, event);
            });
            entry.tr.addEventListener("keydown", (event) => keys(entry, event));
        }
        return entry;
    }

    function keys(entry, event) {
        if (event.target !== entry.tr) return;
        if (event.key === "Enter") {
            event.preventDefault();
            options.onRow(entry.row, event);
            return;
        }
        const next =
            event.key === "ArrowDown"
                ? entry.tr.nextElementSibling
                : event.key === "ArrowUp"
                  ? entry.tr.previousElementSibling
                  : null;
        if (!next || next.classList.contains("spacer")) return;
        event.preventDefault();
        for (const e of live.values()) e.tr.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
    }

    function fill(entry) {
        columns.forEach((column, i) => {
            const td = entry.cells[i];
            if (column.node) {
                const node = column.node(entry.row);
                const content = node instanceof Node ? node : document.createTextNode(String(node ?? ""));
                if (td.childNodes.length !== 1 || !td.firstChild.isEqualNode(content)) clear(td, content);
            } else {
                setText(td, textOf(column, entry.row));
            }
            const hint = column.hint?.(entry.row) ?? "";
            if (td.title !== hint) td.title = hint;
        });
        if (options.rowClass) entry.tr.className = options.rowClass(entry.row) ?? "";
    }

    wrap.addEventListener(
        "scroll",
        () => {
            if (shown.length <= ALL || frame) return;
            frame = window.requestAnimationFrame(() => {
                frame = 0;
                draw();
            });
        },
        { passive: true },
    );

    arrange();

    return {
        el: wrap,
        // Shows these rows.
        set(next) {
            rows = next;
            arrange();
        },
        // Shows only rows in which every word of the text occurs.
        filter(text) {
            words = (text ?? "").toLowerCase().split(/\s+/).filter(Boolean);
            arrange();
            return shown.length;
        },
        // Sorts by "key" or "-key".
        sort(next) {
            if (!byKey.has((next ?? "").replace(/^-/, ""))) return;
            sort = next;
            arrange();
        },
        // How many rows fit the filter.
        get shown() {
            return shown.length;
        },
    };
}
