// The peers as `bitcoin-cli -netinfo 4` lists them, with what else is seen of them: filtered, sorted, columns chosen,
// and those that closed.

import { clear, h, section, setText, uid } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { table } from "../lib/table.js";
import { columns, standard } from "./peers/columns.js";
import { HELP, parse, withKeys } from "./peers/filter.js";
import { key, order } from "./peers/netinfo.js";
import { summary } from "./peers/summary.js";

export const title = "Peers";
export const css = "views/peers.css";

const EVERY = 2000;
const TYPING = 300;

export function mount(root, ctx) {
    const all = columns(ctx);
    const names = new Set(all.map((c) => c.key));
    let closed = ctx.params.get("closed") === "1";
    let sort = ctx.params.get("sort") ?? "";
    let source = ctx.params.get("filter") ?? "";
    let filter = parse(source);
    let peers = null;
    let timer = null;
    let list = null;

    const errorId = uid("filter-error");
    const input = h("input", {
        type: "search",
        class: "filter",
        value: source,
        placeholder: "net:onion type:inbound ping>0.5 spy",
        spellcheck: "false",
        autocomplete: "off",
        autocapitalize: "off",
        "aria-describedby": errorId,
        oninput: typed,
    });
    const error = h("p", { id: errorId, class: "bad small filter-error", role: "status" });
    const shownCount = h("span", { class: "muted small shown" });
    const said = h("span", { class: "visually-hidden", role: "status" });
    const closedBox = h("input", {
        type: "checkbox",
        checked: closed,
        onchange: () => {
            closed = closedBox.checked;
            ctx.set({ closed: closed ? 1 : null });
            build();
            asked.refresh();
        },
    });
    const chooser = h("fieldset", { class: "panel columns", hidden: true });
    const help = helpPanel();
    const unknown = h("div", { class: "notices" });
    const place = h("div", { class: "peers-table" });
    const counts = summary((keys) => {
        input.value = withKeys(input.value, keys);
        typed();
    });

    root.append(
        section("By type and network", counts.el),
        h(
            "section",
            { class: "card", "aria-label": "List of peers" },
            h(
                "div",
                { class: "toolbar" },
                h("label", { class: "field grow" }, h("span", { class: "field-label" }, "Filter"), input),
                toggle("Filter help", help),
                toggle("Columns", chooser),
                h("label", { class: "check" }, closedBox, "Closed in the last 10 minutes"),
                shownCount,
            ),
            error,
            said,
            help,
            chooser,
            unknown,
            place,
        ),
    );

    function chosen() {
        const given = (ctx.params.get("columns") ?? "").split(",").filter((k) => names.has(k));
        return given.length ? given : usual();
    }

    function usual() {
        return standard(all, {
            manyNodes: !ctx.node && ctx.info.nodes.length !== 1,
            closed,
            asmap: ctx.info.asmap || (peers ?? []).some((p) => p.as !== null && p.as !== undefined),
        });
    }

    // Other columns mean another table; where it was scrolled to stays.
    let built = "";

    function build() {
        const keys = new Set(chosen());
        const now = all.filter((c) => keys.has(c.key));
        const state = now.map((c) => c.key).join();
        if (state === built) return;
        built = state;
        const from = list ? [list.el.scrollLeft, list.el.scrollTop] : [0, 0];
        list = table({
            caption: "Peers",
            get empty() {
                if (peers === null) return "Asking for the peers…";
                return peers.length ? "No peer fits the filter." : nobody(ctx);
            },
            columns: now,
            rowKey: key,
            rowClass: (p) => (p.closed ? "gone" : ""),
            sort,
            onSort: (next) => {
                sort = next;
                ctx.set({ sort });
            },
            onRow: (p) => ctx.go("peer", { node: p.node, id: p.id }),
        });
        clear(place, list.el);
        show();
        [list.el.scrollLeft, list.el.scrollTop] = from;
        drawChooser(new Set(state.split(",")));
    }

    function show() {
        if (peers === null) return;
        const rows = filter.any ? peers.filter(filter.test) : peers;
        list.set(rows);
        const gone = peers.filter((p) => p.closed).length;
        const text = filter.any
            ? `${f.count(rows.length)} of ${f.count(peers.length)} peers`
            : `${f.count(peers.length)} peers`;
        setText(shownCount, gone ? `${text}, ${f.count(gone)} of them closed` : text);
        return text;
    }

    function typed() {
        window.clearTimeout(timer);
        source = input.value;
        filter = parse(source);
        setText(error, filter.error ?? "");
        input.setAttribute("aria-invalid", String(Boolean(filter.error)));
        const text = show();
        timer = window.setTimeout(() => {
            ctx.set({ filter: source.trim() || null });
            setText(said, text);
        }, TYPING);
    }

    function drawChooser(keys) {
        const held = chooser.contains(document.activeElement) ? document.activeElement.dataset.key : null;
        const box = (c) =>
            h(
                "label",
                { class: "check", title: c.title },
                h("input", {
                    type: "checkbox",
                    checked: keys.has(c.key),
                    dataset: { key: c.key },
                    onchange: (event) => choose(c.key, event.target.checked),
                }),
                c.label,
            );
        const preset = (label, list_) =>
            h(
                "button",
                { type: "button", class: "button", dataset: { key: `preset ${label}` }, onclick: () => set(list_) },
                label,
            );
        clear(
            chooser,
            h("legend", { class: "visually-hidden" }, "Columns"),
            h(
                "div",
                { class: "presets" },
                preset("Usual", null),
                preset(
                    "As -netinfo",
                    all.filter((c) => c.group === "netinfo").map((c) => c.key),
                ),
                preset(
                    "All",
                    all.map((c) => c.key),
                ),
            ),
            [
                ["netinfo", "Of -netinfo"],
                ["ours", "More"],
            ].map(([group, label]) =>
                h(
                    "div",
                    { role: "group", "aria-label": label },
                    h("h3", {}, label),
                    h("div", { class: "boxes" }, all.filter((c) => c.group === group).map(box)),
                ),
            ),
        );
        if (held) chooser.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
    }

    function choose(name, on) {
        const keys = new Set(chosen());
        if (on) keys.add(name);
        else if (keys.size > 1) keys.delete(name);
        set(all.filter((c) => keys.has(c.key)).map((c) => c.key));
    }

    function set(keys) {
        const same = keys === null || keys.join() === usual().join();
        ctx.set({ columns: same ? null : keys.join() });
        // A box that may not be cleared shows that it was not.
        built = "";
        build();
    }

    build();
    const asked = ctx.api(
        "api/peers",
        () => ({ closed: closed ? 1 : null }),
        EVERY,
        (data) => {
            peers = [...data].sort(order);
            counts.set(peers);
            build();
            show();
            const unsaid = missing(ctx, peers);
            if (unsaid?.length || unknown.firstChild) clear(unknown, unsaid);
        },
    );
    if (source) typed();
    ctx.onTheme(show);

    return () => window.clearTimeout(timer);
}

