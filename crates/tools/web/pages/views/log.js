// debug.log as it grows: lines with level and category, filters, rates by category, and when the node limits its own log.

import { badge, clear, h, labelled, section, select, setText } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { table } from "../lib/table.js";
import { levels, lineOf, passes } from "./log/line.js";
import { list } from "./log/list.js";

export const title = "Log";
export const css = "views/log.css";

const SEED = 1000;
const LEVELS = [
    ["", "All levels"],
    ["debug", "debug and up"],
    ["info", "info and up"],
    ["warning", "warning and up"],
    ["error", "error"],
];

export function mount(root, ctx) {
    const filter = {
        level: levels.includes(ctx.params.get("level")) ? ctx.params.get("level") : "",
        category: ctx.params.get("category") ?? "",
        text: (ctx.params.get("text") ?? "").toLowerCase(),
        unknown: ctx.params.get("unknown") === "1",
    };
    const lines = list(!ctx.node);
    // Lines that came while the server was asked for those before.
    let early = [];
    let seeding = true;
    const categories = new Set(filter.category ? [filter.category] : []);

    const category = select([["", "All categories"]], "", (value) => change({ category: value }));
    const text = h("input", {
        type: "search",
        value: ctx.params.get("text") ?? "",
        placeholder: "e.g. peer=5",
        oninput: typed,
    });
    const unknown = h("input", {
        type: "checkbox",
        checked: filter.unknown,
        onchange: () => change({ unknown: unknown.checked }),
    });
    const note = h("span", { class: "muted small log-note", role: "status" });
    const suppressing = h("div", { class: "notices" });
    let timer = null;
    let connected = false;

    const counts = table({
        caption: "Lines by category and level",
        empty: "No line has been seen yet.",
        sort: "-rate",
        rowKey: (c) => `${c.category}/${c.level}`,
        onRow: (c) => change({ category: c.category }),
        columns: [
            { key: "category", label: "Category", value: (c) => c.category, head: true },
            { key: "level", label: "Level", value: (c) => c.level },
            {
                key: "rate",
                label: "Rate",
                value: (c) => c.rate,
                text: (c) => f.rate(c.rate),
                align: "right",
                sort: "desc",
            },
            {
                key: "count",
                label: "Lines",
                value: (c) => c.count,
                text: (c) => f.count(c.count),
                align: "right",
                sort: "desc",
                hint: (c) => f.bytes(c.bytes),
            },
        ],
    });
    const unknownTotal = h("p", { class: "small muted" });
    const limits = h("ul", { class: "limits" });
    const switches = h("div", { class: "switches" });
    const main = h(
        "section",
        { class: "card log-main", "aria-label": "Lines" },
        h(
            "div",
            { class: "toolbar" },
            labelled(
                "Level",
                select(LEVELS, filter.level, (value) => change({ level: value })),
            ),
            labelled("Category", category),
            labelled("Text", text),
            h("label", { class: "check" }, unknown, "unknown lines only"),
            note,
        ),
        lines.el,
    );
    root.append(
        suppressing,
        h(
            "div",
            { class: "log-layout" },
            main,
            h(
                "div",
                { class: "log-side" },
                section("Rates", counts.el, unknownTotal),
                section("Rate limits", limits),
                section("Categories that are on", switches),
            ),
        ),
    );

    function typed() {
        window.clearTimeout(timer);
        timer = window.setTimeout(() => change({ text: text.value.trim() }), 250);
    }

    // Another filter: what the server kept is asked for anew, so that rare lines are found too.
    function change(next) {
        Object.assign(filter, next);
        ctx.set({
            level: filter.level,
            category: filter.category,
            text: filter.text,
            unknown: filter.unknown ? "1" : null,
        });
        filter.text = filter.text.toLowerCase();
        category.value = filter.category;
        seeding = true;
        early = [];
        seed.refresh();
    }

    function asked() {
        return { limit: SEED, category: filter.category, text: filter.text, unknown: filter.unknown ? 1 : "" };
    }

    function known(names) {
        const before = categories.size;
        for (const name of names) if (categories.size < 100) categories.add(name);
        if (categories.size === before && category.options.length > 1) return;
        const all = [...categories].sort();
        clear(
            category,
            h("option", { value: "" }, "All categories"),
            all.map((c) => h("option", { value: c }, f.printable(c, 30))),
        );
        category.value = filter.category;
    }

    const seed = ctx.api("api/log", asked, 0, (data) => {
        const seeded = (data.lines ?? []).filter((line) => passes(line, filter)).reverse();
        // What came live meanwhile and is newer than the server's answer follows it.
        const newest = new Map();
        for (const line of data.lines ?? []) {
            if (!newest.has(line.node) || newest.get(line.node) < line.time) newest.set(line.node, line.time);
        }
        const later = early.filter((line) => !(line.time <= (newest.get(line.node) ?? "")));
        early = [];
        seeding = false;
        lines.seed([...seeded, ...later]);
        described();
        known((data.counts ?? []).map((c) => c.category));
    });

    const live = ctx.events(
        { kind: ["log"] },
        (event) => {
            if (event.source !== "log") return;
            const line = lineOf(event);
            if (!passes(line, filter)) return;
            if (seeding) {
                early.push(line);
                if (early.length > SEED) early.shift();
            } else {
                lines.add(line);
            }
        },
        {
            form: "full",
            onDropped: (n) => setText(note, `This page was too slow for ${f.count(n)} lines.`),
            onState: (open) => {
                // Lines of the time without a connection are fetched.
                if (open && connected) change({});
                if (open) connected = true;
            },
        },
    );
    function described() {
        const any = filter.level || filter.category || filter.text || filter.unknown;
        const runs = ctx.info.sources?.log;
        lines.empty(
            any
                ? "No line that is still kept fits the filter; new ones appear as they come."
                : runs === false
                  ? "The log extractor does not run: nothing reads debug.log. See the manual, debug.log."
                  : "No line yet: they appear as the node writes them.",
        );
    }

    ctx.api("api/log", { limit: 1 }, 3000, (data) => {
        const list_ = (data.counts ?? []).filter((c) => c.count > 0);
        counts.set(list_);
        known(list_.map((c) => c.category));
        const total = list_.reduce((n, c) => n + c.count, 0);
        setText(
            unknownTotal,
            `${f.count(data.unknown)} of ${f.count(total)} lines are of a kind that peer-observer does not know.`,
        );
        clear(
            suppressing,
            data.suppressing
                ? h(
                      "p",
                      { class: "notice bad" },
                      h("strong", {}, "The node limits its log. "),
                      "Lines are missing from debug.log itself: something makes it write far too much.",
                  )
                : null,
        );
        showLimits(limits, data.rate_limits ?? []);
        showSwitches(switches, data.categories ?? []);
    });
    described();

    return () => {
        window.clearTimeout(timer);
        live.stop();
        lines.stop();
    };
}

