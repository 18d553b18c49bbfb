// @ts-check
// What is wrong and what to do about it; or that nothing is.

import { badge, clear, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

export function verdict() {
    const el = h("div", { class: "verdict" });
    return {
        el,
        /**
         * @param {Api["Losses"]} data
         * @param {boolean} lost whether anything was lost
         */
        set(data, lost) {
            if (data.advice.length) clear(el, h("ul", { class: "advice" }, data.advice.map(advice)));
            else clear(el, summary(data, lost || data.gaps.length > 0));
        },
    };
}

/** @param {Api["Advice"]} a */
function advice(a) {
    const error = a.severity === "error";
    return h(
        "li",
        { class: `notice ${error ? "bad" : "warn"}` },
        badge(error ? "error" : "warning", error ? "bad" : "warn"),
        " ",
        h("strong", {}, f.printable(a.what, 400)),
        a.do ? h("p", {}, f.printable(a.do, 600)) : null,
    );
}

/**
 * @param {Api["Losses"]} data
 * @param {boolean} incomplete whether events are missing
 */
function summary({ sources, missing }, incomplete) {
    if (!sources.length) {
        const text = "Either no extractor runs, or none reaches this server.";
        return notice("warn", "No source has reported yet. ", text);
    }
    if (!incomplete && sources.every((s) => s.up)) {
        const all = sources.length === 1 ? "The one source is" : `All ${sources.length} sources are`;
        const text = `${all} up, nothing was lost, and no queue is filling up.`;
        if (!missing.length) return notice("good", "Everything is fine. ", text);
        const lacking = [...new Set(missing.map((m) => m.extractor))].join(", ");
        return notice("good", "What runs is fine. ", `${text} Not every node has all sources: ${lacking}. See below.`);
    }
    return notice("", "Nothing to do. ", "What was lost or has ended is below; it asks for no action.");
}

/**
 * @param {string} kind "", "good" or "warn"
 * @param {string} title
 * @param {string} text
 */
function notice(kind, title, text) {
    return h("p", { class: `notice ${kind}`.trim() }, h("strong", {}, title), text);
}