function toggle(label, panel) {
    const id = uid("panel");
    panel.id = id;
    const button = h(
        "button",
        {
            type: "button",
            class: "button",
            "aria-expanded": "false",
            "aria-controls": id,
            onclick: () => {
                panel.hidden = !panel.hidden;
                button.setAttribute("aria-expanded", String(!panel.hidden));
            },
        },
        label,
    );
    return button;
}

function helpPanel() {
    const keys = (rows) =>
        h(
            "dl",
            { class: "facts keys" },
            rows.map(([name, text]) => [h("dt", { class: "mono" }, name), h("dd", {}, text)]),
        );
    const example = (text) => h("code", {}, text);
    return h(
        "div",
        { class: "panel help", hidden: true },
        h(
            "p",
            {},
            "Words stand side by side and all must hold. ",
            example("net:onion,i2p"),
            " means either; ",
            example("-v:1"),
            " means not; ",
            example("as:?"),
            " means not known. Numbers take ",
            example(">"),
            " ",
            example("<"),
            " ",
            example(">="),
            " ",
            example("<="),
            " ",
            example(":"),
            " and units: ",
            example("ping>500ms"),
            " (seconds without one), ",
            example("age<10min"),
            ", ",
            example("bytesin>1MB"),
            ". A mark stands alone: ",
            example("spy"),
            ", ",
            example("-misbehaving"),
            ". Any other word is looked for in the address, the user agent, sets, marks and permissions; ",
            "in quotes it may have spaces.",
        ),
        h(
            "div",
            { class: "split" },
            h("div", {}, h("h3", {}, "Words"), keys(HELP.words)),
            h("div", {}, h("h3", {}, "Numbers"), keys(HELP.numbers)),
        ),
    );
}

function nobody(ctx) {
    const s = ctx.info.sources;
    if (!s.ebpf && !s.rpc && !s.log) {
        return (
            "No peer is known: none of the sources that tell of peers runs " +
            "(tracepoints, RPC, debug.log). See Health."
        );
    }
    return `${ctx.node ? `${f.printable(ctx.node, 40)} has` : "The nodes have"} no peers now.`;
}

// What is not known of all of them, and what would show it.
function missing(ctx, peers) {
    const open = peers.filter((p) => !p.closed);
    if (!open.length) return null;
    const without = (of) => open.every((p) => of(p) === null || of(p) === undefined);
    return [
        without((p) => p.messages_received)
            ? h(
                  "p",
                  { class: "notice" },
                  "Messages, their rates and addresses are not known: ",
                  ctx.info.sources.ebpf
                      ? "the tracepoints have told of no message yet."
                      : "the tracepoint extractor does not run. See the manual, tracepoints.",
              )
            : null,
        without((p) => p.synced_blocks) && without((p) => p.bytes_sent)
            ? h(
                  "p",
                  { class: "notice" },
                  "Pings, services and times are known in part only: they are in getpeerinfo, ",
                  ctx.info.sources.rpc
                      ? "which has not told of these peers yet."
                      : "and the RPC extractor does not run. See the manual, RPC.",
              )
            : null,
    ].filter(Boolean);
}
