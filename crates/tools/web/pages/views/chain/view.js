// @ts-check
// The page: what a network looks like now, or as it was.

import { get } from "../../lib/api.js";
import { clear, h, labelled, section, select, setText, tile, tileRow } from "../../lib/dom.js";
import * as f from "../../lib/format.js";
import { activityCard } from "./activity.js";
import { blockCard } from "./block.js";
import { legend } from "./legend.js";
import { labelsOf, Network } from "./model.js";
import { nodeTable } from "./nodes.js";
import { nodesBefore } from "./past.js";
import { Playback } from "./playback.js";
import { Tree } from "./tree.js";
import { fullScreen, sound } from "./wall.js";
import { isTipChange } from "./words.js";

/** @import { Context } from "../../lib/context.js" */
/** @import { Header, Node } from "./model.js" */

/** Everything is asked for so often, in milliseconds: what live events bring is shown at once. */
const EVERY = 5000;
/** Ages are written anew so often. */
const AGES = 1000;
/** The tool repeats everything once a minute: without anything for so long, in milliseconds, it does not run. */
const ENDED = 150_000;
/** @type {[most: string, label: string][]} heights at which something happens */
const MOST = [
    ["10", "the last 10"],
    ["25", "the last 25"],
    ["50", "the last 50"],
    ["100", "the last 100"],
];

const tilesOf = () => ({
    height: tile("Height", "of the chain with the most work"),
    last: tile("Last block", "when the first node was seen to have it"),
    nodes: tile("Nodes", "that answer, of all"),
    branches: tile("Other tips", "that are not the active tip of any node, each counted once"),
    forks: tile("Forks", "heights with more than one block, of those that are known"),
    rules: tile("Different rules", "nodes whose headers lack Bitcoin's proof of work"),
});

