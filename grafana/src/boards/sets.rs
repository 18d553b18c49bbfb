//! LinkingLion and other sets of networks: how much of the traffic is theirs.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "sets",
        "LinkingLion and other sets",
        "Sets of networks that somebody watches: how much of the connections and traffic is \
            theirs.",
    )
    .variable("set", "Set", SET_NETWORKS, "set")
    .since("now-24h")
    .row("Is something wrong?", is_something_wrong())
    .row("Connections", connections())
    .row("Traffic", traffic())
    .row("The sets", the_sets())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        stat("LinkingLion peers", unit::COUNT, total(RPC_PEER_INFO_LIST_PEERS_LINKINGLION).named("peers"))
            .steps(Steps::Rising(1.0, 20.0)),
        stat(
            "LinkingLion of inbound connections",
            unit::SHARE,
            of(CONN_INBOUND_LIST_LINKINGLION)
                .grown("1h")
                .sum(&[])
                .over(of(CONN_INBOUND).grown("1h").sum(&[]))
                .named("share"),
        )
        .about("Share of the inbound connections of the last hour that came from the LinkingLion ranges.")
        .steps(Steps::Rising(0.2, 0.5)),
        stat(
            "LinkingLion of messages",
            unit::SHARE,
            rate(P2P_MESSAGE_COUNT_LINKINGLION).over(rate(P2P_MESSAGE_COUNT)).named("share"),
        )
        .about("Share of the messages that go to or come from the LinkingLion ranges.")
        .steps(Steps::Rising(0.05, 0.2)),
        stat("bitprojects peers", unit::COUNT, total(RPC_PEER_INFO_LIST_PEERS_BITPROJECTS).named("peers"))
            .steps(Steps::Warn(1.0)),
        stat("Smallest set", unit::COUNT, of(SET_NETWORKS).like("set", "$set").now().min(&[]).named("networks"))
            .about("Networks of the chosen set that has fewest.")
            .hint("0: its file is missing or empty."),
        stat("Sets read", unit::SECONDS, of(SETS_LOADED).ago().max(&[]).named("ago"))
            .about("How long ago the sets were last read."),
    ]
}

fn connections() -> Vec<Panel> {
    vec![
        lines("Peers by set", unit::COUNT, of(PEERS_SET).like("set", "$set").now().sum(&["set", "direction"])),
        lines(
            "Connections opened by set",
            unit::PER_MINUTE,
            of(SET_CONNECTIONS).like("set", "$set").per_minute().sum(&["set", "direction"]),
        ),
        lines(
            "Share of connections opened",
            unit::SHARE,
            of(SET_CONNECTIONS)
                .like("set", "$set")
                .rate()
                .sum(&["set", "direction"])
                .over(of(CONNECTIONS_OPENED).rate().sum(&["direction"])),
        )
        .about("Share of the connections opened, by set and direction.")
        .every("5m"),
        lines(
            "Peers on built-in and known lists",
            unit::COUNT,
            [
                total(RPC_PEER_INFO_LIST_PEERS_LINKINGLION).named("LinkingLion"),
                total(RPC_PEER_INFO_LIST_PEERS_LINKINGLION_PRE2026).named("LinkingLion until December 2025"),
                total(RPC_PEER_INFO_LIST_PEERS_BITPROJECTS).named("bitprojects"),
                total(RPC_PEER_INFO_LIST_PEERS_GMAX_BAN).named("Gregory Maxwell's ban list"),
                total(RPC_PEER_INFO_LIST_PEERS_MONERO_BAN).named("Monero ban list"),
                total(RPC_PEER_INFO_LIST_PEERS_TOR_EXIT).named("Tor exits"),
            ],
        ),
    ]
}

fn traffic() -> Vec<Panel> {
    let bytes = || of(SET_MESSAGE_BYTES).like("set", "$set");
    vec![
        lines("Messages by set", unit::MESSAGES, messages().rate().sum(&["set", "direction"])),
        lines("Bytes by set", unit::BYTES_RATE, bytes().rate().sum(&["set", "direction"])),
        lines("Share of messages", unit::SHARE, share(messages().rate().sum(&["set", "direction"]), P2P_MESSAGE_COUNT))
            .about("Share of all messages, by set and direction.")
            .hint("LinkingLion had 5 to 10 % of those received and 7 to 13 % of those sent in October 2025."),
        lines("Share of bytes", unit::SHARE, share(bytes().rate().sum(&["set", "direction"]), P2P_MESSAGE_BYTES))
            .about("Share of the bytes of all messages, by set and direction.")
            .hint("LinkingLion had 1 to 2 % of those received and 3 to 5 % of those sent in October 2025."),
        lines(
            "Messages received by type",
            unit::MESSAGES,
            messages().is("direction", "inbound").rate().sum(&["set", "message"]).top(12),
        ),
        lines(
            "Messages sent by type",
            unit::MESSAGES,
            messages().is("direction", "outbound").rate().sum(&["set", "message"]).top(12),
        ),
        lines(
            "LinkingLion by type",
            unit::MESSAGES,
            of(P2P_MESSAGE_COUNT_LINKINGLION).rate().sum(&["message", "direction"]).top(12),
        ),
        lines(
            "LinkingLion bytes by type",
            unit::BYTES_RATE,
            of(P2P_MESSAGE_BYTES_LINKINGLION).rate().sum(&["message", "direction"]).top(12),
        ),
    ]
}

fn the_sets() -> Vec<Panel> {
    vec![
        table("Networks by set", unit::COUNT, of(SET_NETWORKS).now().max(&["instance", "set"]).named("networks")),
        tally("Connections by set", "connections", of(SET_CONNECTIONS), &["set", "direction"]),
    ]
}

fn messages() -> Selector {
    of(SET_MESSAGES).like("set", "$set")
}

fn share(of_set: Query, of_all: Id) -> Query {
    of_set.over(of(of_all).rate().sum(&["direction"]))
}
