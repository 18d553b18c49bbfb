// The P2P circle: each node in the middle of its peers, and the messages between them as they happen.

import * as colors from "../lib/colors.js";
import { clear, empty, h, labelled, section, select, setText } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { choice } from "./circle/choice.js";
import { CRITERIA, grouping, networkName } from "./circle/groups.js";
import { hiddenFrom, hiddenText, NAMES, numberOf, OTHER, wanted } from "./circle/kinds.js";
import { circles, heightFor, place } from "./circle/layout.js";
import { endLegend, groupLegend, key, messageLegend } from "./circle/legend.js";
import { middles } from "./circle/middles.js";
import { pace } from "./circle/pace.js";
import { passes, peerList } from "./circle/peers.js";
import { stage } from "./circle/stage.js";
import { BYTE_STEPS, levelOf, MESSAGE_STEPS } from "./circle/still.js";
import { comings, comingsOf, story } from "./circle/story.js";

export const title = "P2P circle";
export const css = "views/circle.css";

const CONNECTIONS = ["netconn", "peer_disconnected", "eviction_selected", "misbehaving"];
// Circles that are drawn side by side; of more nodes, one is to be chosen.
const MAX_CIRCLES = 12;
// Names of messages that are no names of Bitcoin Core's, which are remembered to ask for them.
const MAX_OTHERS = 20;
// Peers of which the API is asked less often.
const MANY = 400;
// What the address calls the group of those without an AS, a set or a mark.
const NO_GROUP = "none";
const TYPES = [
    ["", "all"],
    "inbound",
    ["outbound", "all outbound"],
    "outbound-full-relay",
    "block-relay-only",
    "manual",
    "addr-fetch",
    "feeler",
    "private-broadcast",
];
const DRAW = [
    ["", "what fits"],
    ["messages", "messages"],
    ["rates", "rates"],
];
const NETWORKS = ["ipv4", "ipv6", "onion", "i2p", "cjdns", "not_publicly_routable"];

