// The shell: reads the address, shows the view it names, and gives it what it needs (ctx). A view never starts a timer or a
// connection that outlives it: what ctx starts ends with the view.

import { get, poll } from "./lib/api.js";
import { bar, PAGES } from "./lib/bar.js";
import { onTheme } from "./lib/colors.js";
import { clear, h } from "./lib/dom.js";
import { millis, printable, setClockOffset } from "./lib/format.js";
import { backoff, connection, events, onSocketClosed, pause } from "./lib/live.js";

const PRODUCT = "peer-observer";
const INFO_EVERY = 5000;
const VIEWS = new Set([...PAGES.filter(Boolean).map(([name]) => name), "peer"]);
const NO_INFO = { version: "", nodes: [], sets: [], sources: {}, public: false, asmap: false, clients: 0 };

const main = document.getElementById("main");
const skip = document.getElementById("skip");
let info = NO_INFO;
let version = null;
let current = null;
let generation = 0;

const head = bar(document.getElementById("bar"), document.getElementById("nav"), {
    node: (name) => {
        const { view, params } = parse();
        // A peer belongs to its node: with another one, the list is what can be shown.
        if (view === "peer") return go("peers", { node: name });
        if (name) params.set("node", name);
        else params.delete("node");
        window.location.hash = address(view, params);
        return undefined;
    },
});

skip.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
});

// "#/peers?node=alice&sort=ping" as {view, params}.
function parse() {
    const text = window.location.hash.replace(/^#\/?/, "");
    const cut = text.indexOf("?");
    const view = cut < 0 ? text : text.slice(0, cut);
    return { view: view || "overview", params: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)) };
}

function address(view, params) {
    const query = params.toString();
    return `#/${view}${query ? `?${query}` : ""}`;
}

// The address of a view; the selected node goes along unless params say otherwise (node: "" means all).
function href(view, params = {}) {
    const out = new URLSearchParams();
    const node = params.node ?? parse().params.get("node");
    if (node) out.set("node", node);
    for (const [key, value] of Object.entries(params)) {
        if (key !== "node" && value !== null && value !== undefined && value !== "") out.set(key, String(value));
    }
    return address(view, out);
}

function go(view, params) {
    window.location.hash = href(view, params);
}

async function load(name, attempt) {
    // A failed import is remembered by its address, so another attempt needs another address.
    return import(`./views/${name}.js${attempt ? `?attempt=${attempt}` : ""}`);
}

function stylesheet(path) {
    return new Promise((resolve) => {
        const link = h("link", { rel: "stylesheet", href: path });
        link.addEventListener("load", () => resolve(link));
        link.addEventListener("error", () => resolve(link));
        document.head.append(link);
    });
}

let attempts = 0;

async function show() {
    const { view, params } = parse();
    generation += 1;
    const mine = generation;
    leave();
    head.route(view, params.get("node") ?? "");
    if (!VIEWS.has(view)) {
        page(
            "Not found",
            h(
                "p",
                { class: "empty" },
                `There is no page “${printable(view, 40)}”. `,
                h("a", { href: "#/overview" }, "To the overview"),
            ),
        );
        return;
    }
    let module = null;
    try {
        module = await load(view, attempts);
    } catch (error) {
        if (mine === generation) broken(`This page could not be loaded (views/${view}.js)`, error);
        return;
    }
    const links = module.css ? await Promise.all([module.css].flat().map(stylesheet)) : [];
    if (mine !== generation) {
        for (const link of links) link.remove();
        return;
    }
    const root = h("div", { class: `view view-${view}` });
    const notices = h("div", { class: "notices", "aria-live": "polite" });
    page(module.title ?? view, notices, root);
    worn = links;
    const tidy = [];
    current = { tidy };
    const ctx = context(view, params, notices, tidy);
    try {
        const end = module.mount(root, ctx);
        if (typeof end === "function") tidy.push(end);
    } catch (error) {
        leave();
        broken("This page failed to start", error);
    }
}

function leave() {
    const old = current;
    current = null;
    for (const end of old?.tidy.reverse() ?? []) {
        try {
            end();
        } catch (error) {
            console.error(error);
        }
    }
}

let firstPage = true;
// Style sheets of the view that is shown: they stay as long as its content does.
let worn = [];

function page(title, ...content) {
    const h1 = h("h1", { tabindex: "-1" }, title);
    clear(main, h("div", { class: "head" }, h1), content);
    for (const link of worn) link.remove();
    worn = [];
    document.title = `${title} · ${PRODUCT}`;
    // Who moves by keyboard or screen reader starts at the new page's name.
    if (!firstPage) h1.focus({ preventScroll: true });
    firstPage = false;
    window.scrollTo(0, 0);
}

