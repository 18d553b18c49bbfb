//! peer-observer's own health: whether all that happened is seen.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "health",
        "own health",
        "peer-observer itself: whether all that happened is seen, and what it costs.",
    )
    .row("Is something wrong?", is_something_wrong())
    .row("Events", events())
    .row("Losses", losses())
    .row("Tracepoints and RPC", tracepoints_and_rpc())
    .row("Archives", archives())
    .row("Queues and this page", queues_and_this_page())
    .row("What it costs", what_it_costs())
}

fn is_something_wrong() -> Vec<Panel> {
    let extractors = || of(EXTRACTOR_UP).now();
    let down = extractors().equal(0.0).count(&[]).or_0_if(extractors().count(&[]));
    vec![
        stat("Metrics pages", unit::NONE, up().min(&[]).named("pages"))
            .about("Whether Prometheus reaches all metrics pages.")
            .states(("unreachable", BAD), ("reached", GOOD)),
        stat("Extractors down", unit::COUNT, down.named("down"))
            .about("Extractors that have ended, or from which nothing comes any more.")
            .steps(Steps::Bad(1.0)),
        stat("Events lost in an hour", unit::COUNT, last_hour(EVENTS_MISSING).named("events"))
            .steps(Steps::Rising(1.0, 10_000.0)),
        stat("Dropped here in an hour", unit::COUNT, last_hour(DROPPED).named("events"))
            .steps(Steps::Rising(1.0, 10_000.0)),
        gauge("Fullest queue", fill().max(&[]).named("fill"))
            .about("How full the fullest queue of a subscription is.")
            .steps(Steps::Rising(0.5, 0.9)),
        gauge("Ring buffer", ring("peak").over(ring("size")).max(&[]).named("peak"))
            .about("How full the ring buffer of the tracepoint extractor was at most since its last status.")
            .steps(Steps::Rising(0.5, 0.9)),
    ]
}

fn events() -> Vec<Panel> {
    vec![
        lines("Events by source", unit::EVENTS, of(EVENTS).rate().sum(&["source"])),
        lines("Time since the last event", unit::SECONDS, of(EVENT_LAST).ago().max(&["instance", "node", "source"]))
            .about("How long ago the last event of a source happened."),
        timeline("Sources", of(SOURCE_UP).now().max(&["instance", "node", "source"]))
            .about("Whether each extractor reads its node.")
            .states(("down", BAD), ("up", GOOD))
            .size(24, 8),
        timeline("NATS", of(NATS_CONNECTED).now().max(&["instance", "flow"]))
            .about("Whether there is a connection to the NATS server, for events that come from there (in) or go there (out).")
            .states(("away", BAD), ("connected", GOOD))
            .size(24, 4),
        lines("In and out by stage", unit::EVENTS, of(STAGE_EVENTS).rate().sum(&["stage", "flow"]))
            .hint("What comes in goes out or is counted as dropped."),
        lines("Not understood", unit::PER_MINUTE, of(EVENTS_UNKNOWN).per_minute().sum(&NODE)),
    ]
}

fn losses() -> Vec<Panel> {
    vec![
        lines("Lost on the way", unit::PER_MINUTE, of(EVENTS_MISSING).per_minute().sum(&["instance", "node", "stage"])),
        lines("Dropped in this process", unit::PER_MINUTE, of(DROPPED).per_minute().sum(&["stage", "reason"])),
        lines(
            "Dropped by extractors",
            unit::PER_MINUTE,
            of(EXTRACTOR_DROPPED).per_minute().sum(&["extractor", "stage", "reason"]),
        ),
        table(
            "Lost by run",
            unit::COUNT,
            of(RUN_MISSING).now().above(0.0).max(&["instance", "node", "extractor", "run"]).named("events"),
        ),
        table(
            "Runs of extractors",
            unit::COUNT,
            of(EXTRACTOR_RUNS).grown("$__range").sum(&["instance", "node", "extractor"]).named("runs"),
        )
        .column(
            of(EXTRACTOR_STARTED).time().max(&["instance", "node", "extractor"]).named("started"),
            unit::TIME,
            Steps::Neutral,
        )
        .column(
            of(EXTRACTOR_STATUS).ago().max(&["instance", "node", "extractor"]).named("last status"),
            unit::SECONDS,
            Steps::Rising(20.0, 35.0),
        )
        .about(
            "Runs of each extractor that began in the time shown, when the last one began, and when \
            it last reported its status.",
        )
        .size(24, 8),
    ]
}

