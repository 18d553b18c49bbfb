// @ts-check
// The page of a peer that is known.

import { chart } from "../../lib/chart.js";
import * as colors from "../../lib/colors.js";
import { empty, h, section } from "../../lib/dom.js";
import { perSecond, times } from "../../lib/series.js";
import { facts } from "./facts.js";
import { head } from "./head.js";
import { Sequence } from "./sequence.js";
import { byMessage, logLines, misbehaviours, replies } from "./tables.js";

/** @import { Series } from "../../lib/chart.js" */
/** @import { Context } from "../../lib/context.js" */
/** @import { Peer } from "./model.js" */

const NO_MESSAGES = "No P2P message of it is known here: that needs tracepoints, or debug.log with debug=net.";
/** @type {Series[]} */
const DIRECTIONS = [
    { name: "received", color: () => colors.named("blue"), dash: null },
    { name: "sent", color: () => colors.named("orange"), dash: [6, 3] },
];

export class PeerView {
    #ctx;
    #head;
    #facts = facts();
    #sequence;
    #replies = replies("No request was seen with its reply.");
    #byMessage = byMessage("No P2P message of it was seen.");
    #misbehaviours = misbehaviours();
    #log;
    #traffic = traffic();
    #pings = pings();

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {string} node
     * @param {string} id
     * @param {HTMLElement} back the link to the list
     */
    constructor(root, ctx, node, id, back) {
        this.#ctx = ctx;
        this.#head = head(back);
        this.#sequence = new Sequence(ctx, node);
        this.#log = logLines(ctx.info.sources);
        const requests = section("Requests and replies", this.#replies.el);
        const more = h("a", { href: ctx.href("log", { node, text: `peer=${id}` }) }, "More in the log");
        root.append(
            this.#head.el,
            this.#facts.el,
            this.#sequence.el,
            h("div", { class: "split" }, this.#traffic.el, this.#pings.el),
            h(
                "div",
                { class: "split" },
                h("div", { class: "stack" }, requests, section("Misbehaviour", this.#misbehaviours.el)),
                section("Messages by type", this.#byMessage.el),
            ),
            section("debug.log", this.#log.el, h("p", { class: "small" }, more)),
        );
    }

    /** @param {Peer} peer */
    set(peer) {
        const { sources } = this.#ctx.info;
        this.#head.set(peer, sources);
        this.#facts.set(peer);
        const none = sources.ebpf && peer.messages_received === null;
        this.#sequence.set(peer, none ? "The tracepoints have reported no message of it." : NO_MESSAGES);
        this.#replies.set(peer.replies);
        this.#byMessage.set(peer.by_message);
        this.#misbehaviours.set(peer.misbehaviours);
        this.#log.set(peer.log);
        this.#traffic.set(peer.traffic ?? null);
        this.#pings.set(peer.pings);
    }

    destroy() {
        this.#sequence.stop();
        this.#traffic.destroy();
        this.#pings.destroy();
    }
}

function traffic() {
    const nothing = empty(NO_MESSAGES);
    const place = h("div", {});
    const el = section("Traffic of the last hour", nothing, place);
    const bytes = chart(place, { title: "Bytes", unit: "B/s", series: DIRECTIONS, height: 130 });
    const messages = chart(place, { title: "Messages", unit: "/s", series: DIRECTIONS, height: 130 });
    return {
        el,
        /** @param {Api["PeerTraffic"] | null} t */
        set(t) {
            // The newest step is not over yet and is left out.
            const steps = t ? Math.max(0, t.bytes_in.length - 1) : 0;
            nothing.hidden = steps > 0;
            place.hidden = steps === 0;
            if (!t || !steps) return;
            const at = times(t, steps);
            /** @type {(values: Steps) => Steps} */
            const of = (values) => perSecond(values.slice(0, steps), t.step_seconds);
            bytes.set(at, [of(t.bytes_in), of(t.bytes_out)]);
            messages.set(at, [of(t.messages_in), of(t.messages_out)]);
        },
        destroy() {
            bytes.destroy();
            messages.destroy();
        },
    };
}

function pings() {
    const nothing = empty("No ping was seen with its pong: nodes ping every two minutes.");
    const place = h("div", {});
    const el = section("Pings", nothing, place);
    const plot = chart(place, {
        label: "Time from ping to pong",
        unit: "s",
        height: 150,
        points: true,
        series: [{ name: "ping", color: () => colors.named("purple") }],
    });
    return {
        el,
        /** @param {Api["Ping"][]} list */
        set(list) {
            nothing.hidden = list.length > 0;
            place.hidden = list.length === 0;
            if (!list.length) return;
            plot.set(
                list.map((p) => p.time),
                [list.map((p) => p.seconds)],
            );
        },
        destroy: () => plot.destroy(),
    };
}
