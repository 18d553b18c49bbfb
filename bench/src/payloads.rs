//! Payloads of P2P messages, as a node with many peers sends and receives them.

use decode::message::Meta;
use event::Encoded;
use event::pb::bitcoin_primitives::ConnType;
use fastrand::Rng;

/// Random messages of one type.
pub struct Sample {
    /// The type of the messages.
    pub message_type: &'static str,
    /// How many of 100 messages of the mix are of this type, as at a node with many peers.
    pub share: usize,
    /// Makes a random payload.
    pub payload: fn(&mut Rng) -> Vec<u8>,
    /// How many messages a round of a benchmark has.
    pub count: usize,
}

/// Samples of all types.
pub const SAMPLES: [Sample; 14] = [
    Sample { message_type: "inv", share: 55, payload: |random| inventory(random, 1..=36), count: 20_000 },
    Sample { message_type: "tx", share: 15, payload: transaction, count: 10_000 },
    Sample { message_type: "ping", share: 5, payload: |random| bytes(random, 8), count: 20_000 },
    Sample { message_type: "pong", share: 5, payload: |random| bytes(random, 8), count: 20_000 },
    Sample { message_type: "addrv2", share: 5, payload: addrv2, count: 10_000 },
    Sample { message_type: "getdata", share: 5, payload: |random| inventory(random, 1..=10), count: 20_000 },
    Sample { message_type: "headers", share: 5, payload: headers, count: 10_000 },
    Sample { message_type: "cmpctblock", share: 5, payload: compact_block, count: 2_000 },
    Sample { message_type: "addr", share: 0, payload: addr, count: 10_000 },
    Sample { message_type: "getheaders", share: 0, payload: getheaders, count: 10_000 },
    Sample { message_type: "version", share: 0, payload: version, count: 10_000 },
    Sample { message_type: "getblocktxn", share: 0, payload: getblocktxn, count: 10_000 },
    Sample { message_type: "blocktxn", share: 0, payload: blocktxn, count: 2_000 },
    Sample { message_type: "block", share: 0, payload: block, count: 10 },
];

/// The messages of the mix in random order: types and payloads.
pub fn mix(random: &mut Rng, hundreds: usize) -> Vec<(&'static str, Vec<u8>)> {
    let samples = SAMPLES.iter().flat_map(|sample| std::iter::repeat_n(sample, sample.share * hundreds));
    let mut mix: Vec<_> = samples.map(|sample| (sample.message_type, (sample.payload)(random))).collect();
    random.shuffle(&mut mix);
    mix
}

/// Events with 20,000 messages of the mix, of a number of inbound peers.
pub fn messages(peers: u64) -> Vec<Encoded> {
    let mut random = Rng::with_seed(1);
    let mix = mix(&mut random, 200);
    let message = |(message_type, payload): (&'static str, Vec<u8>)| {
        let (peer_id, inbound) = (random.u64(0..peers), random.bool());
        let addr = address(peer_id);
        let (conn_type, size) = (ConnType::Inbound, payload.len() as u64);
        Meta { peer_id, addr: &addr, conn_type, conn_type_name: None, message_type, inbound, size }.encoded(&payload)
    };
    mix.into_iter().map(message).collect()
}

/// The address of a peer.
pub fn address(peer: u64) -> String {
    format!("203.0.{}.{}:8333", peer / 256 % 256, peer % 256)
}

