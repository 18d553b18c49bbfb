// @ts-check
// The shell: reads the address, shows the view it names, and gives it what it needs (lib/context.js). A view never starts a
// timer or a connection that outlives it: what the context starts ends with the view.

import { alarm } from "./lib/alarm.js";
import { get } from "./lib/api.js";
import { bar, PAGES } from "./lib/bar.js";
import { backoff, connection } from "./lib/connection.js";
import { context } from "./lib/context.js";
import { clear, h } from "./lib/dom.js";
import { millis, printable, setClockOffset, setPast } from "./lib/format.js";
import { onSocketClosed } from "./lib/live.js";
import { withoutTracepoints } from "./lib/notes.js";
import { replayBar } from "./lib/replay.js";
import { address, go, parse } from "./lib/route.js";
import { wall } from "./lib/wall.js";

const PRODUCT = "peer-observer";
/** That a node or the NATS server is away is shown on each page, within seconds. */
const INFO_EVERY = 1000;
const VIEWS = new Set([...PAGES.flatMap((page) => (page ? [page[0]] : [])), "peer"]);
/** @type {Api["Info"]} */
const NO_INFO = {
    version: "",
    now: "",
    started: "",
    past: null,
    nodes: [],
    sets: [],
    sources: {},
    public: false,
    asmap: false,
    away: {},
    server: null,
    without_tracepoints: [],
    alerts: null,
    clients: 0,
    playlist: { pages: [], seconds: 30 },
};

/** @param {string} id of an element of index.html */
function byId(id) {
    const el = document.getElementById(id);
    if (!el) throw new Error(`index.html lacks #${id}`);
    return el;
}

const main = byId("main");
const skip = byId("skip");
/** Stands on top of every page. */
const blind = withoutTracepoints();
let info = NO_INFO;
/** @type {string | null} */
let version = null;
/** @type {{tidy: (() => void)[]} | null} the view that is shown */
let current = null;
/** Counts the views, so that one that loads late is not shown after its successor. */
let generation = 0;

const wrong = alarm();
const head = bar(byId("bar"), byId("nav"), (name) => {
    const { view, params } = parse();
    // A peer belongs to its node: with another one, the list is what can be shown.
    if (view === "peer") {
        go("peers", { node: name });
        return;
    }
    if (name) params.set("node", name);
    else params.delete("node");
    window.location.hash = address(view, params);
});

const replay = replayBar(byId("replay"));
const onWall = wall((page) => {
    window.location.hash = `#/${page}`;
});

skip.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
});

/**
 * @param {string} path
 * @returns {Promise<HTMLLinkElement>}
 */
function stylesheet(path) {
    return new Promise((resolve) => {
        const link = h("link", { rel: "stylesheet", href: path });
        link.addEventListener("load", () => resolve(link));
        link.addEventListener("error", () => resolve(link));
        document.head.append(link);
    });
}

