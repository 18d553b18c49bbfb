//! What debug.log has of the mempool besides what peers sent: all that enters, leaves and is replaced.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{MempoolRemovalCause, MempoolRemovals};
use model::bounded::push;
use model::text::{cut, hash_of_text};

use super::{Change, MAX_RECENT, Mempool, count};

impl Mempool {
    /// Handles an entry of debug.log. Ignored if tracepoints report changes.
    pub(super) fn log(&mut self, entry: &LogEvent, at_ns: u64) {
        if self.traced.any() {
            return;
        }
        let change = Change { at_ns, logged: true, ..Change::default() };
        let change = match entry {
            LogEvent::MempoolAdded(added) => {
                let txid = hash_of_text(&added.txid);
                let is_same = |change: &Change| change.what == "added" && change.txid == txid;
                // The first one may have been counted as one that a peer sent.
                let counted = !self.signalled && self.recent.iter().rev().any(is_same);
                self.signalled = true;
                self.note(at_ns);
                if counted {
                    return;
                }
                self.added.add(at_ns, 1.0);
                Change { what: "added", txid, ..change }
            }
            LogEvent::MempoolRemoved(removed) => {
                self.note(at_ns);
                self.removed.add(at_ns, 1.0);
                count(&mut self.removed_by, &removed.reason);
                let reason = Some(cut(&removed.reason, 128));
                Change { what: "removed", txid: hash_of_text(&removed.txid), reason, ..change }
            }
            LogEvent::MempoolReplaced(replaced) => {
                self.logged_removed.note(at_ns);
                self.replaced.add(at_ns, 1.0);
                self.replacements += 1;
                Change {
                    what: "replaced",
                    txid: hash_of_text(&replaced.txid),
                    vsize: replaced.vsize.and_then(|vsize| i32::try_from(vsize).ok()),
                    fee: replaced.fee,
                    by: hash_of_text(&replaced.replacement),
                    ..change
                }
            }
            LogEvent::MempoolRemovals(removals) => {
                self.log_removals(removals, at_ns);
                return;
            }
            _ => return,
        };
        push(&mut self.recent, change, MAX_RECENT);
    }

    /// The category validation is on: it reports all that is added and removed.
    fn note(&mut self, at_ns: u64) {
        self.logged_added.note(at_ns);
        self.logged_removed.note(at_ns);
    }

    /// Those that a block removes are not logged one by one; all others are.
    fn log_removals(&mut self, removals: &MempoolRemovals, at_ns: u64) {
        if removals.cause() == MempoolRemovalCause::RemovedForBlock {
            self.note(at_ns);
            self.removed.add(at_ns, removals.transactions.into());
            *self.removed_by.entry("block".into()).or_default() += u64::from(removals.transactions);
            self.logged_for_block = (at_ns, removals.transactions.into());
        }
    }
}
