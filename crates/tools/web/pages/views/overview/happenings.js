// @ts-check
// What is wrong now, and what happened.

import { clear, h, section, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["Happening"]} Happening */

/** So many are in view; the others unfold. */
const IN_VIEW = 3;
/** So much of what is wrong now stands at the top of the page. */
const LASTING = 4;

const KINDS = { error: "bad", warning: "warn", note: "" };

/** @type {Record<string, string>} the page about a kind, where it is not Health */
const PAGES = {
    invalid_chain: "blocks",
    reorganization: "blocks",
    mutated_block: "blocks",
    misbehaving: "peer",
    log_limited: "log",
    network_inactive: "peers",
    p2p_opened: "pings",
    p2p_ended: "pings",
    version_changed: "pings",
    own_address: "addresses",
    feature_offered: "pings",
    stale_tips: "blocks",
};

/** @param {Context} ctx */
export function happenings(ctx) {
    const lasting = h("div", { class: "lasting" });
    const list = h("ul", { class: "happenings" });
    const rest = h("ul", { class: "happenings" });
    const more = h("summary");
    const details = h("details", {}, more, rest);
    const nothing = h("p", { class: "muted" });
    const card = section("What happened", nothing, list, details);

    return {
        lasting,
        card,
        /** @param {Happening[]} all */
        set(all) {
            const now = all.filter((one) => one.until === null);
            const past = all.filter((one) => one.until !== null);
            const hidden = now.length - LASTING;
            clear(
                lasting,
                openAlerts(ctx),
                now.slice(0, LASTING).map((one) => notice(ctx, one)),
                hidden > 0 ? h("p", { class: "small" }, `${hidden} more below`) : null,
            );
            const listed = [...now.slice(LASTING), ...past];
            clear(
                list,
                listed.slice(0, IN_VIEW).map((one) => item(ctx, one)),
            );
            clear(
                rest,
                listed.slice(IN_VIEW).map((one) => item(ctx, one)),
            );
            details.hidden = listed.length <= IN_VIEW;
            setText(more, `${listed.length - IN_VIEW} more`);
            nothing.hidden = all.length > 0;
            const began = ctx.info.past ? "what is known begins" : "this program started";
            setText(nothing, `Nothing to speak of since ${f.clock(ctx.info.started)}, when ${began}.`);
        },
    };
}

/**
 * What the detectors have found that goes on.
 * @param {Context} ctx
 */
function openAlerts(ctx) {
    const { critical, warning, info } = ctx.info.alerts ?? { critical: 0, warning: 0, info: 0 };
    const count = critical + warning + info;
    if (!count) return null;
    const kinds = [
        critical ? `${f.count(critical)} critical` : "",
        warning ? `${f.count(warning)} warning` : "",
        info ? `${f.count(info)} info` : "",
    ];
    const kind = (critical && "bad") || (warning && "warn") || "";
    const words = `${f.count(count)} ${count === 1 ? "alert is" : "alerts are"} open: ${kinds.filter(Boolean).join(", ")}. `;
    return h(
        "p",
        { class: `notice ${kind}` },
        h("strong", {}, words),
        h("a", { href: ctx.href("alerts", { state: "open" }), class: "nowrap" }, "See alerts"),
    );
}

/** @param {Happening} one */
const kindOf = (one) => KINDS[one.severity];

/**
 * @param {Context} ctx
 * @param {Happening} one
 */
function notice(ctx, one) {
    return h(
        "p",
        { class: `notice ${kindOf(one)}` },
        nodeLink(ctx, one),
        h("strong", {}, ` ${f.printable(one.what, 300)} `),
        h("span", { title: f.utc(one.since) }, `Since ${f.clock(one.since)}, ${f.ago(one.since)}. `),
        pageLink(ctx, one),
    );
}

/**
 * @param {Context} ctx
 * @param {Happening} one
 */
function item(ctx, one) {
    const at = one.until ?? one.since;
    const times = one.count > 1 && one.kind !== "events_lost" && one.kind !== "reorganization";
    return h(
        "li",
        {},
        h("span", { class: `dot ${kindOf(one)}`, "aria-hidden": "true" }),
        h("span", { class: "muted small nowrap", title: f.utc(at) }, f.ago(at)),
        h(
            "span",
            {},
            nodeLink(ctx, one),
            ` ${f.printable(one.what, 300)} `,
            times ? h("span", { class: "muted" }, `${f.count(one.count)} times `) : null,
            pageLink(ctx, one),
        ),
    );
}

/**
 * @param {Context} ctx
 * @param {Happening} one
 */
function nodeLink(ctx, { node }) {
    return h("a", { href: ctx.href("overview", { node }) }, f.printable(node, 40));
}

/**
 * @param {Context} ctx
 * @param {Happening} one
 */
function pageLink(ctx, { node, kind, peer }) {
    const view = PAGES[kind] ?? "health";
    const target = view === "peer" && peer === null ? "peers" : view;
    const query = target === "peer" ? { node, id: peer } : { node };
    return h("a", { href: ctx.href(target, query), class: "nowrap" }, `See ${target}`);
}
