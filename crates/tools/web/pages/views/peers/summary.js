// Counts by type and network, as -netinfo ends. A count is a button that shows only those.

import { clear, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { direction, NETWORKS, TYPES } from "./netinfo.js";

const ROWS = [
    ["in", "in", { dir: "in", type: null }, (p) => direction(p) === "in"],
    ["out", "out", { dir: "out", type: null }, (p) => direction(p) === "out"],
    ...TYPES.slice(1).map((t) => [
        t,
        f.connectionType(t),
        { type: f.connectionType(t), dir: null },
        (p) => f.typeName(p.connection_type) === t,
    ]),
    ["total", "total", { dir: null, type: null }, () => true],
];

// choose(keys) is called with the keys of the filter that a count stands for. {el, set(peers)}
export function summary(choose) {
    const el = h("div", {
        class: "table-wrap",
        role: "region",
        tabindex: "0",
        "aria-label": "Peers by type and network",
    });
    let shown = "";

    return {
        el,
        set(all) {
            const peers = all.filter((p) => !p.closed);
            const others = new Set(peers.map((p) => p.network).filter((x) => x && !NETWORKS.includes(x)));
            const networks = [...NETWORKS, ...[...others].slice(0, 4)];
            const rows = ROWS.map(([key, label, keys, test]) => {
                const mine = peers.filter(test);
                return {
                    key,
                    label,
                    keys,
                    counts: networks.map((x) => mine.filter((p) => p.network === x).length),
                    total: mine.length,
                };
            }).filter((r) => r.total || ["in", "out", "total"].includes(r.key));
            const state = JSON.stringify([networks, rows]);
            if (state === shown) return;
            shown = state;
            const held = el.contains(document.activeElement) ? document.activeElement.dataset.cell : null;
            const cell = (count, name, cellKeys) =>
                h(
                    "td",
                    { class: "num" },
                    count
                        ? h(
                              "button",
                              {
                                  type: "button",
                                  class: "link",
                                  dataset: { cell: name },
                                  title: "Show only these",
                                  onclick: () => choose(cellKeys),
                              },
                              f.count(count),
                          )
                        : h("span", { class: "muted" }, "0"),
                );
            clear(
                el,
                h(
                    "table",
                    { class: "data summary" },
                    h(
                        "caption",
                        { class: "visually-hidden" },
                        "Open connections by type and network; a number shows only these",
                    ),
                    h(
                        "thead",
                        {},
                        h(
                            "tr",
                            {},
                            h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Type")),
                            networks.map((x) =>
                                h("th", { scope: "col", class: "num", title: f.printable(x, 40) }, f.network(x)),
                            ),
                            h("th", { scope: "col", class: "num" }, "total"),
                        ),
                    ),
                    h(
                        "tbody",
                        {},
                        rows.map((r) =>
                            h(
                                "tr",
                                { class: `sum-${["in", "out", "total"].includes(r.key) ? "main" : "part"}` },
                                h("th", { scope: "row", title: r.key }, r.label),
                                r.counts.map((c, i) =>
                                    cell(c, `${r.key}/${networks[i]}`, { ...r.keys, net: f.network(networks[i]) }),
                                ),
                                cell(r.total, `${r.key}/total`, { ...r.keys, net: null }),
                            ),
                        ),
                    ),
                ),
            );
            if (held) el.querySelector(`[data-cell="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
        },
    };
}
