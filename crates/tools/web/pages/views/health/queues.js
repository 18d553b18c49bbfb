// @ts-check
// How full each queue is.

import { clear, h, setText } from "../../lib/dom.js";
import * as f from "../../lib/format.js";

/**
 * The share of a queue that is filled.
 * @param {Api["Queue"]} queue
 */
export function share({ waiting, capacity }) {
    return capacity > 0 ? waiting / capacity : 0;
}

/** The queues, the fullest first. Rows stay, so that meters move and do not jump. */
export function queueList() {
    const el = h("ul", { class: "queues" });
    /** @type {ReturnType<typeof queueRow>[]} */
    const rows = [];
    return {
        el,
        /** @param {Api["Queue"][]} queues */
        set(queues) {
            while (rows.length > queues.length) rows.pop()?.el.remove();
            if (!queues.length) {
                clear(el, h("li", { class: "empty" }, "No queue is known."));
                return;
            }
            if (!rows.length) clear(el);
            const sorted = [...queues].sort((a, b) => share(b) - share(a) || a.name.localeCompare(b.name));
            for (const [i, queue] of sorted.entries()) {
                if (!rows[i]) {
                    rows[i] = queueRow();
                    el.append(rows[i].el);
                }
                rows[i].set(queue);
            }
        },
    };
}

function queueRow() {
    const name = h("span", { class: "queue-name" });
    const meter = h("meter", { min: 0, max: 1, low: 0.5, high: 0.8, optimum: 0 });
    const text = h("span", { class: "num" });
    return {
        el: h("li", {}, name, meter, text),
        /** @param {Api["Queue"]} queue */
        set(queue) {
            setText(name, f.printable(queue.name, 60));
            meter.value = share(queue);
            meter.setAttribute("aria-label", `${f.printable(queue.name, 60)}: how full`);
            setText(text, `${f.count(queue.waiting)} of ${f.count(queue.capacity)}`);
        },
    };
}
