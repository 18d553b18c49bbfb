//! The records that the tracepoint extractor's C program writes, `record.h` in its crate. Both check the sizes.

use zerocopy::{FromBytes, Immutable, KnownLayout};

/// A string that ends with a NUL; the bytes behind it are left over from older records.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Text<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Text<SIZE> {
    /// The bytes before the NUL, and whether there may have been more than fit.
    pub(super) fn bytes(&self) -> (&[u8], bool) {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(SIZE);
        (self.0.get(..length).unwrap_or_default(), length + 1 >= SIZE)
    }
}

pub(super) type Hash = [u8; 32];

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident $size:literal { $($field:ident: $type:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)+
        }
        const _: () = assert!(size_of::<$name>() == $size);
    )+};
}

records! {
    /// What every record begins with.
    Head 16 {
        time_ns: u64,
        tgid: u32,
        tracepoint: u32,
    }
    /// `captured` bytes of the payload follow.
    Message 192 {
        peer_id: i64,
        size: u64,
        captured: u64,
        message_type: Text<16>,
        conn_type: Text<24>,
        addr: Text<128>,
    }
    Connection 176 {
        peer_id: i64,
        network: u64,
        value: u64,
        conn_type: Text<24>,
        addr: Text<128>,
    }
    Misbehaving 264 {
        peer_id: i64,
        reason: Text<256>,
    }
    MempoolAdded 48 {
        txid: Hash,
        vsize: i64,
        fee: i64,
    }
    MempoolRemoved 72 {
        txid: Hash,
        vsize: i64,
        fee: i64,
        entry_time: u64,
        reason: Text<16>,
    }
    MempoolReplaced 112 {
        replaced_txid: Hash,
        replaced_vsize: i64,
        replaced_fee: i64,
        replaced_entry_time: u64,
        replacement_id: Hash,
        replacement_vsize: i64,
        replacement_fee: i64,
        replaced_by_transaction: u64,
    }
    MempoolRejected 288 {
        txid: Hash,
        reason: Text<256>,
    }
    BlockConnected 72 {
        hash: Hash,
        height: i64,
        transactions: i64,
        inputs: i64,
        sigops: i64,
        connection_time_ns: i64,
    }
    UtxocacheFlush 40 {
        duration_us: i64,
        mode: u64,
        coins_count: u64,
        coins_mem_usage: u64,
        for_prune: u64,
    }
    UtxocacheCoin 64 {
        txid: Hash,
        index: u64,
        height: u64,
        value: i64,
        is_coinbase: u64,
    }
}
