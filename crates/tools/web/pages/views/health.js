// Health: what is wrong and what to do about it first, then where events come from, where they were lost, and who reads them.

import { badge, clear, h, section, setText, tile } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { table } from "../lib/table.js";

export const title = "Health";
export const css = "views/health.css";

export function mount(root, ctx) {
    const verdict = h("div", { class: "verdict" });
    const tiles = {
        sources: tile("Sources"),
        lost: tile("Lost", "events that were dropped, over all stages"),
        gaps: tile("Gaps", "holes in the sequence numbers of a run"),
        queue: tile("Fullest queue"),
        clients: tile("Browsers", "clients of the live feed"),
    };
    const sources = table({
        caption: "Sources by node",
        empty: "No source has been heard of. An extractor that runs tells of itself every few seconds.",
        sort: "node",
        rowKey: (s) => `${s.node}/${s.extractor}`,
        columns: [
            { key: "node", label: "Node", value: (s) => s.node, head: true },
            { key: "extractor", label: "Source", value: (s) => s.extractor },
            {
                key: "up",
                label: "State",
                value: (s) => (s.up ? 1 : 0),
                text: (s) => (s.up ? "up" : state(s)),
                node: stateBadge,
            },
            {
                key: "last",
                label: "Last event",
                value: (s) => f.millis(s.last_event),
                text: (s) => f.ago(s.last_event),
                hint: (s) => f.utc(s.last_event),
                align: "right",
                sort: "desc",
            },
            {
                key: "status",
                label: "Last report",
                title: "when the extractor last told of itself",
                align: "right",
                sort: "desc",
                value: (s) => f.millis(s.last_status),
                text: (s) => f.ago(s.last_status),
                hint: (s) => f.utc(s.last_status),
            },
            {
                key: "started",
                label: "Runs since",
                value: (s) => f.millis(s.started),
                text: (s) => f.dateTime(s.started),
                hint: (s) => f.utc(s.started),
                align: "right",
            },
            {
                key: "dropped",
                label: "Dropped",
                value: (s) => total(s.dropped),
                text: (s) => f.count(total(s.dropped)),
                hint: (s) => reasons(s.dropped),
                align: "right",
                sort: "desc",
            },
            {
                key: "counters",
                label: "Counters",
                value: (s) => counters(s.counters),
                class: "wrap small",
                sort: false,
            },
        ],
    });
    const stages = table({
        caption: "Lost events by stage and reason",
        empty: "Nothing was lost at any stage.",
        sort: "-count",
        rowKey: (s) => `${s.stage}/${s.reason}`,
        columns: [
            { key: "stage", label: "Stage", value: (s) => s.stage, head: true },
            { key: "reason", label: "Reason", value: (s) => s.reason },
            {
                key: "count",
                label: "Events",
                value: (s) => s.count,
                text: (s) => f.count(s.count),
                align: "right",
                sort: "desc",
            },
        ],
    });
    const gaps = table({
        caption: "Gaps, newest first",
        empty: "No gap: the sequence numbers of every run are complete.",
        sort: "-time",
        rowKey: (g) => `${g.node}/${g.run}/${g.source}/${g.from}/${g.time}`,
        columns: [
            {
                key: "time",
                label: "Seen",
                value: (g) => f.millis(g.time),
                text: (g) => f.clock(g.time),
                hint: (g) => f.utc(g.time),
                sort: "desc",
            },
            { key: "node", label: "Node", value: (g) => g.node },
            { key: "source", label: "Source", value: (g) => g.source },
            {
                key: "missing",
                label: "Missing",
                value: (g) => g.missing,
                text: (g) => f.count(g.missing),
                align: "right",
                sort: "desc",
            },
            {
                key: "from",
                label: "Between",
                value: (g) => g.from,
                text: between,
                class: "mono",
                hint: (g) => `run ${g.run}`,
            },
        ],
    });
    const queues = h("ul", { class: "queues" });
    const clients = table({
        caption: "Clients of the live feed",
        empty: "No browser or program reads the live feed.",
        sort: "-dropped",
        rowKey: (c) => String(c.id),
        columns: [
            { key: "id", label: "Client", value: (c) => c.id, text: (c) => f.printable(c.id, 30), head: true },
            {
                key: "kind",
                label: "By",
                value: (c) => c.kind,
                text: (c) => ({ ws: "WebSocket", sse: "server-sent events" })[c.kind] ?? c.kind,
            },
            {
                key: "since",
                label: "Since",
                value: (c) => f.millis(c.since),
                text: (c) => f.ago(c.since),
                hint: (c) => f.utc(c.since),
                align: "right",
            },
            {
                key: "sent",
                label: "Sent",
                value: (c) => c.sent,
                text: (c) => f.count(c.sent),
                align: "right",
                sort: "desc",
            },
            {
                key: "waiting",
                label: "Waiting",
                value: (c) => c.waiting,
                text: (c) => f.count(c.waiting),
                align: "right",
                sort: "desc",
            },
            {
                key: "dropped",
                label: "Missed",
                title: "events that this client was too slow for",
                value: (c) => c.dropped,
                text: (c) => f.count(c.dropped),
                align: "right",
                sort: "desc",
            },
        ],
    });
    const clientCard = section("Live feed", clients.el);

    root.append(
        verdict,
        h(
            "section",
            { class: "tiles", "aria-label": "Summary" },
            Object.values(tiles).map((t) => t.el),
        ),
        section("Sources", sources.el),
        h("div", { class: "split" }, section("Lost, by stage and reason", stages.el), section("Queues", queues)),
        h("div", { class: "split" }, section("Gaps", gaps.el), clientCard),
    );

    ctx.api("api/losses", {}, 2000, (data) => {
        const list = data.sources ?? [];
        const lost = (data.stages ?? []).filter((s) => s.count > 0);
        verdictOf(verdict, data, list, lost);
        const down = list.filter((s) => !s.up);
        tiles.sources.set(
            `${list.length - down.length} of ${list.length}`,
            down.length ? "see below" : "all up",
            down.length ? "bad" : "",
        );
        const n = total(lost);
        tiles.lost.set(
            f.count(n),
            n ? `${lost.length} ${lost.length === 1 ? "reason" : "reasons"}` : "nothing",
            n ? "warn" : "",
        );
        const missing = (data.gaps ?? []).reduce((m, g) => m + (g.missing ?? 0), 0);
        tiles.gaps.set(
            f.count((data.gaps ?? []).length),
            missing ? `${f.count(missing)} events missing` : "none",
            missing ? "warn" : "",
        );
        const fullest = [...(data.queues ?? [])].sort((a, b) => share(b) - share(a))[0];
        tiles.queue.set(
            fullest ? f.percent(share(fullest)) : "–",
            fullest ? f.printable(fullest.name, 30) : "",
            fullest && share(fullest) > 0.5 ? "warn" : "",
        );
        tiles.clients.set(f.count((data.clients ?? []).length), "");
        sources.set(list);
        stages.set(lost);
        gaps.set(data.gaps ?? []);
        showQueues(queues, data.queues ?? []);
        clients.set(data.clients ?? []);
        clientCard.hidden = !data.clients;
    });
}

