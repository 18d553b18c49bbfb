//! Addresses that peers gossip: floods, lies and leaks.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("addr", "addr", "Addresses that peers gossip: floods, lies and leaks.")
        .since("now-24h")
        .row("Is something wrong?", is_something_wrong())
        .row("How many", how_many())
        .row("How they look", how_they_look())
        .row("Who and what", who_and_what())
}

fn is_something_wrong() -> Vec<Panel> {
    let all = || entries().rate().sum(&[]);
    vec![
        stat("Unique in the last hour", unit::COUNT, unique("hour").sum(&NODE).max(&[]).named("addresses")).about(
            "Estimated number of different addresses received in the last full hour, of the node that \
            got most.",
        ),
        stat("Unique on the last day", unit::COUNT, unique("last_day").sum(&NODE).max(&[]).named("addresses"))
            .about(
                "Estimated number of different addresses received on the last full UTC day, of the node \
            that got most.",
            )
            .hint("Tens of thousands are normal; floods had 250,000 (2026) and 6,000,000 (2021).")
            .steps(Steps::Rising(200_000.0, 1_000_000.0)),
        stat("Rate-limited", unit::SHARE, limited().named("dropped"))
            .about("Share of the addresses received that the node dropped because a peer sent too many.")
            .steps(Steps::Rising(0.1, 0.5)),
        stat(
            "Times in the future",
            unit::SHARE,
            of(ADDR_FUTURE).is("direction", "inbound").rate().sum(&[]).over(all()).named("future"),
        )
        .about("Share of the entries received with a time of more than 10 s after that of the message.")
        .steps(Steps::Rising(0.01, 0.1)),
        stat(
            "Not routed",
            unit::SHARE,
            of(ADDR_SPECIAL).is("direction", "inbound").rate().sum(&[]).over(all()).named("not routed"),
        )
        .about("Share of the entries received in ranges that are not routed on the internet.")
        .hint("Addresses made up at random are in these ranges, too.")
        .steps(Steps::Rising(0.01, 0.1)),
        stat("Asked by us in an hour", unit::COUNT, of(GETADDR_SENT).grown("1h").sum(&[]).named("getaddr"))
            .hint("Each is answered with up to 1000 addresses: peaks after it are no attack."),
    ]
}

fn how_many() -> Vec<Panel> {
    vec![
        lines("Entries received by network", unit::RATE, entries().rate().sum(&["network"])),
        lines(
            "Entries received, asked for or not",
            unit::RATE,
            [
                entries().is("solicited", "true").rate().sum(&[]).named("asked for"),
                entries().is("solicited", "false").rate().sum(&[]).named("not asked for"),
            ],
        ),
        lines(
            "Entries sent by network",
            unit::RATE,
            of(ADDR_ENTRIES).is("direction", "outbound").rate().sum(&["network"]),
        ),
        lines(
            "Messages",
            unit::PER_MINUTE,
            of(P2P_MESSAGE_COUNT)
                .like("message", "addr|addrv2|getaddr|sendaddrv2")
                .per_minute()
                .sum(&["message", "direction"]),
        ),
        stack("Unique addresses by network, last hour", unit::COUNT, unique("hour").sum(&["network"])).every("5m"),
        stack("Unique addresses by network, this day", unit::COUNT, unique("day").sum(&["network"])).every("5m"),
        lines(
            "What the node did with them",
            unit::RATE,
            [rate(ADDR_PROCESSED).named("processed"), rate(ADDR_RATE_LIMITED).named("dropped")],
        ),
        lines(
            "Peers and what they sent",
            unit::COUNT,
            [
                total(RPC_PEER_INFO_ADDR_RELAY_ENABLED_PEERS).named("relay addresses"),
                total(RPC_PEER_INFO_ADDR_RATELIMITED_PEERS).named("were limited"),
            ],
        ),
    ]
}