function broken(what, error) {
    console.error(error);
    page(
        "Something went wrong",
        h(
            "div",
            { class: "notice bad", role: "alert" },
            h("p", {}, `${what}: ${printable(error?.message ?? error, 300)}`),
            h("button", { type: "button", class: "button", onclick: again }, "Try again"),
        ),
    );
    current = { tidy: [connection.onReturn(again)] };
}

function again() {
    attempts += 1;
    show();
}

function context(view, params, notices, tidy) {
    const shown = new Map();

    function notice(key, kind, text) {
        shown.get(key)?.remove();
        shown.delete(key);
        if (!text) return;
        const el = h("div", { class: `notice ${kind}` }, printable(text, 300));
        shown.set(key, el);
        notices.append(el);
    }

    // A failure of the view's own code is said on the page, and does not stop what comes after.
    function guarded(fn, key) {
        return (...args) => {
            try {
                fn(...args);
                if (shown.has(key)) notice(key);
            } catch (error) {
                if (!shown.has(key)) console.error(error);
                notice(key, "bad", `This page failed on what it got (${key}): ${error?.message ?? error}`);
            }
        };
    }

    const node = params.get("node") ?? "";

    return {
        params,
        node,
        href,
        go,
        get info() {
            return info;
        },
        get paused() {
            return pause.on;
        },
        set(changes) {
            for (const [key, value] of Object.entries(changes)) {
                if (value === null || value === undefined || value === "") params.delete(key);
                else params.set(key, String(value));
            }
            window.history.replaceState(null, "", address(view, params));
        },
        notice,
        api(path, query, everyMs, fn, onError) {
            const withNode = (q) => () => ({ node, ...(typeof q === "function" ? q() : q) });
            const failed = onError ?? ((error) => notice(path, "bad", error ? `${path}: ${error.message}` : null));
            const handle = poll(path, withNode(query), everyMs ?? 0, guarded(fn, path), failed);
            tidy.push(handle.stop);
            return {
                refresh: (next) => handle.refresh(next === undefined ? undefined : withNode(next)),
                stop: handle.stop,
            };
        },
        events(filter, fn, options = {}) {
            const withNode = (f) => (node ? { node: [node], ...f } : { ...f });
            const handle = events(withNode(filter), guarded(fn, "live events"), {
                onError: (text) => notice("live events", "bad", `live events: ${text}`),
                ...options,
            });
            tidy.push(handle.stop);
            return {
                subscribe: (next) => handle.subscribe(withNode(next)),
                stop: handle.stop,
                get open() {
                    return handle.open;
                },
            };
        },
        onPause(fn) {
            tidy.push(pause.onChange(fn));
        },
        onTheme(fn) {
            tidy.push(onTheme(fn));
        },
    };
}

// The one request that goes on while the server is away or the page is paused: it finds out when it is back.
let probing = false;
let probeTimer = null;
let failures = 0;

async function probe() {
    window.clearTimeout(probeTimer);
    if (probing) return;
    probing = true;
    let wait = INFO_EVERY;
    try {
        const asked = Date.now();
        const next = await get("api/info");
        failures = 0;
        const at = millis(next.now);
        if (at !== null) setClockOffset(at - (asked + Date.now()) / 2);
        info = { ...NO_INFO, ...next };
        head.info(info);
        if (version !== null && version !== info.version) updated();
        version = info.version;
    } catch {
        wait = backoff(failures);
        failures += 1;
    }
    probing = false;
    probeTimer = window.setTimeout(probe, wait);
}

function updated() {
    if (document.getElementById("updated")) return;
    document.body.append(
        h(
            "div",
            { id: "updated", class: "toast", role: "status" },
            "The server runs another version now. ",
            h("button", { type: "button", class: "button", onclick: () => window.location.reload() }, "Load its pages"),
        ),
    );
}

connection.onLost(probe);
onSocketClosed(probe);
document.addEventListener("visibilitychange", () => {
    if (!document.hidden) probe();
});
window.addEventListener("online", probe);
window.addEventListener("hashchange", () => {
    if (!window.location.hash || window.location.hash.startsWith("#/")) show();
});

// The view starts with what the server says of itself, unless that takes long.
await Promise.race([probe(), new Promise((resolve) => window.setTimeout(resolve, 1500))]);
show();
