//! What only debug.log reports, and how much of it is understood.

use event::Record;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{DisconnectReason, MisbehavingAction, RefusedReason, StallKind};
use event::pb::rpc_extractor::rpc::RpcEvent;

use super::{log_entry, rpc};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::ids;
use crate::store::Store;

/// Entries of debug.log.
#[derive(Debug, Default)]
pub(super) struct Log;

impl Observer<Store> for Log {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin == Origin::Log {
            [ids::LOG_UNKNOWN_LINES, ids::LOG_SUPPRESSIONS, ids::LOG_SUPPRESSED_BYTES]
                .iter()
                .for_each(|id| store.add(*id, &[], 0.0));
        }
        if origin != Origin::LogNet {
            return;
        }
        for reason in (0..).map_while(|number| RefusedReason::try_from(number).ok()) {
            store.add(ids::CONNECTIONS_REFUSED, &[&label(reason.as_str_name())], 0.0);
        }
        for action in (0..).map_while(|number| MisbehavingAction::try_from(number).ok()) {
            store.add(ids::MISBEHAVIOUR, &[&label(action.as_str_name())], 0.0);
        }
        for kind in (0..).map_while(|number| StallKind::try_from(number).ok()) {
            store.add(ids::BLOCK_STALLS, &[&label(kind.as_str_name())], 0.0);
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(RpcEvent::Logging(logging)) = rpc(record) {
            let categories = logging.categories.iter().map(|(name, is_on)| ([&**name], f64::from(u8::from(*is_on))));
            context.sink.set_all(ids::LOG_CATEGORY_ENABLED, categories);
        }
        if let Some(entry) = log_entry(record) {
            fold(entry, context.sink);
        }
    }
}

fn fold(entry: &LogEvent, store: &mut Store) {
    match entry {
        LogEvent::UnknownLogMessage(_) => store.inc(ids::LOG_UNKNOWN_LINES, &[]),
        LogEvent::LogRateLimit(limit) if limit.begins => store.inc(ids::LOG_SUPPRESSIONS, &[]),
        LogEvent::LogRateLimit(limit) => store.add(ids::LOG_SUPPRESSED_BYTES, &[], limit.bytes as f64),
        LogEvent::ConnectionRefused(refused) => {
            store.inc(ids::CONNECTIONS_REFUSED, &[&label(refused.reason().as_str_name())]);
        }
        LogEvent::Misbehaving(peer) => store.inc(ids::MISBEHAVIOUR, &[&label(peer.action().as_str_name())]),
        LogEvent::BlockDownloadStalled(stalled) => {
            store.inc(ids::BLOCK_STALLS, &[&label(stalled.kind().as_str_name())]);
        }
        LogEvent::PeerDisconnected(peer) => {
            let reason = peer.reason();
            if matches!(
                reason,
                DisconnectReason::StallingBlocks
                    | DisconnectReason::BlockDownloadTimeout
                    | DisconnectReason::HeadersDownloadTimeout
            ) {
                store.inc(ids::BLOCK_STALLS, &[&label(reason.as_str_name())]);
            }
        }
        _ => {}
    }
}

/// A name of the wire format as the value of a label.
fn label(name: &str) -> String {
    name.to_ascii_lowercase()
}
