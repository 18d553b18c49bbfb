//! The one list of the tracepoints and of the records in the tracepoint extractor's ring.
//!
//! The Rust types follow from it by the macros in `record.rs`, beside this file. The C types follow from it by `build.rs` of the extractor, which
//! reads this same file with macros of its own and writes a header. Both assert the offset of every field, so the two sides cannot drift apart.
//!
//! A record is `Head` and then the structure of its tracepoint. A structure has no padding: each field begins where the one before it ends. The
//! number after a name is the structure's size in bytes; after `+` comes the name of the bytes that follow the structure.

use super::{Hash, Text};

tracepoints! {
    InboundMessage "net" "inbound_message";
    OutboundMessage "net" "outbound_message";
    InboundConnection "net" "inbound_connection";
    OutboundConnection "net" "outbound_connection";
    ClosedConnection "net" "closed_connection";
    EvictedInboundConnection "net" "evicted_inbound_connection";
    MisbehavingConnection "net" "misbehaving_connection";
    MempoolAdded "mempool" "added";
    MempoolRemoved "mempool" "removed";
    MempoolReplaced "mempool" "replaced";
    MempoolRejected "mempool" "rejected";
    BlockConnected "validation" "block_connected";
    BlockHeader "net" "block_header";
    BlockReconstructed "net" "compact_block_reconstructed";
    UtxocacheFlush "utxocache" "flush";
    UtxocacheAdd "utxocache" "add";
    UtxocacheSpent "utxocache" "spent";
    UtxocacheUncache "utxocache" "uncache";
}

records! {
    /// What every record begins with.
    Head 16 {
        /// Nanoseconds of CLOCK_MONOTONIC.
        time_ns: u64,
        /// Process id of the node.
        tgid: u32,
        /// Index in the list of tracepoints.
        tracepoint: u32,
    }
    /// A P2P message.
    Message 192 + payload {
        /// Bitcoin Core's id of the peer.
        peer_id: i64,
        /// Bytes of the whole payload.
        size: u64,
        /// Bytes of the payload that follow this structure.
        captured: u64,
        /// The message's type; up to 12 bytes on the wire.
        message_type: Text<16>,
        /// As Bitcoin Core's `ConnectionTypeAsString`; the longest is "outbound-full-relay".
        conn_type: Text<24>,
        /// An onion v3 name and its port have 68 bytes; names that were given to addnode may be longer.
        addr: Text<128>,
    }
    /// A connection that was opened, closed or evicted.
    Connection 176 {
        /// Bitcoin Core's id of the peer.
        peer_id: i64,
        /// Bitcoin Core's `enum Network`.
        network: u64,
        /// Opened: the number of existing connections. Closed or evicted: when it was established, in seconds since the UNIX epoch.
        value: u64,
        /// As Bitcoin Core's `ConnectionTypeAsString`.
        conn_type: Text<24>,
        /// Address and port of the peer.
        addr: Text<128>,
    }
    /// A peer that misbehaved.
    Misbehaving 264 {
        /// Bitcoin Core's id of the peer.
        peer_id: i64,
        /// Documented as up to 128 bytes, which the node does not enforce.
        reason: Text<256>,
    }
    /// A transaction that came into the mempool.
    MempoolAdded 48 {
        /// The transaction.
        txid: Hash,
        /// Virtual size in bytes.
        vsize: i64,
        /// Fee in satoshis.
        fee: i64,
    }
    /// A transaction that left the mempool.
    MempoolRemoved 72 {
        /// The transaction.
        txid: Hash,
        /// Virtual size in bytes.
        vsize: i64,
        /// Fee in satoshis.
        fee: i64,
        /// When it came into the mempool, in seconds since the UNIX epoch.
        entry_time: u64,
        /// The longest is "sizelimit".
        reason: Text<16>,
    }
    /// A transaction that was replaced in the mempool.
    MempoolReplaced 112 {
        /// The transaction that left.
        replaced_txid: Hash,
        /// Its virtual size in bytes.
        replaced_vsize: i64,
        /// Its fee in satoshis.
        replaced_fee: i64,
        /// When it came into the mempool, in seconds since the UNIX epoch.
        replaced_entry_time: u64,
        /// The transaction or package that came in its place.
        replacement_id: Hash,
        /// Its virtual size in bytes.
        replacement_vsize: i64,
        /// Its fee in satoshis.
        replacement_fee: i64,
        /// 1: `replacement_id` is a transaction's; 0: a package's.
        replaced_by_transaction: u64,
    }
    /// A transaction that the mempool did not accept.
    MempoolRejected 288 {
        /// The transaction.
        txid: Hash,
        /// Documented as up to 118 bytes, which the node does not enforce.
        reason: Text<256>,
    }
    /// A block that was connected to the chain.
    BlockConnected 72 {
        /// The block.
        hash: Hash,
        /// Its height.
        height: i64,
        /// Number of its transactions.
        transactions: i64,
        /// Number of their inputs.
        inputs: i64,
        /// Number of their signature operations.
        sigops: i64,
        /// How long connecting it took, in nanoseconds.
        connection_time_ns: i64,
    }
    /// The header of a block that was not known before.
    BlockHeader 56 {
        /// The block.
        hash: Hash,
        /// Its height.
        height: i64,
        /// Bitcoin Core's id of the peer.
        peer_id: i64,
        /// 1: it came in a compact block.
        compact_block: u64,
    }
    /// A block that was put together from a compact block.
    BlockReconstructed 80 {
        /// The block.
        hash: Hash,
        /// Bitcoin Core's id of the peer.
        peer_id: i64,
        /// Transactions that came with the compact block.
        prefilled: u64,
        /// Transactions from the mempool.
        from_mempool: u64,
        /// Transactions from the extra pool.
        from_extra_pool: u64,
        /// Transactions that had to be requested.
        requested: u64,
        /// Their bytes.
        requested_bytes: u64,
    }
    /// The cache of unspent outputs was written to disk.
    UtxocacheFlush 40 {
        /// How long it took, in microseconds.
        duration_us: i64,
        /// Bitcoin Core's `FlushStateMode`.
        mode: u64,
        /// Number of coins.
        coins_count: u64,
        /// Memory of the coins, in bytes.
        coins_mem_usage: u64,
        /// 1: it was done so that block files can be pruned.
        for_prune: u64,
    }
    /// A coin that was added to the cache, spent in it, or removed from it.
    UtxocacheCoin 64 {
        /// The transaction of the output.
        txid: Hash,
        /// Index of the output in it.
        index: u64,
        /// Height of the block with the transaction.
        height: u64,
        /// Value in satoshis.
        value: i64,
        /// 1: it is of a coinbase transaction.
        is_coinbase: u64,
    }
}
