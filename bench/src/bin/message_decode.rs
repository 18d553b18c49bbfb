//! How fast payloads of P2P messages become encoded events, on one core: written straight from Bitcoin's bytes, and by
//! way of structures. Prints one line of JSON for each message type, and one for a mix of them.
//!
//! Argument: rounds (default 9).

use std::time::Instant;

use decode::message::{Meta, decode, encode};
use event::Body;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use fastrand::Rng;

/// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Messages of a sort, each as it comes.
struct Sort {
    name: &'static str,
    /// Of 100 messages of the mix, as of a node with many peers.
    share: usize,
    payload: fn(&mut Rng) -> Vec<u8>,
    /// How many in a round.
    count: usize,
}

const SORTS: [Sort; 14] = [
    Sort { name: "inv", share: 55, payload: |random| inventory(random, 1..=36), count: 20_000 },
    Sort { name: "tx", share: 15, payload: transaction, count: 10_000 },
    Sort { name: "ping", share: 5, payload: |random| bytes(random, 8), count: 20_000 },
    Sort { name: "pong", share: 5, payload: |random| bytes(random, 8), count: 20_000 },
    Sort { name: "addrv2", share: 5, payload: addrv2, count: 10_000 },
    Sort { name: "getdata", share: 5, payload: |random| inventory(random, 1..=10), count: 20_000 },
    Sort { name: "headers", share: 5, payload: headers, count: 10_000 },
    Sort { name: "cmpctblock", share: 5, payload: compact_block, count: 2_000 },
    Sort { name: "addr", share: 0, payload: addr, count: 10_000 },
    Sort { name: "getheaders", share: 0, payload: getheaders, count: 10_000 },
    Sort { name: "version", share: 0, payload: version, count: 10_000 },
    Sort { name: "getblocktxn", share: 0, payload: getblocktxn, count: 10_000 },
    Sort { name: "blocktxn", share: 0, payload: blocktxn, count: 2_000 },
    Sort { name: "block", share: 0, payload: block, count: 10 },
];

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().nth(1).map_or(Ok(9), |rounds| rounds.parse())?;
    let mut random = Rng::with_seed(0x5eed);
    for sort in &SORTS {
        let payloads: Vec<_> = (0..sort.count).map(|_| (sort.name, (sort.payload)(&mut random))).collect();
        print(sort.name, &payloads, rounds)?;
    }
    let mut mix: Vec<_> = SORTS
        .iter()
        .flat_map(|sort| std::iter::repeat_n(sort, sort.share * 100))
        .map(|sort| (sort.name, (sort.payload)(&mut random)))
        .collect();
    random.shuffle(&mut mix);
    print("mix", &mix, rounds)
}

type Message = (&'static str, Vec<u8>);

fn print(name: &str, messages: &[Message], rounds: usize) -> anyhow::Result<()> {
    for message in messages {
        anyhow::ensure!(direct(message) == by_structures(message), "{} is written in two ways", message.0);
    }
    let bytes: usize = messages.iter().map(|(_, payload)| payload.len()).sum();
    let encoded: usize = messages.iter().map(|message| direct(message).len()).sum();
    println!(
        "{}",
        serde_json::json!({
            "bench": "message_decode",
            "message": name,
            "bytes": bytes / messages.len().max(1),
            "encoded_bytes": encoded / messages.len().max(1),
            "rounds": rounds,
            "ns": nanoseconds(messages, rounds, direct),
            "ns_by_structures": nanoseconds(messages, rounds, by_structures),
        })
    );
    Ok(())
}

/// Of one message, in the median round.
fn nanoseconds(messages: &[Message], rounds: usize, encode: fn(&Message) -> Vec<u8>) -> f64 {
    let mut times: Vec<_> = (0..rounds.max(1))
        .map(|_| {
            let start = Instant::now();
            for message in messages {
                std::hint::black_box(encode(std::hint::black_box(message)));
            }
            start.elapsed()
        })
        .collect();
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    (median.as_nanos() as f64 / messages.len().max(1) as f64).round()
}

fn meta<'a>((command, payload): &'a Message) -> Meta<'a> {
    Meta {
        peer_id: 1234,
        addr: "203.0.113.77:51234",
        conn_type: ConnType::Inbound,
        conn_type_name: None,
        command,
        inbound: true,
        size: payload.len() as u64,
    }
}

