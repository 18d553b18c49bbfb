// The header and the list of pages: product name, node picker, pause button, theme, and whether what is shown is current.

import { chooseTheme, themeChoice } from "./colors.js";
import { clear, h, setText, svg } from "./dom.js";
import { clock, printable, span } from "./format.js";
import { connection, pause } from "./live.js";

// The pages in the order of the list; a null separates groups.
export const PAGES = [
    ["overview", "Overview"],
    ["health", "Health"],
    null,
    ["circle", "P2P circle"],
    ["peers", "Peers"],
    ["messages", "Messages"],
    ["addresses", "Addresses"],
    ["pings", "Ping-pong"],
    null,
    ["transactions", "Transactions"],
    ["mempool", "Mempool"],
    ["blocks", "Blocks"],
    null,
    ["log", "Log"],
];

// The page in the list under which a view without an entry stands.
const UNDER = { peer: "peers" };
const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

// Fills header and nav. on.node(name), on.menu are called; returns {route(view, node), info(info)}.
export function bar(header, nav, on) {
    const links = new Map();
    let view = "";
    let node = "";
    let nodes = [];

    const menu = h(
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
            title: "A view for strangers: the nodes' own addresses are left out and those of peers are shortened or replaced.",
        },
        "public",
    );
    const status = h("span", { class: "status" });
    const dot = h("span", { class: "dot", "aria-hidden": "true" });
    const statusText = h("span", { class: "status-text" });
    status.append(dot, statusText);
    const said = h("span", { class: "visually-hidden", role: "status" });

    const picker = h("select", { id: "node", onchange: () => on.node(picker.value) });
    const pauseIcon = svg("path", {});
    const pauseLabel = h("span", { class: "button-label" });
    const pauseButton = h(
        "button",
        { type: "button", class: "button pause", "aria-keyshortcuts": "Alt+P", onclick: () => pause.set(!pause.on) },
        svg("svg", { viewBox: "0 0 16 16", class: "icon solid", "aria-hidden": "true" }, pauseIcon),
        pauseLabel,
    );
    const theme = h(
        "select",
        { id: "theme", onchange: () => chooseTheme(theme.value) },
        Object.entries(THEMES).map(([key, label]) => h("option", { value: key }, label)),
    );
    theme.value = themeChoice();

    header.append(
        menu,
        brand,
        mode,
        h("span", { class: "grow" }),
        status,
        said,
        h("div", { class: "picker" }, h("label", { for: "node", class: "bar-label" }, "Node"), picker),
        pauseButton,
    );

    let group = null;
    for (const page of [null, ...PAGES]) {
        if (!page) {
            group = h("ul", {});
            nav.append(group);
            continue;
        }
        const link = h("a", {}, page[1]);
        links.set(page[0], link);
        group.append(h("li", {}, link));
    }
    const about = h("p", { class: "muted small" });
    nav.append(
        h(
            "div",
            { class: "nav-foot" },
            h("div", { class: "picker" }, h("label", { for: "theme", class: "bar-label" }, "Theme"), theme),
            about,
        ),
    );

    function open(yes) {
        nav.classList.toggle("open", yes);
        menu.setAttribute("aria-expanded", String(yes));
        if (yes) nav.querySelector("a[aria-current], a")?.focus();
    }

    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && nav.classList.contains("open")) {
            open(false);
            menu.focus();
        }
        if (event.altKey && !event.ctrlKey && !event.metaKey && event.code === "KeyP") {
            event.preventDefault();
            pause.set(!pause.on);
        }
    });
    document.addEventListener("click", (event) => {
        if (!nav.contains(event.target) && !menu.contains(event.target)) open(false);
    });

    function showPause() {
        pauseButton.setAttribute("aria-pressed", String(pause.on));
        pauseButton.title = `${pause.on ? "Go on" : "Stop what moves"} (Alt+P)`;
        setText(pauseLabel, pause.on ? "Resume" : "Pause");
        pauseIcon.setAttribute("d", pause.on ? "M4 2.500 13 8 4 13.500z" : "M4 3h3v10H4zM9 3h3v10H9z");
        document.documentElement.classList.toggle("paused", pause.on);
    }

    function state() {
        if (connection.refused) return ["bad", "refused", `refused: ${printable(connection.refused, 60)}`];
        if (connection.state === "down") {
            if (connection.lastGood === null) return ["bad", "connecting again", "connecting again… no data yet"];
            const age = span((Date.now() - connection.lastGood) / 1000);
            return ["bad", "connecting again", `connecting again… data of ${clock(connection.lastGood)}, ${age} old`];
        }
        if (pause.on) return ["warn", "paused", `paused at ${clock(pause.since)}`];
        if (connection.state === "connecting") return ["warn", "connecting", "connecting…"];
        if (connection.waitingSockets > 0 && Date.now() - socketsSince > 1500) {
            return ["warn", "events connecting", "live, events: connecting again…"];
        }
        return ["good", "live", "live"];
    }

    let socketsSince = Date.now();
    let before = "";

    function showState() {
        if (connection.waitingSockets === 0) socketsSince = Date.now();
        const [kind, word, text] = state();
        dot.className = `dot ${kind}`;
        setText(statusText, text);
        status.classList.toggle("away", kind === "bad");
        document.documentElement.classList.toggle("stale", kind === "bad");
        if (word !== before && before !== "") setText(said, text);
        before = word;
    }

    function showNodes() {
        const names = node && !nodes.includes(node) ? [...nodes, node] : nodes;
        clear(
            picker,
            h("option", { value: "" }, nodes.length > 1 ? `All ${nodes.length} nodes` : "All nodes"),
            names.map((name) =>
                h(
                    "option",
                    { value: name },
                    nodes.length && !nodes.includes(name) ? `${printable(name, 40)} (not known)` : printable(name, 40),
                ),
            ),
        );
        picker.value = node;
    }

    pause.onChange(() => {
        showPause();
        showState();
    });
    connection.onChange(showState);
    window.setInterval(showState, 1000);
    showPause();
    showState();
    showNodes();

    return {
        route(nextView, nextNode) {
            view = nextView;
            node = nextNode;
            const current = UNDER[view] ?? view;
            for (const [name, link] of links) {
                link.href = `#/${name}${node ? `?node=${encodeURIComponent(node)}` : ""}`;
                if (name === current) link.setAttribute("aria-current", "page");
                else link.removeAttribute("aria-current");
            }
            brand.href = links.get("overview").href;
            open(false);
            showNodes();
        },
        info(info) {
            mode.hidden = !info.public;
            setText(about, info.version ? `peer-observer ${printable(info.version, 20)}` : "");
            const next = Array.isArray(info.nodes) ? info.nodes : [];
            if (next.join("\n") === nodes.join("\n")) return;
            nodes = next;
            showNodes();
        },
    };
}
