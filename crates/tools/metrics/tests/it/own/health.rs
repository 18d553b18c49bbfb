//! Health of extractors, as their statuses show it.

use metrics::ids;

use super::{Play, event};

/// A status of an extractor with these counts.
fn status(counts: &str) -> (&'static str, String) {
    event("status", &format!(r#""extractor":"rpc","started_ns":1,"last_sequence":1,"ended":false,"counts":[{counts}]"#))
}

#[test]
fn counts_of_extractors() {
    let count = |name: &str, labels: &[(&str, &str)], value: f64| {
        let labels: Vec<_> = labels.iter().map(|(n, v)| format!(r#"{{"name":"{n}","value":"{v}"}}"#)).collect();
        format!(r#"{{"name":"{name}","labels":[{}],"value":{value}}}"#, labels.join(","))
    };
    let counts = [
        count("rpc_errors", &[("error", "timeout"), ("method", "uptime")], 2.0),
        count("rpc_errors", &[("method", "uptime")], 7.0),
        count("rpc_calls", &[("method", "uptime"), ("more", "x")], 9.0),
        count("tracepoint_events", &[("tracepoint", "unknown"), ("result", "undecodable")], 3.0),
        count("ring_buffer_bytes", &[("kind", "waiting")], 0.0),
        count("log_bytes", &[("node", "")], 100.0),
        count("log_bytes", &[("node", "another")], 50.0),
        count("archive_full", &[], 1.0),
        count("archive_bytes", &[("kind", "file")], 77.0),
        count("unheard_of", &[], 1.0),
    ];
    let mut play = Play::new();
    play.at(0.0, status(&counts.join(",")));
    // The order of labels on the wire does not matter; a count that lacks one is not shown.
    play.is(ids::RPC_ERRORS, &["uptime", "timeout"], 2.0).has(ids::RPC_ERRORS, 1);
    play.is(ids::RPC_CALLS, &["uptime"], 9.0).has(ids::RPC_CALLS, 1);
    play.is(ids::TRACEPOINT_EVENTS, &["unknown", "undecodable"], 3.0);
    play.is(ids::RING_BUFFER, &["waiting"], 0.0);
    play.is(ids::ARCHIVE_FULL, &[], 1.0).is(ids::ARCHIVE_BYTES, &["file"], 77.0);
    // A status has the counts of the whole process: those of another node are not this one's.
    play.is(ids::LOG_READ_BYTES, &[], 100.0).has(ids::LOG_READ_BYTES, 1);
}
