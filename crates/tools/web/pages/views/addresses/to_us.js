// @ts-check
// What the nodes send to our own P2P connections: each node passes an address on to one or two of its peers.

import { bars } from "../../lib/bars.js";
import * as colors from "../../lib/colors.js";
import { ago, clock, nodeColumn, number } from "../../lib/columns.js";
import { clear, h, section, untrusted } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { table } from "../../lib/table.js";

/** @import { Context } from "../../lib/context.js" */

const NOTHING = "The nodes have sent none since this began.";

/** The part of the page about our own connections. */
export class ToUs {
    #facts = h("dl", { class: "facts" });
    #networks = section("By network");
    #ages = section("By how long ago they were seen");
    #repeats = section("Sent before or not");
    #networkBars = bars(this.#networks, {
        title: "Entries by network",
        hideTitle: true,
        label: "Network",
        empty: NOTHING,
    });
    #ageBars = bars(this.#ages, { title: "Entries by age", hideTitle: true, label: "Age", empty: NOTHING });
    #repeatBars = bars(this.#repeats, {
        title: "Entries by whether the node had sent them to us before",
        hideTitle: true,
        label: "Sent before",
        empty: NOTHING,
    });
    #recent;
    el;

    /** @param {Context} ctx */
    constructor(ctx) {
        this.#recent = recent(ctx);
        const cards = h("div", { class: "cards" }, this.#networks, this.#ages, this.#repeats);
        this.el = section("What the nodes send to us", this.#facts, cards, this.#recent.el);
        this.el.classList.add("to-us");
        this.el.hidden = true;
    }

    /** @param {Api["AddressesToUs"] | null} data null without a connection of our own */
    set(data) {
        this.el.hidden = !data;
        if (!data) return;
        const own = data.own.slice(0, 4).map((o) => [untrusted(o.addr, 70, { class: "mono" }), ` (${f.ago(o.last)}) `]);
        clear(
            this.#facts,
            h("dt", {}, "Entries"),
            h("dd", {}, `${f.count(data.addresses)} in ${f.count(data.messages)} messages`),
            h("dt", {}, "Different"),
            h("dd", {}, `${f.count(data.unique_estimate)}, estimated`),
            h("dt", {}, "From the future"),
            h("dd", {}, f.count(data.future)),
            h("dt", {}, "Their own"),
            h("dd", {}, own.length ? own : "none announced: nodes that listen announce theirs about once a day"),
        );
        const networks = Object.entries(data.networks).sort((a, b) => b[1] - a[1]);
        this.#networkBars.set(
            networks.map(([name, value]) => ({ label: name, value, color: colors.forNetwork(name) })),
        );
        const ages = data.age.map((age) => ({ label: age.bucket, value: age.count }));
        this.#ageBars.set(ages.some((age) => age.value > 0) ? ages : []);
        const unknown = data.addresses - data.first - data.repeated;
        const repeats = [
            { label: "not before", value: data.first },
            { label: "again", value: data.repeated },
            { label: "not known", value: unknown },
        ];
        this.#repeatBars.set(repeats.filter((one) => one.value > 0));
        this.#recent.set(data.recent);
    }
}

/** @param {Context} ctx */
function recent(ctx) {
    return table({
        caption: "The last entries sent to us, newest first",
        empty: NOTHING,
        rowKey: (/** @type {Api["AddressToUs"]} */ row) => `${row.node}/${row.time}/${row.addr}`,
        columns: [
            clock("time", "Time", (row) => row.time),
            ...nodeColumn(ctx),
            {
                key: "addr",
                label: "Entry",
                value: (row) => row.addr,
                class: "mono",
                node: (row) => untrusted(row.addr, 40),
            },
            {
                key: "network",
                label: "Network",
                value: (row) => row.network,
                text: (row) => f.network(row.network),
            },
            number("times", "Times", (row) => row.times, f.count, "how often the node has sent it to us"),
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
