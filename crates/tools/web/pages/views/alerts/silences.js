// @ts-check
// Silences that have not ended.

import { post } from "../../lib/api.js";
import { h, section, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { whoOf } from "./model.js";

/** @typedef {Api["AlertSilence"]} Silence */

/**
 * Which alerts are silenced, in words.
 * @param {Silence} s
 */
export function silenceText(s) {
    const parts = [
        s.incident ? `incident ${f.printable(s.incident, 20)}` : "",
        s.detector ? `of ${f.printable(s.detector, 60)}` : "",
        s.subject ? `about ${f.printable(s.subject, 100)}` : "",
        s.node ? `at ${f.printable(s.node, 40)} only` : "",
    ];
    return parts.filter(Boolean).join(", ");
}

/** @param {() => void} again asks anew */
export function silenceCard(again) {
    let may = false;
    const failed = h("p", { class: "bad small", role: "status" });
    /** @param {Silence} silence */
    async function end(silence) {
        try {
            await post("api/alerts", { action: "end_silence", silence: silence.id });
            setText(failed, "");
        } catch (error) {
            setText(failed, error instanceof Error ? f.printable(error.message, 300) : "It cannot be ended.");
        }
        again();
    }
    const list = table({
        caption: "Silences that have not ended",
        empty: "None: everything is sent to the receivers.",
        rowKey: (/** @type {Silence} */ s) => s.id,
        columns: [
            { key: "what", label: "Alerts", value: silenceText, class: "what", head: true },
            {
                key: "until",
                label: "Until",
                value: (s) => f.millis(s.until),
                text: (s) => f.dateTime(s.until),
                hint: (s) => f.utc(s.until),
            },
            { key: "by", label: "By", value: (s) => whoOf(s.decided) },
            { key: "why", label: "Why", value: (s) => f.printable(s.decided.why, 200) || "–", class: "wrap" },
            {
                key: "end",
                label: "End it",
                sort: false,
                node: (s) =>
                    may
                        ? h("button", { type: "button", class: "link", onclick: () => end(s) }, `End silence ${s.id}`)
                        : "–",
            },
        ],
    });
    const card = section("Silences", list.el, failed);
    return {
        card,
        /** @param {Api["Alerts"]} data */
        set({ silences, may_decide }) {
            may = may_decide;
            card.hidden = !silences;
            list.set(silences ?? []);
        },
    };
}
