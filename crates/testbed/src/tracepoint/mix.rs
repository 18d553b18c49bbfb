//! Which events are fired, in which order.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use fastrand::Rng;

use super::Probe;
use super::event::{Event, address_of, conn_type_of};
use super::payload::{self, Message, TIME};

/// A header, the number of transactions, and a transaction.
const MIN_BLOCK_BYTES: usize = 141;
/// Bitcoin Core's `MAX_PROTOCOL_MESSAGE_LENGTH`.
const MAX_PAYLOAD_BYTES: usize = 4_000_000;

/// A mix of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mix {
    /// Messages as an ordinary node has them: mostly small `inv`, 1 kB on average, and a block of 1 to 2 MB every 10,000 messages.
    #[default]
    Real,
    /// Each message type in both directions, then each other tracepoint once.
    AllTypes,
    /// Pings, or messages with a payload of the configured size.
    Small,
    /// Transactions that leave the mempool with a block.
    Removed,
    /// Connections that come, misbehave and go.
    Connections,
    /// Blocks of 1 to 2 MB or of the configured size, each connected after it arrived.
    Blocks,
    /// Coins that come into a cache and go.
    Utxocache,
}

impl Mix {
    /// All mixes.
    pub const ALL: [Self; 7] =
        [Self::Real, Self::AllTypes, Self::Small, Self::Removed, Self::Connections, Self::Blocks, Self::Utxocache];

    /// Its name on the command line of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::AllTypes => "all-types",
            Self::Small => "small",
            Self::Removed => "removed",
            Self::Connections => "connections",
            Self::Blocks => "blocks",
            Self::Utxocache => "utxocache",
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mix {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let Some(mix) = Self::ALL.into_iter().find(|mix| mix.name() == name) else {
            bail!("no such mix: {name}; there are {}", Self::ALL.map(Self::name).join(", "));
        };
        Ok(mix)
    }
}

/// Events to be fired one after the other, then from the start again. All their memory is in use before the first is fired.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// The events, at least one.
    pub events: Vec<Event>,
    /// After so many a mix begins anew: each of `all-types` was there once. That many events or a multiple are in the plan.
    pub round: usize,
}

impl Plan {
    /// A plan; the same for the same seed. `payload_bytes` is the size of the payloads of [`Mix::Small`] and [`Mix::Blocks`].
    ///
    /// # Errors
    /// The mix has no size to choose, or it is too large or too small for a block.
    pub fn new(mix: Mix, seed: u64, payload_bytes: Option<usize>) -> Result<Self> {
        let sized = matches!(mix, Mix::Small | Mix::Blocks);
        match payload_bytes {
            Some(_) if !sized => bail!("the payloads of the mix {mix} have no size to choose"),
            Some(bytes) if bytes > MAX_PAYLOAD_BYTES => bail!("no payload has more than {MAX_PAYLOAD_BYTES} bytes"),
            Some(bytes) if mix == Mix::Blocks && bytes < MIN_BLOCK_BYTES => {
                bail!("a block has no fewer than {MIN_BLOCK_BYTES} bytes")
            }
            _ => {}
        }
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let events = match mix {
            Mix::Real => real(rng),
            Mix::AllTypes => (0..4).flat_map(|_| all_types(rng)).collect(),
            Mix::Small => small(rng, payload_bytes),
            Mix::Removed => (0..1_000).map(|_| removed(rng, c"block")).collect(),
            Mix::Connections => (0..70).flat_map(|number| connection(rng, number)).collect(),
            Mix::Blocks => blocks(rng, payload_bytes),
            Mix::Utxocache => utxocache(rng),
        };
        events.iter().for_each(Event::touch);
        let round = if mix == Mix::AllTypes { events.len() / 4 } else { events.len() };
        Ok(Self { events, round })
    }

    /// The probes that it fires.
    pub fn probes(&self) -> BTreeSet<Probe> {
        self.events.iter().map(Event::probe).collect()
    }
}

fn message(rng: &mut Rng, message: Message) -> Event {
    Event::Message { inbound: rng.bool(), message }
}

/// 10,000 messages, in the shares of `Mix::Real`.
fn real(rng: &mut Rng) -> Vec<Event> {
    type Make = fn(&mut Rng) -> Message;
    let shares: [(usize, Make); 6] = [
        (5_500, payload::inv),
        (1_500, payload::tx),
        (1_000, payload::getdata),
        (500, payload::addrv2),
        (299, payload::headers),
        (200, payload::cmpctblock),
    ];
    let mut events = Vec::with_capacity(10_000);
    for (count, make) in shares {
        events.extend((0..count).map(|_| {
            let made = make(rng);
            message(rng, made)
        }));
    }
    events.extend((0..1_000).map(|number| Event::Ping { inbound: number % 4 < 2, pong: number % 2 == 1 }));
    events.push(a_block(rng, None));
    rng.shuffle(&mut events);
    events
}

fn a_block(rng: &mut Rng, bytes: Option<usize>) -> Event {
    let bytes = bytes.unwrap_or_else(|| rng.usize(1_000_000..2_000_000));
    Event::Message { inbound: true, message: payload::block_of_size(rng, bytes) }
}

