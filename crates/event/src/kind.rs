//! The kinds of events: one table gives each its name, its place in the wire format and its body.

use serde::Serialize;
use serde_with::ser::SerializeAsWrap;

use crate::Body;
use crate::pb::alerts::alerts::AlertsEvent;
use crate::pb::chain::chain::ChainEvent;
use crate::pb::connectivity::connectivity::ConnectivityEvent;
use crate::pb::ebpf_extractor::block::block_event::Event as Block;
use crate::pb::ebpf_extractor::connection::connection_event::Event as Connection;
use crate::pb::ebpf_extractor::ebpf::EbpfEvent;
use crate::pb::ebpf_extractor::mempool::mempool_event::Event as Mempool;
use crate::pb::ebpf_extractor::utxocache::utxo_cache_event::Event as UtxoCache;
use crate::pb::ebpf_extractor::validation::validation_event::Event as Validation;
use crate::pb::ipc_extractor::ipc::IpcEvent;
use crate::pb::log_extractor::log::LogEvent;
use crate::pb::observer::observer::ObserverEvent;
use crate::pb::p2p_extractor::p2p::P2pEvent;
use crate::pb::rpc_extractor::rpc::RpcEvent;

/// The interface of the node that an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Tracepoints.
    Ebpf,
    /// Polled RPCs.
    Rpc,
    /// A P2P connection of our own.
    P2p,
    /// debug.log.
    Log,
    /// The IPC interface.
    Ipc,
    /// The connectivity check: whether somebody is at the addresses that peers gossip.
    Connectivity,
    /// The tool `alerts`: what it found in the events of all others.
    Alerts,
    /// The tool `chain`: tips of nodes, headers, and what changed of them.
    Chain,
    /// peer-observer itself, and the host that it and the node run on.
    Observer,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Ebpf,
        Self::Rpc,
        Self::P2p,
        Self::Log,
        Self::Ipc,
        Self::Connectivity,
        Self::Alerts,
        Self::Chain,
        Self::Observer,
    ];

    /// Its name in JSON, filters and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ebpf => "ebpf",
            Self::Rpc => "rpc",
            Self::P2p => "p2p",
            Self::Log => "log",
            Self::Ipc => "ipc",
            Self::Connectivity => "connectivity",
            Self::Alerts => "alerts",
            Self::Chain => "chain",
            Self::Observer => "observer",
        }
    }
}

/// Patterns for the bodies of the kinds that sit two oneofs deep.
macro_rules! ebpf {
    ($arm:ident, $event:pat) => {
        Body::EbpfExtractor(crate::pb::ebpf_extractor::Ebpf { ebpf_event: Some(EbpfEvent::$arm($event)) })
    };
}
macro_rules! connection {
    ($arm:ident, $body:pat) => {
        ebpf!(
            Connection,
            crate::pb::ebpf_extractor::connection::ConnectionEvent { event: Some(Connection::$arm($body)) }
        )
    };
}
macro_rules! mempool {
    ($arm:ident, $body:pat) => {
        ebpf!(Mempool, crate::pb::ebpf_extractor::mempool::MempoolEvent { event: Some(Mempool::$arm($body)) })
    };
}
macro_rules! validation {
    ($arm:ident, $body:pat) => {
        ebpf!(
            Validation,
            crate::pb::ebpf_extractor::validation::ValidationEvent { event: Some(Validation::$arm($body)) }
        )
    };
}
macro_rules! utxocache {
    ($arm:ident, $body:pat) => {
        ebpf!(Utxocache, crate::pb::ebpf_extractor::utxocache::UtxoCacheEvent { event: Some(UtxoCache::$arm($body)) })
    };
}
macro_rules! block {
    ($arm:ident, $body:pat) => {
        ebpf!(Block, crate::pb::ebpf_extractor::block::BlockEvent { event: Some(Block::$arm($body)) })
    };
}
macro_rules! rpc {
    ($arm:ident, $body:pat) => {
        Body::RpcExtractor(crate::pb::rpc_extractor::Rpc { rpc_event: Some(RpcEvent::$arm($body)) })
    };
}
macro_rules! p2p {
    ($arm:ident, $body:pat) => {
        Body::P2pExtractor(crate::pb::p2p_extractor::P2p { p2p_event: Some(P2pEvent::$arm($body)) })
    };
}
macro_rules! log {
    ($arm:ident, $log:ident) => {
        Body::LogExtractor($log @ crate::pb::log_extractor::Log { log_event: Some(LogEvent::$arm(_)), .. })
    };
}
macro_rules! ipc {
    ($arm:ident, $body:pat) => {
        Body::IpcExtractor(crate::pb::ipc_extractor::Ipc { ipc_event: Some(IpcEvent::$arm($body)) })
    };
}
macro_rules! connectivity {
    ($arm:ident, $body:pat) => {
        Body::Connectivity(crate::pb::connectivity::Connectivity {
            connectivity_event: Some(ConnectivityEvent::$arm($body)),
        })
    };
}
macro_rules! alerts {
    ($arm:ident, $body:pat) => {
        Body::Alerts(crate::pb::alerts::Alerts { alerts_event: Some(AlertsEvent::$arm($body)) })
    };
}
macro_rules! chain {
    ($arm:ident, $body:pat) => {
        Body::Chain(crate::pb::chain::Chain { chain_event: Some(ChainEvent::$arm($body)) })
    };
}
macro_rules! observer {
    ($arm:ident, $body:pat) => {
        Body::Observer(crate::pb::observer::Observer { observer_event: Some(ObserverEvent::$arm($body)) })
    };
}

