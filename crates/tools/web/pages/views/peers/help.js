// @ts-check
// What the filter of peers takes.

import { h } from "../../lib/dom.js";
import { HELP } from "./filter.js";

/** @param {string[][]} rows */
function keys(rows) {
    return h(
        "dl",
        { class: "facts keys" },
        rows.map(([name, text]) => [h("dt", { class: "mono" }, name), h("dd", {}, text)]),
    );
}

/** @param {string} text with examples between backticks */
function prose(text) {
    return h(
        "p",
        {},
        text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part)),
    );
}

export function helpPanel() {
    return h(
        "div",
        { class: "panel help", hidden: true, role: "region", tabindex: "0", "aria-label": "Filter help" },
        prose(
            "Words stand side by side and all must hold. `net:onion,i2p` means either; `-v:1` means not; `as:?` means " +
                "not known. Numbers take `>` `<` `>=` `<=` `:` and units: `ping>500ms` (seconds without one), " +
                "`age<10min`, `bytesin>1MB`. A mark stands alone: `spy`, `-misbehaving`. Any other word is looked for " +
                "in the address, the user agent, sets, marks and permissions; in quotes it may have spaces.",
        ),
        h(
            "div",
            { class: "split" },
            h("div", {}, h("h3", {}, "Words"), keys(HELP.words)),
            h("div", {}, h("h3", {}, "Numbers"), keys(HELP.numbers)),
        ),
    );
}