function showLimits(el, limits) {
    if (!limits.length) {
        clear(el, h("li", { class: "muted" }, "The node has not limited its log."));
        return;
    }
    clear(
        el,
        limits
            .slice(0, 30)
            .map((l) =>
                h(
                    "li",
                    {},
                    badge(l.begins ? "begins" : "ends", l.begins ? "warn" : "good"),
                    " ",
                    h("time", { title: f.utc(l.time) }, f.clock(l.time)),
                    " ",
                    h("span", { class: "muted" }, f.printable(l.node, 24)),
                    " ",
                    h("span", { class: "mono" }, f.printable(l.location ?? "", 80)),
                    " ",
                    f.printable(l.function ?? "", 80),
                    l.bytes ? h("span", { class: "muted" }, ` ${f.bytes(l.bytes)} left out`) : null,
                ),
            ),
    );
}

function showSwitches(el, categories) {
    const nodes = new Map();
    for (const c of categories) {
        if (!nodes.has(c.node)) nodes.set(c.node, []);
        if (c.on) nodes.get(c.node).push(c.category);
    }
    if (!nodes.size) {
        clear(el, h("p", { class: "muted" }, "Not known: the RPC extractor tells which categories a node writes."));
        return;
    }
    clear(
        el,
        [...nodes].map(([node, on]) =>
            h(
                "div",
                {},
                h("h3", {}, f.printable(node, 40)),
                h(
                    "p",
                    { class: "badges" },
                    on.length ? on.map((c) => badge(f.printable(c, 30))) : h("span", { class: "muted" }, "none"),
                ),
            ),
        ),
    );
}