fn how_they_look() -> Vec<Panel> {
    vec![
        heatmap(
            "Entries of addrv2 received",
            unit::COUNT,
            of(P2P_ADDRV2_ADDRESSES).is("direction", "inbound").buckets(),
        )
        .every("1m"),
        heatmap("Entries of addr received", unit::COUNT, of(P2P_ADDR_ADDRESSES).is("direction", "inbound").buckets())
            .every("1m"),
        heatmap("Age of addrv2 entries", unit::SECONDS, offset("inbound", "past"))
            .every("1m")
            .about("How far in the past the times of addrv2 entries received are."),
        heatmap("Future of addrv2 entries", unit::SECONDS, offset("inbound", "future"))
            .every("1m")
            .about("How far in the future the times of addrv2 entries received are."),
        lines(
            "Age of addr entries",
            unit::SECONDS,
            QUANTILES.map(|(quantile, name)| {
                of(P2P_ADDR_TIMESTAMP_OFFSET_SECONDS)
                    .is("direction", "inbound")
                    .is("timestamp_offset", "past")
                    .quantile(quantile, &[])
                    .named(name)
            }),
        )
        .about("How far in the past the times of addr entries received are.")
        .every("5m"),
        lines(
            "Not routed, by range",
            unit::RATE,
            of(ADDR_SPECIAL).is("direction", "inbound").rate().sum(&["range"]).top(12),
        ),
        heatmap(
            "Service bits of addrv2 entries",
            unit::NONE,
            of(P2P_ADDRV2_SERVICES_BITS).is("direction", "inbound").buckets(),
        )
        .every("1m"),
        heatmap(
            "Service bits of addr entries",
            unit::NONE,
            of(P2P_ADDR_SERVICES_BITS).is("direction", "inbound").buckets(),
        )
        .every("1m"),
    ]
}

fn who_and_what() -> Vec<Panel> {
    vec![
        tally("Services of addrv2 entries", "entries", of(P2P_ADDRV2_SERVICES), &["services", "direction"]),
        tally("Services of addr entries", "entries", of(P2P_ADDR_SERVICES), &["services", "direction"]),
        lines(
            "Announce themselves",
            unit::PER_MINUTE,
            of(P2P_ADDRESS_SELFANNOUNCEMENTS).per_minute().sum(&["network", "direction"]),
        ),
        lines(
            "Announce their subnet",
            unit::PER_MINUTE,
            of(P2P_ADDRESS_SUBNETANNOUNCEMENTS).per_minute().sum(&["network", "direction"]),
        ),
        tally("Empty addrv2", "messages", of(P2P_ADDRV2_EMPTY), &["direction", "addr"]),
        lines(
            "What the node sends to the P2P extractor's connection",
            unit::RATE,
            of(P2PEXTRACTOR_ADDRV2RELAY_ADDRESSES).rate().sum(&["network"]),
        ),
        lines(
            "Messages to our own connection",
            unit::PER_MINUTE,
            [
                of(P2PEXTRACTOR_ADDRV2RELAY_MESSAGES).per_minute().sum(&[]).named("addrv2"),
                of(P2PEXTRACTOR_ADDRV2RELAY_MESSAGES_10_OR_LESS_ENTRIES)
                    .per_minute()
                    .sum(&[])
                    .named("addrv2 of 10 entries or fewer"),
            ],
        ),
        lines(
            "Addresses processed and dropped, current peers",
            unit::COUNT,
            [
                total(RPC_PEER_INFO_ADDR_PROCESSED_TOTAL).named("processed"),
                total(RPC_PEER_INFO_ADDR_RATELIMITED_TOTAL).named("dropped"),
            ],
        ),
    ]
}

fn entries() -> Selector {
    of(ADDR_ENTRIES).is("direction", "inbound")
}

fn unique(window: &str) -> Query {
    of(ADDR_UNIQUE).is("window", window).now()
}

fn limited() -> Query {
    let dropped = || rate(ADDR_RATE_LIMITED);
    dropped().over(dropped().plus(rate(ADDR_PROCESSED)))
}

fn offset(direction: &str, past_or_future: &str) -> Query {
    of(P2P_ADDRV2_TIMESTAMP_OFFSET_SECONDS).is("direction", direction).is("timestamp_offset", past_or_future).buckets()
}
