//! Entries of debug.log.

use super::pseudonym::Role;
use super::{Redactor, coarse, logged, same, shape, words};
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    AddrProcessed, AddrmanAdded, AddrmanChange, AddrmanSelected, BlockCheckedLog, BlockConnectedLog,
    BlockDisconnectedLog, BlockDownloadStalled, BlockTemplate, CompactBlockPrefill, CompactBlockReconstructed,
    CompactBlockReconstructedLog, CompactBlockStarted, CompactBlockTxRequired, ConnectionAccepted, ConnectionAdded,
    ConnectionRefused, DisconnectReason, EvictionSelected, HeaderRejected, HeaderSeen, IbdLeft, InvalidChainFound, Log,
    LogRateLimit, MempoolAccepted, MempoolRejected, MempoolRemovals, Misbehaving, MutatedBlock, NodeStarted,
    NodeStopped, OrphansRemoved, PackageEvaluated, PeerConnected, PeerDisconnected, PeerStateChanged, SawNewHeaderLog,
    SelfAnnounced, StaleTip, StallingTimeoutChanged, TimeOffsetAdded, TransportNegotiation, UnbroadcastRemoved,
    UnknownLogMessage, UpdateTip,
};

/// Lengths of entries, in bytes, are rounded up to a multiple of this: they would show how long the hidden text is.
const LINE_UNIT: u64 = 32;

/// Beginnings of entries in which the node names own addresses.
const OWN_LINES: [&str; 4] = ["Bound to ", "Discover: ", "Advertising address ", "connected to self at "];

/// Text that stands before an own address.
const BEFORE_OWN: [&str; 4] = ["AddLocal(", "advertising service ", "my_addr=", "Our I2P address: "];

impl Redactor {
    /// Learns own addresses from entries that the node writes about itself.
    pub(super) fn learn_from_log(&mut self, log: &Log) {
        let raw_message = match &log.log_event {
            Some(LogEvent::UnknownLogMessage(UnknownLogMessage { raw_message })) => raw_message,
            Some(LogEvent::SelfAnnounced(SelfAnnounced { addr, .. })) => {
                self.own.learn_reported(addr);
                return;
            }
            Some(LogEvent::PeerDisconnected(PeerDisconnected { reason, addr: Some(addr), .. }))
                if *reason == DisconnectReason::SelfConnection as i32 =>
            {
                self.own.learn_reported(addr);
                return;
            }
            _ => return,
        };
        if let Some(own) = OWN_LINES.iter().find_map(|start| raw_message.strip_prefix(start)) {
            own.split([' ', ',', '(', ')']).take(8).for_each(|own| self.own.learn_reported(own));
        }
        for before in BEFORE_OWN {
            if let Some((start, rest)) = raw_message.split_once(before)
                && !start.contains(['"', '=', '/'])
                && let Some(own) = rest.split([',', ' ', ')']).next()
            {
                self.own.learn_reported(own);
            }
        }
    }

    pub(super) fn log(&mut self, log: &Log) -> Option<Log> {
        let Log {
            log_timestamp,
            category,
            threadname,
            log_level,
            log_line_bytes,
            category_name,
            source_location,
            source_function: _,
            mocktime: _,
            suppressing,
            raw_message: _,
            log_event,
        } = log;
        let category_name = category_name.as_deref().map(|name| words::one_of(name, &words::CATEGORIES).to_owned());
        Some(Log {
            log_timestamp: self.at(log_timestamp.saturating_mul(1_000)) / 1_000,
            category: *category,
            threadname: words::thread(threadname),
            log_level: *log_level,
            log_line_bytes: log_line_bytes.checked_next_multiple_of(LINE_UNIT).unwrap_or(*log_line_bytes),
            category_name,
            source_location: source_location.as_deref().map(|location| self.location(location)),
            source_function: None,
            mocktime: None,
            suppressing: *suppressing,
            raw_message: None,
            log_event: Some(self.log_event(log_event.as_ref()?)),
        })
    }

    fn location(&self, location: &str) -> String {
        self.scrubbed(shape::location(location))
    }

