// @ts-check
// The addresses page: tiles, charts, bars, tables and the map.

import { isKnown, show } from "../../lib/absent.js";
import { bars } from "../../lib/bars.js";
import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { h, section, tile, tileRow } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { notes } from "../../lib/notes.js";
import { perSecond, times } from "../../lib/series.js";
import { Connectivity } from "./connectivity.js";
import { map } from "./map.js";
import { managers, recent, senders } from "./tables.js";
import { ToUs } from "./to_us.js";

/** @import { Bar } from "../../lib/bars.js" */
/** @import { Context } from "../../lib/context.js" */
/** @import { Tile } from "../../lib/dom.js" */

const NO_ENTRIES = "None is known: that needs tracepoints.";
const NO_MESSAGES = "None is known: that needs tracepoints.";
const UNTRACED =
    "What peers send, entry by entry, and what is sent to them is not known here: that needs tracepoints. debug.log " +
    "(category net) has how many were received, taken and refused.";

const tilesOf = () => ({
    received: tile("Received", "entries of addr and addrv2 messages, since this began"),
    sent: tile("Sent", "entries that the nodes sent"),
    unique: tile("Different", "estimated, of those received"),
    self: tile("Of themselves", "entries in which a peer announces its own address"),
    limited: tile("Refused", "entries beyond the node's rate limit, by debug.log"),
    future: tile("From the future", "entries with a time more than 10 minutes ahead"),
    reserved: tile("Reserved", "entries with addresses that no one can have on the internet"),
    old: tile("Old", "entries last seen 30 days ago and more"),
});

export class AddressesView {
    /** The map of the IPv4 space. */
    space = map();
    #tiles = tilesOf();
    #missing = notes();
    #flow = section("Entries over time");
    #limits = section("Refused over time");
    #networks = section("Received, by network");
    #ages = section("Received, by how long ago they were seen");
    #sizes = section("Messages, by how many entries they have");
    #flowChart = chart(this.#flow, {
        label: "Entries per second",
        unit: "/s",
        height: 170,
        series: [{ name: "received" }, { name: "sent", dash: [6, 3] }],
    });
    #limitsChart = chart(this.#limits, {
        label: "Refused entries per second",
        unit: "/s",
        height: 170,
        legend: false,
        series: [{ name: "refused", color: () => colors.named("vermillion") }],
    });
    #networkBars = bars(this.#networks, {
        title: "Received entries by network",
        hideTitle: true,
        label: "Network",
        empty: NO_ENTRIES,
    });
    #ageBars = bars(this.#ages, {
        title: "Received entries by age",
        hideTitle: true,
        label: "Age",
        empty: NO_ENTRIES,
    });
    #sizeBars = bars(this.#sizes, {
        title: "Received messages by number of entries",
        hideTitle: true,
        label: "Entries",
        empty: NO_MESSAGES,
    });
    #senders;
    #recent;
    #toUs;
    #map = section("The space of IPv4", this.space.el);

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {HTMLElement} time the choice of how much time is shown
     */
    constructor(root, ctx, time) {
        this.#senders = senders(ctx);
        this.#recent = recent(ctx);
        /** The address managers. */
        this.managers = managers(ctx);
        /** Whether somebody is at these addresses. */
        this.connectivity = new Connectivity(ctx);
        this.#toUs = new ToUs(ctx);
        root.append(
            tileRow("Since this began", this.#tiles),
            this.#missing.el,
            h("div", { class: "toolbar" }, time),
            h("div", { class: "split" }, this.#flow, this.#limits),
            h("div", { class: "cards" }, this.#networks, this.#ages, this.#sizes),
            section("Who sends them", this.#senders.el),
            this.#toUs.el,
            this.connectivity.el,
            this.#map,
            section("The last entries", this.#recent.el),
            section(
                "Address managers",
                h("p", { class: "small" }, h("a", { href: ctx.href("addrman") }, "Their tables, slot by slot")),
                this.managers.el,
            ),
        );
    }

    /** @param {Api["Addresses"]} data */
    set(data) {
        this.#totals(data.totals);
        const s = data.series;
        const at = times(s, s.in.length);
        this.#flowChart.set(at, [perSecond(s.in, s.step_seconds), perSecond(s.out, s.step_seconds)]);
        this.#limitsChart.set(at, [perSecond(s.rate_limited, s.step_seconds)]);
        this.#networkBars.set(
            (data.networks ?? [])
                .filter((n) => n.in > 0)
                .map((n) => ({ ...barOf(n.network, n.in), color: colors.forNetwork(n.network) })),
        );
        this.#ageBars.set(unlessEmpty((data.age ?? []).map((age) => barOf(age.bucket, age.count))));
        this.#sizeBars.set(unlessEmpty((data.sizes ?? []).map((size) => barOf(size.addresses, size.messages))));
        this.#senders.set(data.senders);
        this.#recent.set(data.recent);
        this.#toUs.set(data.to_us ?? null);
        this.#map.hidden = !data.ipv4;
        this.space.slash8(data.ipv4?.slash8 ?? []);
        this.#missing.set(data.source === "ebpf" ? [] : [UNTRACED]);
    }

    destroy() {
        this.#flowChart.destroy();
        this.#limitsChart.destroy();
        this.connectivity.destroy();
    }

    /** @param {Api["AddressTotals"]} t what is not known is null */
    #totals(t) {
        const tiles = this.#tiles;
        /** @type {(tile: Tile, n: Maybe, note?: string) => void} */
        const traced = (tile_, n, note) => show(tile_, n, f.count, "tracepoints", note);
        show(tiles.received, t.addresses_in, f.count, "net", `in ${f.count(t.messages_in)} messages`);
        traced(tiles.sent, t.addresses_out, `in ${f.count(t.messages_out)} messages`);
        traced(tiles.unique, t.unique_estimate);
        traced(tiles.self, t.self_announcements);
        const taken = isKnown(t.processed) ? `${f.count(t.processed)} taken` : "";
        show(tiles.limited, t.rate_limited, f.count, "logNet", taken);
        traced(tiles.future, t.future);
        traced(tiles.reserved, t.reserved);
        traced(tiles.old, t.old);
    }
}

/**
 * @param {string} label
 * @param {number} value
 * @returns {Bar}
 */
function barOf(label, value) {
    return { label: f.printable(label, 20), value };
}

/**
 * Bars of which at least one is not 0; else none.
 * @param {Bar[]} list
 */
function unlessEmpty(list) {
    return list.some((bar) => bar.value > 0) ? list : [];
}
