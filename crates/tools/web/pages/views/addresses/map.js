// @ts-check
// The space of IPv4 as a Hilbert curve: each of the 65,536 /16s is a cell, neighbours in number are neighbours on the map. The /8s
// also stand in a table.

import { css, mix } from "../../lib/colors.js";
import { clear, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

const SIDE = 256;
const CELLS = SIDE * SIDE;
/** A cell's count ends here. */
const MOST = 255;
/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE };

/**
 * The place of the n-th cell on a curve that fills 256 x 256.
 * @param {number} n
 */
function place(n) {
    let [x, y] = [0, 0];
    let rest = n;
    for (let s = 1; s < SIDE; s *= 2) {
        const rx = 1 & (rest / 2);
        const ry = 1 & (rest ^ rx);
        if (ry === 0) {
            if (rx === 1) [x, y] = [s - 1 - x, s - 1 - y];
            [x, y] = [y, x];
        }
        x += s * rx;
        y += s * ry;
        rest = Math.floor(rest / 4);
    }
    return [x, y];
}

/** Where each /16 stands on the map, and which stands where. */
function curve() {
    const places = new Uint32Array(CELLS);
    const numbers = new Uint16Array(CELLS);
    for (let n = 0; n < CELLS; n += 1) {
        const [x, y] = place(n);
        places[n] = y * SIDE + x;
        numbers[y * SIDE + x] = n;
    }
    return { places, numbers };
}

/** The map and the table beside it. */
export function map() {
    const { places, numbers } = curve();
    let cells = new Uint8Array(CELLS);
    const canvas = h("canvas", {
        class: "ipv4-map",
        width: SIDE,
        height: SIDE,
        role: "img",
        tabindex: "0",
        "aria-label": "Map of the IPv4 space",
    });
    const cell = h(
        "p",
        { class: "small ipv4-cell", "aria-live": "polite" },
        "Point at a cell, or move with the arrow keys.",
    );
    const legend = h(
        "p",
        { class: "muted small" },
        "Each cell is a /16; neighbours in number are neighbours here (Hilbert curve). The darker or brighter, " +
            "the more entries were received.",
    );
    const table = slash8Table();

    pointing(canvas, (index) => {
        const n = numbers[index];
        const count = cells[n];
        const text = count === MOST ? `${MOST} or more` : f.count(count);
        cell.textContent = `${n >> 8}.${n & 255}.0.0/16: ${text} entries`;
    });

    function draw() {
        paint(canvas, cells, places);
        const used = cells.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
        canvas.setAttribute(
            "aria-label",
            `Map of the IPv4 space: entries in ${f.count(used)} of 65,536 /16s; the table beside it has the /8s`,
        );
    }
    draw();

    return {
        el: h("div", { class: "ipv4" }, h("div", {}, canvas, cell, legend), table.el),
        /** @param {number[]} counts of the 256 /8s */
        slash8: (counts) => table.set(counts),
        /** @param {string} text the counts of the /16s, a byte each, in base64; "" if there are none */
        slash16(text) {
            const bytes = text ? Uint8Array.from(window.atob(text), (c) => c.charCodeAt(0)) : new Uint8Array(0);
            if (bytes.length === CELLS) cells = bytes;
            draw();
        },
        draw,
    };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} cells
 * @param {Uint32Array} places
 */
function paint(canvas, cells, places) {
    const context = canvas.getContext("2d");
    if (!context) return;
    const image = context.createImageData(SIDE, SIDE);
    const [none, some] = [hex(css("--bg")), hex(css("--accent"))];
    const shades = Array.from({ length: MOST + 1 }, (_, count) => {
        const color = count === 0 ? none : mix(none, some, 0.25 + 0.75 * (Math.log2(1 + count) / 8));
        return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
    });
    for (let n = 0; n < CELLS; n += 1) {
        const [r, g, b] = shades[cells[n]];
        image.data.set([r, g, b, 255], places[n] * 4);
    }
    context.putImageData(image, 0, 0);
}

/**
 * Pointer and arrow keys on the map.
 * @param {HTMLCanvasElement} canvas
 * @param {(index: number) => void} onCell called with the place of the cell
 */
function pointing(canvas, onCell) {
    let at = 0;
    /** @param {number} index */
    const go = (index) => {
        at = index;
        onCell(index);
    };
    canvas.addEventListener("pointermove", (event) => {
        const box = canvas.getBoundingClientRect();
        const x = Math.floor(((event.clientX - box.left) / box.width) * SIDE);
        const y = Math.floor(((event.clientY - box.top) / box.height) * SIDE);
        if (x >= 0 && y >= 0 && x < SIDE && y < SIDE) go(y * SIDE + x);
    });
    canvas.addEventListener("keydown", (event) => {
        const step = STEPS[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const next = at + step;
        if (next >= 0 && next < CELLS) go(next);
    });
}

function slash8Table() {
    const body = h("tbody");
    const nothing = h(
        "p",
        { class: "empty" },
        "No IPv4 address has been received yet: tracepoints report single addresses.",
    );
    const head = h("tr", {}, h("th", { scope: "col" }, "/8"), h("th", { scope: "col", class: "num" }, "Entries"));
    const caption = h("caption", { class: "visually-hidden" }, "Entries by /8, most first");
    const table = h("table", { class: "data" }, caption, h("thead", {}, head), body);
    const props = { role: "region", tabindex: "0", "aria-label": "Entries by /8" };
    return {
        el: h("div", { class: "table-wrap ipv4-list", ...props }, table, nothing),
        /** @param {number[]} counts */
        set(counts) {
            const rows = [...counts.entries()].filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
            nothing.hidden = rows.length > 0;
            const name = { scope: "row", class: "mono" };
            clear(
                body,
                rows
                    .slice(0, 256)
                    .map(([i, count]) =>
                        h("tr", {}, h("th", name, `${i}.0.0.0/8`), h("td", { class: "num" }, f.count(count))),
                    ),
            );
        },
    };
}

/**
 * "#rgb" or "#rrggbb" as "#rrggbb".
 * @param {string} color
 */
function hex(color) {
    return /^#[0-9a-f]{3}$/i.test(color) ? `#${[...color.slice(1)].map((c) => c + c).join("")}` : color;
}
