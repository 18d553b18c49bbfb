// The legends: groups of peers with their counts, types of messages with their rates, how connections ended, what lines
// mean.

import * as colors from "../../lib/colors.js";
import { clear, h, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { missing } from "./groups.js";
import { colorOf, FAMILIES, FAMILY_OF, membersOf, NAMES, shapeOf } from "./kinds.js";
import { swatch } from "./shapes.js";
import { ending, endName } from "./stage.js";
import { BYTE_STEPS, MESSAGE_STEPS } from "./still.js";

// Groups of peers; one may be chosen to be shown alone. onOnly(key or null).
export function groupLegend(onOnly) {
    const items = h("ul", { class: "circle-groups" });
    const note = h("p", { class: "muted small" });
    const el = h("div", {}, items, note);
    let shown = "";

    return {
        el,
        set(groups, only, criterion, info) {
            const key = JSON.stringify([groups.map((g) => [g.key, g.count, g.color]), only, criterion]);
            if (key === shown) return;
            shown = key;
            const focused = document.activeElement?.closest(".circle-groups button")?.dataset.key;
            clear(
                items,
                groups.map((g) =>
                    h(
                        "li",
                        {},
                        h(
                            "button",
                            {
                                type: "button",
                                class: `legend-item ${only !== null && only !== g.key ? "off" : ""}`,
                                "aria-pressed": String(only === g.key),
                                title: only === g.key ? "Show all peers again" : "Show only these peers",
                                dataset: { key: g.key },
                                onclick: () => onOnly(only === g.key ? null : g.key),
                            },
                            swatch(g.shape, g.color),
                            h("span", {}, g.label),
                            h("span", { class: "legend-value" }, f.count(g.count)),
                        ),
                    ),
                ),
            );
            const buttons = [...items.querySelectorAll("button")];
            if (focused !== undefined) buttons.find((b) => b.dataset.key === focused)?.focus();
            const gone = only !== null && !groups.some((g) => g.key === only);
            setText(
                note,
                gone ? "The group that was chosen has no peers now." : (missing(criterion, groups, info) ?? ""),
            );
            note.hidden = !note.textContent;
        },
    };
}

// Families of messages, and the types in them that occur. hidden: Uint8Array by number. onChange() after a change of
// it.
export function messageLegend(hidden, onChange) {
    const rows = FAMILIES.map(([name], family) => {
        const members = membersOf(family);
        const value = h("span", { class: "legend-value" });
        const picture = h("span", { class: "circle-picture" });
        const button = h(
            "button",
            { type: "button", class: "legend-item", onclick: () => toggle(members) },
            picture,
            h("span", {}, name),
            value,
        );
        const types = h("span", { class: "chips" });
        return { members, value, button, picture, types, chips: new Map(), el: h("li", {}, button, types) };
    });
    const el = h(
        "ul",
        { class: "circle-kinds" },
        rows.map((row) => row.el),
    );
    const smooth = new Float64Array(NAMES.length).fill(NaN);

    function toggle(members) {
        const show = members.every((kind) => hidden[kind]);
        for (const kind of members) hidden[kind] = show ? 0 : 1;
        pressed();
        onChange();
    }

    function pressed() {
        for (const row of rows) {
            const some = row.members.some((kind) => !hidden[kind]);
            row.button.setAttribute("aria-pressed", String(some));
            for (const [kind, chip] of row.chips) chip.el.setAttribute("aria-pressed", String(!hidden[kind]));
        }
    }

    function chipFor(row, kind) {
        let chip = row.chips.get(kind);
        if (chip) return chip;
        const value = h("span", { class: "legend-value" });
        const picture = swatch(shapeOf(kind), colorOf(kind));
        const button = h(
            "button",
            { type: "button", class: "chip", onclick: () => toggle([kind]) },
            picture,
            h("span", {}, NAMES[kind]),
            value,
        );
        button.setAttribute("aria-pressed", String(!hidden[kind]));
        chip = { el: button, value, picture };
        row.chips.set(kind, chip);
        const after = [...row.chips.keys()].filter((other) => other > kind).sort((a, b) => a - b)[0];
        row.types.insertBefore(button, row.chips.get(after)?.el ?? null);
        return chip;
    }

    function paint() {
        for (const row of rows) {
            clear(row.picture, swatch(shapeOf(row.members[0]), colorOf(row.members[0])));
            for (const [kind, chip] of row.chips) {
                const next = swatch(shapeOf(kind), colorOf(kind));
                chip.picture.replaceWith(next);
                chip.picture = next;
            }
        }
    }

    paint();
    pressed();
    return {
        el,
        paint,
        all(show) {
            hidden.fill(show ? 0 : 1);
            pressed();
            onChange();
        },
        // Messages counted by number in so many seconds; null: they are not counted now.
        set(counted, seconds) {
            for (const row of rows) {
                let sum = 0;
                for (const kind of row.members) {
                    const rate = counted ? counted[kind] / seconds : NaN;
                    smooth[kind] = Number.isNaN(smooth[kind]) || !counted ? rate : smooth[kind] * 0.6 + rate * 0.4;
                    if (counted?.[kind] || row.chips.has(kind)) {
                        const chip = chipFor(row, kind);
                        setText(chip.value, text(smooth[kind]));
                    }
                    if (smooth[kind] > 0) sum += smooth[kind];
                }
                setText(row.value, counted ? text(sum) : "");
                // A family of one type needs no second level.
                row.types.hidden = row.members.length === 1 || FAMILY_OF[row.members[0]] === FAMILIES.length - 1;
            }
        },
    };
}

const text = (rate) => (rate > 0.05 ? f.rate(rate) : "");

// How connections ended in the last 10 minutes, with the sign of each.
export function endLegend() {
    const el = h("ul", { class: "circle-ends" });
    let shown = "";
    return {
        el,
        set(counts) {
            const key = JSON.stringify([[...counts], colors.theme()]);
            if (key === shown) return;
            shown = key;
            clear(
                el,
                ["closed", "evicted", "disappeared", "node_restarted"]
                    .filter((how) => counts.get(how) || how === "closed" || how === "evicted")
                    .map((how) =>
                        h(
                            "li",
                            {},
                            sign(how),
                            h("span", {}, endName(how)),
                            h("span", { class: "legend-value" }, f.count(counts.get(how) ?? 0)),
                        ),
                    ),
            );
        },
    };
}

export function sign(how) {
    const el = h("canvas", { class: "circle-swatch", "aria-hidden": "true" });
    el.width = 28;
    el.height = 28;
    const c = el.getContext("2d");
    c.scale(2, 2);
    ending(c, how, 7, 7, 5, colors.css(how === "evicted" ? "--bad" : "--muted"));
    return el;
}

// What direction looks like, or what the lines mean, as it is drawn now.
export function key(rates, byBytes) {
    if (!rates) {
        return h(
            "p",
            { class: "circle-key small" },
            h("span", {}, swatch("circle", colors.css("--fg")), "received: filled, towards the node"),
            h("span", {}, swatch("circle", colors.css("--fg"), true), "sent: outlined, towards the peer"),
            h("span", { class: "muted" }, "Larger: more than 250 bytes, more than 10 kB."),
        );
    }
    const steps = byBytes ? BYTE_STEPS.map((n) => f.byteRate(n)) : MESSAGE_STEPS.map((n) => f.rate(n));
    return h(
        "p",
        { class: "circle-key small" },
        h("span", {}, swatch("square", colors.named("blue")), "half at the peer: received from it"),
        h("span", {}, swatch("square", colors.named("orange")), "half at the node: sent to it"),
        h("span", { class: "muted" }, `Wider and brighter from ${steps.join(", ")}.`),
    );
}
