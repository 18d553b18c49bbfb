// @ts-check
// What is pointed at and what is selected: by mouse, by touch, and by keys, as a list box over the canvas whose one
// option is the selected peer, so that a screen reader reads it.

import { h, setText, uid } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { inWords } from "./story.js";

/** @import { CirclePeer } from "./peers.js" */
/** @import { Stage } from "./stage.js" */

/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 };

/**
 * @typedef {object} InputOptions
 * @property {Stage} scene
 * @property {boolean} withNode whether peers are named with their node
 * @property {(peer: CirclePeer | null) => void} onChoose the reader selects another
 * @property {(peer: CirclePeer) => void} onOpen its page is wanted
 */

/** @param {InputOptions} options */
export function pointer({ scene, withNode, onChoose, onOpen }) {
    const option = h("div", { role: "option", id: uid("peer"), class: "visually-hidden", "aria-selected": "false" });
    const el = h(
        "div",
        {
            class: "circle-pointer",
            role: "listbox",
            tabindex: "0",
            "aria-label": "Peers",
            "aria-activedescendant": option.id,
            onkeydown: key,
            onpointermove: point,
            onpointerleave: () => tip.hide(),
            onclick: click,
        },
        option,
    );
    const tip = tooltip(scene, el, withNode);
    /** @type {CirclePeer[]} */
    let order = [];
    /** @type {CirclePeer | null} */
    let selected = null;

    /** @param {number} by selects the next (1), or one further away */
    function step(by) {
        const n = order.length;
        if (!n) return;
        const at = selected ? order.indexOf(selected) : -1;
        const from = at < 0 && by > 0 ? -1 : Math.max(0, at);
        onChoose(order[(((from + by) % n) + n) % n]);
    }

    /** @param {KeyboardEvent} event */
    function key(event) {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (STEPS[event.key]) step(STEPS[event.key]);
        else if (event.key === "Home") onChoose(order[0] ?? null);
        else if (event.key === "End") onChoose(order.at(-1) ?? null);
        else if (event.key === "Escape") onChoose(null);
        else if (event.key === "Enter" && selected) onOpen(selected);
        else return;
        event.preventDefault();
    }

    /** @param {PointerEvent} event */
    function point(event) {
        if (event.pointerType === "touch") return;
        tip.show(scene.at(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
    }

    /** @param {MouseEvent} event */
    function click(event) {
        const peer = scene.at(event.offsetX, event.offsetY);
        onChoose(peer === selected ? null : peer);
    }

    return {
        parts: [el, tip.el],
        step,
        /**
         * Who is selected, among whom. Returns its place, -1 if it is not among them.
         * @param {CirclePeer | null} peer
         * @param {CirclePeer[]} peers
         */
        set(peer, peers) {
            selected = peer;
            order = peers;
            const at = peer ? order.indexOf(peer) : -1;
            el.setAttribute(
                "aria-label",
                `Peers, ${f.count(order.length)}; arrow keys go from one to the next, Enter opens the page of one`,
            );
            setText(option, peer ? inWords(peer, withNode) : "no peer selected");
            option.setAttribute("aria-selected", String(Boolean(peer)));
            option.setAttribute("aria-posinset", String(Math.max(1, at + 1)));
            option.setAttribute("aria-setsize", String(Math.max(1, order.length)));
            return at;
        },
    };
}

/**
 * A peer in few words beside the pointer.
 * @param {Stage} scene
 * @param {HTMLElement} area where the pointer moves
 * @param {boolean} withNode
 */
function tooltip(scene, area, withNode) {
    const el = h("div", { class: "circle-tip", "aria-hidden": "true" });
    el.hidden = true;

    /**
     * @param {CirclePeer | null} peer
     * @param {number} x
     * @param {number} y
     */
    function show(peer, x, y) {
        scene.hover(peer);
        area.classList.toggle("over", Boolean(peer));
        el.hidden = !peer;
        if (!peer) return;
        setText(el, inWords(peer, withNode));
        const { clientWidth, clientHeight } = scene.el;
        const right = x > clientWidth / 2;
        el.style.left = right ? "auto" : `${x + 14}px`;
        el.style.right = right ? `${clientWidth - x + 14}px` : "auto";
        el.style.top = `${Math.min(y + 14, clientHeight - 64)}px`;
    }

    return { el, show, hide: () => show(null, 0, 0) };
}