/// Declares [`Kind`] and everything that is known of each kind. Columns: the kind, its name, its source, the names
/// of the arms that lead to its body in protobuf's JSON form, and the pattern that finds the body.
macro_rules! kinds {
    ($($kind:ident $name:literal $source:ident $path:expr, $pattern:pat => $body:expr;)+) => {
        /// What happened.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($kind,)+
            /// An event of a newer program: it can be passed on, but not understood.
            Unknown,
        }

        impl Kind {
            /// All kinds that can be understood.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its name in JSON and filters.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                    Self::Unknown => "unknown",
                }
            }

            /// The interface that it comes from; none when the kind is not known.
            pub fn source(self) -> Option<Source> {
                match self {
                    $(Self::$kind => Some(Source::$source),)+
                    Self::Unknown => None,
                }
            }

            /// The kind of a body.
            pub fn of(body: &Body) -> Self {
                #[allow(unused_variables)]
                match body {
                    $($pattern => Self::$kind,)+
                    _ => Self::Unknown,
                }
            }

            /// The names that lead to its body in the JSON form of [`Body`].
            pub(crate) fn path(self) -> &'static [&'static str] {
                match self {
                    $(Self::$kind => &$path,)+
                    Self::Unknown => &[],
                }
            }
        }

        /// The body as its kind shows it in JSON.
        pub(crate) struct BodyOf<'a>(pub &'a Body);

        impl Serialize for BodyOf<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    $($pattern => $body.serialize(serializer),)+
                    _ => serializer.serialize_unit(),
                }
            }
        }
    };
}

