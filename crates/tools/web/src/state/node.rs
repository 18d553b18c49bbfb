//! The state of one node: the model, and what the pages show in addition.

use bus::Loss;
use event::{Record, Source};
use model::Model;
use networks::Enrichment;

use super::about::About;
use super::addresses::Addresses;
use super::addrman::Addrman;
use super::connectivity::Connectivity;
use super::happenings::Happenings;
use super::lines::Lines;
use super::mempool::Mempool;
use super::messages::{Logged, Messages, Polled, Traced};
use super::net::Net;
use super::own::Own;
use super::peer::Details;
use super::pings::Pings;
use super::relayed::Relayed;
use super::relays::Relays;
use super::sources::Sources;
use super::transactions::Transactions;
use super::types::Types;

/// The peers of a node, with the details that the pages show.
pub(crate) type Peers = model::Peers<Details>;

/// The context of an observer's calls. Its `sink` holds the message types, as small numbers.
pub(crate) type Context<'a> = model::Context<'a, Types>;

model::observers! {
    /// The observers that keep what the pages show.
    #[derive(Debug, Default)]
    pub(crate) struct Pages: Observer<Types, Details> {
        pub happenings: Happenings,
        pub sources: Sources,
        pub about: About,
        pub net: Net,
        pub transactions: Transactions,
        pub addresses: Addresses,
        pub pings: Pings,
        pub own: Own,
        pub relays: Relays,
        pub traced: Traced,
        pub logged: Logged,
        pub polled: Polled,
        pub mempool: Mempool,
        pub lines: Lines,
        pub addrman: Addrman,
        pub connectivity: Connectivity,
        pub relayed: Relayed,
    }
}

impl Pages {
    /// The messages as reported one by one, and by which source: tracepoints, else debug.log.
    pub fn counted(&self) -> Option<(&'static str, &Messages)> {
        let sources = [("ebpf", &self.traced.messages), ("log", &self.logged.messages)];
        sources.into_iter().find(|(_, messages)| messages.coverage.any())
    }
}

/// The state of one node.
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

    /// Folds a loss: events of this node that did not arrive.
    pub fn lost(&mut self, loss: &Loss, enrichment: &Enrichment, types: &mut Types) {
        self.model.lost(loss, enrichment, types, &mut self.pages);
    }

    /// Whether tracepoints report P2P messages at present.
    pub fn is_traced(&self) -> bool {
        self.pages.sources.has_traced() && self.model.liveness.is_up(Source::Ebpf.name())
    }

    /// Drops old state. `now_ns` is the time, in nanoseconds since the UNIX epoch.
    pub fn tick(&mut self, now_ns: u64, enrichment: &Enrichment, types: &mut Types) {
        self.model.tick(now_ns, enrichment, types, &mut self.pages);
    }
}
