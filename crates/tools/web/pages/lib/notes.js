// @ts-check
// Notes about what is missing on a page, and what would show it.

import { h } from "./dom.js";
import { printable } from "./format.js";

/** @typedef {Api["Info"]["without_tracepoints"][number]} Blind */

/** A place for notes, which are built anew only when others are to be shown. */
export function notes() {
    const el = h("div", { class: "notices" });
    let shown = "[]";
    return {
        el,
        /** @param {(string | [point: string, text: string])[]} texts a point is written in bold */
        set(texts) {
            const next = JSON.stringify(texts);
            if (next === shown) return;
            shown = next;
            el.replaceChildren(...texts.map((text) => h("p", { class: "notice" }, content(text))));
        },
    };
}

/** @param {string | [point: string, text: string]} text */
function content(text) {
    return typeof text === "string" ? text : [h("strong", {}, text[0]), text[1]];
}

/** Says of which nodes nothing of the tracepoints is known, and the line with which doctor would change that. */
export function withoutTracepoints() {
    const el = h("div", { class: "notices" });
    let [shown, node, open] = ["", "", false];
    /** @type {Blind[]} */
    let all = [];
    function draw() {
        const selected = all.filter((one) => !node || one.node === node);
        const next = JSON.stringify([selected, open]);
        if (next === shown) return;
        shown = next;
        /** @type {Map<string, Blind[]>} those of which the same is to be said */
        const alike = new Map();
        for (const one of selected) {
            const key = JSON.stringify([one.what, one.steps]);
            alike.set(key, [...(alike.get(key) ?? []), one]);
        }
        el.replaceChildren(...[...alike.values()].map((nodes) => blindNotice(nodes, open)));
    }
    return {
        el,
        /**
         * @param {Blind[]} next
         * @param {string} selected node; "" means all
         * @param {boolean} isOpen whether all of it is shown at first
         */
        set(next, selected, isOpen) {
            [all, node, open] = [next, selected, isOpen];
            draw();
        },
        /** @param {Blind[]} next */
        update(next) {
            all = next;
            draw();
        },
    };
}

/**
 * @param {Blind[]} nodes
 * @param {boolean} open
 */
function blindNotice(nodes, open) {
    const names = nodes.slice(0, 5).map((one) => printable(one.node, 40));
    if (nodes.length > names.length) names.push(`${nodes.length - names.length} more`);
    const [{ what, steps }] = nodes;
    const here = {
        text: "On the machine of the node, this prints the line that enables them:",
        lines: ["peer-observer doctor"],
    };
    return h(
        "details",
        { class: "notice warn blind", open },
        h(
            "summary",
            {},
            h("strong", {}, `No tracepoints of ${names.join(", ")}: `),
            "what is in P2P messages is not seen. What enables them",
        ),
        what ? h("p", {}, printable(what, 500)) : null,
        (what ? steps : [here]).map((step) => [
            h("p", {}, printable(step.text, 500)),
            step.lines.length
                ? h("pre", {}, h("code", {}, step.lines.map((line) => printable(line, 500)).join("\n")))
                : null,
        ]),
    );
}
