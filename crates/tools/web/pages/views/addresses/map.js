// The space of IPv4 as a Hilbert curve: each of the 65,536 /16s is a cell, neighbours in number are neighbours on the map. The /8s
// also stand in a table.

import { css, mix } from "../../lib/colors.js";
import { clear, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

const SIDE = 256;

// The place of the n-th cell on a curve that fills 256 x 256.
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

// {el, slash8(counts), slash16(base64), draw()}.
export function map() {
    const places = new Uint32Array(SIDE * SIDE);
    const numbers = new Uint16Array(SIDE * SIDE);
    for (let n = 0; n < SIDE * SIDE; n += 1) {
        const [x, y] = place(n);
        places[n] = y * SIDE + x;
        numbers[y * SIDE + x] = n;
    }
    let cells = new Uint8Array(SIDE * SIDE);
    let at = 0;
    const canvas = h("canvas", {
        class: "ipv4-map",
        width: SIDE,
        height: SIDE,
        role: "img",
        tabindex: "0",
        "aria-label": "Map of the IPv4 space",
    });
    const said = h(
        "p",
        { class: "small ipv4-said", "aria-live": "polite" },
        "Point at a cell, or move with the arrow keys.",
    );
    const body = h("tbody");
    const nothing = h(
        "p",
        { class: "empty" },
        "No IPv4 address has been received yet: tracepoints tell of single addresses.",
    );
    const list = h(
        "div",
        { class: "table-wrap ipv4-list", role: "region", tabindex: "0", "aria-label": "Entries by /8" },
        h(
            "table",
            { class: "data" },
            h("caption", { class: "visually-hidden" }, "Entries by /8, most first"),
            h(
                "thead",
                {},
                h("tr", {}, h("th", { scope: "col" }, "/8"), h("th", { scope: "col", class: "num" }, "Entries")),
            ),
            body,
        ),
        nothing,
    );

    function tell(index) {
        at = index;
        const n = numbers[index];
        const count = cells[n];
        said.textContent = `${n >> 8}.${n & 255}.0.0/16: ${count === 255 ? "255 or more" : f.count(count)} entries`;
    }
    canvas.addEventListener("pointermove", (event) => {
        const box = canvas.getBoundingClientRect();
        const x = Math.floor(((event.clientX - box.left) / box.width) * SIDE);
        const y = Math.floor(((event.clientY - box.top) / box.height) * SIDE);
        if (x >= 0 && y >= 0 && x < SIDE && y < SIDE) tell(y * SIDE + x);
    });
    canvas.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const next = at + step;
        if (next >= 0 && next < SIDE * SIDE) tell(next);
    });

    function draw() {
        const context = canvas.getContext("2d");
        const image = context.createImageData(SIDE, SIDE);
        const [none, some] = [hex(css("--bg")), hex(css("--accent"))];
        const shades = Array.from({ length: 256 }, (_, count) => {
            const color = count === 0 ? none : mix(none, some, 0.25 + 0.75 * (Math.log2(1 + count) / 8));
            return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
        });
        for (let n = 0; n < SIDE * SIDE; n += 1) {
            const [r, g, b] = shades[cells[n]];
            image.data.set([r, g, b, 255], places[n] * 4);
        }
        context.putImageData(image, 0, 0);
        const used = cells.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
        canvas.setAttribute(
            "aria-label",
            `Map of the IPv4 space: entries in ${f.count(used)} of 65,536 /16s; the table beside it has the /8s`,
        );
    }
    draw();

    return {
        el: h(
            "div",
            { class: "ipv4" },
            h(
                "div",
                {},
                canvas,
                said,
                h(
                    "p",
                    { class: "muted small" },
                    "Each cell is a /16; neighbours in number are neighbours here (Hilbert curve). The darker or brighter, " +
                        "the more entries were received.",
                ),
            ),
            list,
        ),
        slash8(counts) {
            const rows = counts
                .map((count, i) => [i, count])
                .filter(([, count]) => count > 0)
                .sort((a, b) => b[1] - a[1]);
            nothing.hidden = rows.length > 0;
            clear(
                body,
                rows
                    .slice(0, 256)
                    .map(([i, count]) =>
                        h(
                            "tr",
                            {},
                            h("th", { scope: "row", class: "mono" }, `${i}.0.0.0/8`),
                            h("td", { class: "num" }, f.count(count)),
                        ),
                    ),
            );
        },
        slash16(text) {
            const bytes = text ? Uint8Array.from(window.atob(text), (c) => c.charCodeAt(0)) : new Uint8Array(0);
            if (bytes.length === SIDE * SIDE) cells = bytes;
            draw();
        },
        draw,
    };
}

// "#rgb" or "#rrggbb" as "#rrggbb".
function hex(color) {
    return /^#[0-9a-f]{3}$/i.test(color) ? `#${[...color.slice(1)].map((c) => c + c).join("")}` : color;
}