export function mount(root, ctx) {
    const motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    const reduced = () => motion.matches;
    const asks = (name) => ctx.params.get(name);
    const pick = (name, allowed, otherwise) => (allowed.includes(asks(name)) ? asks(name) : otherwise);
    const state = {
        color: pick(
            "color",
            CRITERIA.map(([name]) => name),
            "type",
        ),
        type: pick(
            "type",
            TYPES.map((t) => [t].flat()[0]),
            "",
        ),
        network: pick("network", NETWORKS, ""),
        draw: pick("draw", ["messages", "rates"], ""),
        only: asks("only") === NO_GROUP ? "" : asks("only"),
        peer: null,
    };
    let wish = asks("peer") ? { id: Number(asks("peer")), node: asks("of") ?? ctx.node } : null;
    const hidden = hiddenFrom(asks("hide"));
    const model = peerList();
    const drawing = pace(() => state.draw, reduced);
    let groups = grouping(state.color);
    let list = [];
    let order = [];
    let names = [];
    let crowd = 0;

    // Messages counted since the last tick, by type; and per second.
    const counted = new Float64Array(NAMES.length);
    const others = new Set();
    let rate = 0;
    // All messages per second that come to this page, also those of peers that are not shown.
    let load = 0;
    let shown = 0;
    let messages = null;
    let dropped = 0;
    let asked = 0;
    let asking = false;
    let askTimer = null;

    const scene = stage({ reduced, onResize: () => arrange() });
    const pointer = choice({
        scene,
        withNode: !ctx.node,
        onChoose: choose,
        onOpen: (peer) => ctx.go("peer", { node: peer.node, id: peer.id }),
    });
    const hubs = middles({ ctx, rateOf });
    const nothing = h("div", { class: "circle-nothing" });
    scene.el.append(...pointer.parts, hubs.el, nothing);

    const said = h("p", { class: "small", role: "status" });
    const numbers = h("p", { class: "small muted circle-numbers" });
    const keyLine = h("div", {});
    const panel = story({ ctx, onStep: pointer.step, onClose: () => choose(null) });
    const peerLegend = groupLegend((only) => change({ only }));
    const kinds = messageLegend(hidden, () => {
        ctx.set({ hide: hiddenText(hidden) });
        listen(true);
    });
    const ends = endLegend();
    const log = comings(!ctx.node);
    const legendTitle = section("Peers", peerLegend.el);

    const messageCard = h(
        "section",
        { class: "card", "aria-label": "Messages" },
        h(
            "div",
            { class: "card-head" },
            h("h2", {}, "Messages"),
            h("span", { class: "grow" }),
            h("button", { type: "button", class: "link small", onclick: () => kinds.all(true) }, "Show all"),
            h("button", { type: "button", class: "link small", onclick: () => kinds.all(false) }, "Hide all"),
        ),
        kinds.el,
    );

    root.append(
        h(
            "div",
            { class: "toolbar" },
            labelled(
                "Colour by",
                select(CRITERIA, state.color, (color) => change({ color, only: null })),
            ),
            labelled(
                "Connections",
                select(TYPES, state.type, (type) => change({ type })),
            ),
            labelled(
                "Network",
                select([["", "all"], ...NETWORKS.map((n) => [n, networkName(n)])], state.network, (network) =>
                    change({ network }),
                ),
            ),
            labelled(
                "Draw",
                select(DRAW, state.draw, (draw) => change({ draw })),
            ),
        ),
        h(
            "div",
            { class: "circle-layout" },
            h(
                "section",
                { class: "card circle-main", "aria-label": "Circle" },
                scene.el,
                h("div", { class: "circle-said" }, said, numbers),
                keyLine,
            ),
            h(
                "div",
                { class: "circle-side" },
                panel.el,
                legendTitle,
                messageCard,
                section(
                    "Connections",
                    h("p", { class: "muted small" }, "Ended in the last 10 minutes"),
                    ends.el,
                    log.el,
                ),
            ),
        ),
    );

    function change(next) {
        const recolour = next.color !== undefined && next.color !== state.color;
        Object.assign(state, next);
        ctx.set({
            color: state.color === "type" ? null : state.color,
            type: state.type,
            network: state.network,
            draw: state.draw,
            only: state.only === "" ? NO_GROUP : state.only,
        });
        if (recolour) groups = grouping(state.color);
        arrange();
        tick();
    }

    // Who is shown, where, in which colour.
    function arrange() {
        const all = [...model.nodes].sort(([a], [b]) => (a < b ? -1 : 1));
        names = all.slice(0, MAX_CIRCLES).map(([name]) => name);
        if (ctx.node) names = names.filter((name) => name === ctx.node);
        const passing = [];
        for (const [name, peers] of all) {
            const shown = names.includes(name);
            for (const peer of peers.values()) {
                peer.ring = null;
                if (shown && passes(peer, state.type, state.network)) passing.push(peer);
            }
        }
        const found = groups.update(passing);
        const open = passing.filter((peer) => peer.ended === null);
        for (const group of found) group.count = 0;
        for (const peer of open) peer.group.count += 1;
        peerLegend.set(
            found.filter((group) => group.count),
            state.only,
            state.color,
            ctx.info,
        );
        const [, criterion] = CRITERIA.find(([name]) => name === state.color);
        setText(legendTitle.querySelector("h2"), `Peers by ${criterion.toLowerCase()}`);

        scene.el.style.height = `${heightFor(names.length, scene.el.clientWidth, window.innerHeight)}px`;
        list = circles(names, scene.el.clientWidth, scene.el.clientHeight);
        const visible = passing.filter((peer) => state.only === null || peer.group.key === state.only);
        for (const circle of list) {
            const mine = visible.filter((peer) => peer.node === circle.node);
            mine.sort((a, b) => a.group.place - b.group.place || a.id - b.id);
            place(circle, mine);
        }
        order = list.flatMap((circle) => circle.peers);
        crowd = visible.filter((peer) => peer.ended === null).length;
        if (wish) {
            const peer = model.find(wish.node, wish.id);
            if (peer) state.peer = peer;
            if (peer || model.known) wish = null;
        }
        // Another connection may have taken its id; who is gone stays in the panel.
        if (state.peer) state.peer = model.find(state.peer.node, state.peer.id) ?? state.peer;
        drawing.area(list.reduce((sum, circle) => sum + Math.PI * circle.outer ** 2, 0));
        levels();
        scene.show(list);
        scene.select(state.peer?.ring ? state.peer : null);
        hubs.set(list, untraced());
        chosenShown();
        empties(passing.length, all.length);
    }

    function empties(passing, nodes) {
        let text = "";
        if (!model.known) text = "Asking for the peers…";
        else if (!nodes || (ctx.node && !names.length)) {
            text = "No peer is known: neither RPC (getpeerinfo) nor tracepoints have told of one. See Health.";
        } else if (!passing) text = "No peer passes the filter of connections and networks.";
        else if (!order.length) text = "No peer is in the group that was chosen.";
        else if (nodes > MAX_CIRCLES && !ctx.node) {
            text = `The first ${MAX_CIRCLES} of ${f.count(nodes)} nodes are shown: choose a node above.`;
        }
        nothing.hidden = !text;
        nothing.classList.toggle("circle-aside", Boolean(order.length));
        if (nothing.textContent !== text) clear(nothing, text ? empty(text) : null);
    }

    const untraced = () => drawing.why === "untraced";

    // What goes over a peer's line per second: received (0) or sent (1).
    function rateOf(peer, side) {
        if (untraced()) return peer.told.rates[side];
        if (messages) return peer.speed[side];
        return side === 0 ? peer.data.rate_in : peer.data.rate_out;
    }

    // How wide lines are, when they show rates. Returns whether any changed.
    function levels() {
        const steps = untraced() ? BYTE_STEPS : MESSAGE_STEPS;
        let changed = false;
        for (const peer of order) {
            for (let side = 0; side < 2; side += 1) {
                const level = levelOf(rateOf(peer, side), steps);
                changed ||= level !== peer.level[side];
                peer.level[side] = level;
            }
        }
        return changed;
    }

    // Live messages are asked for where they are drawn, or where rates of some types can only be counted here.
    function listen(anew = false) {
        const types = wanted(hidden, others);
        const filtered = hidden.some(Boolean);
        const needed = !untraced() && (!drawing.rates || filtered) && !hidden.every(Boolean);
        const want = needed && !document.hidden;
        if (messages && (!want || anew)) {
            messages.stop();
            messages = null;
        }
        if (messages || !want) return;
        messages = ctx.events({ kind: ["message"], message: types, ...ours() }, received, {
            form: "brief",
            onDropped: (n) => {
                dropped += n;
            },
        });
    }

    const ours = () => (names.length >= MAX_CIRCLES ? { node: names } : {});

    function received(event) {
        const kind = numberOf(event.message);
        counted[kind] += 1;
        if (kind === OTHER && others.size < MAX_OTHERS) others.add(event.message);
        if (hidden[kind]) return;
        const peer = model.find(event.node, event.peer);
        if (!peer) {
            soon(3000);
            return;
        }
        if (peer.ended !== null || !peer.ring) return;
        shown += 1;
        const inbound = event.direction === "inbound";
        peer.counted[inbound ? 0 : 1] += 1;
        scene.message(peer, kind, inbound, event.size);
    }

    ctx.events(
        { kind: CONNECTIONS },
        (event) => {
            if (!model.event(event, scene.clock())) return;
            const peer = model.find(event.node, event.peer);
            arrange();
            if (peer?.ring) scene.effect(peer);
            soon();
        },
        { form: "brief" },
    );

    const api = ctx.api(
        "api/peers",
        { closed: 1 },
        0,
        (data) => {
            const rows = Array.isArray(data) ? data : [];
            asked = performance.now();
            asking = false;
            const changed = model.told(rows, scene.clock());
            const { list: events, counts } = comingsOf(rows, f.now());
            ends.set(counts);
            log.set(events);
            if (changed || !order.length) arrange();
            else {
                if (levels() && drawing.rates) scene.redraw();
                chosenShown();
            }
            again(rows.length > MANY ? 5000 : 2000);
        },
        (error) => {
            ctx.notice("api/peers", "bad", error ? `api/peers: ${error.message}` : null);
            if (error) again(5000);
        },
    );

    function again(ms) {
        window.clearTimeout(askTimer);
        askTimer = window.setTimeout(() => api.refresh(), ms);
    }

    // Something came that the API can tell more of: it is asked earlier, but its long answers not often.
    function soon(pause = crowd > MANY ? 3000 : 1000) {
        if (asking) return;
        asking = true;
        again(Math.max(250, pause - (performance.now() - asked)));
    }

    let ticked = performance.now();

    function tick() {
        const now = performance.now();
        const seconds = Math.max(0.2, (now - ticked) / 1000);
        if (ctx.paused || document.hidden) {
            ticked = now;
            counted.fill(0);
            return;
        }
        ticked = now;
        let sum = 0;
        for (let i = 0; i < counted.length; i += 1) sum += counted[i];
        if (sum) model.sawMessage();
        const told = (list_) => list_.reduce((n, peer) => n + (peer.data.rate_in ?? 0) + (peer.data.rate_out ?? 0), 0);
        if (messages) {
            const calm = (before, n) => (before ? before * 0.5 + (n / seconds) * 0.5 : n / seconds);
            rate = calm(rate, shown);
            load = calm(load, sum);
            model.fold(seconds);
        } else {
            rate = hidden.every(Boolean) ? 0 : told(order);
            load = names.reduce((n, name) => n + told([...(model.nodes.get(name)?.values() ?? [])]), 0);
        }
        kinds.set(messages ? counted : null, seconds);
        counted.fill(0);
        shown = 0;
        const traced = model.traced ?? (ctx.info.sources?.ebpf === false ? false : null);
        drawing.tick(traced, load, scene.times.lately(), scene.flying);
        scene.mode(drawing.rates);
        scene.pace(rate > 1500 ? 550 : rate > 300 ? 800 : 1100);
        listen();
        const changed = levels();
        if (drawing.rates && changed) scene.redraw();
        if (model.sweep(scene.clock())) arrange();
        else hubs.set(list, untraced());
        described();
        words();
    }

    let keyed_ = "";

    function described() {
        const next = `${drawing.rates} ${untraced()} ${colors.theme()}`;
        if (next === keyed_) return;
        keyed_ = next;
        clear(keyLine, key(drawing.rates, untraced()));
    }

    function words() {
        messageCard.hidden = untraced();
        setText(said, drawing.inWords(load, untraced(), names.length));
        const parts = [`${f.count(crowd)} peers`];
        if (!untraced()) parts.push(`${f.short(rate)} messages/s`);
        const blind = untraced() ? [] : names.filter((name) => !model.tracedNode(name));
        if (hidden.some(Boolean)) parts.push("some types of messages are hidden");
        if (blind.length) parts.push(`no tracepoints: ${blind.map((name) => f.printable(name, 30)).join(", ")}`);
        if (dropped) parts.push(`this page was too slow for ${f.count(dropped)} messages`);
        setText(numbers, parts.join(", "));
        const data = scene.canvas.dataset;
        scene.times.write(data);
        data.mode = drawing.rates ? "rates" : "messages";
        data.peers = String(crowd);
        data.rate = rate.toFixed(0);
        data.flying = String(scene.flying);
        const who = names.map((name) => f.printable(name, 40)).join(", ") || "No node";
        const summary = `${who}: ${parts.join(", ")}. ${said.textContent}`;
        if (scene.canvas.getAttribute("aria-label") !== summary) scene.canvas.setAttribute("aria-label", summary);
    }

    // What is selected.

    function choose(peer) {
        state.peer = peer;
        ctx.set({ peer: peer ? peer.id : null, of: peer && !ctx.node ? peer.node : null });
        scene.select(peer);
        chosenShown();
    }

    function chosenShown() {
        const { peer } = state;
        panel.set(peer, pointer.set(peer, order), order.length);
    }

    const timer = window.setInterval(tick, 1000);
    const seen = () => {
        listen();
        ticked = performance.now();
    };
    document.addEventListener("visibilitychange", seen);
    const resized = () => arrange();
    window.addEventListener("resize", resized);
    const calmer = () => tick();
    motion.addEventListener("change", calmer);
    ctx.onPause((on) => {
        scene.pause(on);
        if (!on) seen();
    });
    ctx.onTheme(() => {
        kinds.paint();
        described();
        arrange();
        scene.theme();
    });
    scene.pause(ctx.paused);
    arrange();
    drawing.tick(null, 0, null, 0);
    scene.mode(drawing.rates);
    described();
    listen();
    words();

    return () => {
        window.clearInterval(timer);
        window.clearTimeout(askTimer);
        document.removeEventListener("visibilitychange", seen);
        window.removeEventListener("resize", resized);
        motion.removeEventListener("change", calmer);
        scene.destroy();
    };
}
