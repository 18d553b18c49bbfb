//! Peers per autonomous system and network group: in how many hands the connections are.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "as",
        "peers per AS",
        "Peers by autonomous system and network group: in how many hands the connections are.",
    )
    .variable("map", "Map", AS_DISTINCT, "map")
    .row("Is something wrong?", is_something_wrong())
    .row("In how many hands", in_how_many_hands())
    .row("Who", who())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        stat(
            "Systems of outbound peers",
            unit::COUNT,
            of_map(AS_DISTINCT).is("direction", "outbound").now().min(&[]).named("systems"),
        )
        .about("Distinct autonomous systems of the outbound peers, at the node that has fewest.")
        .hint("A node whose outbound peers are all in one hand can be cut off.")
        .steps(Steps::Falling(5.0, 2.0)),
        stat(
            "Outbound in one system",
            unit::COUNT,
            of_map(AS_LARGEST).is("direction", "outbound").now().max(&[]).named("peers"),
        )
        .about("Outbound peers in the autonomous system that has most of a node.")
        .steps(Steps::Rising(3.0, 6.0)),
        stat(
            "Inbound in one system",
            unit::COUNT,
            of_map(AS_LARGEST).is("direction", "inbound").now().max(&[]).named("peers"),
        )
        .about("Inbound peers in the autonomous system that has most of a node."),
        gauge(
            "Diversity of inbound peers",
            of_map(AS_DIVERSITY).is("direction", "inbound").now().min(&[]).named("diversity"),
        )
        .about(
            "Distinct autonomous systems of the inbound peers, divided by the number of mapped peers, \
            at the node where that is lowest.",
        )
        .steps(Steps::Falling(0.3, 0.15)),
        stat(
            "Inbound in one group",
            unit::COUNT,
            of(GROUP_LARGEST).is("direction", "inbound").now().max(&[]).named("peers"),
        )
        .about("Inbound peers in the network group that has most of a node."),
        stat(
            "Opened by one system in an hour",
            unit::COUNT,
            opened(AS_CONNECTIONS_OPENED).sum(&["instance", "node", "asn"]).max(&[]).named("connections"),
        )
        .about(
            "Inbound connections of the last hour from the autonomous system that opened most at a \
            node.",
        )
        .steps(Steps::Rising(50.0, 200.0)),
    ]
}

fn in_how_many_hands() -> Vec<Panel> {
    vec![
        lines("Distinct systems", unit::COUNT, mapped(AS_DISTINCT).sum(&["direction", "map"])),
        lines("Diversity", unit::SHARE, mapped(AS_DIVERSITY).min(&["direction", "map"])).limits(Some(0.0), Some(1.0)),
        lines("Peers of the largest system", unit::COUNT, mapped(AS_LARGEST).max(&["direction", "map"])),
        lines("Peers not mapped", unit::COUNT, mapped(AS_UNMAPPED).sum(&["direction", "map"])),
        lines("Distinct network groups", unit::COUNT, of(GROUP_DISTINCT).now().sum(&["direction"])),
        lines("Peers of the largest network group", unit::COUNT, of(GROUP_LARGEST).now().max(&["direction"])),
    ]
}

fn who() -> Vec<Panel> {
    vec![
        table(
            "Inbound peers by system",
            unit::COUNT,
            of_map(AS_PEERS).is("direction", "inbound").now().sum(&["asn", "map"]).top(50).named("peers"),
        )
        .hint("0 is unmapped."),
        table(
            "Outbound peers by system",
            unit::COUNT,
            of_map(AS_PEERS).is("direction", "outbound").now().sum(&["asn", "map"]).top(50).named("peers"),
        )
        .hint("0 is unmapped."),
        lines(
            "Inbound peers by system over time",
            unit::COUNT,
            of_map(AS_PEERS).is("direction", "inbound").now().sum(&["asn"]).top(10),
        ),
        lines("Opened by system", unit::PER_HOUR, of(AS_CONNECTIONS_OPENED).per_hour().sum(&["asn"]).top(10)),
        table(
            "Peers by system, as the node maps them",
            unit::COUNT,
            of(RPC_PEER_INFO_ASN_PEERS).now().sum(&["ASN"]).top(50).named("peers"),
        ),
        tally("Who opened most, by system", "connections", of(AS_CONNECTIONS_OPENED), &["asn"]),
        table(
            "Peers by network group",
            unit::COUNT,
            of(GROUP_PEERS).now().sum(&["group", "direction"]).top(50).named("peers"),
        ),
        tally("Who opened most, by network group", "connections", of(GROUP_CONNECTIONS_OPENED), &["group"]),
    ]
}

fn of_map(id: Id) -> Selector {
    of(id).like("map", "$map")
}

fn mapped(id: Id) -> Query {
    of_map(id).now()
}

fn opened(id: Id) -> Query {
    of(id).grown("1h")
}
