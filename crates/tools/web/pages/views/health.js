// @ts-check
// Health: what is wrong and what to do about it first, then where events come from, where they were lost, and who reads them.

import { h, section, tile, tileRow } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { queueList, share } from "./health/queues.js";
import { clientTable, gapTable, sourceTable, stageTable, total } from "./health/tables.js";
import { verdict } from "./health/verdict.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Health";
export const css = "views/health.css";

const tilesOf = () => ({
    sources: tile("Sources"),
    lost: tile("Lost", "events that were dropped, over all stages"),
    gaps: tile("Gaps", "holes in the sequence numbers of a run"),
    queue: tile("Fullest queue"),
    clients: tile("Browsers", "clients of the live feed"),
});

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const first = verdict();
    const tiles = tilesOf();
    const sources = sourceTable();
    const stages = stageTable();
    const gaps = gapTable();
    const queues = queueList();
    const clients = clientTable();
    const clientCard = section("Live feed", clients.el);
    root.append(
        first.el,
        tileRow("Summary", tiles),
        section("Sources", sources.el),
        h("div", { class: "split" }, section("Lost, by stage and reason", stages.el), section("Queues", queues.el)),
        h("div", { class: "split" }, section("Gaps", gaps.el), clientCard),
    );
    ctx.api("api/losses", {}, 2000, (data) => {
        const lost = data.stages.filter((s) => s.count > 0);
        first.set(data, lost.length > 0);
        summary(tiles, data, lost);
        sources.set(data.sources);
        stages.set(lost);
        gaps.set(data.gaps);
        queues.set(data.queues);
        clients.set(data.clients ?? []);
        // A public server does not name its clients.
        clientCard.hidden = !data.clients;
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
    tiles.sources.set(`${all - down} of ${all}`, down ? "see below" : "all up", down ? "bad" : "");
    const n = total(lost);
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
    tiles.clients.set(f.count((data.clients ?? []).length));
}
