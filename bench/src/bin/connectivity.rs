//! What it takes to find out whether somebody is at gossiped addresses: 1,000 of them a minute, of which most are
//! silent, as on the real network, and as many as can be. Memory and CPU time are those of the check alone: what
//! listens is a process of its own. Prints one line of JSON for each.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::cpu;
use bench::memory::Memory;
use bus::{Bus, Publisher, WhenFull};
use connectivity::{Connectivity, Options, Ranges, Rates};
use event::filter::Kinds;
use event::pb::bitcoin_primitives::Address;
use event::pb::bitcoin_primitives::address::Address as Named;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{AddressAnnouncement, P2p};
use event::time::now_ns;
use event::{Body, Filter, Kind};
use node::Chain;
use p2p::{MessageType, Version};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Addresses of each measurement.
const ADDRESSES: u32 = 3_000;
/// As long as a silent address takes: from then on as many attempts end as begin.
const WARM_UP: Duration = Duration::from_secs(31);
const MEASURED: Duration = Duration::from_secs(60);

/// What listens at an address, by its number: of ten, three have transport v2, one has v1 only, five say nothing, and
/// at one nothing listens.
#[derive(Clone, Copy, PartialEq)]
enum Listens {
    V2,
    V1,
    Silent,
    Nothing,
}

fn listens(number: u32) -> Listens {
    match number % 10 {
        0..=2 => Listens::V2,
        3 => Listens::V1,
        4..=8 => Listens::Silent,
        _ => Listens::Nothing,
    }
}

fn address(number: u32) -> [u8; 4] {
    let [_, _, high, low] = (number / 100).to_be_bytes();
    [127, 1 + (number % 100) as u8, 1 + high, low]
}

/// The other process: prints an address a line, and answers there until its input ends.
async fn answer() -> Result<()> {
    for number in 0..ADDRESSES {
        let listener = TcpListener::bind(SocketAddr::from((address(number), 0))).await?;
        println!("{}", listener.local_addr()?);
        let listens = listens(number);
        if listens == Listens::Nothing {
            continue;
        }
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, listens));
            }
        });
    }
    println!();
    std::io::stdout().flush()?;
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// Ends with the connection, however that ends.
async fn serve(mut stream: TcpStream, listens: Listens) -> Result<(), p2p::Error> {
    let magic = Chain::Regtest.magic();
    let mut start = [0; 4];
    if listens == Listens::Silent {
        while stream.read(&mut [0; 1_024]).await? > 0 {}
        return Ok(());
    }
    stream.peek(&mut start).await?;
    if listens == Listens::V1 && start != magic {
        return Ok(());
    }
    let (reader, writer) = stream.into_split();
    let mut connection = p2p::accept(magic, reader, writer).await?;
    connection.reader.next().await?;
    let version = Version { version: 70_016, user_agent: b"/bench/".to_vec(), ..Version::default() };
    connection.writer.send(MessageType::new("version"), &version.encode()).await?;
    loop {
        connection.reader.next().await?;
    }
}

fn announcement(addresses: &[SocketAddr]) -> Body {
    let address = |addr: &SocketAddr| Address {
        timestamp: 1_700_000_000,
        services: 1_033,
        port: addr.port().into(),
        address: Some(Named::Ipv4(addr.ip().to_string())),
    };
    let addresses = addresses.iter().map(address).collect();
    let event = P2pEvent::AddressAnnouncement(AddressAnnouncement { addresses, ..AddressAnnouncement::default() });
    Body::P2pExtractor(P2p { p2p_event: Some(event) })
}

/// Tries addresses, so many connections a second. Measures for a minute at most, after a while.
async fn measure(what: &str, addresses: &[SocketAddr], per_second: f64, warm_up: Duration) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let bus = Bus::new();
    let attempts = Filter { kinds: vec![Kinds::One(Kind::Attempt)], ..Filter::default() };
    let mut results = bus.subscribe("results", attempts, 1 << 20, WhenFull::Block);
    let events = bus.subscribe("connectivity", Filter::default(), 1 << 16, WhenFull::Block);
    let check = Connectivity::open(Options {
        chain: Some(Chain::Regtest),
        ranges: Ranges { allow: vec!["127.0.0.0/8".parse()?], ..Ranges::default() },
        rates: Rates { per_second, group_per_minute: 100_000.0, asn_per_minute: 100_000.0 },
        concurrent: 1_000,
        ..Options::new(dir.path().join("connectivity.db"))
    })?;
    let (shutdown, to) = (CancellationToken::new(), bus.clone());
    let publishers = move |node: &str| Publisher::new(&to, node, "connectivity");
    let running = tokio::spawn(check.run(events, publishers, shutdown.clone()));
    let node = Publisher::new(&bus, "bench", "p2p");
    for part in addresses.chunks(1_000) {
        node.publish(now_ns(), announcement(part)).await;
    }
    let mut count = 0;
    let mut count_for = async |limit: Duration| {
        let begin = count;
        let _ = tokio::time::timeout(limit, async {
            while count < addresses.len() {
                count += results.next_many().await.len();
            }
        })
        .await;
        count - begin
    };
    if !warm_up.is_zero() {
        count_for(warm_up).await;
    }
    let (start, cpu) = (Instant::now(), cpu::of_process());
    let count = count_for(MEASURED).await;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu::of_process() - cpu);
    shutdown.cancel();
    bus.end();
    running.await?;
    println!(
        "{}",
        json!({
            "bench": "connectivity",
            "what": what,
            "addresses_per_minute": (count as f64 * 60.0 / seconds).round(),
            "cpu_percent": (1_000.0 * cpu / seconds).round() / 10.0,
            "cpu_ms_per_address": (1e5 * cpu / count as f64).round() / 100.0,
            "peak_mb": Memory::of_this_process()?.peak_mb(),
        })
    );
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    if std::env::args().nth(1).is_some_and(|argument| argument == "answer") {
        return answer().await;
    }
    let program = std::env::current_exe()?;
    let mut other = Command::new(program).arg("answer").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(other.stdout.take().context("no output")?).lines();
    let addresses = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).map(|line| line.parse());
    let addresses = addresses.collect::<Result<Vec<SocketAddr>, _>>()?;
    // A silent address takes two connections, as does one with v1 only.
    measure("1,000 addresses a minute", &addresses, 28.0, WARM_UP).await?;
    let quick: Vec<_> = (0..)
        .zip(&addresses)
        .filter(|(number, _)| listens(*number) != Listens::Silent)
        .map(|(_, addr)| *addr)
        .collect();
    measure("as many as can be, none of them silent", &quick, 1_000.0, Duration::ZERO).await?;
    drop(other.stdin.take());
    other.wait()?;
    Ok(())
}
