//! How fast payloads of P2P messages are turned into encoded events, on one core: written directly from Bitcoin's bytes, and through
//! structures. Prints one line of JSON for each message type, and one for a mix of them.
//!
//! Argument: the number of rounds (default 9).

use std::time::Instant;

use bench::payloads::{SAMPLES, mix};
use decode::message::{Meta, decode, encode};
use event::Body;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use fastrand::Rng;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().nth(1).map_or(Ok(9), |rounds| rounds.parse())?;
    let mut random = Rng::with_seed(0x5eed);
    for sample in &SAMPLES {
        let payloads: Vec<_> =
            (0..sample.count).map(|_| (sample.message_type, (sample.payload)(&mut random))).collect();
        print(sample.message_type, &payloads, rounds)?;
    }
    let mix = mix(&mut random, 100);
    print("mix", &mix, rounds)
}

/// Type and payload.
type Message = (&'static str, Vec<u8>);

fn print(name: &str, messages: &[Message], rounds: usize) -> anyhow::Result<()> {
    for message in messages {
        anyhow::ensure!(
            direct(message) == by_structures(message),
            "{} is written differently in the two ways",
            message.0
        );
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

/// The time for one message, in the median round.
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
        message_type: command,
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
