//! Our own series: one subject per file.

mod addresses;
mod addrman;
mod blocks;
mod chain;
mod compact_blocks;
mod connections;
mod lifetimes;
mod log;
mod peers;
mod process;
mod recent;
mod requests;
mod restarts;
mod sets;
mod sizes;
mod transactions;

use event::message::short;
use event::pb::ebpf_extractor::connection::connection_event::Event as Connection;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record, Source};

use super::Part;

/// All parts that fill our own series.
pub(super) fn parts() -> Vec<Box<dyn Part>> {
    vec![
        Box::new(sizes::Sizes::default()),
        Box::new(sets::Sets::default()),
        Box::new(requests::Requests::default()),
        Box::new(transactions::Transactions::default()),
        Box::new(addresses::Addresses::default()),
        Box::new(blocks::Blocks::default()),
        Box::new(compact_blocks::CompactBlocks::default()),
        Box::new(connections::Connections::default()),
        Box::new(peers::PeerInfos),
        Box::new(addrman::Addrman),
        Box::new(chain::Chain::default()),
        Box::new(restarts::Restarts::default()),
        Box::new(log::Log),
        Box::new(process::Process::default()),
    ]
}

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// Seconds from one time to a later one, both in nanoseconds; 0 if it was not later.
fn seconds(from_ns: u64, to_ns: u64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / SECOND as f64
}

/// Tells when the node's peer ids may have begun anew: with each run of the tracepoint extractor.
#[derive(Debug, Default)]
struct Run(u64);

impl Run {
    /// Whether this is not the run of before.
    fn is_new(&mut self, run: u64) -> bool {
        if self.0 == run {
            return false;
        }
        let before = std::mem::replace(&mut self.0, run);
        before != 0
    }

    /// The same for an event that is no P2P message.
    fn is_new_at(&mut self, record: &Record) -> bool {
        record.envelope().kind.source() == Some(Source::Ebpf) && self.is_new(record.envelope().run)
    }
}

/// A connection tracepoint.
fn connection(record: &Record) -> Option<&Connection> {
    match tracepoint(record)? {
        EbpfEvent::Connection(connection) => connection.event.as_ref(),
        _ => None,
    }
}

/// Id of the peer whose connection ended, by the tracepoint.
fn closed(record: &Record) -> Option<u64> {
    match connection(record)? {
        Connection::Closed(closed) => Some(closed.conn.peer_id),
        _ => None,
    }
}

/// A tracepoint that is no P2P message.
fn tracepoint(record: &Record) -> Option<&EbpfEvent> {
    match record.body()? {
        Body::EbpfExtractor(ebpf) => ebpf.ebpf_event.as_ref(),
        _ => None,
    }
}

/// An entry of debug.log.
fn log_entry(record: &Record) -> Option<&LogEvent> {
    match record.body()? {
        Body::LogExtractor(log) => log.log_event.as_ref(),
        _ => None,
    }
}

/// The result of an RPC.
fn rpc(record: &Record) -> Option<&RpcEvent> {
    match record.body()? {
        Body::RpcExtractor(rpc) => rpc.rpc_event.as_ref(),
        _ => None,
    }
}

/// The first bytes of a hash as the node writes it, like [`short`].
fn short_of_text(hash: &str) -> Option<u64> {
    if hash.len() != 64 {
        return None;
    }
    u64::from_str_radix(hash.get(48..)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use event::HashText;

    use super::*;

    #[test]
    fn a_hash_is_the_same_in_both_forms() {
        let hash: Vec<u8> = (0..32).map(|byte| byte * 7 + 1).collect();
        assert_eq!(short_of_text(&HashText(&hash).to_string()), short(&hash));
        assert!(short(&hash).is_some());
        assert_eq!(short(&hash[..31]), None);
        for text in ["", "é", &"é".repeat(32), &"g".repeat(64), &"0".repeat(63)] {
            assert_eq!(short_of_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_run_is_new_once() {
        let mut run = Run::default();
        assert_eq!([5, 5, 6, 6].map(|number| run.is_new(number)), [false, false, true, false]);
    }
}
