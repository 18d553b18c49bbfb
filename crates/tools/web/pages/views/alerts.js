// @ts-check
// Alerts: the incidents that are open and those of late, and one of them with what proves it and what people decided.

import { IncidentView } from "./alerts/incident.js";
import { ListView } from "./alerts/list.js";

/** @import { Context } from "../lib/context.js" */

export const title = "Alerts";
export const css = "views/alerts.css";

/** Milliseconds between two questions; an alert that comes as an event is asked for at once. */
const EVERY = 2000;

/**
 * @param {HTMLElement} root
 * @param {Context} ctx
 */
export function mount(root, ctx) {
    const id = ctx.params.get("id") ?? "";
    if (id) {
        // The path names the incident; the endpoint takes no parameters.
        const view = new IncidentView(root, ctx, id, () => asked.refresh());
        const asked = ctx.api(
            `api/alerts/${encodeURIComponent(id)}`,
            { node: null },
            EVERY,
            (incident) => view.set(incident),
            (error) => view.failed(error),
        );
        ctx.events({ node: null, kind: ["alert"] }, () => asked.refresh(), { form: "brief" });
        return;
    }
    const view = new ListView(root, ctx, () => asked.refresh());
    const asked = ctx.api(
        "api/alerts",
        () => view.query(),
        EVERY,
        (data) => view.set(data),
    );
    ctx.events({ kind: ["alert"] }, () => asked.refresh(), { form: "brief" });
}
