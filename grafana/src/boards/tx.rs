//! Transactions on their way: announced, asked for, received, taken.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("tx", "transaction relay", "Transactions on their way: announced, asked for, received, taken.")
        .row("Is something wrong?", is_something_wrong())
        .row("Announcements", announcements())
        .row("Received", received())
        .row("Orphans", orphans())
        .row("Peers and fees", peers_and_fees())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        stat("Largest queue to announce", unit::COUNT, most(RPC_PEER_INFO_INVTOSEND_MAX).named("announcements"))
            .hint("Above 50,000 the node spends its time on sorting them.")
            .steps(Steps::Rising(20_000.0, 50_000.0)),
        stat("Message thread", unit::CPU, message_thread().max(&[]).named("b-msghand"))
            .about(
                "How busy the thread b-msghand is, at the node where it is most. At 100 % peers wait for \
            answers.",
            )
            .steps(Steps::Rising(0.6, 0.9)),
        gauge("First announcer", of(TX_FIRST_ANNOUNCER_SHARE).is("rank", "1").now().max(&[]).named("share"))
            .about(
                "Share of the transactions of the last 10 minutes that one and the same peer announced \
            first.",
            )
            .steps(Steps::Rising(0.4, 0.7)),
        stat("To the mempool, 90 %", unit::SECONDS, of(TX_TO_MEMPOOL).quantile(0.9, &[]).named("time"))
            .about(
                "Nine of ten transactions are in the mempool within this time after their first \
            announcement.",
            )
            .steps(Steps::Rising(10.0, 60.0)),
        stat("Duplicates", unit::SHARE, received_as("duplicate").over(rate(TX_RECEIVED)).named("duplicate"))
            .about("Share of the transactions received that had come before.")
            .steps(Steps::Rising(0.05, 0.3)),
        stat("Orphans", unit::COUNT, most(RPC_GETORPHANTXS_COUNT).named("orphans"))
            .steps(Steps::Rising(1_000.0, 10_000.0)),
    ]
}

fn announcements() -> Vec<Panel> {
    vec![
        lines("First or later", unit::RATE, of(TX_ANNOUNCEMENTS).rate().sum(&["order"])),
        lines(
            "First by connection type",
            unit::RATE,
            of(TX_ANNOUNCEMENTS).is("order", "first").rate().sum(&["connection_type"]),
        ),
        lines("Share of the first announcers", unit::SHARE, of(TX_FIRST_ANNOUNCER_SHARE).now().max(&["rank"]))
            .limits(Some(0.0), Some(1.0)),
        lines(
            "Announcements that wait",
            unit::COUNT,
            [
                most(RPC_PEER_INFO_INVTOSEND_MAX).named("most of a peer"),
                most(RPC_PEER_INFO_INVTOSEND_MEAN).named("mean"),
                most(RPC_PEER_INFO_INVTOSEND_MEDIAN).named("median"),
                most(RPC_PEER_INFO_INVTOSEND_MIN).named("fewest of a peer"),
            ],
        ),
        lines("Announcements that wait, all peers", unit::COUNT, each(RPC_PEER_INFO_INVTOSEND_SUM)),
        lines(
            "Large inv sent",
            unit::SHARE,
            of(P2P_INVS_OUTBOUND_LARGE)
                .rate()
                .sum(&NODE)
                .over(of(P2P_MESSAGE_COUNT).is("message", "inv").is("direction", "outbound").rate().sum(&NODE)),
        )
        .about("Share of the inv messages sent that have more than 35 entries.")
        .limits(Some(0.0), Some(1.0)),
    ]
}

fn received() -> Vec<Panel> {
    vec![
        lines("Transactions received", unit::RATE, of(TX_RECEIVED).rate().sum(&["kind"])),
        lines(
            "Into the mempool or not",
            unit::RATE,
            [
                rate(MEMPOOL_ADDED).named("added"),
                rate(MEMPOOL_REPLACED).named("replaced"),
                rate(MEMPOOL_REJECTED).named("rejected"),
                rate(TX_MISSING_INPUTS).named("inputs missing"),
            ],
        ),
        heatmap("Announcement to mempool", unit::SECONDS, of(TX_TO_MEMPOOL).buckets()),
        lines(
            "Announcement to mempool, quantiles",
            unit::SECONDS,
            QUANTILES.map(|(quantile, name)| of(TX_TO_MEMPOOL).quantile(quantile, &[]).named(name)),
        ),
        lines(
            "getdata to tx, 90 %",
            unit::SECONDS,
            of(REQUEST_DURATION).is("request", "getdata_tx").quantile(0.9, &["direction"]),
        )
        .about(
            "Nine of ten transactions asked for come within this time, by the direction of the \
            request.",
        ),
        lines(
            "getdata for transactions unanswered",
            unit::RATE,
            of(REQUESTS_UNANSWERED).is("request", "getdata_tx").rate().sum(&["direction", "reason"]),
        ),
    ]
}

fn orphans() -> Vec<Panel> {
    vec![
        lines("Orphans held", unit::COUNT, each(RPC_GETORPHANTXS_COUNT)),
        lines("Weight of orphans held", unit::COUNT, each(RPC_GETORPHANTXS_WEIGHT)),
        lines(
            "Orphans that come and go",
            unit::PER_MINUTE,
            [
                of(RPC_GETORPHANTXS_ADDED_COUNT).per_minute().sum(&[]).named("came"),
                of(RPC_GETORPHANTXS_REMOVED_COUNT).per_minute().sum(&[]).named("went"),
            ],
        ),
        lines(
            "Peers that an orphan came from",
            unit::COUNT,
            [
                most(RPC_GETORPHANTXS_FROM_MAX).named("most"),
                most(RPC_GETORPHANTXS_FROM_MEAN).named("mean"),
                most(RPC_GETORPHANTXS_FROM_MIN).named("fewest"),
            ],
        ),
    ]
}

fn peers_and_fees() -> Vec<Panel> {
    vec![
        lines(
            "Peers by what they relay",
            unit::COUNT,
            [
                total(RPC_PEER_INFO_SUB1SATVB_RELAY).named("below 1 sat/vB"),
                total(PEERS_LISTEN_ONLY).named("only listen"),
            ],
        ),
        bars(
            "Fee filters received",
            unit::COUNT,
            of(P2P_FEEFILTER_FEERATE)
                .is("direction", "inbound")
                .grown("$__range")
                .sum(&["feerate"])
                .top(15)
                .named("feefilters"),
        )
        .hint("By sat/kvB, in the time shown."),
        lines("Announced to our own connection", unit::RATE, of(P2PEXTRACTOR_INVS_ITEMS).rate().sum(&["inv_type"])),
        lines("Ping of our own connection", unit::NANOSECONDS, each(P2PEXTRACTOR_PING_DURATION_NANOSECONDS))
            .hint("Our ping waits behind the messages of all peers: it grows when the node cannot keep up."),
    ]
}

fn received_as(kind: &str) -> Query {
    of(TX_RECEIVED).is("kind", kind).rate().sum(&[])
}