const total = (list) => (list ?? []).reduce((n, d) => n + (d.count ?? 0), 0);
const share = (q) => (q.capacity > 0 ? (q.waiting ?? 0) / q.capacity : 0);
const state = (s) => (s.ended ? "ended" : "down");

function stateBadge(s) {
    return s.up ? badge("up", "good") : badge(state(s), "bad");
}

function reasons(dropped) {
    return (dropped ?? [])
        .filter((d) => d.count > 0)
        .map((d) => `${d.stage}, ${d.reason}: ${f.count(d.count)}`)
        .join("\n");
}

function counters(list) {
    return (list ?? [])
        .filter((c) => c.value)
        .map((c) => `${c.name}${c.label ? ` ${c.label}` : ""} ${f.count(c.value)}`)
        .join(", ");
}

function between(g) {
    return g.from === null || g.from === undefined ? "–" : `${f.count(g.from)} … ${f.count(g.to)}`;
}

function verdictOf(el, data, sources, lost) {
    const advice = data.advice ?? [];
    if (advice.length) {
        clear(
            el,
            h(
                "ul",
                { class: "advice" },
                advice.map((a) => {
                    const error = a.severity === "error";
                    return h(
                        "li",
                        { class: `notice ${error ? "bad" : "warn"}` },
                        badge(error ? "error" : "warning", error ? "bad" : "warn"),
                        " ",
                        h("strong", {}, f.printable(a.what, 400)),
                        a.do ? h("p", {}, f.printable(a.do, 600)) : null,
                    );
                }),
            ),
        );
        return;
    }
    const gaps = (data.gaps ?? []).length;
    if (!sources.length) {
        clear(
            el,
            h(
                "p",
                { class: "notice warn" },
                h("strong", {}, "No source has been heard of yet. "),
                "Either no extractor runs, or none reaches this server.",
            ),
        );
    } else if (!lost.length && !gaps && sources.every((s) => s.up)) {
        clear(
            el,
            h(
                "p",
                { class: "notice good" },
                h("strong", {}, "Everything is fine. "),
                `${sources.length === 1 ? "The one source is" : `All ${sources.length} sources are`} up, nothing was lost, `,
                "and no queue is filling up.",
            ),
        );
    } else {
        clear(
            el,
            h(
                "p",
                { class: "notice" },
                h("strong", {}, "Nothing to do. "),
                "What was lost or has ended is below; it asks for no action.",
            ),
        );
    }
}

function showQueues(el, queues) {
    while (el.children.length > queues.length) el.lastChild.remove();
    if (!queues.length) {
        clear(el, h("li", { class: "empty" }, "No queue is known."));
        return;
    }
    if (el.firstChild?.classList.contains("empty")) clear(el);
    const sorted = [...queues].sort((a, b) => share(b) - share(a) || String(a.name).localeCompare(String(b.name)));
    sorted.forEach((q, i) => {
        let li = el.children[i];
        if (!li) {
            li = h(
                "li",
                {},
                h("span", { class: "queue-name" }),
                h("meter", { min: 0, max: 1, low: 0.5, high: 0.8, optimum: 0 }),
                h("span", { class: "num" }),
            );
            el.append(li);
        }
        const [name, meter, text] = li.children;
        setText(name, f.printable(q.name, 60));
        meter.value = share(q);
        meter.setAttribute("aria-label", `${f.printable(q.name, 60)}: how full`);
        setText(text, `${f.count(q.waiting)} of ${f.count(q.capacity)}`);
    });
}
