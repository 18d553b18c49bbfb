//! The address manager: what the node knows of the network, and from whom.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("addrman", "address manager", "What nodes know of the network's addresses, and from whom.")
        .since("now-24h")
        .row("Is something wrong?", is_something_wrong())
        .row("How many", how_many())
        .row("How old", how_old())
        .row("From whom", from_whom())
        .row("What changes between two polls", what_changes_between_two_polls())
        .row("What", what())
}

fn is_something_wrong() -> Vec<Panel> {
    let median = |table| of(ADDRMAN_AGE).is("table", table).is("percentile", "50").now().max(&[]).named("age");
    let total = |table| of(ADDRMAN_ENTRIES).is("table", table).now().sum(&NODE).min(&[]).named("entries");
    vec![
        stat("Tried", unit::COUNT, total("tried"))
            .hint("Of several nodes the one that has fewest.")
            .steps(Steps::Falling(100.0, 10.0)),
        stat("New", unit::COUNT, total("new"))
            .hint("Of several nodes the one that has fewest.")
            .steps(Steps::Falling(1_000.0, 100.0)),
        gauge("Largest source of new", largest("new"))
            .hint("One source for many entries: somebody tries to fill the table.")
            .steps(Steps::Rising(0.2, 0.5)),
        gauge("Largest source of tried", largest("tried")).steps(Steps::Rising(0.2, 0.5)),
        stat("Median age of new", unit::SECONDS, median("new"))
            .about("Half of the entries of the table new are older."),
        stat("Median age of tried", unit::SECONDS, median("tried"))
            .about("Half of the entries of the table tried are older."),
    ]
}

fn how_many() -> Vec<Panel> {
    vec![
        stack("New by network", unit::COUNT, of(ADDRMAN_ENTRIES).is("table", "new").now().sum(&["network"]))
            .every("1m"),
        stack("Tried by network", unit::COUNT, of(ADDRMAN_ENTRIES).is("table", "tried").now().sum(&["network"]))
            .every("1m"),
        lines(
            "Entries by table",
            unit::COUNT,
            of(RPC_ADDRMANINFO).unlike("network", "all_networks").now().sum(&["instance", "node", "table"]),
        )
        .hint("As getaddrmaninfo reports."),
        lines("Changes in the log", unit::PER_MINUTE, of(ADDRMAN_CHANGES).per_minute().sum(&["action"])),
    ]
}

fn how_old() -> Vec<Panel> {
    vec![
        stack("New by age", unit::COUNT, of(ADDRMAN_ENTRIES_BY_AGE).is("table", "new").now().sum(&["age"])).every("5m"),
        stack("Tried by age", unit::COUNT, of(ADDRMAN_ENTRIES_BY_AGE).is("table", "tried").now().sum(&["age"]))
            .every("5m"),
        lines("Age of new", unit::SECONDS, of(ADDRMAN_AGE).is("table", "new").now().max(&["percentile"])).every("5m"),
        lines("Age of tried", unit::SECONDS, of(ADDRMAN_AGE).is("table", "tried").now().max(&["percentile"]))
            .every("5m"),
    ]
}

fn from_whom() -> Vec<Panel> {
    vec![
        lines("Distinct sources", unit::COUNT, of(RPC_GETRAWADDRMAN_DISTINCT_SOURCES).now().sum(&["table"]))
            .every("5m"),
        lines("Distinct autonomous systems", unit::COUNT, of(RPC_GETRAWADDRMAN_DISTINCT_ASNS).now().sum(&["table"]))
            .every("5m"),
        lines(
            "Distinct autonomous systems of sources",
            unit::COUNT,
            of(RPC_GETRAWADDRMAN_DISTINCT_SOURCE_ASN).now().sum(&["table"]),
        )
        .every("5m"),
        lines("Share of the largest source", unit::SHARE, of(ADDRMAN_SOURCE_SHARE).now().max(&["table"]))
            .every("5m")
            .limits(Some(0.0), Some(1.0)),
    ]
}

fn what_changes_between_two_polls() -> Vec<Panel> {
    let hour = |id| of(id).per_hour().sum(&["table"]);
    vec![
        lines("Filled", unit::PER_HOUR, hour(RPC_GETRAWADDRMAN_ADDED_ENTRY)).every("5m"),
        lines("Replaced", unit::PER_HOUR, hour(RPC_GETRAWADDRMAN_REPLACED_ENTRY)).every("5m"),
        lines("Services changed", unit::PER_HOUR, hour(RPC_GETRAWADDRMAN_CHANGED_SERVICES)).every("5m"),
        lines("Time changed", unit::PER_HOUR, hour(RPC_GETRAWADDRMAN_CHANGED_TIMESTAMPS)).every("5m"),
    ]
}

fn what() -> Vec<Panel> {
    vec![
        table("Ports", unit::COUNT, of(RPC_GETRAWADDRMAN_PORTS).now().sum(&["table", "port"]).top(50).named("entries"))
            .every("5m"),
        table(
            "Services",
            unit::COUNT,
            of(RPC_GETRAWADDRMAN_SERVICES).now().sum(&["table", "service"]).top(50).named("entries"),
        )
        .every("5m"),
        bars(
            "Service bits of new",
            unit::COUNT,
            of(RPC_GETRAWADDRMAN_SERVICE_BITS)
                .is("table", "new")
                .now()
                .sum(&["service_bit"])
                .above(0.0)
                .named("entries"),
        )
        .every("5m"),
        bars(
            "Service bits of tried",
            unit::COUNT,
            of(RPC_GETRAWADDRMAN_SERVICE_BITS)
                .is("table", "tried")
                .now()
                .sum(&["service_bit"])
                .above(0.0)
                .named("entries"),
        )
        .every("5m"),
    ]
}

fn largest(table: &str) -> Query {
    of(ADDRMAN_SOURCE_SHARE).is("table", table).now().max(&[]).named("share")
}
