//! What extractors count besides the events: each family is declared here once, for the extractor that counts and the tools that show it.
//!
//! A count goes into the status of its extractor with the names of its labels. Readers take it by name and label, and never take a name apart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use event::pb::observer::{Count as WireCount, Counter as FormerCounter, Label};
use parking_lot::Mutex;

/// A family of counts or levels: one value for each combination of label values.
#[derive(Debug)]
pub struct Counter<const LABELS: usize> {
    /// Its name on the wire.
    pub name: &'static str,
    /// What is counted, and its unit.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str; LABELS],
    /// Whether its values only grow.
    pub kind: Kind,
    /// The name and the label in the field `counters` of a status, from the values of the labels.
    former: fn(&[&str; LABELS]) -> (String, String),
}

/// How the values of a family behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow, from 0 at the start of the process. A value of 0 is not published.
    Total,
    /// They rise and fall.
    Level,
}

/// Hits of tracepoints by what became of them. `seen` hits are `published`, `dropped` (the ring buffer was full), a `fault` (what the tracepoint
/// points to could not be read), `undecodable` (the record is not of this build) or `of_others` (the process is not observed). Of the published ones,
/// `unread` have no payload, since it could not be read. The tracepoint of an undecodable record may be "unknown".
pub const TRACEPOINT_EVENTS: Counter<2> = Counter {
    name: "tracepoint_events",
    help: "Hits of tracepoints by what became of them.",
    labels: &["tracepoint", "result"],
    kind: Kind::Total,
    former: |[tracepoint, result]| (format!("tracepoint_{result}"), (*tracepoint).to_owned()),
};

/// Bytes of the tracepoint extractor's ring buffer: those that wait (`waiting`), most that waited since the last status (`peak`), and its `size`.
pub const RING_BUFFER_BYTES: Counter<1> = Counter {
    name: "ring_buffer_bytes",
    help: "Bytes of the ring buffer of the tracepoint extractor.",
    labels: &["kind"],
    kind: Kind::Level,
    former: |[kind]| ("ring_buffer_bytes".to_owned(), (*kind).to_owned()),
};

/// RPCs that the extractor called, by method.
pub const RPC_CALLS: Counter<1> = Counter {
    name: "rpc_calls",
    help: "RPCs called by the extractor.",
    labels: &["method"],
    kind: Kind::Total,
    former: |[method]| ("rpc_calls".to_owned(), (*method).to_owned()),
};

/// Seconds that RPCs took, by method.
pub const RPC_SECONDS: Counter<1> = Counter {
    name: "rpc_seconds",
    help: "Seconds that RPCs took.",
    labels: &["method"],
    kind: Kind::Total,
    former: |[method]| ("rpc_seconds".to_owned(), (*method).to_owned()),
};

/// RPCs that failed, by method and kind of error.
pub const RPC_ERRORS: Counter<2> = Counter {
    name: "rpc_errors",
    help: "RPCs that failed.",
    labels: &["method", "error"],
    kind: Kind::Total,
    former: |[method, error]| ("rpc_errors".to_owned(), format!("{method}:{error}")),
};

/// Bytes of debug.log that were read, unpacked, by node.
pub const LOG_BYTES: Counter<1> = Counter {
    name: "log_bytes",
    help: "Bytes of debug.log that were read.",
    labels: &["node"],
    kind: Kind::Total,
    former: |[node]| ("log_bytes".to_owned(), (*node).to_owned()),
};

/// P2P connections to the P2P extractor's listener that it refused, by node and reason: `foreign` (another node's), `handshake` (not Bitcoin's
/// protocol of that network), `slow`, `too_many`, `second` (there is one already).
pub const P2P_REFUSED: Counter<2> = Counter {
    name: "p2p_refused",
    help: "P2P connections that were refused since they are not the node's.",
    labels: &["node", "reason"],
    kind: Kind::Total,
    former: |[node, reason]| ("p2p_refused".to_owned(), format!("{node}:{reason}")),
};

/// Pongs of the node that answer no ping of the P2P extractor, by node.
pub const P2P_FOREIGN_PONGS: Counter<1> = Counter {
    name: "p2p_foreign_pongs",
    help: "Pongs that answer no ping of ours.",
    labels: &["node"],
    kind: Kind::Total,
    former: |[node]| ("p2p_foreign_pongs".to_owned(), (*node).to_owned()),
};