    fn log_event(&mut self, event: &LogEvent) -> LogEvent {
        match event {
            LogEvent::UnknownLogMessage(UnknownLogMessage { raw_message }) => {
                LogEvent::UnknownLogMessage(UnknownLogMessage { raw_message: self.text(raw_message) })
            }
            LogEvent::BlockConnectedLog(BlockConnectedLog { block_hash, block_height }) => {
                LogEvent::BlockConnectedLog(BlockConnectedLog {
                    block_hash: self.own.hash_text(block_hash),
                    block_height: *block_height,
                })
            }
            LogEvent::BlockCheckedLog(BlockCheckedLog { block_hash, state, debug_message: _ }) => {
                LogEvent::BlockCheckedLog(BlockCheckedLog {
                    block_hash: self.own.hash_text(block_hash),
                    state: words::reason(state),
                    debug_message: String::new(),
                })
            }
            LogEvent::SawNewHeaderLog(header) => {
                let header = same!(header => SawNewHeaderLog { block_hash, block_height, peer_id, is_cmpctblock });
                let block_hash = self.own.hash_text(&header.block_hash);
                LogEvent::SawNewHeaderLog(SawNewHeaderLog { block_hash, ..header })
            }
            LogEvent::CompactBlockReconstructedLog(block) => {
                let block = same!(block => CompactBlockReconstructedLog {
                    block_hash, prefilled_txn_count, mempool_txn_count, extra_pool_txn_count, requested_txn_count,
                    requested_txn_bytes,
                });
                let block_hash = self.own.hash_text(&block.block_hash);
                LogEvent::CompactBlockReconstructedLog(CompactBlockReconstructedLog { block_hash, ..block })
            }
            LogEvent::BlockDisconnectedLog(BlockDisconnectedLog { block_hash, block_height }) => {
                LogEvent::BlockDisconnectedLog(BlockDisconnectedLog {
                    block_hash: self.own.hash_text(block_hash),
                    block_height: *block_height,
                })
            }
            LogEvent::HeaderSeen(HeaderSeen { block_hash, compact_block, height, peer_id, addr }) => {
                LogEvent::HeaderSeen(HeaderSeen {
                    block_hash: self.own.hash_text(block_hash),
                    compact_block: *compact_block,
                    height: *height,
                    peer_id: *peer_id,
                    addr: self.optional_addr(addr),
                })
            }
            LogEvent::CompactBlockReconstructed(block) => {
                let block = same!(block => CompactBlockReconstructed {
                    block_hash, prefilled, from_mempool, from_extra_pool, requested, requested_bytes,
                    prefilled_bytes, from_mempool_bytes, from_extra_pool_bytes,
                });
                let block_hash = self.own.hash_text(&block.block_hash);
                LogEvent::CompactBlockReconstructed(CompactBlockReconstructed { block_hash, ..block })
            }
            LogEvent::CompactBlockTxRequired(CompactBlockTxRequired { block_hash, txid }) => {
                LogEvent::CompactBlockTxRequired(CompactBlockTxRequired {
                    block_hash: self.own.hash_text(block_hash),
                    txid: self.own.hash_text(txid),
                })
            }
            LogEvent::UpdateTip(tip) => LogEvent::UpdateTip(self.update_tip(tip)),
            LogEvent::PeerConnected(peer) => LogEvent::PeerConnected(self.peer_connected(peer)),
            LogEvent::PeerDisconnected(PeerDisconnected { peer_id, addr, reason, text, block_hash }) => {
                LogEvent::PeerDisconnected(PeerDisconnected {
                    peer_id: *peer_id,
                    addr: self.optional_addr(addr),
                    reason: *reason,
                    text: self.text(text),
                    block_hash: block_hash.as_deref().map(|hash| self.own.hash_text(hash)),
                })
            }
            LogEvent::Misbehaving(Misbehaving { peer_id, addr, message, action, score }) => {
                LogEvent::Misbehaving(Misbehaving {
                    peer_id: *peer_id,
                    addr: self.optional_addr(addr),
                    message: self.text(message),
                    action: *action,
                    score: *score,
                })
            }
            LogEvent::AddrProcessed(AddrProcessed { peer_id, total, processed, rate_limited, addr }) => {
                LogEvent::AddrProcessed(AddrProcessed {
                    peer_id: *peer_id,
                    total: *total,
                    processed: *processed,
                    rate_limited: *rate_limited,
                    addr: self.optional_addr(addr),
                })
            }
            LogEvent::ConnectionAccepted(ConnectionAccepted { addr }) => {
                LogEvent::ConnectionAccepted(ConnectionAccepted { addr: self.addr(addr) })
            }
            LogEvent::ConnectionRefused(ConnectionRefused { addr, reason }) => {
                LogEvent::ConnectionRefused(ConnectionRefused { addr: self.optional_addr(addr), reason: *reason })
            }
            LogEvent::EvictionSelected(EvictionSelected { peer_id, connection_type, addr }) => {
                LogEvent::EvictionSelected(EvictionSelected {
                    peer_id: *peer_id,
                    connection_type: words::connection_type(connection_type.as_deref()),
                    addr: self.optional_addr(addr),
                })
            }
            LogEvent::MempoolAccepted(accepted) => {
                let MempoolAccepted { txid, wtxid, peer_id, addr, pool_transactions, pool_kilobytes } = accepted;
                LogEvent::MempoolAccepted(MempoolAccepted {
                    txid: self.own.hash_text(txid),
                    wtxid: wtxid.as_deref().map(|hash| self.own.hash_text(hash)),
                    peer_id: *peer_id,
                    addr: self.optional_addr(addr),
                    pool_transactions: *pool_transactions,
                    pool_kilobytes: *pool_kilobytes,
                })
            }
            LogEvent::MempoolRejected(MempoolRejected { txid, wtxid, peer_id, addr, reason }) => {
                LogEvent::MempoolRejected(MempoolRejected {
                    txid: self.own.hash_text(txid),
                    wtxid: wtxid.as_deref().map(|hash| self.own.hash_text(hash)),
                    peer_id: *peer_id,
                    addr: self.optional_addr(addr),
                    reason: words::reason(reason),
                })
            }
            LogEvent::BlockDownloadStalled(BlockDownloadStalled { kind, peer_id, addr }) => {
                LogEvent::BlockDownloadStalled(BlockDownloadStalled {
                    kind: *kind,
                    peer_id: *peer_id,
                    addr: self.optional_addr(addr),
                })
            }
            LogEvent::StallingTimeoutChanged(change) => {
                LogEvent::StallingTimeoutChanged(same!(change => StallingTimeoutChanged { seconds, increased }))
            }
            LogEvent::MutatedBlock(MutatedBlock { peer_id, addr, state }) => LogEvent::MutatedBlock(MutatedBlock {
                peer_id: *peer_id,
                addr: self.optional_addr(addr),
                state: words::reason(state),
            }),
            LogEvent::InvalidChainFound(chain) => {
                let chain = same!(chain => InvalidChainFound {
                    block_hash, height, log2_work, date, current_best, much_longer,
                });
                LogEvent::InvalidChainFound(InvalidChainFound {
                    block_hash: chain.block_hash.as_deref().map(|hash| self.own.hash_text(hash)),
                    date: chain.date.as_deref().map(|date| shape::date(date).to_owned()),
                    ..chain
                })
            }
            LogEvent::StaleTip(stale) => LogEvent::StaleTip(same!(stale => StaleTip { seconds_since_update })),
            LogEvent::LogRateLimit(LogRateLimit { begins, location, function: _, bytes, window }) => {
                LogEvent::LogRateLimit(LogRateLimit {
                    begins: *begins,
                    location: self.location(location),
                    function: String::new(),
                    bytes: coarse::size(*bytes),
                    window: *window,
                })
            }
            LogEvent::AddrmanChange(change) => LogEvent::AddrmanChange(self.addrman_change(change)),
            LogEvent::AddrmanAdded(AddrmanAdded { added, total, source, tried, new }) => {
                LogEvent::AddrmanAdded(AddrmanAdded {
                    added: *added,
                    total: *total,
                    source: self.addr(source),
                    tried: *tried,
                    new: *new,
                })
            }
            LogEvent::NodeStarted(NodeStarted { version: _ }) => {
                LogEvent::NodeStarted(NodeStarted { version: String::new() })
            }
            LogEvent::NodeStopped(NodeStopped {}) => LogEvent::NodeStopped(NodeStopped {}),
            LogEvent::MessageReceived(e) => LogEvent::MessageReceived(logged::message(e)),
            LogEvent::MessageSent(e) => LogEvent::MessageSent(logged::message(e)),
            LogEvent::InventoryReceived(e) => LogEvent::InventoryReceived(self.inventory_received(e)),
            LogEvent::DataRequested(e) => LogEvent::DataRequested(self.data_requested(e)),
            LogEvent::DataRequestTimedOut(e) => LogEvent::DataRequestTimedOut(self.data_requested(e)),
            LogEvent::GetdataReceived(e) => LogEvent::GetdataReceived(self.getdata_received(e)),
            LogEvent::BlockReceived(e) => LogEvent::BlockReceived(self.block_received(e)),
            LogEvent::BlockAnnounced(e) => LogEvent::BlockAnnounced(self.block_announced(e)),
            LogEvent::BlockTransactionsSent(e) => LogEvent::BlockTransactionsSent(self.block_transactions_sent(e)),
            LogEvent::HeadersRequested(e) => LogEvent::HeadersRequested(self.headers_requested(e)),
            LogEvent::LocatorReceived(e) => LogEvent::LocatorReceived(self.locator_received(e)),
            LogEvent::VersionReceived(e) => LogEvent::VersionReceived(self.logged_version(e)),
            LogEvent::VersionSent(e) => LogEvent::VersionSent(self.own_version(e)),
            LogEvent::FeefilterReceived(e) => LogEvent::FeefilterReceived(logged::feefilter(e)),
            LogEvent::MessageIgnored(e) => LogEvent::MessageIgnored(self.message_ignored(e)),
            LogEvent::SelfAnnounced(SelfAnnounced { addr, peer_id }) => {
                LogEvent::SelfAnnounced(SelfAnnounced { addr: self.addr(addr), peer_id: *peer_id })
            }
            LogEvent::ConnectionAttempted(e) => LogEvent::ConnectionAttempted(self.connection_attempted(e)),
            LogEvent::ConnectionFailed(e) => LogEvent::ConnectionFailed(self.connection_failed(e)),
            LogEvent::ConnectionAdded(ConnectionAdded { peer_id, addr }) => {
                LogEvent::ConnectionAdded(ConnectionAdded { peer_id: *peer_id, addr: self.optional_addr(addr) })
            }
            LogEvent::TransportNegotiation(e) => {
                LogEvent::TransportNegotiation(same!(e => TransportNegotiation { peer_id, step }))
            }
            LogEvent::PeerStateChanged(e) => {
                LogEvent::PeerStateChanged(same!(e => PeerStateChanged { peer_id, change }))
            }
            LogEvent::TimeOffsetAdded(TimeOffsetAdded { seconds, samples }) => {
                LogEvent::TimeOffsetAdded(TimeOffsetAdded { seconds: coarse::offset(*seconds), samples: *samples })
            }
            LogEvent::HeadersSync(e) => LogEvent::HeadersSync(self.headers_sync(e)),
            LogEvent::IbdLeft(IbdLeft {}) => LogEvent::IbdLeft(IbdLeft {}),
            LogEvent::HeaderRejected(HeaderRejected { block_hash, reason }) => {
                LogEvent::HeaderRejected(HeaderRejected {
                    block_hash: self.optional_hash(block_hash),
                    reason: words::reason(reason),
                })
            }
            LogEvent::ValidationSignal(e) => LogEvent::ValidationSignal(self.validation_signal(e)),
            LogEvent::CompactBlockStarted(CompactBlockStarted { block_hash, size, initialized }) => {
                LogEvent::CompactBlockStarted(CompactBlockStarted {
                    block_hash: self.own.hash_text(block_hash),
                    size: coarse::size(*size),
                    initialized: *initialized,
                })
            }
            LogEvent::CompactBlockPrefill(e) => LogEvent::CompactBlockPrefill(same!(e => CompactBlockPrefill {
                redundant, redundant_bytes, in_mempool, in_mempool_bytes, in_extra_pool, in_extra_pool_bytes,
            })),
            LogEvent::BlockTemplate(e) => {
                LogEvent::BlockTemplate(same!(e => BlockTemplate { weight, transactions, fees, sigops }))
            }
            LogEvent::MempoolAdded(e) => LogEvent::MempoolAdded(self.mempool_added(e)),
            LogEvent::MempoolRemoved(e) => LogEvent::MempoolRemoved(self.mempool_removed(e)),
            LogEvent::MempoolReplaced(e) => LogEvent::MempoolReplaced(self.mempool_replaced(e)),
            LogEvent::MempoolRemovals(e) => LogEvent::MempoolRemovals(same!(e => MempoolRemovals {
                cause, transactions, block_height, minimum_fee_rate,
            })),
            LogEvent::UnbroadcastRemoved(UnbroadcastRemoved { txid, unchecked }) => {
                LogEvent::UnbroadcastRemoved(UnbroadcastRemoved {
                    txid: self.own.hash_text(txid),
                    unchecked: *unchecked,
                })
            }
            LogEvent::OrphanTransaction(e) => LogEvent::OrphanTransaction(self.orphan_transaction(e)),
            LogEvent::OrphansRemoved(e) => {
                LogEvent::OrphansRemoved(same!(e => OrphansRemoved { cause, transactions, peer_id }))
            }
            LogEvent::PackageEvaluated(PackageEvaluated { accepted, parent_txid, child_txid }) => {
                LogEvent::PackageEvaluated(PackageEvaluated {
                    accepted: *accepted,
                    parent_txid: self.optional_hash(parent_txid),
                    child_txid: self.optional_hash(child_txid),
                })
            }
            LogEvent::AddrmanSelected(AddrmanSelected { addr, tried }) => {
                LogEvent::AddrmanSelected(AddrmanSelected { addr: self.written(Role::Gossip, addr), tried: *tried })
            }
        }
    }

