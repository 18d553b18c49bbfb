// What is pointed at and what is selected: by mouse, by touch, and by keys, as a list box over the canvas whose one
// option is the selected peer, so that a screen reader says it.

import { h, setText, uid } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { inWords } from "./story.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 };

// onChoose(peer or null) when the reader selects another, onOpen(peer) when its page is wanted.
export function choice({ scene, withNode, onChoose, onOpen }) {
    const option = h("div", { role: "option", id: uid("peer"), class: "visually-hidden", "aria-selected": "false" });
    const el = h(
        "div",
        {
            class: "circle-pointer",
            role: "listbox",
            tabindex: "0",
            "aria-label": "Peers",
            "aria-activedescendant": option.id,
            onkeydown: keyed,
            onpointermove: pointed,
            onpointerleave: () => hover(null),
            onclick: clicked,
        },
        option,
    );
    const tip = h("div", { class: "circle-tip", "aria-hidden": "true" });
    tip.hidden = true;
    let order = [];
    let selected = null;

    function step(by) {
        const n = order.length;
        if (!n) return;
        const at = selected ? order.indexOf(selected) : -1;
        const from = at < 0 && by > 0 ? -1 : Math.max(0, at);
        onChoose(order[(((from + by) % n) + n) % n]);
    }

    function keyed(event) {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (STEPS[event.key]) step(STEPS[event.key]);
        else if (event.key === "Home") onChoose(order[0] ?? null);
        else if (event.key === "End") onChoose(order.at(-1) ?? null);
        else if (event.key === "Escape") onChoose(null);
        else if (event.key === "Enter" && selected) onOpen(selected);
        else return;
        event.preventDefault();
    }

    function hover(peer, x = 0, y = 0) {
        scene.hover(peer);
        el.classList.toggle("over", Boolean(peer));
        tip.hidden = !peer;
        if (!peer) return;
        setText(tip, inWords(peer, withNode));
        const { clientWidth, clientHeight } = scene.el;
        const right = x > clientWidth / 2;
        tip.style.left = right ? "auto" : `${x + 14}px`;
        tip.style.right = right ? `${clientWidth - x + 14}px` : "auto";
        tip.style.top = `${Math.min(y + 14, clientHeight - 64)}px`;
    }

    function pointed(event) {
        if (event.pointerType === "touch") return;
        hover(scene.at(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
    }

    function clicked(event) {
        const peer = scene.at(event.offsetX, event.offsetY);
        onChoose(peer === selected ? null : peer);
    }

    return {
        parts: [el, tip],
        step,
        // Who is selected, among whom. Returns its place, -1 if it is not among them.
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
