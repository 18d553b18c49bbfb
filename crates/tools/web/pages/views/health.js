// @ts-check
// Health: what is wrong and what to do about it first, then where events come from, where they were lost, and who reads them.

import { h, section, tile, tileRow } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { counterList, processTable } from "./health/counters.js";
import { queueList, share } from "./health/queues.js";
import { rowsOf, sourceTable } from "./health/sources.js";
import { clientTable, gapTable, stageTable } from "./health/tables.js";
import { verdict } from "./health/verdict.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Health";
export const css = "views/health.css";

const tilesOf = () => ({
    sources: tile("Sources"),
    lost: tile("Lost", "events that were dropped, over all stages"),
    gaps: tile("Gaps", "holes in the sequence numbers of a run"),
    queue: tile("Fullest queue"),
    browsers: tile("Browsers", "that show these pages"),
});

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const first = verdict();
    const tiles = tilesOf();
    const sources = sourceTable();
    const processes = processTable();
    const counters = counterList();
    const stages = stageTable();
    const gaps = gapTable();
    const queues = queueList();
    const clients = clientTable();
    root.append(
        first.el,
        tileRow("Summary", tiles),
        h("div", { class: "sources" }, section("Sources", sources.el)),
        section("Processes", processes.el, counters.el),
        h("div", { class: "split" }, section("Lost, by stage and reason", stages.el), section("Queues", queues.el)),
        h("div", { class: "split" }, section("Gaps", gaps.el), section("Live feed", clients.el)),
    );
    ctx.api("api/losses", {}, 2000, (data) => {
        const lost = data.stages.filter((s) => s.count > 0);
        first.set(data, lost.length > 0);
        summary(tiles, data, lost);
        sources.set(rowsOf(data));
        processes.set(data.processes);
        counters.set(data);
        stages.set(lost);
        gaps.set(data.gaps);
        queues.set(data.queues);
        clients.set(data.clients);
    });
}

/** @typedef {ReturnType<typeof tilesOf>} Tiles */

/**
 * @param {Tiles} tiles
 * @param {Api["Losses"]} data
 * @param {Api["LossStage"][]} lost
 */
function summary(tiles, data, lost) {
    const all = data.sources.length;
    const down = data.sources.filter((s) => !s.up).length;
    const state = [down ? `${f.count(down)} down` : "all up"];
    if (data.missing.length) state.push(`${f.count(data.missing.length)} missing`);
    tiles.sources.set(`${all - down} of ${all}`, state.join(", "), down ? "bad" : "");
    const n = lost.reduce((sum, stage) => sum + stage.count, 0);
    const reasons = `${lost.length} ${lost.length === 1 ? "reason" : "reasons"}`;
    tiles.lost.set(f.count(n), n ? reasons : "nothing", n ? "warn" : "");
    const missing = data.gaps.reduce((m, g) => m + g.missing, 0);
    const events = missing ? `${f.count(missing)} events missing` : "none";
    tiles.gaps.set(f.count(data.gaps.length), events, missing ? "warn" : "");
    const [fullest] = [...data.queues].sort((a, b) => share(b) - share(a));
    if (fullest) {
        const name = f.printable(fullest.name, 30);
        tiles.queue.set(f.percent(share(fullest)), name, share(fullest) > 0.5 ? "warn" : "");
    } else {
        tiles.queue.set("–");
    }
    tiles.browsers.set(f.count(data.browsers), "in the last minute");
}
