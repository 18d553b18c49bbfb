// @ts-check
// The header and the list of pages: product name, node picker, pause button, theme, and whether what is shown is current.

import { chooseTheme, themeChoice } from "./colors.js";
import { connection, pause } from "./connection.js";
import { clear, h, setText, svg } from "./dom.js";
import { clock, printable, span } from "./format.js";

/**
 * The pages in the order of the list; a null separates groups.
 * @type {([view: string, title: string] | null)[]}
 */
export const PAGES = [
    ["overview", "Overview"],
    ["alerts", "Alerts"],
    ["health", "Health"],
    null,
    ["circle", "P2P circle"],
    ["peers", "Peers"],
    ["messages", "Messages"],
    ["addresses", "Addresses"],
    ["addrman", "Address manager"],
    ["pings", "Ping-pong"],
    null,
    ["transactions", "Transactions"],
    ["mempool", "Mempool"],
    ["blocks", "Blocks"],
    ["chain", "Chain"],
    null,
    ["log", "Log"],
];

/** @type {Record<string, string>} the page in the list under which a view without an entry stands */
const UNDER = { peer: "peers" };
const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

/**
 * Fills header and nav.
 * @param {HTMLElement} header
 * @param {HTMLElement} nav
 * @param {(node: string) => void} onNode called with the node that was chosen; "" means all
 */
export function bar(header, nav, onNode) {
    const menu = menuOf(nav);
    const brand = h(
        "a",
        { class: "brand", href: "#/overview" },
        h("img", { src: "favicon.svg", alt: "", width: 20, height: 20 }),
        h("span", { class: "brand-name" }, "peer-observer"),
    );
    const mode = h(
        "span",
        {
            class: "badge info public",
            hidden: true,
            title: "A view for the public: the nodes' own addresses are left out and those of peers are shortened or replaced.",
        },
        "public",
    );
    const critical = h("a", {
        class: "badge bad critical",
        href: "#/alerts?severity=critical&state=open",
        hidden: true,
    });
    const state = stateOf();
    const picker = nodePicker(onNode);
    header.append(
        menu.button,
        brand,
        mode,
        critical,
        h("span", { class: "grow" }),
        state.el,
        state.announcement,
        picker.el,
        pauseButton(),
    );
    const links = pageLinks(nav);
    const about = h("p", { class: "muted small" });
    nav.append(h("div", { class: "nav-foot" }, themePicker(), about));

    return {
        /**
         * Marks the view that is shown, and the selected node.
         * @param {string} view
         * @param {string} node
         */
        route(view, node) {
            const current = UNDER[view] ?? view;
            for (const [name, link] of links) {
                link.href = `#/${name}${node ? `?node=${encodeURIComponent(node)}` : ""}`;
                if (name === current) link.setAttribute("aria-current", "page");
                else link.removeAttribute("aria-current");
            }
            brand.href = links.get("overview")?.href ?? "#/overview";
            menu.open(false);
            picker.select(node);
        },
        /**
         * Shows what the server reports of itself.
         * @param {Api["Info"]} info
         */
        info(info) {
            mode.hidden = !info.public;
            const count = info.alerts?.critical ?? 0;
            critical.hidden = count === 0;
            setText(critical, count === 1 ? "1 critical alert" : `${count} critical alerts`);
            setText(about, info.version ? `peer-observer ${printable(info.version, 20)}` : "");
            picker.nodes(Array.isArray(info.nodes) ? info.nodes : []);
        },
    };
}

/**
 * The button that opens the list of pages on narrow screens.
 * @param {HTMLElement} nav
 */
function menuOf(nav) {
    const button = h(
        "button",
        {
            type: "button",
            class: "button menu",
            "aria-expanded": "false",
            "aria-controls": "nav",
            onclick: () => open(!nav.classList.contains("open")),
        },
        svg(
            "svg",
            { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" },
            svg("path", { d: "M2 4h12M2 8h12M2 12h12" }),
        ),
        h("span", { class: "visually-hidden" }, "Pages"),
    );

    /** @param {boolean} yes */
    function open(yes) {
        nav.classList.toggle("open", yes);
        button.setAttribute("aria-expanded", String(yes));
        /** @type {HTMLElement | null} */
        const first = nav.querySelector("a[aria-current], a");
        if (yes) first?.focus();
    }

    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !nav.classList.contains("open")) return;
        open(false);
        button.focus();
    });
    document.addEventListener("click", (event) => {
        const target = event.target instanceof Node ? event.target : null;
        if (!nav.contains(target) && !button.contains(target)) open(false);
    });
    return { button, open };
}

/**
 * Fills nav with the pages; returns their links by view.
 * @param {HTMLElement} nav
 */