kinds! {
    Message "message" Ebpf ["ebpf_extractor", "message"], ebpf!(Message, b) => b;
    InboundConnection "inbound_connection" Ebpf ["ebpf_extractor", "connection", "inbound"], connection!(Inbound, b) => b;
    OutboundConnection "outbound_connection" Ebpf ["ebpf_extractor", "connection", "outbound"], connection!(Outbound, b) => b;
    ClosedConnection "closed_connection" Ebpf ["ebpf_extractor", "connection", "closed"], connection!(Closed, b) => b;
    EvictedInboundConnection "evicted_inbound_connection" Ebpf ["ebpf_extractor", "connection", "inbound_evicted"], connection!(InboundEvicted, b) => b;
    MisbehavingConnection "misbehaving_connection" Ebpf ["ebpf_extractor", "connection", "misbehaving"], connection!(Misbehaving, b) => b;
    MempoolAdded "mempool_added" Ebpf ["ebpf_extractor", "mempool", "added"], mempool!(Added, b) => b;
    MempoolRemoved "mempool_removed" Ebpf ["ebpf_extractor", "mempool", "removed"], mempool!(Removed, b) => b;
    MempoolReplaced "mempool_replaced" Ebpf ["ebpf_extractor", "mempool", "replaced"], mempool!(Replaced, b) => b;
    MempoolRejected "mempool_rejected" Ebpf ["ebpf_extractor", "mempool", "rejected"], mempool!(Rejected, b) => b;
    BlockConnected "block_connected" Ebpf ["ebpf_extractor", "validation", "block_connected"], validation!(BlockConnected, b) => b;
    BlockHeader "block_header" Ebpf ["ebpf_extractor", "block", "header"], block!(Header, b) => b;
    BlockReconstructed "block_reconstructed" Ebpf ["ebpf_extractor", "block", "reconstructed"], block!(Reconstructed, b) => b;
    UtxocacheFlush "utxocache_flush" Ebpf ["ebpf_extractor", "utxocache", "flush"], utxocache!(Flush, b) => b;
    UtxocacheAdd "utxocache_add" Ebpf ["ebpf_extractor", "utxocache", "add"], utxocache!(Add, b) => b;
    UtxocacheSpent "utxocache_spent" Ebpf ["ebpf_extractor", "utxocache", "spent"], utxocache!(Spent, b) => b;
    UtxocacheUncache "utxocache_uncache" Ebpf ["ebpf_extractor", "utxocache", "uncache"], utxocache!(Uncache, b) => b;

    PeerInfos "peer_infos" Rpc ["rpc_extractor", "peer_infos"], rpc!(PeerInfos, b) => b;
    MempoolInfo "mempool_info" Rpc ["rpc_extractor", "mempool_info"], rpc!(MempoolInfo, b) => b;
    Uptime "uptime" Rpc ["rpc_extractor", "uptime"], rpc!(Uptime, b) => b;
    NetTotals "net_totals" Rpc ["rpc_extractor", "net_totals"], rpc!(NetTotals, b) => b;
    MemoryInfo "memory_info" Rpc ["rpc_extractor", "memory_info"], rpc!(MemoryInfo, b) => b;
    AddrmanInfo "addrman_info" Rpc ["rpc_extractor", "addrman_info"], rpc!(AddrmanInfo, b) => b;
    ChainTxStats "chain_tx_stats" Rpc ["rpc_extractor", "chain_tx_stats"], rpc!(ChainTxStats, b) => b;
    NetworkInfo "network_info" Rpc ["rpc_extractor", "network_info"], rpc!(NetworkInfo, b) => b;
    BlockchainInfo "blockchain_info" Rpc ["rpc_extractor", "blockchain_info"], rpc!(BlockchainInfo, b) => b;
    OrphanTxs "orphan_txs" Rpc ["rpc_extractor", "orphan_txs"], rpc!(OrphanTxs, b) => b;
    Addrman "addrman" Rpc ["rpc_extractor", "addrman"], rpc!(Addrman, b) => b;
    EstimateSmartFee "estimate_smart_fee" Rpc ["rpc_extractor", "estimate_smart_fee"], rpc!(EstimateSmartFee, b) => b;
    Logging "logging" Rpc ["rpc_extractor", "logging"], rpc!(Logging, b) => b;

    PingDuration "ping_duration" P2p ["p2p_extractor", "ping_duration"], p2p!(PingDuration, b) => b;
    AddressAnnouncement "address_announcement" P2p ["p2p_extractor", "address_announcement"], p2p!(AddressAnnouncement, b) => b;
    InventoryAnnouncement "inventory_announcement" P2p ["p2p_extractor", "inventory_announcement"], p2p!(InventoryAnnouncement, b) => b;
    FeefilterAnnouncement "feefilter_announcement" P2p ["p2p_extractor", "feefilter_announcement"], p2p!(FeefilterAnnouncement, b) => SerializeAsWrap::<i64, crate::json::Integer>::new(b);
    ConnectionExpected "connection_expected" P2p ["p2p_extractor", "connection_expected"], p2p!(ConnectionExpected, b) => b;
    ConnectionOpened "connection_opened" P2p ["p2p_extractor", "connection_opened"], p2p!(ConnectionOpened, b) => b;
    ConnectionEnded "connection_ended" P2p ["p2p_extractor", "connection_ended"], p2p!(ConnectionEnded, b) => b;
    MessageSeen "message_seen" P2p ["p2p_extractor", "message_seen"], p2p!(MessageSeen, b) => b;
    NodeVersion "node_version" P2p ["p2p_extractor", "node_version"], p2p!(NodeVersion, b) => b;
    OwnAddress "own_address" P2p ["p2p_extractor", "own_address"], p2p!(OwnAddress, b) => b;
    BlockAnnouncement "block_announcement" P2p ["p2p_extractor", "block_announcement"], p2p!(BlockAnnouncement, b) => b;
    BlockServed "block_served" P2p ["p2p_extractor", "block_served"], p2p!(BlockServed, b) => b;
    DataRequest "data_request" P2p ["p2p_extractor", "data_request"], p2p!(DataRequest, b) => b;
    FeatureOffered "feature_offered" P2p ["p2p_extractor", "feature_offered"], p2p!(FeatureOffered, b) => b;
    StaleTips "stale_tips" P2p ["p2p_extractor", "stale_tips"], p2p!(StaleTips, b) => b;

    UnknownLogMessage "unknown_log_message" Log ["log_extractor"], log!(UnknownLogMessage, b) => b;
    BlockConnectedLog "block_connected_log" Log ["log_extractor"], log!(BlockConnectedLog, b) => b;
    BlockCheckedLog "block_checked_log" Log ["log_extractor"], log!(BlockCheckedLog, b) => b;
    BlockDisconnectedLog "block_disconnected_log" Log ["log_extractor"], log!(BlockDisconnectedLog, b) => b;
    HeaderSeen "header_seen" Log ["log_extractor"], log!(HeaderSeen, b) => b;
    CompactBlockReconstructed "compact_block_reconstructed" Log ["log_extractor"], log!(CompactBlockReconstructed, b) => b;
    CompactBlockTxRequired "compact_block_tx_required" Log ["log_extractor"], log!(CompactBlockTxRequired, b) => b;
    UpdateTip "update_tip" Log ["log_extractor"], log!(UpdateTip, b) => b;
    PeerConnected "peer_connected" Log ["log_extractor"], log!(PeerConnected, b) => b;
    PeerDisconnected "peer_disconnected" Log ["log_extractor"], log!(PeerDisconnected, b) => b;
    Misbehaving "misbehaving" Log ["log_extractor"], log!(Misbehaving, b) => b;
    AddrProcessed "addr_processed" Log ["log_extractor"], log!(AddrProcessed, b) => b;
    ConnectionAccepted "connection_accepted" Log ["log_extractor"], log!(ConnectionAccepted, b) => b;
    ConnectionRefused "connection_refused" Log ["log_extractor"], log!(ConnectionRefused, b) => b;
    EvictionSelected "eviction_selected" Log ["log_extractor"], log!(EvictionSelected, b) => b;
    MempoolAcceptedLog "mempool_accepted_log" Log ["log_extractor"], log!(MempoolAccepted, b) => b;
    MempoolRejectedLog "mempool_rejected_log" Log ["log_extractor"], log!(MempoolRejected, b) => b;
    BlockDownloadStalled "block_download_stalled" Log ["log_extractor"], log!(BlockDownloadStalled, b) => b;
    StallingTimeoutChanged "stalling_timeout_changed" Log ["log_extractor"], log!(StallingTimeoutChanged, b) => b;
    MutatedBlock "mutated_block" Log ["log_extractor"], log!(MutatedBlock, b) => b;
    InvalidChainFound "invalid_chain_found" Log ["log_extractor"], log!(InvalidChainFound, b) => b;
    StaleTip "stale_tip" Log ["log_extractor"], log!(StaleTip, b) => b;
    LogRateLimit "log_rate_limit" Log ["log_extractor"], log!(LogRateLimit, b) => b;
    AddrmanChange "addrman_change" Log ["log_extractor"], log!(AddrmanChange, b) => b;
    AddrmanAdded "addrman_added" Log ["log_extractor"], log!(AddrmanAdded, b) => b;
    NodeStarted "node_started" Log ["log_extractor"], log!(NodeStarted, b) => b;
    NodeStopped "node_stopped" Log ["log_extractor"], log!(NodeStopped, b) => b;
    MessageReceived "message_received" Log ["log_extractor"], log!(MessageReceived, b) => b;
    MessageSent "message_sent" Log ["log_extractor"], log!(MessageSent, b) => b;
    InventoryReceived "inventory_received" Log ["log_extractor"], log!(InventoryReceived, b) => b;
    DataRequested "data_requested" Log ["log_extractor"], log!(DataRequested, b) => b;
    DataRequestTimedOut "data_request_timed_out" Log ["log_extractor"], log!(DataRequestTimedOut, b) => b;
    GetdataReceived "getdata_received" Log ["log_extractor"], log!(GetdataReceived, b) => b;
    BlockReceived "block_received" Log ["log_extractor"], log!(BlockReceived, b) => b;
    BlockAnnounced "block_announced" Log ["log_extractor"], log!(BlockAnnounced, b) => b;
    BlockTransactionsSent "block_transactions_sent" Log ["log_extractor"], log!(BlockTransactionsSent, b) => b;
    HeadersRequested "headers_requested" Log ["log_extractor"], log!(HeadersRequested, b) => b;
    LocatorReceived "locator_received" Log ["log_extractor"], log!(LocatorReceived, b) => b;
    VersionReceived "version_received" Log ["log_extractor"], log!(VersionReceived, b) => b;
    VersionSent "version_sent" Log ["log_extractor"], log!(VersionSent, b) => b;
    FeefilterReceived "feefilter_received" Log ["log_extractor"], log!(FeefilterReceived, b) => b;
    MessageIgnored "message_ignored" Log ["log_extractor"], log!(MessageIgnored, b) => b;
    SelfAnnounced "self_announced" Log ["log_extractor"], log!(SelfAnnounced, b) => b;
    ConnectionAttempted "connection_attempted" Log ["log_extractor"], log!(ConnectionAttempted, b) => b;
    ConnectionFailed "connection_failed" Log ["log_extractor"], log!(ConnectionFailed, b) => b;
    ConnectionAdded "connection_added" Log ["log_extractor"], log!(ConnectionAdded, b) => b;
    TransportNegotiation "transport_negotiation" Log ["log_extractor"], log!(TransportNegotiation, b) => b;
    PeerStateChanged "peer_state_changed" Log ["log_extractor"], log!(PeerStateChanged, b) => b;
    TimeOffsetAdded "time_offset_added" Log ["log_extractor"], log!(TimeOffsetAdded, b) => b;
    HeadersSync "headers_sync" Log ["log_extractor"], log!(HeadersSync, b) => b;
    IbdLeft "ibd_left" Log ["log_extractor"], log!(IbdLeft, b) => b;
    HeaderRejected "header_rejected" Log ["log_extractor"], log!(HeaderRejected, b) => b;
    ValidationSignal "validation_signal" Log ["log_extractor"], log!(ValidationSignal, b) => b;
    CompactBlockStarted "compact_block_started" Log ["log_extractor"], log!(CompactBlockStarted, b) => b;
    CompactBlockPrefill "compact_block_prefill" Log ["log_extractor"], log!(CompactBlockPrefill, b) => b;
    BlockTemplate "block_template" Log ["log_extractor"], log!(BlockTemplate, b) => b;
    MempoolAddedLog "mempool_added_log" Log ["log_extractor"], log!(MempoolAdded, b) => b;
    MempoolRemovedLog "mempool_removed_log" Log ["log_extractor"], log!(MempoolRemoved, b) => b;
    MempoolReplacedLog "mempool_replaced_log" Log ["log_extractor"], log!(MempoolReplaced, b) => b;
    MempoolRemovals "mempool_removals" Log ["log_extractor"], log!(MempoolRemovals, b) => b;
    UnbroadcastRemoved "unbroadcast_removed" Log ["log_extractor"], log!(UnbroadcastRemoved, b) => b;
    OrphanTransaction "orphan_transaction" Log ["log_extractor"], log!(OrphanTransaction, b) => b;
    OrphansRemoved "orphans_removed" Log ["log_extractor"], log!(OrphansRemoved, b) => b;
    PackageEvaluated "package_evaluated" Log ["log_extractor"], log!(PackageEvaluated, b) => b;
    AddrmanSelected "addrman_selected" Log ["log_extractor"], log!(AddrmanSelected, b) => b;

    BlockTip "block_tip" Ipc ["ipc_extractor", "block_tip"], ipc!(BlockTip, b) => b;
    InitialBlockDownload "initial_block_download" Ipc ["ipc_extractor", "initial_block_download"], ipc!(InitialBlockDownload, b) => b;

    Attempt "attempt" Connectivity ["connectivity", "attempt"], connectivity!(Attempt, b) => b;

    Alert "alert" Alerts ["alerts", "alert"], alerts!(Alert, b) => b;

    ChainNode "chain_node" Chain ["chain", "node"], chain!(Node, b) => b;
    ChainHeader "chain_header" Chain ["chain", "header"], chain!(Header, b) => b;
    ChainActivity "chain_activity" Chain ["chain", "activity"], chain!(Activity, b) => b;

    Status "status" Observer ["observer", "status"], observer!(Status, b) => b;
    NodeProcess "node_process" Observer ["observer", "process"], observer!(Process, b) => b;
    Gap "gap" Observer ["observer", "gap"], observer!(Gap, b) => b;
    Selection "selection" Observer ["observer", "selection"], observer!(Selection, b) => b;
}

impl Kind {
    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}
