// The tables of the addresses page: who sends, the last entries, and the address managers.

import { badge, clear, h, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

const right = { align: "right", sort: "desc" };

function number(key, label, title, value, text = f.count) {
    return { key, label, title, value, text: (row) => text(value(row)), ...right };
}

function nodeColumn(ctx) {
    return ctx.node
        ? []
        : [{ key: "node", label: "Node", value: (row) => row.node, text: (row) => f.printable(row.node, 30) }];
}

function peerColumn(ctx) {
    return {
        key: "id",
        label: "Peer",
        value: (row) => row.id,
        align: "right",
        node: (row) => h("a", { href: ctx.href("peer", { node: row.node, id: row.id }) }, String(row.id)),
    };
}

// Who sends how many.
export function senders(ctx) {
    return table({
        caption: "Peers by how many addresses they sent",
        empty: "No peer has sent addresses since this began.",
        sort: "-addresses",
        rowKey: (row) => `${row.node}/${row.id}`,
        columns: [
            ...nodeColumn(ctx),
            peerColumn(ctx),
            {
                key: "addr",
                label: "Address",
                value: (row) => row.addr,
                node: (row) => untrusted(row.addr, 46),
                class: "mono",
            },
            number("addresses", "Entries", "that it sent", (row) => row.addresses),
            number("messages", "Messages", "addr and addrv2 that it sent", (row) => row.messages),
            number(
                "each",
                "Each",
                "entries of a message, on average",
                (row) => (row.messages ? row.addresses / row.messages : null),
                (x) => (x === null ? "–" : String(Number(x.toFixed(1)))),
            ),
            number("self", "Itself", "how often it told its own address", (row) => row.self_announcements),
            number("limited", "Refused", "entries beyond the node's rate limit", (row) => row.rate_limited),
            {
                key: "last",
                label: "Last",
                value: (row) => f.millis(row.last),
                text: (row) => f.ago(row.last),
                hint: (row) => f.utc(row.last),
                sort: "desc",
            },
        ],
    });
}

// The last entries.
export function recent(ctx) {
    return table({
        caption: "The last entries, newest first",
        empty: "No entry has been seen: tracepoints tell of single addresses.",
        rowKey: (row) => `${row.node}/${row.time}/${row.id}/${row.addr}`,
        columns: [
            {
                key: "time",
                label: "Time",
                value: (row) => f.millis(row.time),
                text: (row) => f.clock(row.time, true),
                hint: (row) => f.utc(row.time),
                sort: "desc",
            },
            ...nodeColumn(ctx),
            peerColumn(ctx),
            {
                key: "direction",
                label: "<->",
                title: "in: the peer sent it",
                value: (row) => row.direction,
                text: (row) => (row.direction === "inbound" ? "in" : "out"),
            },
            {
                key: "addr",
                label: "Entry",
                value: (row) => row.addr,
                class: "mono",
                node: (row) =>
                    h(
                        "span",
                        {},
                        untrusted(row.addr, 70),
                        row.self ? [" ", badge("itself", "info", "the peer's own address")] : null,
                    ),
            },
            { key: "network", label: "Network", value: (row) => row.network, text: (row) => f.network(row.network) },
            {
                key: "seen",
                label: "Seen",
                title: "when somebody is said to have been connected to it",
                value: (row) => f.millis(row.timestamp),
                text: (row) => f.ago(row.timestamp),
                hint: (row) => f.utc(row.timestamp),
                sort: "desc",
            },
            {
                key: "services",
                label: "Services",
                value: (row) => row.services.join(" "),
                text: (row) => f.printable(row.services.join(" "), 60),
                class: "small",
            },
        ],
    });
}

const CHANGES = [
    ["added_to_new", "added to new"],
    ["moved_to_tried", "moved to tried"],
    ["collision", "collisions"],
    ["replaced_in_tried", "replaced in tried"],
    ["removed_from_new", "removed from new"],
    ["moved_to_new", "moved back to new"],
];

// The address managers: {el, set(nodes)}.
export function managers(ctx) {
    const networks = table({
        caption: "Addresses that the nodes know, by network",
        empty: "Not known: the RPC extractor tells it (getaddrmaninfo, Bitcoin Core 26 and later).",
        sort: "node",
        rowKey: (row) => `${row.node}/${row.network}`,
        columns: [
            ...nodeColumn(ctx),
            {
                key: "network",
                label: "Network",
                value: (row) => row.network,
                text: (row) => f.network(row.network),
                head: true,
            },
            number("new", "New", "somebody told of them", (row) => row.new),
            number("tried", "Tried", "the node was connected to them", (row) => row.tried),
            number("total", "Total", "", (row) => row.total),
        ],
    });
    const more = h("dl", { class: "facts" });
    return {
        el: h("div", {}, networks.el, more),
        set(nodes) {
            networks.set(
                nodes.flatMap((n) => n.networks.filter((of) => of.total > 0).map((of) => ({ ...of, node: n.node }))),
            );
            clear(
                more,
                nodes.map((n) => {
                    const changes = CHANGES.filter(([key]) => n.changes?.[key]).map(
                        ([key, text]) => `${f.count(n.changes[key])} ${text}`,
                    );
                    const ages = (n.entries?.ages ?? [])
                        .filter((age) => age.new + age.tried > 0)
                        .map((age) => `${age.bucket}: ${f.count(age.new + age.tried)}`);
                    const sources = (n.entries?.sources ?? [])
                        .slice(0, 5)
                        .map((s) => `${f.printable(s.group, 40)} (${f.count(s.entries)})`);
                    const facts = [
                        changes.length
                            ? `Changes: ${changes.join(", ")}.`
                            : "No changes told (debug.log, category addrman).",
                        n.entries
                            ? `Entries: ${f.count(n.entries.new)} new, ${f.count(n.entries.tried)} tried` +
                              (n.entries.as ? `, in ${f.count(n.entries.as)} autonomous systems.` : ".")
                            : "",
                        ages.length ? `Last seen: ${ages.join(", ")}.` : "",
                        sources.length ? `Told of by: ${sources.join(", ")}.` : "",
                    ];
                    return [h("dt", {}, untrusted(n.node, 30)), h("dd", {}, facts.filter(Boolean).join(" "))];
                }),
            );
        },
    };
}