/** @param {boolean} again the same page, whose data is another one: who reads it stays where they are */
async function show(again = false) {
    const { view, params } = parse();
    generation += 1;
    const mine = generation;
    leave();
    head.route(view, params.get("node") ?? "");
    wrong.route(view, params.get("node") ?? "");
    if (!VIEWS.has(view)) {
        const overview = h("a", { href: "#/overview" }, "To the overview");
        page("Not found", h("p", { class: "empty" }, `There is no page “${printable(view, 40)}”. `, overview));
        return;
    }
    /** @type {View | null} */
    let module = null;
    try {
        module = await import(`./views/${view}.js`);
    } catch (error) {
        // Whether the page is broken, or the server is away.
        await probe();
        if (mine === generation) unloaded(view, error);
        return;
    }
    if (module === null) return;
    const links = module.css ? await Promise.all([module.css].flat().map(stylesheet)) : [];
    if (mine !== generation) {
        for (const link of links) link.remove();
        return;
    }
    const root = h("div", { class: `view view-${view}` });
    const notices = h("div", { class: "notices", "aria-live": "polite" });
    if (again) stay(blind.el, notices, root);
    else page(module.title ?? view, blind.el, notices, root);
    blind.set(info.without_tracepoints, params.get("node") ?? "", view === "overview");
    sheets = links;
    /** @type {(() => void)[]} */
    const tidy = [];
    current = { tidy };
    try {
        const end = module.mount(
            root,
            context(view, params, () => info, notices, tidy),
        );
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
/** @type {HTMLLinkElement[]} style sheets of the view that is shown: they stay as long as its content does */
let sheets = [];

/**
 * The same page again.
 * @param {...Child} content
 */
function stay(...content) {
    const title = main.querySelector(".head");
    clear(main, wrong.el, title, content);
    for (const link of sheets) link.remove();
    sheets = [];
}

/**
 * @param {string} title
 * @param {...Child} content
 */
function page(title, ...content) {
    const h1 = h("h1", { tabindex: "-1" }, title);
    clear(main, wrong.el, h("div", { class: "head" }, h1), content);
    for (const link of sheets) link.remove();
    sheets = [];
    document.title = `${title} · ${PRODUCT}`;
    // Who moves by keyboard or screen reader starts at the new page's name.
    if (!firstPage) h1.focus({ preventScroll: true });
    firstPage = false;
    window.scrollTo(0, 0);
}

/**
 * @param {string} what
 * @param {unknown} error
 */
function broken(what, error) {
    console.error(error);
    const text = printable(error instanceof Error ? error.message : error, 300);
    instead("Something went wrong", `${what}: ${text}`);
}

/**
 * A page whose module or one of its parts did not come.
 * @param {string} view
 * @param {unknown} error
 */
function unloaded(view, error) {
    if (connection.state !== "down") {
        broken(`This page could not be loaded (views/${view}.js)`, error);
        return;
    }
    const name = PAGES.find((entry) => entry?.[0] === view)?.[1] ?? "This page";
    const why = connection.refused
        ? `The server refuses: ${printable(connection.refused, 200)}.`
        : "The server does not answer.";
    instead(
        "The server is away",
        `${name} has not been loaded yet. ${why} The page is tried again by itself, and comes as soon as the server is back. ` +
            "If it does not: is peer-observer running, and can this machine reach it?",
    );
    current = { tidy: [connection.onReturn(reload)] };
}

/**
 * A message in place of a page.
 * @param {string} heading
 * @param {string} text
 */
function instead(heading, text) {
    const button = h("button", { type: "button", class: "button", onclick: again }, "Try again");
    page(heading, h("div", { class: "notice bad", role: "alert" }, h("p", {}, text), button));
}

// A module that failed is remembered, and so is each module that it imports: only a new document asks for them again.
const reload = () => window.location.reload();

/** Loads the document again, if the server is there: a browser would replace the page by one of its own. */
async function again() {
    await probe();
    if (connection.state === "up") reload();
}

// The one request that goes on while the server is away or the page is paused: it finds out when it is back.
/** @type {Promise<void> | null} */
let probing = null;
/** @type {number | undefined} */
let probeTimer;
let failures = 0;

function probe() {
    probing ??= ask().finally(() => {
        probing = null;
    });
    return probing;
}

async function ask() {
    window.clearTimeout(probeTimer);
    let wait = INFO_EVERY;
    try {
        const sent = Date.now();
        const next = await get("api/info");
        failures = 0;
        const at = millis(next.now);
        info = { ...NO_INFO, ...next };
        if (at !== null && info.past) setPast(at, info.past.rate ?? 0);
        else if (at !== null) {
            setPast(null);
            setClockOffset(at - (sent + Date.now()) / 2);
        }
        connection.shows(Boolean(info.past));
        replay.info(info.past);
        if (info.past?.recording) replay.set(await get("api/replay"));
        begin(info.past);
        head.info(info);
        onWall.info(info);
        wrong.info(info);
        blind.update(info.without_tracepoints);
        if (version !== null && version !== info.version) updated();
        version = info.version;
    } catch {
        wait = backoff(failures);
        failures += 1;
    }
    probeTimer = window.setTimeout(probe, wait);
}

/** @type {string | null} which of the times it is that all was forgotten, "live" if there are none */
let shown = null;

/**
 * What a page has of live events is not of the time that is shown after a jump.
 * @param {Api["Info"]["past"]} past
 */
function begin(past) {
    if (past?.filling) return;
    const next = past ? String(past.begun) : "live";
    if (shown !== null && shown !== next) show(true);
    shown = next;
}

function updated() {
    // Nobody is there to press a button.
    if (onWall.on) {
        reload();
        return;
    }
    if (document.getElementById("updated")) return;
    const button = h("button", { type: "button", class: "button", onclick: reload }, "Load its pages");
    const text = "The server runs another version now. ";
    document.body.append(h("div", { id: "updated", class: "toast", role: "status" }, text, button));
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

// The view starts with what the server reports of itself, unless that takes long.
await Promise.race([probe(), new Promise((resolve) => window.setTimeout(resolve, 1500))]);
show();
