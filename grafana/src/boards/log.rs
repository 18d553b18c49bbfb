//! debug.log: what the node says, and what it leaves out.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("log", "log", "debug.log: what nodes say, and what they leave out.")
        .variable("category", "Category", LOG_EVENTS, "category")
        .row("Is something wrong?", is_something_wrong())
        .row("How much", how_much())
        .row("What is on", what_is_on())
        .row("Blocks", blocks())
        .row("Messages", messages())
        .row("Connections that the node opens, and headers", outbound())
        .row("Transactions", transactions())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        stat(
            "Errors in an hour",
            unit::COUNT,
            of(LOG_EVENTS).is("level", "error").grown("1h").sum(&[]).or_0_if(last_hour(LOG_EVENTS)).named("lines"),
        )
        .about("Lines of debug.log of level error.")
        .steps(Steps::Bad(1.0)),
        stat(
            "Warnings in an hour",
            unit::COUNT,
            of(LOG_EVENTS).is("level", "warning").grown("1h").sum(&[]).or_0_if(last_hour(LOG_EVENTS)).named("lines"),
        )
        .about("Lines of debug.log of level warning.")
        .steps(Steps::Rising(1.0, 100.0)),
        stat("Log limited in an hour", unit::COUNT, last_hour(LOG_SUPPRESSIONS).named("times"))
            .hint("Somebody may be trying to fill the disk.")
            .steps(Steps::Bad(1.0)),
        stat("Left out in an hour", unit::BYTES, last_hour(LOG_SUPPRESSED_BYTES).named("bytes")).steps(Steps::Bad(1.0)),
        stat("Not understood in an hour", unit::COUNT, last_hour(LOG_UNKNOWN_LINES).named("lines"))
            .hint("Most lines are of no form that matters here."),
        stat(
            "Size of debug.log",
            unit::BYTES,
            of(DIRECTORY_SIZE).is("directory", "debug_log").now().max(&[]).named("size"),
        )
        .about("Size of the largest debug.log."),
    ]
}

fn how_much() -> Vec<Panel> {
    let lines_of = || of(LOG_EVENTS).like("category", "$category").rate();
    let bytes_of = || of(LOG_BYTES).like("category", "$category").rate();
    vec![
        lines("Lines by category", unit::RATE, lines_of().sum(&["category"]).top(15)),
        lines("Lines by level", unit::RATE, lines_of().sum(&["level"])),
        lines("Bytes by category", unit::BYTES_RATE, bytes_of().sum(&["category"]).top(15)),
        lines("Lines by node", unit::RATE, lines_of().sum(&NODE)),
        lines("Bytes read by node", unit::BYTES_RATE, of(LOG_READ_BYTES).rate().sum(&NODE)),
        lines(
            "Warnings and errors by category",
            unit::PER_HOUR,
            of(LOG_EVENTS)
                .like("level", "warning|error")
                .like("category", "$category")
                .per_hour()
                .sum(&["category", "level"]),
        ),
        lines(
            "Share not understood",
            unit::SHARE,
            of(LOG_UNKNOWN_LINES).rate().sum(&NODE).over(of(LOG_EVENTS).rate().sum(&NODE)),
        )
        .about("Share of the lines that are of no form that is understood in full."),
        lines("Limits of the log", unit::PER_HOUR, of(LOG_SUPPRESSIONS).per_hour().sum(&NODE)),
        lines(
            "Size of debug.log by node",
            unit::BYTES,
            of(DIRECTORY_SIZE).is("directory", "debug_log").now().max(&NODE),
        )
        .about("Size of debug.log.")
        .every("1m"),
    ]
}

fn what_is_on() -> Vec<Panel> {
    vec![
        timeline("Categories", of(LOG_CATEGORY_ENABLED).like("category", "$category").now().max(&["category"]))
            .states(("off", WARN), ("on", GOOD))
            .size(24, 12)
            .hint("Of several nodes: on at any of them."),
    ]
}

fn blocks() -> Vec<Panel> {
    vec![
        lines(
            "Blocks checked and connected",
            unit::PER_HOUR,
            [
                of(LOG_BLOCK_CHECKED_EVENTS).per_hour().sum(&[]).named("checked"),
                of(LOG_BLOCK_CONNECTED_EVENTS).per_hour().sum(&[]).named("connected"),
            ],
        )
        .every("10m"),
        lines("Mutated blocks", unit::PER_HOUR, of(LOG_MUTATED_BLOCKS).per_hour().sum(&["status"])),
    ]
}

fn messages() -> Vec<Panel> {
    let received = |id| of(id).is("direction", "inbound").rate().sum(&["message"]).top(15);
    let sent = |id| of(id).is("direction", "outbound").rate().sum(&["message"]).top(15);
    vec![
        lines("Messages received by type", unit::RATE, received(LOGGED_MESSAGES)),
        lines("Messages sent by type", unit::RATE, sent(LOGGED_MESSAGES)),
        lines("Bytes received by type", unit::BYTES_RATE, received(LOGGED_MESSAGE_BYTES)),
        lines("Bytes sent by type", unit::BYTES_RATE, sent(LOGGED_MESSAGE_BYTES)),
        lines("Entries of inv messages", unit::RATE, of(LOGGED_INVENTORY).rate().sum(&["inventory_type", "known"])),
        lines("Requests", unit::RATE, of(LOGGED_REQUESTS).rate().sum(&["inventory_type", "outcome"])),
        lines("Messages not used", unit::PER_HOUR, of(MESSAGES_IGNORED).per_hour().sum(&["reason"])),
    ]
}

fn outbound() -> Vec<Panel> {
    vec![
        lines("Attempts by network", unit::PER_HOUR, of(CONNECTION_ATTEMPTS).per_hour().sum(&["network"])),
        lines("Failures", unit::PER_HOUR, of(CONNECTION_FAILURES).per_hour().sum(&["network", "reason"]).top(15)),
        lines("Fallbacks to the v1 transport", unit::PER_HOUR, of(V1_FALLBACKS).per_hour().sum(&NODE)),
        lines("Synchronizations of headers", unit::PER_HOUR, of(HEADERS_SYNCS).per_hour().sum(&["step"])),
        lines(
            "Height of synchronizations",
            unit::HEIGHT,
            of(HEADERS_SYNC_HEIGHT).now().max(&["instance", "node", "phase"]),
        )
        .limits(None, None)
        .hint("presync: headers are only checked. sync: they are stored."),
        lines("Headers rejected", unit::PER_HOUR, of(HEADERS_REJECTED).per_hour().sum(&NODE)),
    ]
}

fn transactions() -> Vec<Panel> {
    vec![
        lines(
            "Mempool",
            unit::RATE,
            [
                of(LOGGED_MEMPOOL_ADDED).rate().sum(&[]).named("added"),
                of(LOGGED_MEMPOOL_REPLACED).rate().sum(&[]).named("replaced"),
            ],
        ),
        lines("Removed from the mempool", unit::RATE, of(LOGGED_MEMPOOL_REMOVED).rate().sum(&["reason"])),
        lines("Orphans", unit::RATE, of(ORPHAN_TRANSACTIONS).rate().sum(&["action"])),
    ]
}