fn tracepoints_and_rpc() -> Vec<Panel> {
    vec![
        lines(
            "Hits of tracepoints",
            unit::EVENTS,
            of(TRACEPOINT_EVENTS).is("result", "seen").rate().sum(&["tracepoint"]),
        )
        .about("Hits of tracepoints that were seen."),
        lines(
            "Hits that were lost",
            unit::EVENTS,
            of(TRACEPOINT_EVENTS).like("result", "dropped|fault|unread").rate().sum(&["tracepoint", "result"]),
        )
        .about(
            "Hits of tracepoints that were lost: the ring buffer was full, the node's memory could \
            not be read, or they were not read at the end.",
        ),
        lines(
            "Ring buffer",
            unit::BYTES,
            [
                ring("size").max(&[]).named("size"),
                ring("peak").max(&[]).named("peak"),
                ring("waiting").max(&[]).named("waiting"),
            ],
        ),
        lines("RPCs", unit::RATE, of(RPC_CALLS).rate().sum(&["method"])),
        lines(
            "Mean time of an RPC",
            unit::SECONDS,
            of(RPC_SECONDS).rate().sum(&["method"]).over(of(RPC_CALLS).rate().sum(&["method"])),
        ),
        lines("RPCs that failed", unit::PER_MINUTE, of(RPC_ERRORS).per_minute().sum(&["method", "error"])),
    ]
}

fn archives() -> Vec<Panel> {
    vec![
        timeline("Full disk", of(ARCHIVE_FULL).now().max(&NODE))
            .about("Whether the archive gets no events because its disk is full.")
            .states(("space", GOOD), ("full", BAD))
            .size(24, 4),
        lines("Written", unit::BYTES_RATE, of(ARCHIVE_BYTES).rate().sum(&["instance", "kind"]))
            .about("Bytes of files, and of their content before it was compressed."),
        lines("Waiting in the stream", unit::COUNT, of(ARCHIVE_STREAM_PENDING).now().max(&NODE))
            .hint("The archiver is behind."),
        lines("Acknowledged to the stream", unit::COUNT, of(ARCHIVE_STREAM_ACKNOWLEDGED).now().max(&NODE))
            .about("The last message of the stream whose event the disk has."),
        lines("Uploads", unit::PER_HOUR, of(ARCHIVE_UPLOADS).per_hour().sum(&["result"])),
        lines("Uploaded", unit::BYTES_RATE, of(ARCHIVE_UPLOAD_BYTES).rate().sum(&["instance"])),
        lines("Files that wait for their upload", unit::COUNT, of(ARCHIVE_UPLOAD_WAITING).now().max(&NODE)),
    ]
}

fn queues_and_this_page() -> Vec<Panel> {
    vec![
        lines("Fill of queues", unit::SHARE, fill())
            .about("How full the queues of subscriptions are.")
            .limits(Some(0.0), Some(1.0)),
        lines("Waiting in queues", unit::COUNT, of(QUEUE_DEPTH).now().max(&["instance", "subscription"])),
        lines("Series", unit::COUNT, of(SERIES).now().max(&["instance"])),
        lines("Folded into \"other\"", unit::PER_MINUTE, of(LABELS_FOLDED).per_minute().sum(&["metric"]))
            .hint("Somebody sends many different values."),
        table(
            "Values folded now",
            unit::COUNT,
            of(LABEL_VALUES_FOLDED).now().above(0.0).max(&["instance", "node", "metric"]).named("values"),
        ),
        table("Versions", unit::NONE, of(BUILD_INFO).now().max(&["instance", "version", "target"]).named("is"))
            .column(of(PROCESS_START).time().max(&["instance"]).named("started"), unit::TIME, Steps::Neutral)
            .every("1m"),
    ]
}

fn what_it_costs() -> Vec<Panel> {
    vec![
        lines("CPU", unit::CPU, of(PROCESS_CPU).rate().sum(&["instance"])),
        lines("Memory", unit::BYTES, of(PROCESS_RESIDENT).now().max(&["instance"])),
        lines("Files and sockets open", unit::COUNT, of(PROCESS_FILES).now().max(&["instance"])),
        lines("Threads", unit::COUNT, of(PROCESS_THREADS).now().max(&["instance"])),
    ]
}

fn fill() -> Query {
    of(QUEUE_DEPTH)
        .now()
        .max(&["instance", "subscription"])
        .over(of(QUEUE_CAPACITY).now().max(&["instance", "subscription"]))
}

fn ring(kind: &str) -> Query {
    of(RING_BUFFER).is("kind", kind).now().max(&NODE)
}
