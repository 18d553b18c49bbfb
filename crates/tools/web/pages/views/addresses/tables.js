// @ts-check
// The tables of the addresses page: who sends, the last entries, and the address managers.

import { needs } from "../../lib/absent.js";
import { ago, clock, decimal, nodeColumn, number, peerColumn } from "../../lib/columns.js";
import { badge, clear, h, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** @import { Context } from "../../lib/context.js" */

/**
 * Who sends how many.
 * @param {Context} ctx
 */
export function senders(ctx) {
    return table({
        caption: "Peers by how many addresses they sent",
        empty: "No peer has sent addresses since this began.",
        sort: "-addresses",
        rowKey: (/** @type {Api["AddressSender"]} */ row) => `${row.node}/${row.id}`,
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
            number("addresses", "Entries", (row) => row.addresses, f.count, "that it sent"),
            number(
                "messages",
                "Messages",
                (row) => row.messages,
                f.count,
                "addr and addrv2 that it sent",
                "tracepoints",
            ),
            number(
                "each",
                "Each",
                (row) => (row.messages ? row.addresses / row.messages : null),
                decimal,
                "entries of a message, on average",
                "tracepoints",
            ),
            number(
                "self",
                "Itself",
                (row) => row.self_announcements,
                f.count,
                "how often it sent its own address",
                "tracepoints",
            ),
            number(
                "limited",
                "Refused",
                (row) => row.rate_limited,
                f.count,
                "entries beyond the node's rate limit",
                "rpc",
            ),
            ago("last", "Last", (row) => row.last),
        ],
    });
}

/**
 * The last entries.
 * @param {Context} ctx
 */
export function recent(ctx) {
    return table({
        caption: "The last entries, newest first",
        empty: "No entry has been seen: tracepoints report single addresses.",
        rowKey: (/** @type {Api["AddressRecent"]} */ row) => `${row.node}/${row.time}/${row.id}/${row.addr}`,
        columns: [
            clock("time", "Time", (row) => row.time, true),
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
            {
                key: "network",
                label: "Network",
                value: (row) => row.network,
                text: (row) => f.network(row.network),
            },
            ago("seen", "Seen", (row) => row.timestamp, "when somebody was connected to it, by the entry"),
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

/**
 * The address managers.
 * @param {Context} ctx
 */
export function managers(ctx) {
    const networks = table({
        caption: "Addresses that the nodes know, by network",
        empty: "Not known here: that needs RPC (getaddrmaninfo, Bitcoin Core 26 and later).",
        sort: "node",
        rowKey: (/** @type {Api["AddrmanNetwork"] & {node: string}} */ row) => `${row.node}/${row.network}`,
        columns: [
            ...nodeColumn(ctx),
            {
                key: "network",
                label: "Network",
                value: (row) => row.network,
                text: (row) => f.network(row.network),
                head: true,
            },
            number("new", "New", (row) => row.new, f.count, "somebody announced them"),
            number("tried", "Tried", (row) => row.tried, f.count, "the node was connected to them"),
            number("total", "Total", (row) => row.total),
        ],
    });
    const more = h("dl", { class: "facts" });
    return {
        el: h("div", {}, networks.el, more),
        /** @param {Api["AddrmanNode"][]} nodes */
        set(nodes) {
            networks.set(
                nodes.flatMap((n) => n.networks.filter((of) => of.total > 0).map((of) => ({ ...of, node: n.node }))),
            );
            clear(
                more,
                nodes.map((n) => [h("dt", {}, untrusted(n.node, 30)), h("dd", {}, inWords(n))]),
            );
        },
    };
}

/**
 * What changed in an address manager, and what is in it.
 * @param {Api["AddrmanNode"]} node
 */
function inWords({ changes, entries, networks_time: asked }) {
    const facts = [asked ? `Counted by network ${f.ago(asked)}.` : "", changesInWords(changes ?? null)].filter(Boolean);
    if (entries) {
        const where = entries.as ? `, in ${f.count(entries.as)} autonomous systems.` : ".";
        const listed = `Listed one by one ${f.ago(entries.time)}: ${f.count(entries.new)} new`;
        facts.push(`${listed} and ${f.count(entries.tried)} tried at that time${where}`);
        const ages = entries.ages
            .filter((age) => age.new + age.tried > 0)
            .map((age) => `${age.bucket}: ${f.count(age.new + age.tried)}`);
        if (ages.length) facts.push(`Last seen: ${ages.join(", ")}.`);
        const sources = entries.sources.slice(0, 5).map((s) => `${f.printable(s.group, 40)} (${f.count(s.entries)})`);
        if (sources.length) facts.push(`Announced by: ${sources.join(", ")}.`);
    }
    return facts.join(" ");
}

/** @param {Record<string, number> | null} changes */
function changesInWords(changes) {
    if (changes === null) return `Changes: ${needs("addrman")}.`;
    const list = CHANGES.filter(([key]) => changes[key]).map(([key, text]) => `${f.count(changes[key])} ${text}`);
    return list.length ? `Changes: ${list.join(", ")}.` : "It has not changed since this began.";
}
