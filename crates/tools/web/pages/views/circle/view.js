// @ts-check
// The circle's part of the page: toolbar, stage, legends, and what is written about them.

import * as colors from "../../lib/colors.js";
import { clear, empty, h, labelled, section, select, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { NETWORKS } from "../../lib/names.js";
import { CRITERIA, networkName } from "./groups.js";
import { pointer } from "./input.js";
import { heightFor } from "./layout.js";
import { endLegend, groupLegend, key, messageLegend } from "./legend.js";
import { middles } from "./middles.js";
import { DRAW, MAX_CIRCLES, TYPES } from "./model.js";
import { Stage } from "./stage.js";
import { comings, comingsOf, story } from "./story.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Choices, CircleModel } from "./model.js" */
/** @import { CirclePeer } from "./peers.js" */

/**
 * @typedef {object} ViewListeners
 * @property {() => boolean} reduced whether the system asks for less motion
 * @property {() => void} onResize
 * @property {(next: Partial<Choices>) => void} onChange
 * @property {(peer: CirclePeer | null) => void} onChoose
 * @property {() => void} onHide other types of messages are hidden
 */

export class CircleView {
    /** The legend of messages. */
    kinds;
    /** The canvases. */
    scene;
    #ctx;
    #model;
    #pointer;
    #hubs;
    #panel;
    #groups;
    #ends = endLegend();
    #comings;
    #nothing = h("div", { class: "circle-nothing" });
    #mode = h("p", { class: "small", role: "status" });
    #numbers = h("p", { class: "small muted circle-numbers" });
    #key = h("div", {});
    #keyState = "";
    #groupCard;
    #messageCard;

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {CircleModel} model
     * @param {ViewListeners} on
     */
    constructor(root, ctx, model, on) {
        this.#ctx = ctx;
        this.#model = model;
        this.scene = new Stage(on.reduced, on.onResize);
        this.#pointer = pointer({
            scene: this.scene,
            withNode: !ctx.node,
            onChoose: on.onChoose,
            onOpen: (peer) => ctx.go("peer", { node: peer.node, id: peer.id }),
        });
        this.#hubs = middles(ctx, (peer, side) => model.rateOf(peer, side));
        this.scene.el.append(...this.#pointer.parts, this.#hubs.el, this.#nothing);
        this.#panel = story(ctx, this.#pointer.step, () => on.onChoose(null));
        this.#groups = groupLegend((only) => on.onChange({ only }));
        this.kinds = messageLegend(model.hidden, on.onHide);
        this.#comings = comings(!ctx.node);
        this.#groupCard = section("Peers", this.#groups.el);
        this.#messageCard = messageCard(this.kinds);
        root.append(toolbar(model.choices, on.onChange), this.#layout());
    }

    #layout() {
        const words = h("div", { class: "circle-words" }, this.#mode, this.#numbers);
        const note = h("p", { class: "muted small" }, "Ended in the last 10 minutes (at most 200 of a node)");
        return h(
            "div",
            { class: "circle-layout" },
            h("section", { class: "card circle-main", "aria-label": "Circle" }, this.scene.el, words, this.#key),
            h(
                "div",
                { class: "circle-side" },
                this.#panel.el,
                this.#groupCard,
                this.#messageCard,
                section("Connections", note, this.#ends.el, this.#comings.el),
            ),
        );
    }

    /** Places the peers in the room there is, and shows them. */
    arrange() {
        const model = this.#model;
        const { el } = this.scene;
        const passing = model.arrange();
        const { only, color } = model.choices;
        const groups = model.found.filter((group) => group.count);
        this.#groups.set(groups, only, color, this.#ctx.info);
        const criterion = CRITERIA.find(([name]) => name === color)?.[1] ?? "";
        const heading = this.#groupCard.querySelector("h2");
        if (heading) setText(heading, `Peers by ${criterion.toLowerCase()}`);
        el.style.height = `${heightFor(model.names.length, el.clientWidth, window.innerHeight)}px`;
        model.place(passing, el.clientWidth, el.clientHeight);
        this.scene.show(model.list);
        this.scene.select(model.selected?.ring ? model.selected : null);
        this.hubs();
        this.selected();
        this.#empty();
    }

    /** What stands in the middle of the circles. */
    hubs() {
        this.#hubs.set(this.#model.list, this.#model.untraced);
    }

    /** The panel of the selected peer. */
    selected() {
        const { selected, order } = this.#model;
        this.#panel.set(selected, this.#pointer.set(selected, order), order.length);
    }

    /** @param {Api["Peer"][]} peers of the API, those that closed too */
    connections(peers) {
        const { list, counts } = comingsOf(peers, f.now());
        this.#ends.set(counts);
        this.#comings.set(list);
    }

    /** What lines and dots mean, as they are drawn now. */
    describe() {
        const { pace, untraced } = this.#model;
        const next = `${pace.rates} ${untraced} ${colors.theme()}`;
        if (next === this.#keyState) return;
        this.#keyState = next;
        clear(this.#key, key(pace.rates, untraced));
    }

    /** The numbers, in words and for a bench. */
    write() {
        const model = this.#model;
        const { pace, untraced, names, crowd, rate, load } = model;
        this.#messageCard.hidden = untraced;
        setText(this.#mode, pace.inWords(load, untraced, names.length));
        const parts = numbersOf(model);
        setText(this.#numbers, parts.join(", "));
        const { canvas, times, flying } = this.scene;
        const data = canvas.dataset;
        times.write(data);
        data.mode = pace.rates ? "rates" : "messages";
        data.peers = String(crowd);
        data.rate = rate.toFixed(0);
        data.flying = String(flying);
        const who = names.map((name) => f.printable(name, 40)).join(", ") || "No node";
        const summary = `${who}: ${parts.join(", ")}. ${this.#mode.textContent}`;
        if (canvas.getAttribute("aria-label") !== summary) canvas.setAttribute("aria-label", summary);
    }

    /** The theme changed. */
    theme() {
        this.kinds.paint();
        this.describe();
        this.arrange();
        this.scene.theme();
    }

    #empty() {
        const text = reasonOf(this.#model, this.#ctx.node);
        this.#nothing.hidden = !text;
        this.#nothing.classList.toggle("circle-aside", Boolean(this.#model.order.length));
        if (this.#nothing.textContent !== text) clear(this.#nothing, text ? empty(text) : null);
    }
}

/**
 * @param {Choices} choices
 * @param {(next: Partial<Choices>) => void} onChange
 */
function toolbar(choices, onChange) {
    /** @type {[string, string][]} */
    const networks = [["", "all"], ...NETWORKS.map((n) => /** @type {[string, string]} */ ([n, networkName(n)]))];
    const color = select(CRITERIA, choices.color, (value) => onChange({ color: value, only: null }));
    const type = select(TYPES, choices.type, (value) => onChange({ type: value }));
    const network = select(networks, choices.network, (value) => onChange({ network: value }));
    const draw = select(DRAW, choices.draw, (value) => onChange({ draw: value }));
    return h(
        "div",
        { class: "toolbar" },
        labelled("Colour by", color),
        labelled("Connections", type),
        labelled("Network", network),
        labelled("Draw", draw),
    );
}

/** @param {{el: HTMLElement, all(show: boolean): void}} kinds the legend of messages */
function messageCard(kinds) {
    const link = { type: "button", class: "link small" };
    return h(
        "section",
        { class: "card", "aria-label": "Messages" },
        h(
            "div",
            { class: "card-head" },
            h("h2", {}, "Messages"),
            h("span", { class: "grow" }),
            h("button", { ...link, onclick: () => kinds.all(true) }, "Show all"),
            h("button", { ...link, onclick: () => kinds.all(false) }, "Hide all"),
        ),
        kinds.el,
    );
}

/** @param {CircleModel} model */
function numbersOf(model) {
    const { untraced, names, crowd, rate, hidden, dropped, peers } = model;
    const parts = [`${f.count(crowd)} peers`];
    if (!untraced) parts.push(`${f.short(rate)} messages/s`);
    const blind = untraced ? [] : names.filter((name) => !peers.tracedNode(name));
    if (hidden.some(Boolean)) parts.push("some types of messages are hidden");
    if (blind.length) parts.push(`no tracepoints: ${blind.map((name) => f.printable(name, 30)).join(", ")}`);
    if (dropped) parts.push(`this page was too slow for ${f.count(dropped)} messages`);
    return parts;
}

/**
 * Why there is nothing to see, or not everything; "" if all is there.
 * @param {CircleModel} model
 * @param {string} node the selected one
 */
function reasonOf(model, node) {
    if (!model.peers.known) return "Asking for the peers…";
    if (!model.nodes || (node && !model.names.length)) {
        return "No peer is known: neither RPC (getpeerinfo) nor tracepoints have reported one. See Health.";
    }
    if (!model.passing) return "No peer passes the filter of connections and networks.";
    if (!model.order.length) return "No peer is in the group that was chosen.";
    if (model.nodes > MAX_CIRCLES && !node) {
        return `The first ${MAX_CIRCLES} of ${f.count(model.nodes)} nodes are shown: choose a node above.`;
    }
    return "";
}
