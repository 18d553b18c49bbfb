//! What debug.log has of transactions: each entry of an inv, requests, deliveries without their hashes, and what enters the mempool.

use event::pb::log_extractor::LoggedMempoolAdded;
use event::pb::log_extractor::log::LogEvent;
use model::bounds::MAX_ANNOUNCED;
use model::text::{hash_of_text, short_of_text};

use super::{MAX_ANNOUNCERS, Transactions, add};
use crate::state::node::Peers;

/// Whether an inventory type is that of a transaction.
fn is_tx(inventory_type: &str) -> bool {
    matches!(inventory_type, "tx" | "wtx" | "witness-tx")
}

impl Transactions {
    /// Handles an entry of debug.log, unless tracepoints report the same and more.
    pub(super) fn log(&mut self, entry: &LogEvent, peers: &mut Peers, time_ns: u64) {
        if self.traced.any() {
            return;
        }
        match entry {
            LogEvent::InventoryReceived(entry) if is_tx(&entry.inventory_type) => {
                self.logged.note(time_ns);
                self.log_announced(&entry.hash, entry.peer_id, peers, time_ns);
            }
            LogEvent::DataRequested(request) if is_tx(&request.inventory_type) => {
                self.logged.note(time_ns);
                self.log_requested(&request.hash, request.peer_id, peers, time_ns);
            }
            LogEvent::MessageReceived(message) => {
                self.logged.note(time_ns);
                self.logged_inv = 0;
                if message.message_type == "tx" {
                    self.totals.delivered += 1;
                    add(&mut self.flow.tx, true, time_ns, 1);
                    if let Some(peer) = peers.find_mut(message.peer_id) {
                        peer.details.txs.delivered += 1;
                    }
                }
            }
            LogEvent::MessageSent(message) if message.message_type == "tx" => {
                add(&mut self.flow.tx, false, time_ns, 1);
                if let Some(peer) = peers.find_mut(message.peer_id) {
                    peer.details.txs.sent += 1;
                }
            }
            LogEvent::MempoolAdded(added) => self.log_added(added, peers, time_ns),
            _ => {}
        }
    }

    fn log_announced(&mut self, hash: &str, peer_id: u64, peers: &mut Peers, time_ns: u64) {
        self.totals.announced += 1;
        add(&mut self.flow.inv, true, time_ns, 1);
        let mut peer = peers.find_mut(peer_id);
        if let Some(peer) = &mut peer {
            peer.details.txs.announced += 1;
        }
        // The entries of one inv follow each other.
        self.logged_inv += 1;
        if self.logged_inv > MAX_ANNOUNCED {
            return;
        }
        let Some(number) = hash_of_text(hash).and_then(|hash| self.touch(&hash, time_ns)).map(|(number, _)| number)
        else {
            return;
        };
        let Some(tx) = self.at(number) else { return };
        let is_first = tx.announcements == 0 && tx.delivered_ns == 0;
        tx.announcements = tx.announcements.saturating_add(1);
        if tx.announced_by.len() < MAX_ANNOUNCERS {
            tx.announced_by.push((peer_id, time_ns));
        }
        self.totals.unique += u64::from(is_first);
        if let Some(peer) = peer {
            peer.details.txs.first += u64::from(is_first);
        }
    }

    fn log_requested(&mut self, hash: &str, peer_id: u64, peers: &mut Peers, time_ns: u64) {
        self.totals.requested += 1;
        add(&mut self.flow.getdata, false, time_ns, 1);
        let number = hash_of_text(hash).and_then(|hash| self.touch(&hash, time_ns)).map(|(number, _)| number);
        if let Some(tx) = number.and_then(|number| self.at(number)) {
            tx.requested_from = Some(peer_id);
        }
        if let Some(peer) = peers.find_mut(peer_id) {
            peer.details.txs.requested += 1;
        }
    }

    /// A transaction entered the mempool that was announced or requested: which of both hashes that was is seen here.
    fn log_added(&mut self, added: &LoggedMempoolAdded, peers: &mut Peers, time_ns: u64) {
        let is_known = |text: &str| short_of_text(text).is_some_and(|key| self.numbers.contains_key(&key));
        if !is_known(&added.txid) && !is_known(&added.wtxid) {
            return;
        }
        if let (Some(txid), Some(wtxid)) = (hash_of_text(&added.txid), hash_of_text(&added.wtxid)) {
            self.join(&txid, &wtxid, time_ns);
            self.accepted(&txid, peers, time_ns);
        }
    }
}
