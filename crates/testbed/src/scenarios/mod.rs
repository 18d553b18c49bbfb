//! What happens in a network: benign life, and attacks as they were seen. One file and one row each.
//!
//! A scenario is played again and again by one or more actors. What they choose follows from a seed; what the nodes make of it, and
//! when, does not.

mod addr_flood;
mod blocks;
mod chain;
mod crowds;
mod fee_spike;
mod gossip;
mod honest;
mod invalid_transactions;
mod mempool;
mod mutated_block;
mod oddities;
mod ordinary;
mod orphans;
mod outbound;
mod own_node;
mod protocol;
mod reorg;
mod replacement;
mod spies;
mod spy;
mod stage;
mod stalling;
mod transactions;
mod unrequested;

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::BoxFuture;

pub use self::stage::Stage;
pub(crate) use self::stage::{World, irregular};

/// Who plays a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actors {
    /// One for all nodes. It visits them in turn, beginning with the first.
    One,
    /// So many for each node, at all times. In large networks fewer, see [`crate::Traffic::start`].
    PerNode(usize),
}

/// How hard an attack is to overlook. Benign scenarios are the same in both forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// As quiet as it can be and still do what it is for.
    Weak,
    /// As it was seen in the real network.
    Strong,
}

/// Plays a scenario once.
pub type Act = fn(Stage) -> BoxFuture<'static, Result<()>>;

/// Something that happens again and again.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name, as in [`crate::SentRow`].
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Whether a detector should find it.
    pub attack: bool,
    /// Who plays it.
    pub actors: Actors,
    /// The second bytes of the addresses that its peers have, which no other scenario uses: 127.N.0.0/16. In an internet of one's own
    /// ([`crate::internet`]) the first ones: N.0.0.0/8.
    pub from: &'static [u8],
    /// From the start of the traffic to its first act.
    pub first: Duration,
    /// From the end of an act to the next, on average.
    pub pause: Duration,
    /// Its form.
    pub strength: Strength,
    /// What an actor does.
    pub act: Act,
}

impl Scenario {
    /// Whether a peer with that address belongs to it.
    pub fn owns(&self, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        let [first, second, ..] = ip.octets();
        self.from.contains(if first == 127 { &second } else { &first })
    }
}

/// An attack, to begin a row with.
const ATTACK: Scenario = Scenario {
    name: "",
    about: "",
    attack: true,
    actors: Actors::One,
    from: &[],
    first: Duration::ZERO,
    pause: Duration::ZERO,
    strength: Strength::Strong,
    act: |_| Box::pin(std::future::ready(Ok(()))),
};

/// Something of every day, to begin a row with.
const EVERY_DAY: Scenario = Scenario { attack: false, ..ATTACK };

/// Nothing, for cases in which something ends.
pub const NOTHING: Scenario = Scenario { pause: Duration::from_hours(1), ..EVERY_DAY };

/// Those of the demo: first what happens every day, then attacks. Others are in [`crate::cases`].
pub const ALL: [Scenario; 15] = [
    BLOCKS,
    TRANSACTIONS,
    HONEST,
    OUTBOUND,
    REPLACEMENT,
    FEE_SPIKE,
    REORG,
    SPY,
    ADDR_FLOOD,
    STALLING,
    MUTATED_BLOCK,
    ODDITIES,
    UNREQUESTED,
    INVALID_TRANSACTIONS,
    ORPHANS,
];

pub use self::addr_flood::SCENARIO as ADDR_FLOOD;
pub use self::blocks::SCENARIO as BLOCKS;
pub use self::chain::{DOUBLE_BLOCK, HEADER_SPAM, INVALID_BLOCK, REPEATED_BLOCK, WITHHELD};
pub use self::crowds::{AS_VISITS, CRAWLERS, FLEET, INBOUND_FLOOD, LOCAL_PROBE, PRESSURE, SUBNET_FLOOD, THROUGH_TOR};
pub use self::fee_spike::SCENARIO as FEE_SPIKE;
pub use self::gossip::{FUTURE_ADDRESSES, GHOSTS, ONE_AS, TWO_NETWORKS, UNROUTABLE};
pub use self::honest::SCENARIO as HONEST;
pub use self::invalid_transactions::SCENARIO as INVALID_TRANSACTIONS;
pub use self::mempool::{CYCLING, ORPHAN_FLOOD, REJECTIONS, STUFFING};
pub use self::mutated_block::SCENARIO as MUTATED_BLOCK;
pub use self::oddities::SCENARIO as ODDITIES;
pub use self::ordinary::{CHOSEN, INBOUND, VISITORS};
pub use self::orphans::SCENARIO as ORPHANS;
pub use self::outbound::SCENARIO as OUTBOUND;
pub use self::own_node::{BURST, CAPTURE, CRASH, GONE, HANGS, RESTART, SYNC, WRONG_CLOCKS};
pub use self::protocol::{
    BOGUS_SERVICES, EMPTY_ADDRV2, GETDATA_LOOP, INV_BLOCKS, MALFORMED, OLD_PING, OVERSIZED, PING_SPAM,
    SELF_CONNECTIONS, SENDCMPCT, UNASKED_BLOCKS,
};
pub use self::reorg::SCENARIO as REORG;
pub use self::replacement::SCENARIO as REPLACEMENT;
pub use self::spies::{DISGUISED, KNOWN_SET, SAME_NONCE, SPREAD_SPY};
pub use self::spy::SCENARIO as SPY;
pub use self::stalling::SCENARIO as STALLING;
pub use self::transactions::SCENARIO as TRANSACTIONS;
pub use self::unrequested::SCENARIO as UNREQUESTED;
