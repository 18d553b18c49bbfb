// @ts-check
// What the list of peers shows: which peers, by which filter, in which columns. All of it stands in the address of the page.

import * as f from "../../lib/format.js";
import { columns, standard } from "./columns.js";
import { parse } from "./filter.js";
import { order } from "./netinfo.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Peer } from "./netinfo.js" */

export class PeersModel {
    /** @type {Peer[] | null} null as long as the server has not answered */
    peers = null;
    #ctx;

    /** @param {Context} ctx */
    constructor(ctx) {
        this.#ctx = ctx;
        /** All columns there are. */
        this.columns = columns(ctx);
        /** Whether those that closed are shown too. */
        this.closed = ctx.params.get("closed") === "1";
        this.sort = ctx.params.get("sort") ?? "";
        /** The filter as it was typed. */
        this.source = ctx.params.get("filter") ?? "";
        this.filter = parse(this.source);
    }

    /** @param {Peer[]} peers */
    set(peers) {
        this.peers = [...peers].sort(order);
    }

    /** @param {boolean} closed */
    setClosed(closed) {
        this.closed = closed;
        this.#ctx.set({ closed: closed ? 1 : null });
    }

    /** @param {string} sort */
    setSort(sort) {
        this.sort = sort;
        this.#ctx.set({ sort });
    }

    /** @param {string} source it goes into the address with keepFilter(), when the reader has stopped typing */
    setFilter(source) {
        this.source = source;
        this.filter = parse(source);
    }

    keepFilter() {
        this.#ctx.set({ filter: this.source.trim() || null });
    }

    /** The keys of the columns that are shown. */
    chosen() {
        const names = new Set(this.columns.map((c) => c.key));
        const given = (this.#ctx.params.get("columns") ?? "").split(",").filter((key) => names.has(key));
        return given.length ? given : this.#usual();
    }

    /**
     * Shows or hides a column; the last one stays.
     * @param {string} key
     * @param {boolean} on
     */
    chooseColumn(key, on) {
        const keys = new Set(this.chosen());
        if (on) keys.add(key);
        else if (keys.size > 1) keys.delete(key);
        this.setColumns(this.columns.filter((c) => keys.has(c.key)).map((c) => c.key));
    }

    /** @param {string[] | null} keys null: the usual columns */
    setColumns(keys) {
        const usual = keys === null || keys.join() === this.#usual().join();
        this.#ctx.set({ columns: usual ? null : keys.join() });
    }

    #usual() {
        const { info, node } = this.#ctx;
        return standard(this.columns, {
            manyNodes: !node && info.nodes.length !== 1,
            closed: this.closed,
            asmap: info.asmap || (this.peers ?? []).some((p) => p.as !== null && p.as !== undefined),
        });
    }

    /** The peers that fit the filter. */
    rows() {
        /** @type {Peer[]} */
        const peers = this.peers ?? [];
        return this.filter.any ? peers.filter(this.filter.test) : peers;
    }

    /**
     * How many peers are shown, in words: without and with those that closed. Our own connection is none of them.
     * @param {Peer[]} rows
     */
    counts(rows) {
        const shown = rows.filter((p) => !p.own);
        const peers = (this.peers ?? []).filter((p) => !p.own);
        const gone = peers.filter((p) => p.closed).length;
        const all = `${f.count(peers.length)} peers`;
        const text = this.filter.any ? `${f.count(shown.length)} of ${all}` : all;
        const closed = gone ? `, ${f.count(gone)} of them closed` : "";
        return { text, full: `${text}${closed}${shown.length < rows.length ? "; and ours" : ""}` };
    }

    /** Why there is no row. */
    empty() {
        if (this.peers === null) return "Asking for the peers…";
        if (this.peers.length) return "No peer fits the filter.";
        const { info, node } = this.#ctx;
        const { ebpf, rpc, log } = info.sources;
        if (!ebpf && !rpc && !log) {
            return (
                "No peer is known: none of the sources that report peers runs " +
                "(tracepoints, RPC, debug.log). See Health."
            );
        }
        return `${node ? `${f.printable(node, 40)} has` : "The nodes have"} no peers now.`;
    }

    /** What is not known of all of them, and what would show it. */
    missing() {
        const open = (this.peers ?? []).filter((p) => !p.closed);
        if (!open.length) return [];
        /** @type {(of: (p: Peer) => unknown) => boolean} */
        const without = (of) => open.every((p) => of(p) === null || of(p) === undefined);
        const { ebpf, rpc } = this.#ctx.info.sources;
        const texts = [];
        if (without((p) => p.messages_received)) {
            const why = ebpf ? "the tracepoints have reported no message yet." : "they need tracepoints.";
            texts.push(`Messages, their rates and addresses are not known: ${why}`);
        }
        if (without((p) => p.synced_blocks) && without((p) => p.bytes_sent)) {
            const why = rpc ? "which has not listed these peers yet." : "which needs RPC.";
            texts.push(`Some pings, services and times are not known: they are in getpeerinfo, ${why}`);
        }
        return texts;
    }
}