/// Gossiped addresses that the connectivity check did not try, by the node that heard of them and the reason: `special` (a range that is not
/// of the internet), `regtest` (the node is of a private chain), `never` (by configuration), `own`, `port`, `network` (one that cannot be
/// tried), `no_proxy`, `no_route`, `proxy_failed`, `local` (this machine cannot connect), `queue_full`, `database` (results cannot be written).
pub const CONNECTIVITY_SKIPPED: Counter<2> = Counter {
    name: "connectivity_skipped",
    help: "Gossiped addresses that were not tried.",
    labels: &["node", "reason"],
    kind: Kind::Total,
    former: |[node, reason]| ("connectivity_skipped".to_owned(), format!("{node}:{reason}")),
};

/// Bytes that the archiver wrote: of its files (`file`), and of their content before compression (`content`).
pub const ARCHIVE_BYTES: Counter<1> = Counter {
    name: "archive_bytes",
    help: "Bytes written to archives.",
    labels: &["kind"],
    kind: Kind::Total,
    former: |[kind]| ("archive_bytes".to_owned(), (*kind).to_owned()),
};

/// Whether the archiver has no space to write: 1, or 0.
pub const ARCHIVE_FULL: Counter<0> = Counter {
    name: "archive_full",
    help: "Whether the archive has no space.",
    labels: &[],
    kind: Kind::Level,
    former: |[]| ("archive_full".to_owned(), String::new()),
};

/// The last message of a stream that the archiver has acknowledged: its number in the stream.
pub const ARCHIVE_STREAM_ACKNOWLEDGED: Counter<0> = Counter {
    name: "archive_stream_acknowledged",
    help: "Number of the last message of the stream that is in the archive for good.",
    labels: &[],
    kind: Kind::Level,
    former: |[]| ("archive_stream_acknowledged".to_owned(), String::new()),
};

/// Messages of a stream that the archiver has not acknowledged.
pub const ARCHIVE_STREAM_PENDING: Counter<0> = Counter {
    name: "archive_stream_pending",
    help: "Messages of the stream that are not in the archive for good.",
    labels: &[],
    kind: Kind::Level,
    former: |[]| ("archive_stream_pending".to_owned(), String::new()),
};

/// Complete files of the archiver by what became of them: `uploaded` to the store and compared with what is here, or `failed`, which is tried again.
pub const ARCHIVE_UPLOADS: Counter<1> = Counter {
    name: "archive_uploads",
    help: "Files of the archive by what became of their upload.",
    labels: &["result"],
    kind: Kind::Total,
    former: |[result]| ("archive_uploads".to_owned(), (*result).to_owned()),
};

/// Bytes of files that the archiver put into the store.
pub const ARCHIVE_UPLOAD_BYTES: Counter<0> = Counter {
    name: "archive_upload_bytes",
    help: "Bytes of files of the archive that were put into the store.",
    labels: &[],
    kind: Kind::Total,
    former: |[]| ("archive_upload_bytes".to_owned(), String::new()),
};

/// Complete files of the archiver that are not in the store yet.
pub const ARCHIVE_UPLOAD_WAITING: Counter<0> = Counter {
    name: "archive_upload_waiting",
    help: "Files of the archive that are not in the store yet.",
    labels: &[],
    kind: Kind::Level,
    former: |[]| ("archive_upload_waiting".to_owned(), String::new()),
};

/// Notifications about alerts by the receiver and what became of them: alerts that were `sent` or `dropped`, and attempts that `failed`, which are
/// repeated.
pub const ALERT_NOTIFICATIONS: Counter<2> = Counter {
    name: "alert_notifications",
    help: "Notifications about alerts by what became of them.",
    labels: &["receiver", "result"],
    kind: Kind::Total,
    former: |[receiver, result]| ("alert_notifications".to_owned(), format!("{receiver}:{result}")),
};

/// Alerts that a receiver is to be informed of.
pub const ALERT_NOTIFICATIONS_WAITING: Counter<1> = Counter {
    name: "alert_notifications_waiting",
    help: "Alerts that a receiver is to be informed of.",
    labels: &["receiver"],
    kind: Kind::Level,
    former: |[receiver]| ("alert_notifications_waiting".to_owned(), (*receiver).to_owned()),
};

/// The program whose status this is, by its version: 1.
pub const PROGRAM: Counter<1> = Counter {
    name: "program",
    help: "The program, by its version.",
    labels: &["version"],
    kind: Kind::Level,
    former: |[version]| ("program".to_owned(), (*version).to_owned()),
};

