// The filters of the live list: type, direction, peer and address, kept in the address of the page.

import { h, labelled, select, uid } from "../../lib/dom.js";

const WAIT = 350;
const DIRECTIONS = [
    ["", "Both"],
    ["inbound", "Received"],
    ["outbound", "Sent"],
];

// {el, filter() (null: something is not valid), types(names), set(message, direction)}; onchange() after each change.
export function filters(ctx, onchange) {
    let timer = null;
    const names = h("datalist", { id: uid("types") });
    const field = (key, placeholder, more) =>
        h("input", {
            type: "text",
            value: ctx.params.get(key) ?? "",
            placeholder,
            spellcheck: "false",
            autocomplete: "off",
            autocapitalize: "off",
            oninput: typed,
            ...more,
        });
    const message = field("message", "inv,tx", { list: names.id, size: 14 });
    const peer = field("peer", "5", { inputmode: "numeric", size: 6 });
    const addr = field("addr", "203.0.113.0/24", { size: 18 });
    const way = ctx.params.get("direction") ?? "";
    const direction = select(DIRECTIONS, DIRECTIONS.some(([k]) => k === way) ? way : "", changed);
    const wrong = h("span", { class: "bad small", role: "status" });
    const reset = h("button", { type: "button", class: "button", onclick: () => set("", "", true) }, "Clear");
    const el = h(
        "div",
        { class: "toolbar" },
        labelled("Type", message),
        labelled("Direction", direction),
        labelled("Peer", peer),
        labelled("Address or network", addr),
        reset,
        wrong,
        names,
    );

    const listOf = (input) =>
        input.value
            .split(/[\s,]+/)
            .filter(Boolean)
            .slice(0, 20);

    function typed() {
        window.clearTimeout(timer);
        timer = window.setTimeout(changed, WAIT);
    }

    function changed() {
        window.clearTimeout(timer);
        ctx.set({
            message: listOf(message).join(","),
            direction: direction.value,
            peer: listOf(peer).join(","),
            addr: listOf(addr).join(","),
        });
        reset.hidden = ![message, peer, addr, direction].some((c) => c.value);
        const bad = listOf(peer).find((id) => !/^\d{1,15}$/.test(id));
        peer.setAttribute("aria-invalid", String(bad !== undefined));
        wrong.textContent = bad === undefined ? "" : "A peer is a number, as getpeerinfo gives it (id).";
        onchange();
    }

    function set(type, to, all = false) {
        message.value = type;
        direction.value = to;
        if (all) {
            peer.value = "";
            addr.value = "";
        }
        changed();
    }

    reset.hidden = ![message, peer, addr, direction].some((c) => c.value);

    return {
        el,
        filter() {
            const peers = listOf(peer);
            if (peers.some((id) => !/^\d{1,15}$/.test(id))) return null;
            return {
                kind: ["message"],
                message: listOf(message).map((t) => t.toLowerCase()),
                direction: direction.value,
                peer: peers,
                addr: listOf(addr),
            };
        },
        get any() {
            return [message, peer, addr, direction].some((c) => c.value);
        },
        // The types to choose from.
        types(list) {
            const all = [...new Set(list)].sort().slice(0, 60);
            if (all.join() === names.dataset.all) return;
            names.dataset.all = all.join();
            names.replaceChildren(...all.map((name) => h("option", { value: name })));
        },
        set,
        // What the server says of the filter.
        refused(text) {
            wrong.textContent = text;
        },
        stop() {
            window.clearTimeout(timer);
        },
    };
}
