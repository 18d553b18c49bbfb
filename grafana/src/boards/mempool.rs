//! The mempool: how full, at what price, and what it does not take.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("mempool", "mempool", "The mempool: how full, at what price, and what it does not take.")
        .row("Is something wrong?", is_something_wrong())
        .row("How full", how_full())
        .row("In and out", in_and_out())
        .row("At what price", at_what_price())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        gauge("Fill", fill().max(&[]).named("fill"))
            .about("Memory that the mempool uses of what it may use, at the node where it is fullest.")
            .steps(Steps::Warn(0.95)),
        stat(
            "Fewest transactions",
            unit::COUNT,
            of(RPC_MEMPOOLINFO_TRANSACTION_COUNT).now().min(&[]).named("transactions"),
        )
        .about("Transactions in the mempool of the node that has fewest.")
        .steps(Steps::Falling(100.0, 1.0)),
        stat("Lowest fee rate taken", unit::FEERATE, fee(RPC_MEMPOOLINFO_MIN_MEMPOOL_FEERATE).named("fee rate"))
            .about("Lowest fee rate that the mempool takes now."),
        stat("Added", unit::RATE, of(MEMPOOL_ADDED).rate().sum(&NODE).min(&[]).named("added"))
            .about("Transactions added to the mempool, at the node where there are fewest.")
            .steps(Steps::Falling(0.5, 0.01)),
        stat("Rejected", unit::SHARE, rejected().over(rejected().plus(rate(MEMPOOL_ADDED))).named("rejected"))
            .about("Share of the transactions that the mempool did not take.")
            .steps(Steps::Rising(0.3, 0.7)),
        stat("Loaded", unit::NONE, of(RPC_MEMPOOLINFO_MEMPOOL_LOADED).now().min(&[]).named("mempool"))
            .states(("no", WARN), ("yes", GOOD)),
    ]
}

fn how_full() -> Vec<Panel> {
    vec![
        lines("Transactions", unit::COUNT, each(RPC_MEMPOOLINFO_TRANSACTION_COUNT)),
        lines("Virtual bytes", unit::VBYTES, each(RPC_MEMPOOLINFO_TRANSACTION_VBYTE)),
        lines("Memory", unit::SHARE, fill())
            .about("Memory that the mempool uses of what it may use.")
            .limits(Some(0.0), Some(1.0)),
        lines("Fees", unit::BTC, each(RPC_MEMPOOLINFO_TRANSACTION_FEES)),
    ]
}

fn in_and_out() -> Vec<Panel> {
    vec![
        lines(
            "Transactions that come and go",
            unit::RATE,
            [
                rate(MEMPOOL_ADDED).named("added"),
                rate(MEMPOOL_REMOVED).named("removed"),
                rate(MEMPOOL_REPLACED).named("replaced"),
                rejected().named("rejected"),
            ],
        ),
        lines(
            "Virtual bytes that come",
            unit::VBYTES_RATE,
            [rate(MEMPOOL_ADDED_VBYTES).named("added"), rate(MEMPOOL_REPLACED_VBYTES).named("replaced")],
        ),
        lines("Removed by reason", unit::RATE, of(MEMPOOL_REMOVED).rate().sum(&["reason"]))
            .hint("sizelimit: it is full, and the cheapest transactions go."),
        lines("Rejected by reason", unit::RATE, of(MEMPOOL_REJECTED).rate().sum(&["reason"]).top(12)),
        tally("Reasons of rejections", "transactions", of(MEMPOOL_REJECTED), &["reason"]),
        tally("Reasons of removals", "transactions", of(MEMPOOL_REMOVED), &["reason"]),
    ]
}

fn at_what_price() -> Vec<Panel> {
    vec![
        lines(
            "Lowest fee rates",
            unit::FEERATE,
            [
                fee(RPC_MEMPOOLINFO_MIN_MEMPOOL_FEERATE).named("into the mempool"),
                fee(RPC_MEMPOOLINFO_MIN_RELAY_TX_FEERATE).named("relayed"),
                fee(RPC_MEMPOOLINFO_INCREMENTAL_RELAY_FEERATE).named("replacement"),
            ],
        )
        .about(
            "Lowest fee rates that the node takes into its mempool, relays, and wants more of for a \
            replacement.",
        ),
        lines(
            "Estimated fee rates",
            unit::FEERATE,
            of(RPC_ESTIMATESMARTFEE_FEERATE).now().max(&["target_block", "mode"]).times(SAT_PER_VBYTE),
        )
        .about("Estimated fee rate to confirm within so many blocks.")
        .every("5m"),
    ]
}

fn fee(id: Id) -> Query {
    most(id).times(SAT_PER_VBYTE)
}

fn rejected() -> Query {
    rate(MEMPOOL_REJECTED)
}

fn fill() -> Query {
    each(RPC_MEMPOOLINFO_MEMORY_USAGE).over(each(RPC_MEMPOOLINFO_MEMORY_MAX))
}