export class ChainView {
    #ctx;
    #name;
    #network = new Network();
    #tiles = tilesOf();
    #notices = h("div", { class: "notices" });
    #tree;
    #nodes = nodeTable();
    #nodeFilter;
    #activity;
    #playback;
    #block;
    #sound = sound();
    #full;
    #wall = h("p", { class: "wall" });
    #most;
    /** Of the past: headers that are not shown any more. @type {Header[] | null} */
    #past = null;
    #undone = 0;
    /** @type {{stop(): void} | null} asks for the block whose card is open */
    #asking = null;
    #asked;
    #timer;
    /** The pictures that are due; 0: none. */
    #frame = 0;
    #listFrame = 0;

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     * @param {string} name of the network
     * @param {HTMLElement | null} picker of the network
     */
    constructor(root, ctx, name, picker) {
        this.#ctx = ctx;
        this.#name = name;
        this.#most = MOST.find(([most]) => most === ctx.params.get("heights"))?.[0] ?? "25";
        const choose = (/** @type {string} */ hash) => this.#choose(hash, true);
        this.#tree = new Tree(choose);
        this.#activity = activityCard(ctx, choose);
        this.#block = blockCard(ctx, () => this.#choose("", true));
        this.#playback = new Playback((undone) => this.#backTo(undone));
        const stage = h("div", { class: "stage" }, this.#wall, this.#tree.el);
        this.#full = fullScreen(stage);
        this.#nodeFilter = h("input", {
            type: "search",
            placeholder: "all",
            maxlength: 100,
            spellcheck: "false",
            oninput: () => this.#nodes.filter(this.#nodeFilter.value),
        });
        const filter = h("div", { class: "toolbar" }, labelled("Filter", this.#nodeFilter));
        const nodes = section("Nodes", filter, this.#nodes.el);
        nodes.classList.add("chain-nodes");
        root.append(
            this.#notices,
            tileRow("Now", this.#tiles),
            section("Tree", this.#toolbar(picker), this.#playback.el, stage, legend()),
            this.#block.card,
            nodes,
            this.#activity.card,
        );
        this.#asked = this.#ask();
        this.#timer = window.setInterval(() => this.#ages(), AGES);
        this.#choose(ctx.params.get("block") ?? "", false);
    }

    /** @param {HTMLElement | null} picker */
    #toolbar(picker) {
        const most = select(MOST, this.#most, (value) => {
            this.#most = value;
            this.#ctx.set({ heights: value === "25" ? "" : value });
            this.#show();
        });
        return h(
            "div",
            { class: "toolbar" },
            picker ? labelled("Network", picker) : null,
            labelled("Heights where something happens", most),
            this.#playback.opener,
            this.#sound.button,
            this.#full.button,
        );
    }

    #ask() {
        const path = `api/chain/networks/${encodeURIComponent(this.#name)}`;
        const network = this.#network;
        const tree = this.#ctx.api(
            /** @type {`api/chain/networks/${string}`} */ (path),
            () => ({ node: null, known: network.version }),
            EVERY,
            (answer) => {
                network.set(answer);
                const newest = answer.newest_activity ?? null;
                if (newest !== null && newest !== network.activities[0]?.id) activities.refresh();
                this.#show();
            },
        );
        const activities = this.#ctx.api(
            /** @type {`api/chain/networks/${string}/activity`} */ (`${path}/activity`),
            { node: null, number: 1000 },
            0,
            (answer) => {
                if (network.add(answer.activities)) this.#showActivity();
            },
        );
        this.#ctx.events(
            { node: null, kind: ["chain_node", "chain_header", "chain_activity"] },
            (event) => this.#live(event),
            { onDropped: () => tree.refresh() },
        );
        return { tree, activities };
    }

    /** @param {FeedEvent} event */
    #live(event) {
        if (event.body?.network !== this.#name) return;
        const before = this.#network.activities[0];
        const changed = this.#network.live(event);
        if (changed === "tree") this.#show();
        if (changed !== "activity") return;
        this.#showActivity();
        const [newest] = this.#network.activities;
        if (newest && newest !== before && isTipChange(newest)) this.#sound.ring(newest.kind === "reorg-detected");
    }

    /**
     * Shows the time before so many changes; null for the present.
     * @param {number | null} undone
     */
    #backTo(undone) {
        this.#undone = undone ?? 0;
        if (undone === null) this.#past = null;
        else if (this.#past === null) this.#askPast();
        this.#show();
    }

    async #askPast() {
        this.#past = [];
        try {
            const path = /** @type {`api/chain/networks/${string}`} */ (
                `api/chain/networks/${encodeURIComponent(this.#name)}`
            );
            const answer = await get(path, { past: 1 });
            if (!this.#playback.on) return;
            this.#past = answer.headers ?? [];
            this.#show();
        } catch {
            // The headers that are shown now remain.
        }
    }

    /** Headers and nodes of the time that is shown. @returns {{headers: Header[], nodes: Node[]}} */
    #then() {
        const nodes = [...this.#network.nodes.values()];
        const headers = [...this.#network.headers.values()];
        if (!this.#playback.on) return { headers, nodes };
        const { activities } = this.#playback;
        const done = activities[this.#undone] ?? activities[activities.length - 1];
        const all = new Map([...(this.#past ?? []), ...headers].map((header) => [header.hash, header]));
        const at = this.#undone ? (f.millis(done?.time) ?? 0) : Number.POSITIVE_INFINITY;
        const known = [...all.values()].filter((header) => (f.millis(header.first_seen) ?? 0) <= at);
        // What came since the slider was made is undone as well.
        const newer = Math.max(0, this.#network.activities.indexOf(activities[0]));
        const undone = this.#undone ? this.#undone + newer : 0;
        return { headers: known, nodes: nodesBefore(nodes, this.#network.activities, undone) };
    }

    /** Shows all of it with the next picture of the browser, however much comes until then. */
    #show() {
        this.#frame ||= window.requestAnimationFrame(() => {
            this.#frame = 0;
            const { headers, nodes } = this.#then();
            this.#tree.set({ headers, nodes, most: Number(this.#most) });
            this.#ages();
        });
    }

    #showActivity() {
        this.#listFrame ||= window.requestAnimationFrame(() => {
            this.#listFrame = 0;
            this.#activity.set(this.#network.activities);
            this.#playback.set(this.#network.activities);
        });
    }

    /**
     * @param {Header[]} headers
     * @param {Node[]} nodes
     */
    #showTiles(headers, nodes) {
        const active = headers.filter((header) => header.active);
        const best = active.reduce(
            (/** @type {Header | null} */ top, one) => (top && top.height >= one.height ? top : one),
            null,
        );
        const mined = best?.miner ? `by ${f.printable(best.miner, 20)}` : "";
        this.#tiles.height.set(f.count(best?.height), best ? f.hash(best.hash) : "");
        const when = (/** @type {string} */ time) => (this.#playback.on ? f.dateTime(time) : f.ago(time));
        this.#tiles.last.set(best?.first_seen ? when(best.first_seen) : "–", mined);
        const away = nodes.filter((node) => !node.reachable).length;
        const count = f.count(nodes.length - away);
        this.#tiles.nodes.set(
            count,
            away ? `${f.count(away)} unreachable` : `of ${f.count(nodes.length)}`,
            away ? "warn" : "",
        );
        const tips = [...labelsOf(nodes).values()];
        const others = tips.filter((labels) => labels.every(({ status }) => status !== "active"));
        const invalid = others.filter((labels) => labels.some(({ status }) => status === "invalid")).length;
        this.#tiles.branches.set(
            f.count(others.length),
            invalid ? `${f.count(invalid)} invalid` : "",
            invalid ? "warn" : "",
        );
        /** @type {Map<number, number>} */
        const heights = new Map();
        for (const { height } of headers) heights.set(height, (heights.get(height) ?? 0) + 1);
        const forks = [...heights.values()].filter((n) => n > 1).length;
        this.#tiles.forks.set(f.count(forks), "");
        const rules = nodes.filter((node) => node.other_rules).length;
        this.#tiles.rules.set(f.count(rules), rules ? "not Bitcoin's" : "", rules ? "warn" : "");
        const since = best?.first_seen ? ` · ${when(best.first_seen)}` : "";
        setText(
            this.#wall,
            `${f.printable(this.#name, 40)} · ${f.count(best?.height)}${since}${mined ? ` · ${mined}` : ""}`,
        );
    }

    /** What changes with time alone. */
    #ages() {
        const { headers, nodes } = this.#then();
        this.#nodes.set(nodes);
        this.#showTiles(headers, nodes);
        const last = f.millis(this.#network.last);
        const ended = last !== null && f.now() - last > ENDED;
        const text = `Nothing has come from the tool chain since ${f.dateTime(last)}: what is shown is from then.`;
        const shown = ended ? text : "";
        if (this.#notices.textContent === shown) return;
        clear(this.#notices, shown ? h("p", { class: "notice warn" }, shown) : null);
    }

    /**
     * Opens the card of a block, or closes it ("").
     * @param {string} hash
     * @param {boolean} byReader
     */
    #choose(hash, byReader) {
        this.#asking?.stop();
        this.#asking = null;
        if (byReader) this.#ctx.set({ block: hash });
        this.#tree.choose(hash);
        if (!hash) {
            this.#block.set(null, null);
            return;
        }
        let first = byReader;
        const path = `api/chain/networks/${encodeURIComponent(this.#name)}/blocks/${encodeURIComponent(hash)}`;
        const seen = () => {
            if (!first) return;
            first = false;
            this.#block.card.scrollIntoView({ block: "nearest", behavior: "smooth" });
            this.#block.focus();
        };
        this.#asking = this.#ctx.api(
            /** @type {`api/chain/networks/${string}/blocks/${string}`} */ (path),
            { node: null },
            EVERY,
            (block) => {
                this.#block.set(block, this.#network.blocksUrl);
                seen();
            },
            (error) => {
                if (error) this.#block.failed(error);
                seen();
            },
        );
    }

    stop() {
        window.clearInterval(this.#timer);
        window.cancelAnimationFrame(this.#frame);
        window.cancelAnimationFrame(this.#listFrame);
        this.#asking?.stop();
        this.#asked.tree.stop();
        this.#asked.activities.stop();
        this.#playback.stop();
        this.#sound.stop();
        this.#full.stop();
        this.#tree.stop();
    }
}
