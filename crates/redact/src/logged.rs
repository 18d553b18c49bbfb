//! Entries of debug.log about what is sent and received, and about transactions.

use super::{Redactor, agent, coarse, same, words};
use event::pb::log_extractor::{
    BlockAnnounced, BlockReceived, BlockTransactionsSent, ConnectionAttempted, ConnectionFailed, DataRequested,
    FeefilterReceived, GetdataReceived, HeadersRequested, HeadersSync, InventoryReceived, LocatorReceived,
    LoggedMempoolAdded, LoggedMempoolRemoved, LoggedMempoolReplaced, LoggedMessage, LoggedVersion, MessageIgnored,
    OrphanTransaction, ValidationSignal,
};

/// Bitcoin Core's names of what an inv or getdata message can list.
const INVENTORY_TYPES: [&str; 8] =
    ["tx", "wtx", "block", "cmpctblock", "merkleblock", "witness-tx", "witness-block", "witness-merkleblock"];

fn inventory_type(name: &str) -> String {
    words::one_of(name, &INVENTORY_TYPES).to_owned()
}

pub(super) fn message(message: &LoggedMessage) -> LoggedMessage {
    let LoggedMessage { message_type, size, peer_id } = message;
    let known = words::message_type(message_type);
    LoggedMessage {
        message_type: known.to_owned(),
        size: if known == words::UNKNOWN_TYPE { coarse::digits(*size, 1) } else { coarse::size(*size) },
        peer_id: *peer_id,
    }
}

pub(super) fn feefilter(message: &FeefilterReceived) -> FeefilterReceived {
    let FeefilterReceived { peer_id, fee_rate } = message;
    let fee_rate = coarse::fee_rate(i64::try_from(*fee_rate).unwrap_or(i64::MAX));
    FeefilterReceived { peer_id: *peer_id, fee_rate: fee_rate.unsigned_abs() }
}

impl Redactor {
    pub(super) fn optional_hash(&self, hash: &Option<String>) -> Option<String> {
        hash.as_deref().map(|hash| self.own.hash_text(hash))
    }

    pub(super) fn inventory_received(&self, entry: &InventoryReceived) -> InventoryReceived {
        let entry = same!(entry => InventoryReceived { inventory_type, hash, is_new, peer_id });
        InventoryReceived {
            inventory_type: inventory_type(&entry.inventory_type),
            hash: self.own.hash_text(&entry.hash),
            ..entry
        }
    }

    pub(super) fn data_requested(&self, request: &DataRequested) -> DataRequested {
        let request = same!(request => DataRequested { inventory_type, hash, peer_id, height });
        DataRequested {
            inventory_type: inventory_type(&request.inventory_type),
            hash: self.own.hash_text(&request.hash),
            ..request
        }
    }

    pub(super) fn getdata_received(&self, request: &GetdataReceived) -> GetdataReceived {
        let GetdataReceived { peer_id, entries, inventory_type: of, hash } = request;
        GetdataReceived {
            peer_id: *peer_id,
            entries: *entries,
            inventory_type: of.as_deref().map(inventory_type),
            hash: self.optional_hash(hash),
        }
    }

    pub(super) fn block_received(&self, block: &BlockReceived) -> BlockReceived {
        let BlockReceived { block_hash, peer_id } = block;
        BlockReceived { block_hash: self.own.hash_text(block_hash), peer_id: *peer_id }
    }

    pub(super) fn block_announced(&self, block: &BlockAnnounced) -> BlockAnnounced {
        let BlockAnnounced { block_hash, peer_id, message_type, headers } = block;
        BlockAnnounced {
            block_hash: self.own.hash_text(block_hash),
            peer_id: *peer_id,
            message_type: words::message_type(message_type).to_owned(),
            headers: *headers,
        }
    }

    pub(super) fn block_transactions_sent(&mut self, sent: &BlockTransactionsSent) -> BlockTransactionsSent {
        let BlockTransactionsSent { peer_id, addr, block_hash, transactions, size } = sent;
        BlockTransactionsSent {
            peer_id: *peer_id,
            addr: self.optional_addr(addr),
            block_hash: self.own.hash_text(block_hash),
            transactions: *transactions,
            size: size.map(coarse::size),
        }
    }

    pub(super) fn headers_requested(&self, request: &HeadersRequested) -> HeadersRequested {
        let HeadersRequested { peer_id, reason, height, block_hash } = request;
        HeadersRequested {
            peer_id: *peer_id,
            reason: *reason,
            height: *height,
            block_hash: self.optional_hash(block_hash),
        }
    }

    pub(super) fn locator_received(&self, locator: &LocatorReceived) -> LocatorReceived {
        let LocatorReceived { peer_id, message_type, height, stop_hash, limit } = locator;
        LocatorReceived {
            peer_id: *peer_id,
            message_type: words::message_type(message_type).to_owned(),
            height: *height,
            stop_hash: self.optional_hash(stop_hash),
            limit: *limit,
        }
    }

