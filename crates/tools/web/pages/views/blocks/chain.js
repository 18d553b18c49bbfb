// Tips of the nodes' chains, forks, and blocks that went wrong.

import { badge, clear, h, section, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

// {el, set(api/chain)}.
export function chain(ctx) {
    const tips = table({
        caption: "Tips by node",
        empty: "No tip is known: debug.log and the RPC extractor (getblockchaininfo) tell of them.",
        sort: "node",
        rowKey: (n) => n.node,
        columns: [
            { key: "node", label: "Node", value: (n) => n.node, text: (n) => f.printable(n.node, 40), head: true },
            {
                key: "height",
                label: "Height",
                value: (n) => n.height,
                text: (n) => f.count(n.height),
                align: "right",
                sort: "desc",
            },
            {
                key: "headers",
                label: "Headers",
                value: (n) => n.headers,
                text: (n) => f.count(n.headers),
                align: "right",
                sort: "desc",
            },
            {
                key: "best",
                label: "Tip",
                value: (n) => n.best_block,
                text: (n) => f.hash(n.best_block),
                hint: (n) => f.printable(n.best_block ?? "", 80),
                class: "mono",
                sort: false,
            },
            {
                key: "since",
                label: "Since",
                value: (n) => f.millis(n.tip_changed),
                text: (n) => f.ago(n.tip_changed),
                hint: (n) => f.utc(n.tip_changed),
                sort: "desc",
            },
        ],
    });
    const forks = h("div");
    const events = table({
        caption: "Blocks that were disconnected or are not valid, newest first",
        empty: "None since this began.",
        rowKey: (e) => `${e.kind}/${e.node}/${e.time}/${e.hash}`,
        columns: [
            {
                key: "time",
                label: "Time",
                value: (e) => f.millis(e.time),
                text: (e) => f.clock(e.time),
                hint: (e) => f.utc(e.time),
                sort: "desc",
            },
            ...(ctx.node
                ? []
                : [{ key: "node", label: "Node", value: (e) => e.node, text: (e) => f.printable(e.node, 40) }]),
            {
                key: "kind",
                label: "What",
                value: (e) => e.kind,
                node: (e) => badge(e.kind, e.kind === "invalid" ? "bad" : "warn"),
            },
            {
                key: "height",
                label: "Height",
                value: (e) => e.height,
                text: (e) => f.count(e.height),
                align: "right",
                sort: "desc",
            },
            {
                key: "hash",
                label: "Block",
                value: (e) => e.hash,
                text: (e) => f.hash(e.hash),
                hint: (e) => f.printable(e.hash ?? "", 80),
                class: "mono",
                sort: false,
            },
            {
                key: "text",
                label: "Why",
                value: (e) => e.text ?? "",
                node: (e) => untrusted(e.text ?? "", 100),
                sort: false,
            },
        ],
    });
    const el = h(
        "div",
        { class: "blocks-chain" },
        section("Tips", tips.el, forks),
        section("Disconnected and invalid", events.el),
    );
    return {
        el,
        set(data) {
            tips.set(data.nodes ?? []);
            clear(
                forks,
                (data.forks ?? []).slice(0, 10).map((fork) =>
                    h(
                        "p",
                        { class: "notice warn" },
                        `At height ${f.count(fork.height)} there are ${fork.hashes.length} blocks: `,
                        fork.hashes.map((branch, i) => [
                            i ? "; " : "",
                            h("span", { class: "mono", title: f.printable(branch.hash, 80) }, f.hash(branch.hash)),
                            " ",
                            f.printable(branch.nodes.join(", "), 80),
                        ]),
                    ),
                ),
            );
            const stale = new Set((data.stale ?? []).map((e) => `${e.node}/${e.hash}`));
            const gone = (data.disconnected ?? []).map((e) => ({
                ...e,
                kind: stale.has(`${e.node}/${e.hash}`) ? "stale" : "disconnected",
            }));
            const bad = (data.invalid ?? []).map((e) => ({ ...e, kind: "invalid" }));
            events.set([...gone, ...bad].sort((a, b) => f.millis(b.time) - f.millis(a.time)));
        },
    };
}
