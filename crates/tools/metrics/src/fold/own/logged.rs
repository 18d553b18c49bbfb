//! What debug.log has of messages, outbound connections, headers and transactions. Tracepoints have families of their own for
//! messages and the mempool: nothing is counted twice in one.

use event::Record;
use event::names::network_of_text;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    AttemptStep, HeadersSync, HeadersSyncStep, IgnoredReason, LoggedMessage, MempoolRemovalCause, NegotiationStep,
};

use super::log_entry;
use crate::fold::{Context, Observer, Origin, Peers};
use crate::ids;
use crate::store::{OTHER, Store};

/// Entries of debug.log that are about more than the log itself.
#[derive(Debug, Default)]
pub(super) struct Logged;

/// Inventory types that have series of their own.
const INVENTORY_TYPES: [&str; 5] = ["wtx", "tx", "block", "witness-tx", "witness-block"];

/// Why a transaction leaves the mempool (Bitcoin Core's `RemovalReasonToString`).
const REMOVAL_REASONS: [&str; 6] = ["expiry", "sizelimit", "reorg", "block", "conflict", "replaced"];

impl Observer<Store> for Logged {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        match origin {
            Origin::LogNet => {
                store.add(ids::V1_FALLBACKS, &[], 0.0);
                for reason in (0..).map_while(|number| IgnoredReason::try_from(number).ok()) {
                    store.add(ids::MESSAGES_IGNORED, &[&label(reason.as_str_name())], 0.0);
                }
            }
            Origin::LogValidation => {
                [ids::LOGGED_MEMPOOL_ADDED, ids::HEADERS_REJECTED].iter().for_each(|id| store.add(*id, &[], 0.0));
            }
            Origin::LogMempool => store.add(ids::LOGGED_MEMPOOL_REPLACED, &[], 0.0),
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(entry) = log_entry(record) {
            fold(entry, context.sink);
        }
    }
}

fn fold(entry: &LogEvent, store: &mut Store) {
    match entry {
        LogEvent::MessageReceived(received) => message(received, "inbound", store),
        LogEvent::MessageSent(sent) => message(sent, "outbound", store),
        LogEvent::InventoryReceived(entry) => {
            let known = if entry.is_new { "new" } else { "have" };
            store.inc(ids::LOGGED_INVENTORY, &[inventory_type(&entry.inventory_type), known]);
        }
        LogEvent::DataRequested(request) => {
            store.inc(ids::LOGGED_REQUESTS, &[inventory_type(&request.inventory_type), "requested"]);
        }
        LogEvent::DataRequestTimedOut(request) => {
            store.inc(ids::LOGGED_REQUESTS, &[inventory_type(&request.inventory_type), "timed_out"]);
        }
        LogEvent::MessageIgnored(ignored) => {
            store.inc(ids::MESSAGES_IGNORED, &[&label(ignored.reason().as_str_name())]);
        }
        LogEvent::ConnectionAttempted(attempt) if attempt.step() == AttemptStep::Trying => {
            store.inc(ids::CONNECTION_ATTEMPTS, &[network_of_text(&attempt.addr)]);
        }
        LogEvent::ConnectionFailed(failed) => {
            let network = failed.addr.as_deref().map_or(event::names::UNKNOWN, network_of_text);
            store.inc(ids::CONNECTION_FAILURES, &[network, &label(failed.reason().as_str_name())]);
        }
        LogEvent::TransportNegotiation(negotiation) if negotiation.step() == NegotiationStep::V1Fallback => {
            store.inc(ids::V1_FALLBACKS, &[]);
        }
        LogEvent::HeadersSync(sync) => headers_sync(sync, store),
        LogEvent::HeaderRejected(_) => store.inc(ids::HEADERS_REJECTED, &[]),
        LogEvent::MempoolAdded(_) => store.inc(ids::LOGGED_MEMPOOL_ADDED, &[]),
        LogEvent::MempoolRemoved(removed) => {
            store.inc(ids::LOGGED_MEMPOOL_REMOVED, &[one_of(&REMOVAL_REASONS, &removed.reason)]);
        }
        LogEvent::MempoolRemovals(removals) if removals.cause() == MempoolRemovalCause::RemovedForBlock => {
            // The others are logged one by one as well.
            store.add(ids::LOGGED_MEMPOOL_REMOVED, &["block"], removals.transactions.into());
        }
        LogEvent::MempoolReplaced(_) => store.inc(ids::LOGGED_MEMPOOL_REPLACED, &[]),
        LogEvent::OrphanTransaction(orphan) => {
            store.inc(ids::ORPHAN_TRANSACTIONS, &[&label(orphan.action().as_str_name())]);
        }
        _ => {}
    }
}

fn message(message: &LoggedMessage, direction: &str, store: &mut Store) {
    let labels = [message.message_type.as_str(), direction];
    store.inc(ids::LOGGED_MESSAGES, &labels);
    store.add(ids::LOGGED_MESSAGE_BYTES, &labels, message.size as f64);
}

/// The name of an inventory type; peers choose the numbers of those that the node does not know.
fn inventory_type(name: &str) -> &'static str {
    one_of(&INVENTORY_TYPES, name)
}

/// A name that is one of a few, or `other`.
fn one_of(names: &[&'static str], name: &str) -> &'static str {
    names.iter().find(|known| **known == name).copied().unwrap_or(OTHER)
}

fn headers_sync(sync: &HeadersSync, store: &mut Store) {
    let step = match sync.step() {
        HeadersSyncStep::SyncStarted => "started",
        HeadersSyncStep::SyncRedownload => "redownload",
        HeadersSyncStep::SyncCompleted => "completed",
        HeadersSyncStep::SyncAborted => "aborted",
        HeadersSyncStep::SyncLowWork => "low_work",
        HeadersSyncStep::SyncProgress => {
            if let Some(height) = sync.height.filter(|_| sync.phase.is_some()) {
                store.set(ids::HEADERS_SYNC_HEIGHT, &[&label(sync.phase().as_str_name())], height.into());
            }
            return;
        }
    };
    store.inc(ids::HEADERS_SYNCS, &[step]);
}

/// A name of the wire format as the value of a label.
fn label(name: &str) -> String {
    name.to_ascii_lowercase()
}
