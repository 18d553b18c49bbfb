// @ts-check
// The P2P circle: each node in the middle of its peers, and the messages between them as they happen.

import { CircleFeed } from "./circle/feed.js";
import { hiddenText, numberOf } from "./circle/kinds.js";
import { CircleModel } from "./circle/model.js";
import { CircleView } from "./circle/view.js";

/** @import { Context } from "../lib/context.js" */

export const title = "P2P circle";
export const css = "views/circle.css";

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const page = new CirclePage(root, ctx);
    return () => page.stop();
}

class CirclePage {
    #ctx;
    #model;
    #view;
    #feed;
    #motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    #timer;
    #ticked = performance.now();

    /**
     * @param {HTMLElement} root
     * @param {Context} ctx
     */
    constructor(root, ctx) {
        const reduced = () => this.#motion.matches;
        const model = new CircleModel(ctx, reduced);
        const view = new CircleView(root, ctx, model, {
            reduced,
            onResize: () => view.arrange(),
            onChange: (next) => {
                model.change(next);
                view.arrange();
                this.#tick();
            },
            onChoose: (peer) => {
                model.select(peer);
                view.scene.select(peer);
                view.selected();
            },
            onHide: () => {
                ctx.set({ hide: hiddenText(model.hidden) });
                this.#feed.listen(true);
            },
        });
        this.#ctx = ctx;
        this.#model = model;
        this.#view = view;
        this.#feed = new CircleFeed(ctx, model, {
            onPeers: (peers) => this.#onPeers(peers),
            onConnection: (event) => this.#onConnection(event),
            onMessage: (event) => this.#onMessage(event),
        });
        this.#timer = window.setInterval(this.#tick, 1000);
        document.addEventListener("visibilitychange", this.#resume);
        window.addEventListener("resize", this.#arrange);
        this.#motion.addEventListener("change", this.#tick);
        ctx.onPause((on) => {
            view.scene.pause(on);
            if (!on) this.#resume();
        });
        ctx.onTheme(() => view.theme());
        this.#start();
    }

    #start() {
        const { pace } = this.#model;
        this.#view.scene.pause(this.#ctx.paused);
        this.#view.arrange();
        pace.tick(null, 0, null, 0);
        this.#view.scene.mode(pace.rates);
        this.#view.describe();
        this.#feed.listen();
        this.#view.write();
    }

    stop() {
        window.clearInterval(this.#timer);
        this.#feed.stop();
        document.removeEventListener("visibilitychange", this.#resume);
        window.removeEventListener("resize", this.#arrange);
        this.#motion.removeEventListener("change", this.#tick);
        this.#view.scene.destroy();
    }

    #arrange = () => this.#view.arrange();

    /** The page is seen again, or goes on. */
    #resume = () => {
        this.#feed.listen();
        this.#ticked = performance.now();
    };

    /** Once a second: what was counted becomes rates, and what is drawn is decided anew. */
    #tick = () => {
        const model = this.#model;
        const view = this.#view;
        const now = performance.now();
        const seconds = Math.max(0.2, (now - this.#ticked) / 1000);
        this.#ticked = now;
        if (this.#ctx.paused || document.hidden) {
            model.counted.fill(0);
            return;
        }
        model.fold(seconds);
        view.kinds.set(model.live ? model.counted : null, seconds);
        model.uncount();
        const { scene } = view;
        const traced = model.peers.traced ?? (this.#ctx.info.sources?.ebpf === false ? false : null);
        model.pace.tick(traced, model.load, scene.times.lately(), scene.flying);
        scene.mode(model.pace.rates);
        scene.pace(model.rate > 1500 ? 550 : model.rate > 300 ? 800 : 1100);
        this.#feed.listen();
        const changed = model.levels();
        if (model.pace.rates && changed) scene.redraw();
        if (model.peers.sweep(scene.clock())) view.arrange();
        else view.hubs();
        view.describe();
        view.write();
    };

    /** @param {Api["Peer"][]} peers */
    #onPeers(peers) {
        const model = this.#model;
        const changed = model.peers.update(peers, this.#view.scene.clock());
        this.#view.connections(peers);
        if (changed || !model.order.length) {
            this.#view.arrange();
            return;
        }
        if (model.levels() && model.pace.rates) this.#view.scene.redraw();
        this.#view.selected();
    }

    /** @param {FeedEvent} event */
    #onConnection(event) {
        const { peers } = this.#model;
        if (!peers.event(event, this.#view.scene.clock())) return;
        const peer = peers.find(event.node, event.peer);
        this.#view.arrange();
        if (peer?.ring) this.#view.scene.effect(peer);
        this.#feed.soon();
    }

    /** @param {FeedEvent} event */
    #onMessage(event) {
        const peer = this.#model.count(event);
        if (peer === undefined) this.#feed.soon(3000);
        if (!peer) return;
        this.#view.scene.message(peer, numberOf(event.message ?? ""), event.direction === "inbound", event.size ?? 0);
    }
}
