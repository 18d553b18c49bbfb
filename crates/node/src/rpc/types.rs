//! Results of the RPCs about peers and chain, by Bitcoin Core's field names.
//!
//! One struct serves every version from v26 on, and Knots: fields that a version lacks are `None` where the absence says
//! something, else 0, false or empty; fields that are not known here are ignored. Times are seconds since the UNIX epoch,
//! durations seconds, sizes bytes, and amounts BTC (fee rates per 1,000 virtual bytes), unless noted otherwise.

use std::collections::BTreeMap;

use super::lenient::{Key, object, whole};

whole! {
    /// `getpeerinfo`: every connection.
    pub struct PeerInfos(pub Vec<PeerInfo>);
}

object! {
    /// One peer of `getpeerinfo`.
    pub struct PeerInfo {
        /// Peer id.
        pub id: i64,
        /// Its address and port.
        pub addr: String,
        /// Our address and port of the connection.
        pub addrbind: Option<String>,
        /// Our address as the peer reports it.
        pub addrlocal: Option<String>,
        /// `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`, `not_publicly_routable`.
        pub network: String,
        /// AS number by the node's asmap.
        pub mapped_as: Option<u64>,
        /// Service flags, hexadecimal.
        pub services: String,
        /// Names of the service flags.
        pub servicesnames: Vec<String>,
        /// Whether we relay transactions to it.
        pub relaytxes: bool,
        /// Mempool sequence number of its last INV (v31 and later).
        pub last_inv_sequence: Option<u64>,
        /// Transactions waiting to be announced to it (v31 and later).
        pub inv_to_send: Option<u64>,
        /// Time of the last send.
        pub lastsend: i64,
        /// Time of the last receive.
        pub lastrecv: i64,
        /// Time of its last transaction that we accepted.
        pub last_transaction: i64,
        /// Time of its last block that we accepted.
        pub last_block: i64,
        /// Time of its last block announcement (Knots only).
        pub last_block_announcement: Option<i64>,
        /// Bytes sent to it.
        pub bytessent: u64,
        /// Bytes received from it.
        pub bytesrecv: u64,
        /// Time of the connection.
        pub conntime: i64,
        /// Its clock minus ours, seconds.
        pub timeoffset: i64,
        /// Last ping time; none before the first.
        pub pingtime: Option<f64>,
        /// Shortest ping time.
        pub minping: Option<f64>,
        /// How long a ping has been waiting for its answer.
        pub pingwait: Option<f64>,
        /// Protocol version; 0 before the version message.
        pub version: u32,
        /// User agent, as the peer wrote it.
        pub subver: String,
        /// It connected to us.
        pub inbound: bool,
        /// We selected it as high-bandwidth compact block peer.
        pub bip152_hb_to: bool,
        /// It selected us as high-bandwidth compact block peer.
        pub bip152_hb_from: bool,
        /// Height that it reported at first (up to v31).
        pub startingheight: Option<i64>,
        /// Height up to which headers are presynced with it; -1 if not going on.
        pub presynced_headers: Option<i64>,
        /// The last header in common, height; -1 if none.
        pub synced_headers: Option<i64>,
        /// The last block in common, height; -1 if none.
        pub synced_blocks: Option<i64>,
        /// Heights of blocks that were requested from it.
        pub inflight: Vec<u64>,
        /// Whether addresses are relayed with it.
        pub addr_relay_enabled: bool,
        /// Addresses of it that were processed.
        pub addr_processed: u64,
        /// Addresses of it that were dropped by rate limiting.
        pub addr_rate_limited: u64,
        /// Permissions granted to it.
        pub permissions: Vec<String>,
        /// The least fee rate that it wants transactions of.
        pub minfeefilter: Option<f64>,
        /// Bytes sent by message type.
        pub bytessent_per_msg: BTreeMap<String, u64>,
        /// Bytes received by message type; `*other*` for unknown ones.
        pub bytesrecv_per_msg: BTreeMap<String, u64>,
        /// `inbound`, `outbound-full-relay`, `block-relay-only`, ...
        pub connection_type: String,
        /// `v1`, `v2`, or `detecting`.
        pub transport_protocol_type: String,
        /// Session id of a v2 connection, hexadecimal.
        pub session_id: String,
        /// It was let in beyond the limit of connections because of its permissions (Knots only).
        pub forced_inbound: Option<bool>,
        /// Its misbehaviour score (Knots only).
        pub misbehavior_score: Option<i64>,
        /// CPU time spent on its messages, in per mille of the time since it connected (Knots only).
        pub cpu_load: Option<f64>,
    }
}

