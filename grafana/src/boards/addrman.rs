//! The address manager: what the node knows of the network, and from whom.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    let largest = |table| of(ADDRMAN_SOURCE_SHARE).is("table", table).now().max(&[]).named("share");
    let median = |table| of(ADDRMAN_AGE).is("table", table).is("percentile", "50").now().max(&[]).named("age");
    let total = |table| of(ADDRMAN_ENTRIES).is("table", table).now().sum(&NODE).min(&[]).named("entries");
    let hour = |id| of(id).per_hour().sum(&["table"]);
    Dashboard::new("addrman", "address manager", "What nodes know of the network's addresses, and from whom.")
        .since("now-24h")
        .row(
            "Is something wrong?",
            [
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
            ],
        )
        .row(
            "How many",
            [
                stack("New by network", unit::COUNT, of(ADDRMAN_ENTRIES).is("table", "new").now().sum(&["network"]))
                    .every("1m"),
                stack(
                    "Tried by network",
                    unit::COUNT,
                    of(ADDRMAN_ENTRIES).is("table", "tried").now().sum(&["network"]),
                )
                .every("1m"),
                lines(
                    "Entries by table",
                    unit::COUNT,
                    of(RPC_ADDRMANINFO).unlike("network", "all_networks").now().sum(&["instance", "node", "table"]),
                )
                .hint("As getaddrmaninfo tells."),
                lines("Changes in the log", unit::PER_MINUTE, of(ADDRMAN_CHANGES).per_minute().sum(&["action"])),
            ],
        )
        .row(
            "How old",
            [
                stack("New by age", unit::COUNT, of(ADDRMAN_ENTRIES_BY_AGE).is("table", "new").now().sum(&["age"]))
                    .every("5m"),
                stack("Tried by age", unit::COUNT, of(ADDRMAN_ENTRIES_BY_AGE).is("table", "tried").now().sum(&["age"]))
                    .every("5m"),
                lines("Age of new", unit::SECONDS, of(ADDRMAN_AGE).is("table", "new").now().max(&["percentile"]))
                    .every("5m"),
                lines("Age of tried", unit::SECONDS, of(ADDRMAN_AGE).is("table", "tried").now().max(&["percentile"]))
                    .every("5m"),
            ],
        )
        .row(
            "From whom",
            [
                lines("Distinct sources", unit::COUNT, of(RPC_GETRAWADDRMAN_DISTINCT_SOURCES).now().sum(&["table"]))
                    .every("5m"),
                lines(
                    "Distinct autonomous systems",
                    unit::COUNT,
                    of(RPC_GETRAWADDRMAN_DISTINCT_ASNS).now().sum(&["table"]),
                )
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
            ],
        )
        .row(
            "What changes between two polls",
            [
                lines("Filled", unit::PER_HOUR, hour(RPC_GETRAWADDRMAN_ADDED_ENTRY)).every("5m"),
                lines("Replaced", unit::PER_HOUR, hour(RPC_GETRAWADDRMAN_REPLACED_ENTRY)).every("5m"),
                lines("Services changed", unit::PER_HOUR, hour(RPC_GETRAWADDRMAN_CHANGED_SERVICES)).every("5m"),
                lines("Time changed", unit::PER_HOUR, hour(RPC_GETRAWADDRMAN_CHANGED_TIMESTAMPS)).every("5m"),
            ],
        )
        .row(
            "What",
            [
                table(
                    "Ports",
                    unit::COUNT,
                    of(RPC_GETRAWADDRMAN_PORTS).now().sum(&["table", "port"]).top(50).named("entries"),
                )
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
            ],
        )
}