/// One round of `Mix::AllTypes`.
fn all_types(rng: &mut Rng) -> Vec<Event> {
    let mut events = Vec::new();
    for message in payload::every_type(rng) {
        for inbound in [true, false] {
            events.push(match message.message_type.to_bytes() {
                b"ping" => Event::Ping { inbound, pong: false },
                b"pong" => Event::Ping { inbound, pong: true },
                _ => Event::Message { inbound, message: message.clone() },
            });
        }
    }
    let number = rng.u32(..1_000);
    events.extend(connection(rng, number));
    events.extend([Event::Added { vsize: vsize(rng), fee: fee(rng) }, removed(rng, c"sizelimit")]);
    events.push(Event::Replaced {
        vsize: vsize(rng),
        fee: fee(rng),
        entry_time: TIME.into(),
        new_vsize: vsize(rng),
        new_fee: fee(rng),
        by_transaction: rng.bool(),
    });
    events.push(Event::Rejected { reason: c"min relay fee not met" });
    events.push(block_connected(rng));
    events.extend(arrived(rng));
    events.push(flush(rng));
    events.extend(coins(rng));
    events
}

fn small(rng: &mut Rng, bytes: Option<usize>) -> Vec<Event> {
    let size = match bytes {
        None | Some(8) => return [true, false].map(|inbound| Event::Ping { inbound, pong: false }).to_vec(),
        Some(size) => size,
    };
    // Some megabytes: more than a cache holds, as with the memory of a node.
    let count = (8_000_000 / size.max(1)).clamp(2, 1_000);
    (0..count).map(|number| Event::Message { inbound: number % 2 == 0, message: payload::of_size(rng, size) }).collect()
}

/// A few blocks.
fn blocks(rng: &mut Rng, bytes: Option<usize>) -> Vec<Event> {
    (0..8).flat_map(|_| [a_block(rng, bytes), block_connected(rng)]).collect()
}

fn block_connected(rng: &mut Rng) -> Event {
    Event::BlockConnected {
        height: rng.i32(1..900_000),
        transactions: rng.u64(1..5_000),
        inputs: rng.i32(0..12_000),
        sigops: rng.i64(0..80_000),
        duration_ns: rng.i64(1_000_000..2_000_000_000),
    }
}

/// A header, and a block from a compact block, as the proposed tracepoints have them.
fn arrived(rng: &mut Rng) -> [Event; 2] {
    [
        Event::BlockHeader { height: rng.i32(1..900_000), compact_block: rng.bool() },
        Event::BlockReconstructed {
            prefilled: rng.u64(1..10),
            from_mempool: rng.u64(0..5_000),
            from_extra_pool: rng.u64(0..5),
            requested: rng.u64(0..50),
            requested_bytes: rng.u64(0..50_000),
        },
    ]
}

fn removed(rng: &mut Rng, reason: &'static CStr) -> Event {
    let entry_time = (TIME - rng.u32(..100_000)).into();
    Event::Removed { reason, vsize: vsize(rng), fee: fee(rng), entry_time }
}

/// In vbytes. 141 is the usual size, for which a compiler may have made a site of its own.
fn vsize(rng: &mut Rng) -> i32 {
    if rng.bool() { 141 } else { rng.i32(61..100_000) }
}

/// In satoshis; may be negative, as `prioritisetransaction` makes them.
fn fee(rng: &mut Rng) -> i64 {
    rng.i64(-1_000..10_000_000)
}

/// The life of a connection.
fn connection(rng: &mut Rng, number: u32) -> Vec<Event> {
    let (addr, network) = address_of(number);
    let conn_type = conn_type_of(number);
    let at = |probe, value| Event::Connection { probe, addr, conn_type, network, value };
    vec![
        at(Probe::InboundConnection, rng.u32(1..115)),
        at(Probe::OutboundConnection, rng.u32(1..12)),
        Event::Misbehaving { reason: c"header with invalid proof of work" },
        at(Probe::EvictedInboundConnection, TIME - rng.u32(..100_000)),
        at(Probe::ClosedConnection, TIME - rng.u32(..100_000)),
    ]
}

/// 1,000 coins and a flush.
fn utxocache(rng: &mut Rng) -> Vec<Event> {
    let mut events: Vec<_> = (0..1_000).flat_map(|_| coins(rng)).collect();
    events.push(flush(rng));
    events
}

fn coins(rng: &mut Rng) -> [Event; 3] {
    [Probe::UtxocacheAdd, Probe::UtxocacheSpent, Probe::UtxocacheUncache].map(|probe| Event::Coin {
        probe,
        index: rng.u32(..),
        height: rng.u32(..900_000),
        value: rng.i64(0..2_100_000_000_000_000),
        is_coinbase: rng.bool(),
    })
}

fn flush(rng: &mut Rng) -> Event {
    Event::Flush {
        duration_us: rng.i64(1..10_000_000),
        mode: rng.u32(..5),
        coins: rng.u64(..50_000_000),
        bytes: rng.u64(..10_000_000_000),
        for_prune: rng.bool(),
    }
}
