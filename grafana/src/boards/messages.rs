//! P2P messages: how many, how large, how often, and whether they are answered.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "messages",
        "messages",
        "P2P messages: how many, how large, how often, and whether they are answered.",
    )
    .variable("message", "Message", P2P_MESSAGE_COUNT, "message")
    .variable("request", "Request", REQUEST_DURATION, "request")
    .row("Is something wrong?", is_something_wrong())
    .row("How many", how_many())
    .row("How large, how often", how_large_how_often())
    .row("Requests and replies", requests_and_replies())
    .row("Announcements", announcements())
    .row("Odd ones", odd_ones())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        stat("Received", unit::MESSAGES, count("inbound").sum(&[]).named("received")),
        stat("Sent", unit::MESSAGES, count("outbound").sum(&[]).named("sent")),
        stat("Received bytes", unit::BYTES_RATE, bytes("inbound").sum(&[]).named("received")),
        stat("Sent bytes", unit::BYTES_RATE, bytes("outbound").sum(&[]).named("sent")),
        stat(
            "Unanswered",
            unit::SHARE,
            unanswered()
                .sum(&[])
                .over(unanswered().sum(&[]).plus(duration().observations().sum(&[])))
                .named("unanswered"),
        )
        .about("Share of the chosen requests that got no reply.")
        .steps(Steps::Rising(0.2, 0.5)),
        stat(
            "Ping, 90 %",
            unit::SECONDS,
            of(REQUEST_DURATION).is("request", "ping").is("direction", "inbound").quantile(0.9, &[]).named("ping"),
        )
        .about("Nine of ten pings of peers are answered by the node within this time.")
        .steps(Steps::Rising(1.0, 5.0)),
    ]
}

fn how_many() -> Vec<Panel> {
    vec![
        lines("Received by type", unit::MESSAGES, count("inbound").sum(&["message"]).top(15)),
        lines("Sent by type", unit::MESSAGES, count("outbound").sum(&["message"]).top(15)),
        lines("Received bytes by type", unit::BYTES_RATE, bytes("inbound").sum(&["message"]).top(15)),
        lines("Sent bytes by type", unit::BYTES_RATE, bytes("outbound").sum(&["message"]).top(15)),
        lines(
            "Received by connection type",
            unit::MESSAGES,
            CONNECTION_TYPES.map(|(number, name)| count_of_type("inbound", number).named(name)),
        ),
        lines(
            "Sent by connection type",
            unit::MESSAGES,
            CONNECTION_TYPES.map(|(number, name)| count_of_type("outbound", number).named(name)),
        ),
    ]
}

fn how_large_how_often() -> Vec<Panel> {
    vec![
        heatmap("Size", unit::BYTES, of(MESSAGE_SIZE).like("message", "$message").buckets())
            .hint("Of the chosen types."),
        heatmap("Interval", unit::SECONDS, of(MESSAGE_INTERVAL).like("message", "$message").buckets())
            .hint("Of the chosen types."),
        lines(
            "Mean size",
            unit::BYTES,
            of(MESSAGE_SIZE).like("message", "$message").mean(&["message", "direction"]).top(15),
        ),
        lines(
            "Median interval",
            unit::SECONDS,
            of(MESSAGE_INTERVAL).like("message", "$message").quantile(0.5, &["message", "direction"]),
        ),
    ]
}

fn requests_and_replies() -> Vec<Panel> {
    vec![
        heatmap("Time to reply", unit::SECONDS, duration().buckets()).hint("Of the chosen requests."),
        lines("Time to reply, 90 %", unit::SECONDS, duration().quantile(0.9, &["request", "direction"]))
            .about("Nine of ten requests are answered within this time."),
        lines("Requests answered", unit::RATE, duration().observations().sum(&["request", "direction"]))
            .about("Requests that got their reply."),
        lines("Requests unanswered", unit::RATE, unanswered().sum(&["request", "direction", "reason"])),
    ]
}

fn announcements() -> Vec<Panel> {
    vec![
        heatmap(
            "Entries of inv received",
            unit::COUNT,
            of(P2P_INV_ENTRIES_HISTOGRAM).is("direction", "inbound").buckets(),
        ),
        heatmap(
            "Entries of inv sent",
            unit::COUNT,
            of(P2P_INV_ENTRIES_HISTOGRAM).is("direction", "outbound").buckets(),
        )
        .hint("More than 35 at a time: the node has more to announce than it may at once."),
        lines("Entries by type", unit::RATE, of(P2P_INV_ENTRIES).rate().sum(&["direction", "inv_type"])),
        lines(
            "Kinds of inv",
            unit::MESSAGES,
            [
                of(P2P_INVS_HOMOGENEOUS).is("direction", "inbound").rate().sum(&[]).named("received, one type"),
                of(P2P_INVS_HETEROGENEOUS).is("direction", "inbound").rate().sum(&[]).named("received, several types"),
                of(P2P_INVS_HOMOGENEOUS).is("direction", "outbound").rate().sum(&[]).named("sent, one type"),
                of(P2P_INVS_HETEROGENEOUS).is("direction", "outbound").rate().sum(&[]).named("sent, several types"),
                rate(P2P_INVS_OUTBOUND_LARGE).named("sent, more than 35 entries"),
            ],
        ),
    ]
}

fn odd_ones() -> Vec<Panel> {
    vec![
        lines("Nonces of pings received", unit::MESSAGES, of(P2P_PING_INBOUND_VALUE).rate().sum(&["value"]))
            .hint("Random nonces are u64. Others tell one implementation from another."),
        tally("Pings without nonce", "pings", of(P2P_OLDPING_SUBNET), &["subnet"]),
        tally("Rejects received", "rejects", of(P2P_REJECT_MESSAGE), &["rejectcommand", "rejectreason"])
            .hint("In the time shown. Bitcoin Core has sent none since 0.20."),
        tally("Fee filters received", "feefilters", of(P2P_FEEFILTER_FEERATE).is("direction", "inbound"), &["feerate"]),
    ]
}

fn count(direction: &str) -> Query {
    of(P2P_MESSAGE_COUNT).is("direction", direction).like("message", "$message").rate()
}

fn bytes(direction: &str) -> Query {
    of(P2P_MESSAGE_BYTES).is("direction", direction).like("message", "$message").rate()
}

fn unanswered() -> Query {
    of(REQUESTS_UNANSWERED).like("request", "$request").rate()
}

fn duration() -> Selector {
    of(REQUEST_DURATION).like("request", "$request")
}

fn count_of_type(direction: &str, connection_type: &str) -> Query {
    let of_type = of(P2P_MESSAGE_COUNT).is("direction", direction).is("connection_type", connection_type);
    of_type.like("message", "$message").rate().sum(&[])
}