    fn update_tip(&self, tip: &UpdateTip) -> UpdateTip {
        let tip = same!(tip => UpdateTip {
            block_hash, height, version, log2_work, transactions, date, progress, cache_mib, cache_coins, background,
            warning,
        });
        UpdateTip {
            block_hash: self.own.hash_text(&tip.block_hash),
            date: shape::date(&tip.date).to_owned(),
            warning: tip.warning.as_deref().map(|warning| self.text(warning)),
            ..tip
        }
    }

    fn peer_connected(&mut self, peer: &PeerConnected) -> PeerConnected {
        let PeerConnected { peer_id, connection_type, transport, version, blocks, addr, mapped_as } = peer;
        let transport = transport.as_deref().map(|name| words::one_of(name, &words::TRANSPORTS).to_owned());
        PeerConnected {
            peer_id: *peer_id,
            connection_type: words::connection_type(connection_type.as_deref()),
            transport,
            version: coarse::version(*version),
            blocks: blocks.map(|blocks| i32::try_from(coarse::height(blocks.into())).unwrap_or_default()),
            addr: self.optional_addr(addr),
            mapped_as: *mapped_as,
        }
    }

    fn addrman_change(&mut self, change: &AddrmanChange) -> AddrmanChange {
        let AddrmanChange { action, addr, bucket, position, other_addr, mapped_as } = change;
        AddrmanChange {
            action: *action,
            addr: self.written(Role::Gossip, addr),
            bucket: *bucket,
            position: *position,
            other_addr: other_addr.as_deref().map(|addr| self.written(Role::Gossip, addr)),
            mapped_as: *mapped_as,
        }
    }
}
