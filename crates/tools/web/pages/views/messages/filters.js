// @ts-check
// The filters of the live list: type, direction, peer and address, kept in the address of the page.

import { h, labelled, select, uid } from "../../lib/dom.js";

/** @import { Context } from "../../lib/context.js" */

/** Milliseconds without another key after which the reader has typed. */
const WAIT = 350;
/** So many values a field takes. */
const MOST = 20;
const PEER = /^\d{1,15}$/;
/** @type {[value: string, label: string][]} */
export const DIRECTIONS = [
    ["", "Both"],
    ["inbound", "Received"],
    ["outbound", "Sent"],
];

/** @param {HTMLInputElement} input */
const listOf = (input) =>
    input.value
        .split(/[\s,]+/)
        .filter(Boolean)
        .slice(0, MOST);

/**
 * @param {Context} ctx
 * @param {() => void} onchange called after each change
 */
export function filters(ctx, onchange) {
    /** @type {number | undefined} */
    let timer;
    const typed = () => {
        window.clearTimeout(timer);
        timer = window.setTimeout(changed, WAIT);
    };
    const fields = fieldsOf(ctx.params, typed, () => changed());
    const { message, peer, addr, direction, names } = fields;
    const wrong = h("span", { class: "bad small", role: "status" });
    const reset = h("button", { type: "button", class: "button", onclick: () => set("", "", true) }, "Clear");
    const any = () => [message, peer, addr, direction].some((control) => control.value);

    function changed() {
        window.clearTimeout(timer);
        ctx.set({
            message: listOf(message).join(","),
            direction: direction.value,
            peer: listOf(peer).join(","),
            addr: listOf(addr).join(","),
        });
        reset.hidden = !any();
        const bad = listOf(peer).some((id) => !PEER.test(id));
        peer.setAttribute("aria-invalid", String(bad));
        wrong.textContent = bad ? "A peer is a number, as getpeerinfo gives it (id)." : "";
        onchange();
    }

    /**
     * Filters by a type and a direction.
     * @param {string} type
     * @param {string} way
     * @param {boolean} all clears the other fields too
     */
    function set(type, way, all = false) {
        message.value = type;
        direction.value = way;
        if (all) {
            peer.value = "";
            addr.value = "";
        }
        changed();
    }

    reset.hidden = !any();
    return {
        el: toolbar(fields, reset, wrong),
        /** The filter for the feed; null: something is not valid. */
        filter() {
            const peers = listOf(peer);
            if (peers.some((id) => !PEER.test(id))) return null;
            return {
                kind: ["message"],
                message: listOf(message).map((t) => t.toLowerCase()),
                direction: direction.value,
                peer: peers,
                addr: listOf(addr),
            };
        },
        /** Whether anything is filtered. */
        get any() {
            return any();
        },
        /** @param {string[]} list the types to choose from */
        types(list) {
            const all = [...new Set(list)].sort().slice(0, 60);
            if (all.join() === names.dataset.all) return;
            names.dataset.all = all.join();
            names.replaceChildren(...all.map((name) => h("option", { value: name })));
        },
        set,
        /** @param {string} text why the server refused the filter */
        refused(text) {
            wrong.textContent = text;
        },
        stop() {
            window.clearTimeout(timer);
        },
    };
}

/**
 * The controls, with what the page's address has.
 * @param {URLSearchParams} params
 * @param {() => void} typed
 * @param {() => void} changed
 */
function fieldsOf(params, typed, changed) {
    const names = h("datalist", { id: uid("types") });
    /** @type {(key: string, placeholder: string, more: Props) => HTMLInputElement} */
    const field = (key, placeholder, more) =>
        h("input", {
            type: "text",
            value: params.get(key) ?? "",
            placeholder,
            spellcheck: "false",
            autocomplete: "off",
            autocapitalize: "off",
            oninput: typed,
            ...more,
        });
    const way = params.get("direction") ?? "";
    return {
        names,
        message: field("message", "inv,tx", { list: names.id, size: 14 }),
        direction: select(DIRECTIONS, DIRECTIONS.some(([k]) => k === way) ? way : "", changed),
        peer: field("peer", "5", { inputmode: "numeric", size: 6 }),
        addr: field("addr", "203.0.113.0/24", { size: 18 }),
    };
}

/** @typedef {ReturnType<typeof fieldsOf>} Fields */

/**
 * @param {Fields} fields
 * @param {HTMLElement} reset
 * @param {HTMLElement} wrong
 */
function toolbar({ message, direction, peer, addr, names }, reset, wrong) {
    return h(
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
}