    /// Without the address of its receiver: of a received message that is the node.
    pub(super) fn logged_version(&mut self, version: &LoggedVersion) -> LoggedVersion {
        let LoggedVersion {
            peer_id,
            version,
            blocks,
            relays_transactions,
            user_agent,
            receiver_addr: _,
            addr,
            mapped_as,
        } = version;
        LoggedVersion {
            peer_id: *peer_id,
            version: coarse::version(*version),
            blocks: i32::try_from(coarse::height((*blocks).into())).unwrap_or_default(),
            relays_transactions: *relays_transactions,
            user_agent: user_agent.as_deref().map(agent::user_agent),
            receiver_addr: None,
            addr: self.optional_addr(addr),
            mapped_as: *mapped_as,
        }
    }

    /// Of the node's own version message, no more than to whom it went.
    pub(super) fn own_version(&mut self, version: &LoggedVersion) -> LoggedVersion {
        let LoggedVersion { peer_id, addr, mapped_as, .. } = self.logged_version(version);
        LoggedVersion { peer_id, addr, mapped_as, ..LoggedVersion::default() }
    }

    pub(super) fn message_ignored(&self, ignored: &MessageIgnored) -> MessageIgnored {
        let MessageIgnored { peer_id, message_type, reason, text } = ignored;
        MessageIgnored {
            peer_id: *peer_id,
            message_type: message_type.as_deref().map(|name| words::message_type(name).to_owned()),
            reason: *reason,
            text: self.text(text),
        }
    }

    pub(super) fn connection_attempted(&mut self, attempt: &ConnectionAttempted) -> ConnectionAttempted {
        let ConnectionAttempted { addr, step, transport, connection_type, last_seen_hours } = attempt;
        ConnectionAttempted {
            addr: self.addr(addr),
            step: *step,
            transport: transport.as_deref().map(|name| words::one_of(name, &words::TRANSPORTS).to_owned()),
            connection_type: words::connection_type(connection_type.as_deref()),
            last_seen_hours: last_seen_hours.map(|hours| coarse::float(hours, 1)),
        }
    }

    pub(super) fn connection_failed(&mut self, failed: &ConnectionFailed) -> ConnectionFailed {
        let ConnectionFailed { addr, reason, text } = failed;
        ConnectionFailed { addr: self.optional_addr(addr), reason: *reason, text: self.text(text) }
    }

    pub(super) fn headers_sync(&self, sync: &HeadersSync) -> HeadersSync {
        let sync = same!(sync => HeadersSync { step, peer_id, height, phase, reason, progress });
        HeadersSync { reason: sync.reason.as_deref().map(|reason| self.text(reason)), ..sync }
    }

    pub(super) fn validation_signal(&self, signal: &ValidationSignal) -> ValidationSignal {
        let ValidationSignal { signal, queued, block_hash, height, txid, fork_hash } = signal;
        ValidationSignal {
            signal: *signal,
            queued: *queued,
            block_hash: self.optional_hash(block_hash),
            height: *height,
            txid: self.optional_hash(txid),
            fork_hash: self.optional_hash(fork_hash),
        }
    }

    pub(super) fn mempool_added(&self, added: &LoggedMempoolAdded) -> LoggedMempoolAdded {
        let LoggedMempoolAdded { txid, wtxid } = added;
        LoggedMempoolAdded { txid: self.own.hash_text(txid), wtxid: self.own.hash_text(wtxid) }
    }

    pub(super) fn mempool_removed(&self, removed: &LoggedMempoolRemoved) -> LoggedMempoolRemoved {
        let LoggedMempoolRemoved { txid, wtxid, reason } = removed;
        LoggedMempoolRemoved {
            txid: self.own.hash_text(txid),
            wtxid: self.own.hash_text(wtxid),
            reason: words::reason(reason),
        }
    }

    pub(super) fn mempool_replaced(&self, replaced: &LoggedMempoolReplaced) -> LoggedMempoolReplaced {
        let replaced = same!(replaced => LoggedMempoolReplaced {
            txid, wtxid, fee, vsize, replacement, replacement_fee, replacement_vsize, replacement_transactions,
        });
        LoggedMempoolReplaced {
            txid: self.own.hash_text(&replaced.txid),
            wtxid: self.own.hash_text(&replaced.wtxid),
            replacement: self.own.hash_text(&replaced.replacement),
            ..replaced
        }
    }

    pub(super) fn orphan_transaction(&self, orphan: &OrphanTransaction) -> OrphanTransaction {
        let OrphanTransaction { action, txid, wtxid, peer_id, size, orphans, reason } = orphan;
        OrphanTransaction {
            action: *action,
            txid: self.optional_hash(txid),
            wtxid: self.optional_hash(wtxid),
            peer_id: *peer_id,
            size: *size,
            orphans: *orphans,
            reason: reason.as_deref().map(words::reason),
        }
    }
}
