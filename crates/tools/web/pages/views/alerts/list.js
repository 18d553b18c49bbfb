// @ts-check
// The list of incidents, with what is watched, filters, a time line, and silences.

import { ago, number } from "../../lib/columns.js";
import { clear, h, labelled, section, select, tile, tileRow, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";
import { decidedText, detectorText, lasted, rankOf, severityBadge, stateBadge } from "./model.js";
import { silenceCard } from "./silences.js";
import { timeline } from "./timeline.js";
import { watchedText } from "./watched.js";

/** @import { Context } from "../../lib/context.js" */
/** @typedef {Api["AlertIncident"]} Incident */

/** So many incidents are asked for. */
const NUMBER = 300;
/** @type {[severity: string, label: string][]} */
const LEAST = [
    ["", "all"],
    ["warning", "warning and critical"],
    ["critical", "critical"],
];

const tilesOf = () => ({
    critical: tile("Critical", "open alerts that are to be looked at now"),
    warning: tile("Warning", "open alerts that are to be looked at during the day"),
    info: tile("Info", "open alerts that are worth knowing"),
    incidents: tile("Incidents", "alerts that have one cause are one incident"),
});

export class ListView {
    #ctx;
    #tiles = tilesOf();
    #watched = h("div", { class: "notices" });
    #timeline;
    #table;
    #silences;
    #count = h("span", { class: "small muted" });

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {() => void} again asks anew
     */
    constructor(root, ctx, again) {
        this.#ctx = ctx;
        this.#timeline = timeline(ctx);
        this.#table = incidentTable(ctx);
        this.#silences = silenceCard(again);
        const { params } = ctx;
        /** @param {Query} change */
        const filter = (change) => {
            ctx.set(change);
            again();
        };
        const detector = h("input", {
            type: "search",
            value: params.get("detector") ?? "",
            placeholder: "all",
            maxlength: 64,
            spellcheck: "false",
            onchange: () => filter({ detector: detector.value.trim() }),
        });
        const toolbar = h(
            "div",
            { class: "toolbar" },
            labelled(
                "State",
                select(
                    [
                        ["", "open and of late"],
                        ["open", "open"],
                    ],
                    params.get("state") ?? "",
                    (state) => filter({ state }),
                ),
            ),
            labelled(
                "Severity",
                select(LEAST, params.get("severity") ?? "", (severity) => filter({ severity })),
            ),
            labelled("Detector or family", detector),
            this.#count,
        );
        const feed = h("a", { href: "alerts.atom" }, "Atom feed");
        root.append(
            this.#watched,
            tileRow("Open alerts", this.#tiles),
            section("Incidents", toolbar, this.#table.el, h("p", { class: "small" }, feed)),
            this.#timeline.card,
            this.#silences.card,
        );
    }

    /** What is asked for. */
    query() {
        const { params } = this.#ctx;
        return {
            open: params.get("state") === "open" ? 1 : null,
            severity: params.get("severity"),
            detector: params.get("detector"),
            number: NUMBER,
        };
    }

    /** @param {Api["Alerts"]} data */
    set(data) {
        const { open, incidents } = data;
        const text = watchedText(data, this.#ctx);
        clear(this.#watched, text ? h("p", { class: `notice ${text.kind}` }, text.words) : null);
        for (const key of /** @type {const} */ (["critical", "warning", "info"])) {
            const n = open?.[key] ?? null;
            const kinds = { critical: "bad", warning: "warn", info: "" };
            this.#tiles[key].set(
                n === null ? "–" : f.count(n),
                n === null ? "not known here" : "open",
                n ? kinds[key] : "",
            );
        }
        const going = incidents.filter((one) => one.open).length;
        const whole = incidents.length + data.more;
        this.#tiles.incidents.set(f.count(whole), `${f.count(going)} open`);
        this.#count.textContent = data.more ? `the latest ${f.count(incidents.length)} of ${f.count(whole)}` : "";
        this.#table.set(incidents);
        this.#timeline.set(incidents);
        this.#silences.set(data);
    }
}

/** @param {Context} ctx */
function incidentTable(ctx) {
    return table({
        caption: "Incidents: those that are open first, then those that changed last",
        empty: "No incident.",
        rowKey: (/** @type {Incident} */ one) => one.id,
        rowClass: (one) => (one.open ? "" : "stale"),
        onRow: (one) => ctx.go("alerts", { id: one.id }),
        columns: [
            {
                key: "text",
                label: "What",
                value: (one) => one.text,
                class: "what",
                head: true,
                node: (one) => h("a", { href: ctx.href("alerts", { id: one.id }) }, untrusted(one.text, 140)),
            },
            {
                key: "severity",
                label: "Severity",
                value: (one) => rankOf(one.severity),
                text: (one) => one.severity,
                node: severityBadge,
            },
            { key: "state", label: "State", value: (one) => (one.open ? 0 : 1), node: stateBadge },
            {
                key: "nodes",
                label: "Nodes",
                value: (one) => one.nodes.map((name) => f.printable(name, 40)).join(", "),
            },
            ago("since", "Began", (one) => one.since),
            number("lasted", "Took", lasted, (s) => f.span(s), "until it was over, or until now"),
            {
                key: "detectors",
                label: "Detectors",
                value: (one) => one.detectors.map(detectorText).join(", "),
                class: "wrap",
            },
            number("alerts", "Alerts", (one) => one.alerts),
            { key: "decided", label: "Decided", value: (one) => decidedText(one) || "–", class: "wrap" },
        ],
    });
}
