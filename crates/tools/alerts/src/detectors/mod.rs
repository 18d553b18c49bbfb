//! The detectors: a folder for each family, a file for each detector.

pub(crate) mod addresses;
pub(crate) mod blocks;
pub(crate) mod connections;
pub(crate) mod eclipse;
pub(crate) mod instrument;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod mempool;
pub(crate) mod protocol;
pub(crate) mod spies;
pub(crate) mod statistical;

use crate::detector::Row;
use crate::finding::Starts;
use crate::settings::Next;
use crate::sink::Sink;

/// What detectors keep of each peer.
#[derive(Debug, Default)]
pub struct Details {
    pub(crate) addresses: addresses::OfPeer,
    pub(crate) blocks: blocks::OfPeer,
    pub(crate) protocol: protocol::OfPeer,
    pub(crate) spies: spies::OfPeer,
}

model::observers! {
    /// All detectors of a node.
    pub(crate) struct Detectors: Observer<Sink, Details> {
        starts: Starts,
        asked: addresses::Asked,
        traffic: spies::Traffic,
        addresses: addresses::Addresses,
        blocks: blocks::Blocks,
        connections: connections::Connections,
        eclipse: eclipse::Eclipse,
        instrument: instrument::Instrument,
        load: load::Load,
        log: log::Log,
        mempool: mempool::Mempool,
        protocol: protocol::Protocol,
        spies: spies::Spies,
        pub(crate) statistical: statistical::Statistical,
    }
}

/// The table, in the order in which [`Detectors::new`] makes them.
const FAMILIES: &[&[Row]] = &[
    addresses::Addresses::ROWS,
    blocks::Blocks::ROWS,
    connections::Connections::ROWS,
    eclipse::Eclipse::ROWS,
    instrument::Instrument::ROWS,
    load::Load::ROWS,
    log::Log::ROWS,
    mempool::Mempool::ROWS,
    protocol::Protocol::ROWS,
    spies::Spies::ROWS,
    statistical::Statistical::ROWS,
];

impl Detectors {
    /// Those that have seen nothing yet. In the order of the table.
    pub(crate) fn new(next: &mut Next) -> Self {
        let addresses = addresses::Addresses::new(next);
        let blocks = blocks::Blocks::new(next);
        let connections = connections::Connections::new(next);
        let eclipse = eclipse::Eclipse::new(next);
        let instrument = instrument::Instrument::new(next);
        let load = load::Load::new(next);
        let log = log::Log::new(next);
        let mempool = mempool::Mempool::new(next);
        let protocol = protocol::Protocol::new(next);
        let spies = spies::Spies::new(next);
        let statistical = statistical::Statistical::new(next);
        Self {
            starts: Starts,
            asked: addresses::Asked,
            traffic: spies::Traffic,
            addresses,
            blocks,
            connections,
            eclipse,
            instrument,
            load,
            log,
            mempool,
            protocol,
            spies,
            statistical,
        }
    }
}

/// The rows of all detectors.
pub fn rows() -> impl Iterator<Item = Row> + Clone {
    FAMILIES.iter().copied().flatten().copied()
}

/// Open peers, in the order of their ids.
pub(crate) fn ids(peers: &model::Peers<Details>) -> Vec<u64> {
    let mut ids: Vec<u64> = peers.open().map(|peer| peer.id).collect();
    ids.sort_unstable();
    ids
}