pub(crate) fn bytes(random: &mut Rng, length: usize) -> Vec<u8> {
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// Writes a number as Bitcoin's CompactSize.
pub(crate) fn compact_size(out: &mut Vec<u8>, number: usize) {
    match number {
        0..0xfd => out.push(number as u8),
        0xfd..0x1_0000 => {
            out.push(0xfd);
            out.extend((number as u16).to_le_bytes());
        }
        _ => {
            out.push(0xfe);
            out.extend((number as u32).to_le_bytes());
        }
    }
}

/// A vector: the number of elements, then the elements.
pub(crate) fn vector(random: &mut Rng, count: usize, mut element: impl FnMut(&mut Rng) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    compact_size(&mut out, count);
    (0..count).for_each(|_| out.extend(element(random)));
    out
}

/// Entries of inv or getdata.
fn inventory(random: &mut Rng, count: std::ops::RangeInclusive<usize>) -> Vec<u8> {
    let count = random.usize(count);
    vector(random, count, |random| [vec![5, 0, 0, 0], bytes(random, 32)].concat())
}

/// A transaction with one to three inputs, each with a signature and a key, and one to three outputs.
pub(crate) fn transaction(random: &mut Rng) -> Vec<u8> {
    let (inputs, outputs) = (random.usize(1..=3), random.usize(1..=3));
    let mut out = vec![2, 0, 0, 0, 0, 1];
    out.extend(vector(random, inputs, |random| [bytes(random, 36), vec![0, 0xfd, 0xff, 0xff, 0xff]].concat()));
    out.extend(vector(random, outputs, |random| [bytes(random, 8), vec![22, 0, 20], bytes(random, 20)].concat()));
    for _ in 0..inputs {
        out.extend([vec![2, 71], bytes(random, 71), vec![33], bytes(random, 33)].concat());
    }
    out.extend([0; 4]);
    out
}

fn addrv2(random: &mut Rng) -> Vec<u8> {
    let count = random.usize(1..=10);
    vector(random, count, addrv2_entry)
}

/// An entry of addrv2.
pub(crate) fn addrv2_entry(random: &mut Rng) -> Vec<u8> {
    let (network, length) = match random.u8(..10) {
        0..5 => (1, 4),
        5..7 => (2, 16),
        7..9 => (4, 32),
        _ => (5, 32),
    };
    [bytes(random, 4), vec![0xfd, 9, 4, network, length], bytes(random, length.into()), vec![0x20, 0x8d]].concat()
}

fn addr(random: &mut Rng) -> Vec<u8> {
    let count = random.usize(1..=10);
    vector(random, count, |random| {
        let ip = [vec![0; 10], vec![0xff; 2], bytes(random, 4)].concat();
        [bytes(random, 4), vec![9, 4, 0, 0, 0, 0, 0, 0], ip, vec![0x20, 0x8d]].concat()
    })
}

pub(crate) fn headers(random: &mut Rng) -> Vec<u8> {
    let count = random.usize(1..=10);
    vector(random, count, |random| [bytes(random, 80), vec![0]].concat())
}

pub(crate) fn getheaders(random: &mut Rng) -> Vec<u8> {
    let locator = vector(random, 30, |random| bytes(random, 32));
    [vec![0x80, 0x11, 1, 0], locator, vec![0; 32]].concat()
}

pub(crate) fn version(random: &mut Rng) -> Vec<u8> {
    let mut out = bytes(random, 80);
    out.extend(b"\x10/Satoshi:29.0.0/");
    out.extend([0xa0, 0xbb, 0x0d, 0, 1]);
    out
}

/// A compact block of 500 to 2,000 transactions and a prefilled one.
fn compact_block(random: &mut Rng) -> Vec<u8> {
    let (header, count) = (bytes(random, 88), random.usize(500..=2_000));
    let short_ids = vector(random, count, |random| bytes(random, 6));
    [header, short_ids, vec![1, 0], transaction(random)].concat()
}

fn getblocktxn(random: &mut Rng) -> Vec<u8> {
    let block_hash = bytes(random, 32);
    [block_hash, vector(random, 20, |random| vec![random.u8(..0xfd)])].concat()
}

fn blocktxn(random: &mut Rng) -> Vec<u8> {
    let block_hash = bytes(random, 32);
    [block_hash, vector(random, 20, transaction)].concat()
}

/// A block of about 1.5 MB.
fn block(random: &mut Rng) -> Vec<u8> {
    let header = bytes(random, 80);
    [header, vector(random, 4_000, transaction)].concat()
}
