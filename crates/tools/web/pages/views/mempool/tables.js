// @ts-check
// The mempool page's tables: by node, the last changes, and fee estimates.

import { clock, decimal, nodeColumn, number } from "../../lib/columns.js";
import { badge, h } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** @import { Context } from "../../lib/context.js" */

/** @type {Record<string, string>} the kind of badge */
const KINDS = { added: "good", removed: "", replaced: "info", rejected: "bad" };

/** @typedef {Api["MempoolRecent"]} Recent */
/** @typedef {{node: string, blocks: number, economical?: number, conservative?: number}} Estimate */

/**
 * @param {number} digits
 * @param {string} unit
 * @returns {(x: Maybe) => string}
 */
const upTo = (digits, unit) => (x) => (x === null || x === undefined ? "–" : `${Number(x.toFixed(digits))} ${unit}`);

/** @type {(unit: string) => (x: Maybe) => string} */
const whole = (unit) => (x) => (x === null || x === undefined ? "–" : `${f.count(x)} ${unit}`);

/** What each node's mempool holds. */
export function byNode() {
    return table({
        caption: "Mempools by node",
        empty: "No mempool is known here: that needs RPC (getmempoolinfo).",
        sort: "node",
        rowKey: (/** @type {Api["MempoolNode"]} */ n) => n.node,
        columns: [
            { key: "node", label: "Node", value: (n) => n.node, head: true },
            number("transactions", "Transactions", (n) => n.transactions, f.count),
            number("vbytes", "Size", (n) => n.vbytes, f.vbytes),
            number("fees", "Fees", (n) => n.total_fee_btc, upTo(8, "BTC")),
            number("usage", "Memory", (n) => n.usage, f.bytes),
            number("max", "of", (n) => n.max, f.bytes, "how much memory it may use (-maxmempool)"),
            number("min", "Least fee rate", (n) => n.min_fee_btc_kvb, f.feeRate, "mempoolminfee"),
            number("relay", "Relay fee rate", (n) => n.min_relay_fee_btc_kvb, f.feeRate, "minrelaytxfee"),
            number(
                "unbroadcast",
                "Unbroadcast",
                (n) => n.unbroadcast,
                f.count,
                "its own transactions that no peer has asked for yet",
            ),
            number("orphans", "Orphans", (n) => n.orphans, f.count, "transactions whose parents are unknown"),
            number("orphan_bytes", "Orphan bytes", (n) => n.orphan_bytes, f.bytes),
            {
                key: "loaded",
                label: "Loaded",
                value: (n) => (n.loaded === false ? "no" : n.loaded ? "yes" : "–"),
                title: "whether mempool.dat has been read after the start",
            },
        ],
    });
}

/**
 * The fee rates that the nodes' estimators give.
 * @param {Context} ctx
 */
export function estimates(ctx) {
    const t = table({
        caption: "Estimates by number of blocks",
        empty: "No estimate is known: that needs RPC (estimatesmartfee), and a node that has seen enough blocks to make one.",
        sort: "blocks",
        rowKey: (/** @type {Estimate} */ e) => `${e.node}/${e.blocks}`,
        columns: [
            {
                key: "blocks",
                label: "Within",
                value: (e) => e.blocks,
                text: (e) => `${f.count(e.blocks)} blocks`,
                head: true,
            },
            ...nodeColumn(ctx),
            number("economical", "Economical", (e) => e.economical ?? null, f.feeRate),
            number("conservative", "Conservative", (e) => e.conservative ?? null, f.feeRate),
        ],
    });
    return {
        el: t.el,
        /** @param {Api["MempoolNode"][]} nodes */
        set(nodes) {
            /** @type {Map<string, Estimate>} */
            const rows = new Map();
            for (const { node, estimates: list } of nodes) {
                for (const { blocks, mode, btc_kvb } of list) {
                    const key = `${node}/${blocks}`;
                    const row = rows.get(key) ?? { node, blocks };
                    row[mode === "conservative" ? "conservative" : "economical"] = btc_kvb;
                    rows.set(key, row);
                }
            }
            t.set([...rows.values()]);
        },
    };
}

/**
 * What changed last, newest first.
 * @param {Context} ctx
 */
export function recent(ctx) {
    return table({
        caption: "The last changes, newest first",
        empty:
            "No change has been seen. Tracepoints report all changes; without them debug.log has added and " +
            "rejected transactions.",
        rowKey: (/** @type {Recent} */ r) => `${r.time}/${r.node}/${r.what}/${r.txid}`,
        columns: [
            clock("time", "Time", (r) => r.time, true),
            ...nodeColumn(ctx),
            {
                key: "what",
                label: "What",
                value: (r) => r.what,
                node: (r) => badge(f.printable(r.what, 20), KINDS[r.what] ?? ""),
            },
            {
                key: "txid",
                label: "Transaction",
                value: (r) => r.txid,
                text: (r) => f.hash(r.txid),
                hint: (r) => f.printable(r.txid ?? "", 80),
                class: "mono",
                sort: false,
            },
            number("rate", "sat/vB", (r) => r.fee_rate, decimal, "fee rate"),
            number("fee", "Fee", (r) => r.fee_sat, whole("sat")),
            number("vsize", "Size", (r) => r.vsize, whole("vB")),
            number("age", "Age", (r) => r.age_seconds, f.seconds, "how long it had been in the mempool"),
            {
                key: "why",
                label: "Why",
                value: (r) => r.reason ?? r.by ?? "",
                text: why,
                node: reasonNode,
                class: "why",
                sort: false,
            },
        ],
    });
}

/** @param {Recent} r */
function why(r) {
    if (r.reason) return f.printable(r.reason, 60);
    return r.by ? `by ${f.hash(r.by)}` : "";
}

/** @param {Recent} r */
function reasonNode(r) {
    const whole = f.printable(r.reason ?? r.by ?? "", 400);
    const text = why(r);
    return h("span", { title: whole && whole !== text ? whole : null, class: r.by && !r.reason ? "mono" : null }, text);
}