fn direct(message: &Message) -> Vec<u8> {
    let mut event = Vec::with_capacity(message.1.len() + message.1.len() / 3 + 256);
    encode(&meta(message), &message.1, &mut event);
    event
}

fn by_structures(message: &Message) -> Vec<u8> {
    let mut event = Vec::with_capacity(message.1.len() + message.1.len() / 3 + 256);
    let ebpf_event = Some(EbpfEvent::Message(decode(&meta(message), &message.1)));
    Body::EbpfExtractor(Ebpf { ebpf_event }).encode(&mut event);
    event
}

fn bytes(random: &mut Rng, length: usize) -> Vec<u8> {
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

fn number(out: &mut Vec<u8>, number: usize) {
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

/// That many elements, and their number before them.
fn several(random: &mut Rng, count: usize, mut element: impl FnMut(&mut Rng) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    number(&mut out, count);
    (0..count).for_each(|_| out.extend(element(random)));
    out
}

fn inventory(random: &mut Rng, count: std::ops::RangeInclusive<usize>) -> Vec<u8> {
    let count = random.usize(count);
    several(random, count, |random| [vec![5, 0, 0, 0], bytes(random, 32)].concat())
}

/// One to three inputs with a signature and a key each, one to three outputs.
fn transaction(random: &mut Rng) -> Vec<u8> {
    let (inputs, outputs) = (random.usize(1..=3), random.usize(1..=3));
    let mut out = vec![2, 0, 0, 0, 0, 1];
    out.extend(several(random, inputs, |random| [bytes(random, 36), vec![0, 0xfd, 0xff, 0xff, 0xff]].concat()));
    out.extend(several(random, outputs, |random| [bytes(random, 8), vec![22, 0, 20], bytes(random, 20)].concat()));
    for _ in 0..inputs {
        out.extend([vec![2, 71], bytes(random, 71), vec![33], bytes(random, 33)].concat());
    }
    out.extend([0; 4]);
    out
}

fn addrv2(random: &mut Rng) -> Vec<u8> {
    let count = random.usize(1..=10);
    several(random, count, |random| {
        let (network, length) = match random.u8(..10) {
            0..5 => (1, 4),
            5..7 => (2, 16),
            7..9 => (4, 32),
            _ => (5, 32),
        };
        [bytes(random, 4), vec![0xfd, 9, 4, network, length], bytes(random, length.into()), vec![0x20, 0x8d]].concat()
    })
}

fn addr(random: &mut Rng) -> Vec<u8> {
    let count = random.usize(1..=10);
    several(random, count, |random| {
        let ip = [vec![0; 10], vec![0xff; 2], bytes(random, 4)].concat();
        [bytes(random, 4), vec![9, 4, 0, 0, 0, 0, 0, 0], ip, vec![0x20, 0x8d]].concat()
    })
}

fn headers(random: &mut Rng) -> Vec<u8> {
    let count = random.usize(1..=10);
    several(random, count, |random| [bytes(random, 80), vec![0]].concat())
}

fn getheaders(random: &mut Rng) -> Vec<u8> {
    let locator = several(random, 30, |random| bytes(random, 32));
    [vec![0x80, 0x11, 1, 0], locator, vec![0; 32]].concat()
}

fn version(random: &mut Rng) -> Vec<u8> {
    let mut out = bytes(random, 80);
    out.extend(b"\x10/Satoshi:29.0.0/");
    out.extend([0xa0, 0xbb, 0x0d, 0, 1]);
    out
}

/// Of a block of that many transactions, one of them prefilled.
fn compact_block(random: &mut Rng) -> Vec<u8> {
    let (header, count) = (bytes(random, 88), random.usize(500..=2_000));
    let short_ids = several(random, count, |random| bytes(random, 6));
    [header, short_ids, vec![1, 0], transaction(random)].concat()
}

fn getblocktxn(random: &mut Rng) -> Vec<u8> {
    let block_hash = bytes(random, 32);
    [block_hash, several(random, 20, |random| vec![random.u8(..0xfd)])].concat()
}

fn blocktxn(random: &mut Rng) -> Vec<u8> {
    let block_hash = bytes(random, 32);
    [block_hash, several(random, 20, transaction)].concat()
}

/// About 1.5 MB.
fn block(random: &mut Rng) -> Vec<u8> {
    let header = bytes(random, 80);
    [header, several(random, 4_000, transaction)].concat()
}
