//! What is known of one node: what the model derives from its events, and what the pages show besides.

use bus::Loss;
use event::Record;
use model::Model;
use networks::Enrichment;

use super::about::About;
use super::addresses::Addresses;
use super::addrman::Addrman;
use super::lines::Lines;
use super::mempool::Mempool;
use super::messages::{Polled, Traced};
use super::peer::Details;
use super::pings::Pings;
use super::sources::Sources;
use super::transactions::Transactions;
use super::types::Types;

/// The peers of a node, with what the pages keep of them.
pub(crate) type Peers = model::Peers<Details>;

/// What an observer gets besides what happened: `sink` are the types of messages, as small numbers.
pub(crate) type Context<'a> = model::Context<'a, Types>;

model::observers! {
    /// What the pages show.
    #[derive(Debug, Default)]
    pub(crate) struct Pages: Observer<Types, Details> {
        pub sources: Sources,
        pub about: About,
        pub transactions: Transactions,
        pub addresses: Addresses,
        pub pings: Pings,
        pub traced: Traced,
        pub polled: Polled,
        pub mempool: Mempool,
        pub lines: Lines,
        pub addrman: Addrman,
    }
}

/// What is known of one node.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub model: Model<Details>,
    pub pages: Pages,
}

impl Node {
    /// Folds an event. `time_ns` is when it happened, nanoseconds since the UNIX epoch.
    pub fn fold(&mut self, record: &Record, time_ns: u64, enrichment: &Enrichment, types: &mut Types) {
        self.model.fold(record, time_ns, enrichment, types, &mut self.pages);
    }

    /// Events of this node did not arrive.
    pub fn lost(&mut self, loss: &Loss, enrichment: &Enrichment, types: &mut Types) {
        self.model.lost(loss, enrichment, types, &mut self.pages);
    }

    /// Lets time pass: `now_ns` is the time, nanoseconds since the UNIX epoch.
    pub fn tick(&mut self, now_ns: u64, enrichment: &Enrichment, types: &mut Types) {
        self.model.tick(now_ns, enrichment, types, &mut self.pages);
    }
}