/// One value of a family. Cloning it gives another handle to the same value.
#[derive(Clone, Debug)]
pub struct Count {
    bits: Arc<AtomicU64>,
    /// The value that this one is a part of.
    whole: Option<Arc<AtomicU64>>,
}

impl Count {
    /// The same value, which is a part of another one from now on.
    pub(crate) fn part_of(self, whole: &Self) -> Self {
        Self { whole: Some(Arc::clone(&whole.bits)), ..self }
    }

    /// Adds to it, and to what it is a part of.
    pub fn add(&self, value: f64) {
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        for bits in [Some(&self.bits), self.whole.as_ref()].into_iter().flatten() {
            let _ = bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        }
    }

    /// Sets it, for a level.
    pub fn set(&self, value: f64) {
        self.bits.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.bits.load(Ordering::Relaxed))
    }
}

/// All counts of this process.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<(&'static str, Vec<String>), Entry>>);

#[derive(Debug)]
struct Entry {
    labels: &'static [&'static str],
    kind: Kind,
    former: (String, String),
    count: Count,
}

impl Counts {
    /// The value of a family with these label values; a new one, of 0, if there is none yet.
    pub(crate) fn count<const LABELS: usize>(&self, counter: &Counter<LABELS>, values: [&str; LABELS]) -> Count {
        let key = (counter.name, values.map(str::to_owned).to_vec());
        let mut counts = self.0.lock();
        let entry = counts.entry(key).or_insert_with(|| Entry {
            labels: counter.labels,
            kind: counter.kind,
            former: (counter.former)(&values),
            count: Count { bits: Arc::default(), whole: None },
        });
        entry.count.clone()
    }

    /// All values as a status has them, with the names of their labels.
    pub(crate) fn on_the_wire(&self) -> Vec<WireCount> {
        self.published(|name, values, entry, value| WireCount {
            name: name.to_owned(),
            labels: entry.labels.iter().zip(values).map(|(name, value)| label(name, value)).collect(),
            value,
        })
    }

    /// All values as readers take them that do not know the field `counts`: with one label.
    pub(crate) fn on_the_wire_formerly(&self) -> Vec<FormerCounter> {
        self.published(|_, _, entry, value| {
            let (name, label) = entry.former.clone();
            FormerCounter { name, label, value }
        })
    }

    fn published<T>(&self, mut make: impl FnMut(&'static str, &[String], &Entry, f64) -> T) -> Vec<T> {
        let counts = self.0.lock();
        let values = counts.iter().map(|((name, values), entry)| (name, values, entry, entry.count.get()));
        let published = values.filter(|(_, _, entry, value)| entry.kind == Kind::Level || *value > 0.0);
        published.map(|(name, values, entry, value)| make(name, values, entry, value)).collect()
    }
}

fn label(name: &str, value: &str) -> Label {
    Label { name: name.to_owned(), value: value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_on_the_wire() {
        let counts = Counts::default();
        let errors = counts.count(&RPC_ERRORS, ["uptime", "timeout"]);
        errors.add(1.0);
        counts.count(&RPC_ERRORS, ["uptime", "timeout"]).add(2.0);
        counts.count(&RPC_ERRORS, ["uptime", "malformed"]);
        counts.count(&TRACEPOINT_EVENTS, ["net:inbound_message", "seen"]).add(5.0);
        counts.count(&RING_BUFFER_BYTES, ["waiting"]).set(0.0);
        assert_eq!(errors.get(), 3.0);
        let wire: Vec<_> =
            counts.on_the_wire().into_iter().map(|count| (count.name, count.labels, count.value)).collect();
        let expected = [
            ("ring_buffer_bytes", vec![label("kind", "waiting")], 0.0),
            ("rpc_errors", vec![label("method", "uptime"), label("error", "timeout")], 3.0),
            ("tracepoint_events", vec![label("tracepoint", "net:inbound_message"), label("result", "seen")], 5.0),
        ];
        assert_eq!(wire, expected.map(|(name, labels, value)| (name.to_owned(), labels, value)));
        let former = counts.on_the_wire_formerly().into_iter().map(|c| (c.name, c.label, c.value));
        let expected = [
            ("ring_buffer_bytes", "waiting", 0.0),
            ("rpc_errors", "uptime:timeout", 3.0),
            ("tracepoint_seen", "net:inbound_message", 5.0),
        ];
        let expected = expected.map(|(name, label, value)| (name.to_owned(), label.to_owned(), value));
        assert_eq!(former.collect::<Vec<_>>(), expected);
    }
}
