// @ts-check
// The legends: groups of peers with their counts, types of messages with their rates, how connections ended, what lines
// mean.

import * as colors from "../../lib/colors.js";
import { clear, h, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { ending, endName } from "./effects.js";
import { missing } from "./groups.js";
import { colorOf, FAMILIES, FAMILY_OF, membersOf, NAMES, shapeOf } from "./kinds.js";
import { context, swatch } from "./shapes.js";
import { BYTE_STEPS, MESSAGE_STEPS } from "./still.js";

/** @import { Group } from "./groups.js" */

/**
 * Groups of peers; one may be chosen to be shown alone.
 * @param {(key: string | null) => void} onOnly
 */
export function groupLegend(onOnly) {
    const items = h("ul", { class: "circle-groups" });
    const note = h("p", { class: "muted small" });
    const el = h("div", {}, items, note);
    let shown = "";

    return {
        el,
        /**
         * @param {Group[]} groups
         * @param {string | null} only the key of the group that is shown alone
         * @param {string} criterion
         * @param {Api["Info"]} info
         */
        set(groups, only, criterion, info) {
            const key = JSON.stringify([groups.map((g) => [g.key, g.count, g.color]), only, criterion]);
            if (key === shown) return;
            shown = key;
            const active = document.activeElement?.closest(".circle-groups button");
            const focused = active instanceof HTMLElement ? active.dataset.key : undefined;
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

/**
 * Families of messages, and the types in them that occur.
 * @param {Uint8Array} hidden which types are hidden, by their numbers; the legend changes it
 * @param {() => void} onChange called after a change of it
 */
export function messageLegend(hidden, onChange) {
    const smooth = new Float64Array(NAMES.length).fill(NaN);

    /** @param {number[]} members */
    function toggle(members) {
        const show = members.every((kind) => hidden[kind]);
        for (const kind of members) hidden[kind] = show ? 0 : 1;
        for (const family of families) family.pressed();
        onChange();
    }

    const families = FAMILIES.map(([name], i) => familyRow(name, membersOf(i), hidden, toggle));
    const rows = families.map((family) => family.el);

    return {
        el: h("ul", { class: "circle-kinds" }, rows),
        /** Draws the shapes anew, in the colours of the theme. */
        paint() {
            for (const family of families) family.paint();
        },
        /** @param {boolean} show shows or hides all types */
        all(show) {
            hidden.fill(show ? 0 : 1);
            for (const family of families) family.pressed();
            onChange();
        },
        /**
         * Shows the messages counted by number in so many seconds; null: they are not counted now.
         * @param {Float64Array | null} counted
         * @param {number} seconds
         */
        set(counted, seconds) {
            for (const kind of smooth.keys()) {
                const rate = counted ? counted[kind] / seconds : NaN;
                smooth[kind] = Number.isNaN(smooth[kind]) || !counted ? rate : smooth[kind] * 0.6 + rate * 0.4;
            }
            for (const family of families) family.set(counted, smooth);
        },
    };
}

/**
 * A family of messages with its types.
 * @param {string} name
 * @param {number[]} members the numbers of its types
 * @param {Uint8Array} hidden
 * @param {(members: number[]) => void} toggle shows or hides types
 */
function familyRow(name, members, hidden, toggle) {
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
    // A family of one type needs no second level.
    types.hidden = members.length === 1 || FAMILY_OF[members[0]] === FAMILIES.length - 1;
    /** @type {Map<number, ReturnType<typeof typeChip>>} */
    const chips = new Map();

    /** @param {number} kind */
    function chipFor(kind) {
        const known = chips.get(kind);
        if (known) return known;
        const chip = typeChip(kind, !hidden[kind], () => toggle([kind]));
        chips.set(kind, chip);
        const after = Math.min(...[...chips.keys()].filter((other) => other > kind));
        types.insertBefore(chip.el, chips.get(after)?.el ?? null);
        return chip;
    }

    const paint = () => {
        clear(picture, swatch(shapeOf(members[0]), colorOf(members[0])));
        for (const chip of chips.values()) chip.paint();
    };
    const pressed = () => {
        button.setAttribute("aria-pressed", String(members.some((kind) => !hidden[kind])));
        for (const [kind, chip] of chips) chip.el.setAttribute("aria-pressed", String(!hidden[kind]));
    };
    paint();
    pressed();
    return {
        el: h("li", {}, button, types),
        paint,
        pressed,
        /**
         * @param {Float64Array | null} counted
         * @param {Float64Array} rates
         */
        set(counted, rates) {
            let sum = 0;
            for (const kind of members) {
                if (counted?.[kind] || chips.has(kind)) setText(chipFor(kind).value, text(rates[kind]));
                if (rates[kind] > 0) sum += rates[kind];
            }
            setText(value, counted ? text(sum) : "");
        },
    };
}

/**
 * @param {number} kind
 * @param {boolean} shown
 * @param {() => void} onclick
 */
function typeChip(kind, shown, onclick) {
    const value = h("span", { class: "legend-value" });
    let picture = swatch(shapeOf(kind), colorOf(kind));
    const name = h("span", {}, NAMES[kind]);
    const el = h("button", { type: "button", class: "chip", onclick }, picture, name, value);
    el.setAttribute("aria-pressed", String(shown));
    return {
        el,
        value,
        paint() {
            const next = swatch(shapeOf(kind), colorOf(kind));
            picture.replaceWith(next);
            picture = next;
        },
    };
}

/** @type {(rate: number) => string} */
const text = (rate) => (rate > 0.05 ? f.rate(rate) : "");

/** How connections ended in the last 10 minutes, with the sign of each. */
export function endLegend() {
    const el = h("ul", { class: "circle-ends" });
    let shown = "";
    return {
        el,
        /** @param {Map<string, number>} counts */
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

/**
 * How a connection ended, as a small picture.
 * @param {string} how
 */
export function sign(how) {
    const el = h("canvas", { class: "circle-swatch", "aria-hidden": "true" });
    el.width = 28;
    el.height = 28;
    const c = context(el);
    c.scale(2, 2);
    ending(c, how, 7, 7, 5, colors.css(how === "evicted" ? "--bad" : "--muted"));
    return el;
}

/**
 * What direction looks like, or what the lines mean, as it is drawn now.
 * @param {boolean} rates
 * @param {boolean} byBytes
 */
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
