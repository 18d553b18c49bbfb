// @ts-check
// What is watched: without it, that there is no alert means nothing.

import * as f from "../../lib/format.js";

/** @import { Context } from "../../lib/context.js" */

/** It is noted once a minute that alerts are looked for: after so many milliseconds without, they are not. */
const GONE = 180e3;
/** So many nodes are named. */
const NAMED = 8;

/**
 * @param {Api["Alerts"]} data
 * @param {Context} ctx
 * @returns {{kind: string, words: string} | null} null: the list says enough
 */
export function watchedText({ watching, incidents, open }, ctx) {
    if (!watching) {
        if (incidents.length) return null;
        const words = ctx.info.past
            ? "No alert was recorded up to this time. What would have been found: peer-observer alerts ARCHIVE."
            : "No alert has come. Whether anything looks for them is not known here: the tool alerts does, " +
              "as in peer-observer run --tools web,alerts.";
        return { kind: "", words };
    }
    const last = f.millis(watching.last);
    const detectors = `${f.count(watching.detectors)} ${watching.detectors === 1 ? "detector" : "detectors"}`;
    if (last !== null && f.now() - last > GONE) {
        const since = `${detectors} last looked ${f.ago(watching.last)}`;
        return {
            kind: "bad",
            words: `Nothing looks for alerts now: ${since}. What is below is as old. Is the tool alerts running?`,
        };
    }
    const nodes = ctx.info.nodes.slice(0, NAMED).map((name) => f.printable(name, 40));
    const more = ctx.info.nodes.length - nodes.length;
    const where = nodes.length ? `${nodes.join(", ")}${more > 0 ? ` and ${f.count(more)} more` : ""}` : "no node yet";
    const going = open ? open.critical + open.warning + open.info : 0;
    const found = going ? "" : " Nothing is open.";
    return {
        kind: going ? "" : "good",
        words: `${detectors} watch ${where} since ${f.dateTime(watching.since)}.${found}`,
    };
}