function pageLinks(nav) {
    /** @type {Map<string, HTMLAnchorElement>} */
    const links = new Map();
    let group = h("ul", {});
    nav.append(group);
    for (const page of PAGES) {
        if (page) {
            const link = h("a", {}, page[1]);
            links.set(page[0], link);
            group.append(h("li", {}, link));
        } else {
            group = h("ul", {});
            nav.append(group);
        }
    }
    return links;
}

/** @param {(node: string) => void} onNode */
function nodePicker(onNode) {
    /** @type {string[]} */
    let nodes = [];
    let selected = "";
    const picker = h("select", { id: "node", onchange: () => onNode(picker.value) });

    function show() {
        const names = selected && !nodes.includes(selected) ? [...nodes, selected] : nodes;
        clear(
            picker,
            h("option", { value: "" }, nodes.length > 1 ? `All ${nodes.length} nodes` : "All nodes"),
            names.map((name) => {
                const unknown = nodes.length && !nodes.includes(name) ? " (not known)" : "";
                return h("option", { value: name }, `${printable(name, 40)}${unknown}`);
            }),
        );
        picker.value = selected;
    }

    show();
    return {
        el: h("div", { class: "picker" }, h("label", { for: "node", class: "bar-label" }, "Node"), picker),
        /** @param {string} node */
        select(node) {
            selected = node;
            show();
        },
        /** @param {string[]} next */
        nodes(next) {
            if (next.join("\n") === nodes.join("\n")) return;
            nodes = next;
            show();
        },
    };
}

function themePicker() {
    const theme = h(
        "select",
        { id: "theme", onchange: () => chooseTheme(theme.value) },
        Object.entries(THEMES).map(([key, label]) => h("option", { value: key }, label)),
    );
    theme.value = themeChoice();
    return h("div", { class: "picker" }, h("label", { for: "theme", class: "bar-label" }, "Theme"), theme);
}

function pauseButton() {
    const icon = svg("path", {});
    const label = h("span", { class: "button-label" });
    const toggle = () => pause.set(!pause.on);
    const button = h(
        "button",
        { type: "button", class: "button pause", "aria-keyshortcuts": "Alt+P", onclick: toggle },
        svg("svg", { viewBox: "0 0 16 16", class: "icon solid", "aria-hidden": "true" }, icon),
        label,
    );
    function show() {
        button.setAttribute("aria-pressed", String(pause.on));
        button.title = `${pause.on ? "Go on" : "Stop what moves"} (Alt+P)`;
        setText(label, pause.on ? "Resume" : "Pause");
        icon.setAttribute("d", pause.on ? "M4 2.500 13 8 4 13.500z" : "M4 3h3v10H4zM9 3h3v10H9z");
        document.documentElement.classList.toggle("paused", pause.on);
    }
    document.addEventListener("keydown", (event) => {
        if (!event.altKey || event.ctrlKey || event.metaKey || event.code !== "KeyP") return;
        event.preventDefault();
        toggle();
    });
    pause.onChange(show);
    show();
    return button;
}

/** Whether what is shown is current: {el, announcement (for screen readers)}. */
function stateOf() {
    const dot = h("span", { class: "dot", "aria-hidden": "true" });
    const text = h("span", { class: "status-text" });
    const el = h("span", { class: "status" }, dot, text);
    const announcement = h("span", { class: "visually-hidden", role: "status" });
    let socketsSince = Date.now();
    let before = "";

    function show() {
        if (connection.waitingSockets === 0) socketsSince = Date.now();
        const [kind, word, words] = stateInWords(Date.now() - socketsSince);
        dot.className = `dot ${kind}`;
        setText(text, words);
        el.classList.toggle("away", kind === "bad");
        document.documentElement.classList.toggle("stale", kind === "bad");
        if (word !== before && before !== "") setText(announcement, words);
        before = word;
    }

    pause.onChange(show);
    connection.onChange(show);
    window.setInterval(show, 1000);
    show();
    return { el, announcement };
}

/**
 * @param {number} waiting for how many milliseconds sockets have been waiting
 * @returns {[kind: string, word: string, text: string]} the word stays the same as long as the state does
 */
function stateInWords(waiting) {
    if (connection.refused) return ["bad", "refused", `refused: ${printable(connection.refused, 60)}`];
    if (connection.state === "down") {
        if (connection.lastGood === null) return ["bad", "connecting again", "connecting again… no data yet"];
        const age = span((Date.now() - connection.lastGood) / 1000);
        return ["bad", "connecting again", `connecting again… data of ${clock(connection.lastGood)}, ${age} old`];
    }
    if (pause.on) return ["warn", "paused", `paused at ${clock(pause.since)}`];
    if (connection.state === "connecting") return ["warn", "connecting", "connecting…"];
    if (connection.waitingSockets > 0 && waiting > 1500) {
        return ["warn", "events connecting", "live, events: connecting again…"];
    }
    if (connection.past) return ["warn", "past", "not live"];
    return ["good", "live", "live"];
}