object! {
    /// `getmempoolinfo`.
    pub struct MempoolInfo {
        /// The mempool of the last run is loaded.
        pub loaded: bool,
        /// Transactions.
        pub size: i64,
        /// Their virtual bytes.
        pub bytes: i64,
        /// Memory used.
        pub usage: i64,
        /// Their fees.
        pub total_fee: f64,
        /// Memory allowed.
        pub maxmempool: i64,
        /// The least fee rate that is accepted now.
        pub mempoolminfee: f64,
        /// The least fee rate that is relayed.
        pub minrelaytxfee: f64,
        /// The least rise in fee rate of a replacement.
        pub incrementalrelayfee: f64,
        /// Own transactions that no peer has asked for yet.
        pub unbroadcastcount: i64,
        /// Every transaction may be replaced (up to v31, and Knots).
        pub fullrbf: Option<bool>,
        /// Transactions with bare multisig outputs are relayed (v30 and later).
        pub permitbaremultisig: Option<bool>,
        /// Bytes of data carried in outputs that are relayed (v30 and later).
        pub maxdatacarriersize: Option<u64>,
        /// Transactions in a cluster at most (v31 and later).
        pub limitclustercount: Option<u64>,
        /// Virtual bytes of a cluster at most (v31 and later).
        pub limitclustersize: Option<u64>,
        /// The mempool is in its optimal order (v31 and later).
        pub optimal: Option<bool>,
    }
}

object! {
    /// `getnettotals`.
    pub struct NetTotals {
        /// Bytes received.
        pub totalbytesrecv: u64,
        /// Bytes sent.
        pub totalbytessent: u64,
        /// Time, in milliseconds.
        pub timemillis: u64,
        /// State of `-maxuploadtarget`.
        pub uploadtarget: UploadTarget,
    }
}

object! {
    /// State of `-maxuploadtarget`.
    pub struct UploadTarget {
        /// Length of a cycle.
        pub timeframe: u64,
        /// Bytes allowed in a cycle; 0: no limit.
        pub target: u64,
        /// The limit is reached.
        pub target_reached: bool,
        /// Old blocks are served.
        pub serve_historical_blocks: bool,
        /// Bytes left in this cycle.
        pub bytes_left_in_cycle: u64,
        /// Time left in this cycle.
        pub time_left_in_cycle: u64,
    }
}

object! {
    /// `getmemoryinfo` in mode `stats`.
    pub struct MemoryInfo {
        /// The memory that is kept out of swap.
        pub locked: LockedMemory,
    }
}

object! {
    /// Memory that is kept out of swap, in bytes.
    pub struct LockedMemory {
        /// In use.
        pub used: u64,
        /// Free.
        pub free: u64,
        /// Managed.
        pub total: u64,
        /// Locked successfully.
        pub locked: u64,
        /// Number of chunks in use.
        pub chunks_used: u64,
        /// Number of chunks free.
        pub chunks_free: u64,
    }
}

whole! {
    /// `getaddrmaninfo` (v26 and later), by network; `all_networks` is the sum.
    pub struct AddrmanInfo(pub BTreeMap<String, AddrmanCounts>);
}

object! {
    /// Number of addresses in the tables of the address manager.
    pub struct AddrmanCounts {
        /// In the table of those never connected to.
        pub new: u64,
        /// In the table of those connected to.
        pub tried: u64,
        /// Both.
        pub total: u64,
    }
}

object! {
    /// `getnetworkinfo`.
    pub struct NetworkInfo {
        /// 290500 is v29.5.
        pub version: i32,
        /// The node's user agent.
        pub subversion: String,
        /// Protocol version.
        pub protocolversion: i32,
        /// Our service flags, hexadecimal.
        pub localservices: String,
        /// Their names.
        pub localservicesnames: Vec<String>,
        /// We ask peers for transactions.
        pub localrelay: bool,
        /// Median of the peers' clocks minus ours.
        pub timeoffset: i32,
        /// Connections.
        pub connections: u32,
        /// Of them inbound.
        pub connections_in: u32,
        /// Of them outbound.
        pub connections_out: u32,
        /// P2P is on.
        pub networkactive: bool,
        /// What is reachable, by network.
        pub networks: Vec<Network>,
        /// The least fee rate that is relayed.
        pub relayfee: f64,
        /// The least rise in fee rate of a replacement.
        pub incrementalfee: f64,
        /// Addresses at which the node believes to be reachable.
        pub localaddresses: Vec<LocalAddress>,
        /// What the node warns of.
        pub warnings: Vec<String>,
        /// Version of the node's asmap (v32 and later).
        pub asmap_version: Option<String>,
        /// Transactions a second that the node announces to inbound peers (v32 and later).
        pub tx_send_rate: Option<f64>,
        /// What waits to be announced (v32 and later).
        pub inv_buckets: InvBuckets,
    }
}

object! {
    /// What waits to be announced to peers, by the direction of their connections.
    pub struct InvBuckets {
        /// To inbound peers.
        pub inbound: InvBucket,
        /// To outbound peers.
        pub outbound: InvBucket,
    }
}

object! {
    /// What waits to be announced to the peers of one direction.
    pub struct InvBucket {
        /// Transactions.
        pub backlog: Option<u64>,
    }
}

object! {
    /// A network of `getnetworkinfo`.
    pub struct Network {
        /// `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`.
        pub name: String,
        /// Excluded by `-onlynet`.
        pub limited: bool,
        /// Can be connected to.
        pub reachable: bool,
        /// Its proxy, `host:port`; may be empty.
        pub proxy: String,
        /// Each connection gets credentials of its own at the proxy.
        pub proxy_randomize_credentials: bool,
    }
}

