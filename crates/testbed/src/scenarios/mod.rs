//! What happens in a network: benign life, and attacks as they were seen. One file and one row each.
//!
//! A scenario is played again and again by one or more actors. What they choose follows from a seed; what the nodes make of it, and
//! when, does not.

mod addr_flood;
mod blocks;
mod fee_spike;
mod honest;
mod invalid_transactions;
mod mutated_block;
mod oddities;
mod orphans;
mod outbound;
mod reorg;
mod replacement;
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
    /// The second bytes of the addresses that its peers have, which no other scenario uses: 127.N.0.0/16.
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
        matches!(ip, IpAddr::V4(ip) if matches!(ip.octets(), [127, second, ..] if self.from.contains(&second)))
    }
}

/// All scenarios: first those of every day, then the attacks.
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
pub use self::fee_spike::SCENARIO as FEE_SPIKE;
pub use self::honest::SCENARIO as HONEST;
pub use self::invalid_transactions::SCENARIO as INVALID_TRANSACTIONS;
pub use self::mutated_block::SCENARIO as MUTATED_BLOCK;
pub use self::oddities::SCENARIO as ODDITIES;
pub use self::orphans::SCENARIO as ORPHANS;
pub use self::outbound::SCENARIO as OUTBOUND;
pub use self::reorg::SCENARIO as REORG;
pub use self::replacement::SCENARIO as REPLACEMENT;
pub use self::spy::SCENARIO as SPY;
pub use self::stalling::SCENARIO as STALLING;
pub use self::transactions::SCENARIO as TRANSACTIONS;
pub use self::unrequested::SCENARIO as UNREQUESTED;
