// @ts-check
// What the marks and colours of the tree mean.

import { h } from "../../lib/dom.js";
import { STATUSES } from "./model.js";
import { markOf, statusAbout, statusClass, statusText } from "./words.js";

export function legend() {
    const tips = STATUSES.map((status) =>
        h(
            "li",
            { title: statusAbout(status) },
            h("span", { class: `key ${statusClass(status)}`, "aria-hidden": "true" }, markOf(status)),
            ` ${statusText(status)}`,
        ),
    );
    const blocks = [
        ["active", "most work"],
        ["stale", "stale"],
        ["invalid", "a tip that is invalid"],
        ["easy", "difficulty 1"],
    ].map(([kind, text]) => h("li", {}, h("span", { class: `key-square ${kind}`, "aria-hidden": "true" }), ` ${text}`));
    return h(
        "details",
        { class: "chain-legend small" },
        h("summary", {}, "What it shows"),
        h(
            "p",
            {},
            "Blocks at heights where something happens, and around them; a dashed line stands for those between. Beside each: who mined " +
                "it (in italics: text of its coinbase), the version bits 0 to 4 that it signals, and how many nodes have it as a tip, with " +
                "the status that they give it; point at it to see which. A click opens its header, and who saw it when.",
        ),
        h("ul", { class: "keys" }, tips, blocks),
    );
}
