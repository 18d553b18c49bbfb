// Gossip of addresses (addr and addrv2): how many come and go, who sends them, of which networks, how old; where in the space of
// IPv4; and what the nodes' address managers make of it.

import { bars } from "../lib/bars.js";
import { chart } from "../lib/chart.js";
import * as colors from "../lib/colors.js";
import { h, section, tile } from "../lib/dom.js";
import * as f from "../lib/format.js";
import { polled, range } from "../lib/range.js";
import { perSecond, times } from "../lib/series.js";
import { map } from "./addresses/map.js";
import { managers, recent, senders } from "./addresses/tables.js";

export const title = "Addresses";
export const css = "views/addresses.css";

export function mount(root, ctx) {
    const tiles = {
        received: tile("Received", "entries of addr and addrv2 messages, since this began"),
        sent: tile("Sent", "entries that the nodes sent"),
        unique: tile("Different", "estimated, of those received"),
        self: tile("Of themselves", "entries in which a peer tells its own address"),
        limited: tile("Refused", "entries beyond the node's rate limit, by debug.log"),
        future: tile("From the future", "entries with a time more than 10 minutes ahead"),
        reserved: tile("Reserved", "entries with addresses that no one can have on the internet"),
        old: tile("Old", "entries last seen 30 days ago and more"),
    };
    const missing = h("div", { class: "notices" });
    const flow = section("Entries over time");
    const limits = section("Refused over time");
    const networks = section("Received, by network");
    const ages = section("Received, by how long ago they were seen");
    const sizes = section("Messages, by how many entries they have");
    const charts = {
        flow: chart(flow, {
            label: "Entries per second",
            unit: "/s",
            height: 170,
            series: [{ name: "received" }, { name: "sent", dash: [6, 3] }],
        }),
        limits: chart(limits, {
            label: "Refused entries per second",
            unit: "/s",
            height: 170,
            legend: false,
            series: [{ name: "refused", color: () => colors.named("vermillion") }],
        }),
    };
    const lists = {
        networks: bars(networks, {
            title: "Received entries by network",
            hideTitle: true,
            label: "Network",
            empty: "None yet: tracepoints tell of single entries.",
        }),
        ages: bars(ages, {
            title: "Received entries by age",
            hideTitle: true,
            label: "Age",
            empty: "None yet: tracepoints tell of single entries.",
        }),
        sizes: bars(sizes, {
            title: "Received messages by number of entries",
            hideTitle: true,
            label: "Entries",
            empty: "None yet: tracepoints tell of single messages.",
        }),
    };
    const who = senders(ctx);
    const last = recent(ctx);
    const space = map();
    const addrman = managers(ctx);
    const time = range(ctx, () => again());
    root.append(
        h(
            "section",
            { class: "tiles", "aria-label": "Since this began" },
            Object.values(tiles).map((t) => t.el),
        ),
        missing,
        h("div", { class: "toolbar" }, time.el),
        h("div", { class: "split" }, flow, limits),
        h("div", { class: "cards" }, networks, ages, sizes),
        section("Who sends them", who.el),
        section("The space of IPv4", space.el),
        section("The last entries", last.el),
        section("Address managers", addrman.el),
    );

    const again = polled(ctx, "api/addresses", time, (data) => {
        const t = data.totals ?? {};
        const traced = data.source === "ebpf";
        const only = (n) => (traced ? f.count(n) : "–");
        tiles.received.set(f.count(t.addresses_in), `in ${f.count(t.messages_in)} messages`);
        tiles.sent.set(only(t.addresses_out), traced ? `in ${f.count(t.messages_out)} messages` : "");
        tiles.unique.set(only(t.unique_estimate));
        tiles.self.set(only(t.self_announcements));
        tiles.limited.set(f.count(t.rate_limited), `${f.count(t.processed)} taken`);
        tiles.future.set(only(t.future));
        tiles.reserved.set(only(t.reserved));
        tiles.old.set(only(t.old));
        const s = data.series ?? {};
        const step = s.step_seconds ?? 10;
        const at = times(s, (s.in ?? []).length);
        charts.flow.set(at, [perSecond(s.in, step), perSecond(s.out, step)]);
        charts.limits.set(at, [perSecond(s.rate_limited, step)]);
        const shown = (rows, label, value) =>
            (rows ?? []).some((row) => row[value] > 0)
                ? rows
                      .filter((row) => row[value] > 0 || label !== "network")
                      .map((row) => ({
                          label: f.printable(row[label], 20),
                          value: row[value],
                          ...(label === "network" ? { color: colors.forNetwork(row[label]) } : {}),
                      }))
                : [];
        lists.networks.set(shown(data.networks, "network", "in"));
        lists.ages.set(shown(data.age, "bucket", "count"));
        lists.sizes.set(shown(data.sizes, "addresses", "messages"));
        who.set(data.senders ?? []);
        last.set(data.recent ?? []);
        space.slash8(data.ipv4?.slash8 ?? []);
        if (missing.childElementCount !== Number(!traced)) {
            missing.replaceChildren(
                ...(traced
                    ? []
                    : [
                          h(
                              "p",
                              { class: "notice" },
                              "Single addresses, networks, ages and what is sent are missing: they come from tracepoints, and the tracepoint extractor tells of " +
                                  "no messages. debug.log (category net) tells how many were received, taken and refused.",
                          ),
                      ]),
            );
        }
    });
    // The map is large and changes slowly.
    ctx.api("api/addresses", { map: 1, minutes: 1 }, 30_000, (data) => space.slash16(data.ipv4_slash16 ?? ""));
    ctx.api("api/addrman", {}, 10_000, (data) => addrman.set(data.nodes ?? []));
    const themed = ctx.onTheme(() => space.draw());
    return () => {
        if (typeof themed === "function") themed();
        for (const c of Object.values(charts)) c.destroy();
    };
}