object! {
    /// An address at which the node believes to be reachable.
    pub struct LocalAddress {
        /// Address.
        pub address: String,
        /// Port.
        pub port: u16,
        /// Rank among these addresses.
        pub score: u32,
    }
}

object! {
    /// `getblockchaininfo`.
    pub struct BlockchainInfo {
        /// The chain's name; see [`Chain`](crate::Chain).
        pub chain: String,
        /// Height of the best validated block.
        pub blocks: u32,
        /// Height of the best header.
        pub headers: u32,
        /// Hash of the best block.
        pub bestblockhash: String,
        /// Difficulty of the best block.
        pub difficulty: f64,
        /// Its time.
        pub time: u32,
        /// Its median time past.
        pub mediantime: u32,
        /// Estimated share of the chain that is validated, 0 to 1.
        pub verificationprogress: f64,
        /// The node is in initial block download.
        pub initialblockdownload: bool,
        /// Work of the chain, hexadecimal.
        pub chainwork: String,
        /// Size of blocks and undo data.
        pub size_on_disk: u64,
        /// Old blocks are deleted.
        pub pruned: bool,
        /// Height of the last block deleted, plus one.
        pub pruneheight: Option<u32>,
        /// Size at which blocks are deleted.
        pub prune_target_size: Option<u64>,
        /// What the node warns of.
        pub warnings: Vec<String>,
        /// Compact difficulty target of the best block, hexadecimal (v29 and later).
        pub bits: Option<String>,
        /// The target itself, hexadecimal (v29 and later).
        pub target: Option<String>,
        /// Old blocks are deleted by size, not by a command; none where none are.
        pub automatic_pruning: Option<bool>,
    }
}

whole! {
    /// `getorphantxs` with verbosity 1 or 2 (v29 and later): transactions whose parents the node does not know.
    pub struct OrphanTxs(pub Vec<OrphanTx>);
}

object! {
    /// A transaction of `getorphantxs`.
    pub struct OrphanTx {
        /// Transaction id.
        pub txid: String,
        /// Witness transaction id.
        pub wtxid: String,
        /// Size.
        pub bytes: u64,
        /// Virtual size.
        pub vsize: u64,
        /// Weight.
        pub weight: u64,
        /// Ids of the peers that sent it.
        pub from: Vec<u64>,
        /// When the node received it (v29 only).
        pub entry: Option<i64>,
        /// When the node forgets it (v29 only).
        pub expiration: Option<i64>,
        /// The transaction, hexadecimal; empty with verbosity 1.
        pub hex: String,
    }
}

object! {
    /// `getchaintxstats`.
    pub struct ChainTxStats {
        /// Time of the last block of the window.
        pub time: u32,
        /// Transactions up to there; none where the node does not know.
        pub txcount: Option<u64>,
        /// Hash of that block.
        pub window_final_block_hash: String,
        /// Height of that block.
        pub window_final_block_height: u32,
        /// Blocks in the window.
        pub window_block_count: u32,
        /// Transactions in the window.
        pub window_tx_count: Option<u64>,
        /// Length of the window.
        pub window_interval: Option<u64>,
        /// Transactions per second.
        pub txrate: Option<f64>,
    }
}

object! {
    /// `getrawaddrman` (v27 and later): every address that the node remembers.
    pub struct RawAddrman {
        /// The table of those never connected to.
        pub new: BTreeMap<AddrmanSlot, AddrmanEntry>,
        /// The table of those connected to.
        pub tried: BTreeMap<AddrmanSlot, AddrmanEntry>,
    }
}

/// A place in a table of the address manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddrmanSlot {
    /// Bucket.
    pub bucket: u32,
    /// Position in it.
    pub position: u32,
}

impl Key for AddrmanSlot {
    fn from_key(key: String) -> Option<Self> {
        let (bucket, position) = key.split_once('/')?;
        Some(Self { bucket: bucket.parse().ok()?, position: position.parse().ok()? })
    }
}

object! {
    /// An address that the node remembers.
    pub struct AddrmanEntry {
        /// Address.
        pub address: String,
        /// AS number by the node's asmap (v28 and later).
        pub mapped_as: Option<u64>,
        /// Port.
        pub port: u16,
        /// `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`.
        pub network: String,
        /// Service flags.
        pub services: u64,
        /// When it was last seen.
        pub time: i64,
        /// Address of the peer that gossiped it to the node.
        pub source: String,
        /// That peer's network.
        pub source_network: String,
        /// That peer's AS number.
        pub source_mapped_as: Option<u64>,
    }
}

object! {
    /// `estimatesmartfee`.
    pub struct SmartFee {
        /// Fee rate; none if there is no estimate.
        pub feerate: Option<f64>,
        /// Why there is none.
        pub errors: Vec<String>,
        /// Target for which the estimate holds, in blocks.
        pub blocks: u32,
    }
}

whole! {
    /// `logging`: whether each category's debug lines are written.
    pub struct Logging(pub BTreeMap<String, bool>);
}
