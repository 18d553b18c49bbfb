//! Bitcoin Core's tracepoints without Bitcoin Core: the same probes with the same arguments, fired by a test at any rate.
//!
//! [`Load`] starts a program that has them and fires real payloads of all message types. The functions here are the probes themselves, for
//! a program that wants to fire its own. As in Bitcoin Core, a probe that nobody traces is one branch.

mod event;
mod load;
mod mix;
pub mod payload;
#[allow(unsafe_code, reason = "a probe is assembly")]
mod probe;

use std::fmt;

pub use event::{Actor, Event};
pub use load::{Load, LoadBuilder, Report};
pub use mix::{Mix, Plan};
pub use probe::{
    block_connected, block_header, closed_connection, compact_block_reconstructed, evicted_inbound_connection,
    inbound_connection, inbound_message, mempool_added, mempool_rejected, mempool_removed, mempool_replaced,
    misbehaving_connection, outbound_connection, outbound_message, utxocache_add, utxocache_flush, utxocache_spent,
    utxocache_uncache,
};

macro_rules! probes {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// One of Bitcoin Core's tracepoints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Probe {$(
            #[doc = concat!("`", $name, "`")]
            $variant,
        )*}

        impl Probe {
            /// All tracepoints, in the order of their declaration.
            pub const ALL: [Self; 18] = [$(Self::$variant),*];

            /// Provider and name: `net:inbound_message`.
            pub fn name(self) -> &'static str {
                match self {$(Self::$variant => $name,)*}
            }
        }
    };
}

probes! {
    InboundMessage "net:inbound_message",
    OutboundMessage "net:outbound_message",
    InboundConnection "net:inbound_connection",
    OutboundConnection "net:outbound_connection",
    ClosedConnection "net:closed_connection",
    EvictedInboundConnection "net:evicted_inbound_connection",
    MisbehavingConnection "net:misbehaving_connection",
    MempoolAdded "mempool:added",
    MempoolRemoved "mempool:removed",
    MempoolReplaced "mempool:replaced",
    MempoolRejected "mempool:rejected",
    BlockConnected "validation:block_connected",
    BlockHeader "net:block_header",
    BlockReconstructed "net:compact_block_reconstructed",
    UtxocacheFlush "utxocache:flush",
    UtxocacheAdd "utxocache:add",
    UtxocacheSpent "utxocache:spent",
    UtxocacheUncache "utxocache:uncache",
}

impl Probe {
    /// The tracepoint of this name; none if there is none.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|probe| probe.name() == name)
    }

    /// Number of tracers that are attached to it in this process: the semaphore's value.
    #[inline(always)]
    pub fn tracers(self) -> u16 {
        probe::tracers(self)
    }

    /// Whether any tracer is attached to it in this process.
    #[inline(always)]
    pub fn is_traced(self) -> bool {
        self.tracers() > 0
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
