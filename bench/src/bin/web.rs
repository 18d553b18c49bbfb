//! What it costs to show events to many clients: 100 clients of the feed at 2,000 events per second, from the bus to their sockets, and one more that
//! never reads; and how smooth the circle is with 1,000 peers and 5,000 messages per second. Prints one line of JSON for each.
//!
//! Arguments: the figures (full, brief, circle). The default is all of them. The clients are a process of their own, so that the CPU time measured is
//! that of the server alone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bench::cpu;
use bench::memory::Memory;
use bench::payloads::messages;
use bus::{Bus, Delivery, WhenFull};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{PeerInfo, PeerInfos, Rpc};
use event::time::{now_ns, parse_rfc3339};
use event::{Body, Encoded, Filter, Record};
use serde_json::{Value, json};
use testbed::Browser;
use tokio::time::{MissedTickBehavior, interval};
use web::{Options, Server};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const CLIENTS: usize = 100;
const EVENTS_PER_SECOND: u64 = 2_000;
const SECONDS: u64 = 10;
const PEERS: u64 = 1_000;
const MESSAGES_PER_SECOND: u64 = 5_000;
/// How many batches are published per second, each as small as those of the bus.
const BATCHES_PER_SECOND: u64 = 200;

/// The server over a bus of its own.
struct Served {
    bus: Bus,
    address: String,
    messages: Vec<Encoded>,
    sequence: u64,
}

impl Served {
    fn start(peers: u64) -> Result<Self> {
        let bus = Bus::new();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let server = Server::new(listener, Options::default())?;
        let subscription = bus.subscribe("web", Filter::default(), 65_536, WhenFull::DropNewest);
        bus::task::spawn("web", server.run(subscription, bus.clone()));
        Ok(Self { bus, address, messages: messages(peers), sequence: 0 })
    }

    /// Publishes events at a rate for a number of seconds, each with the time at which it is published.
    async fn publish(&mut self, per_second: u64, seconds: u64) {
        let batch = per_second / BATCHES_PER_SECOND;
        let mut ticks = interval(Duration::from_nanos(1_000_000_000 / BATCHES_PER_SECOND));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..seconds * BATCHES_PER_SECOND {
            ticks.tick().await;
            let now = now_ns();
            let mut items = Vec::new();
            for _ in 0..batch {
                self.sequence += 1;
                let index = self.sequence as usize % self.messages.len();
                let Some(message) = self.messages.get(index).cloned() else { continue };
                items.push(Delivery::Event(Arc::new(Record::new("bench".into(), 1, self.sequence, now, message))));
            }
            self.bus.deliver(items).await;
        }
    }
}

fn resident_mib() -> Result<f64> {
    Ok(Memory::of_this_process()?.resident_kib as f64 / 1_024.0)
}

/// The latency of the feed to all clients, and what it costs the server.
async fn feed(form: &str) -> Result<()> {
    let mut served = Served::start(125)?;
    let events = EVENTS_PER_SECOND * SECONDS;
    let mut clients = Command::new(std::env::current_exe()?)
        .args(["clients", &served.address, form, &events.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = BufReader::new(clients.stdout.take().context("no output")?);
    let mut line = String::new();
    output.read_line(&mut line)?; // all are connected
    let stuck = connect(&served.address, form)?; // never reads
    let (before, cpu) = (resident_mib()?, cpu::of_process());
    served.publish(EVENTS_PER_SECOND, SECONDS).await;
    let (reported, cpu, after) =
        (tokio::task::spawn_blocking(move || output.lines().next()), cpu::of_process() - cpu, resident_mib()?);
    let reported: Value = serde_json::from_str(&reported.await?.context("the clients printed nothing")??)?;
    ensure!(clients.wait()?.success());
    drop(stuck);
    let per_client = cpu / (events as f64 * CLIENTS as f64) * 1e6;
    println!(
        "{}",
        json!({ "figure": "feed", "form": form, "clients": CLIENTS, "events_per_second": EVENTS_PER_SECOND, "told": reported,
                "server_cpu_us_per_event_and_client": (per_client * 1e3).round() / 1e3, "server_cpu_share": cpu / SECONDS as f64,
                "resident_mib_before_and_after": [before, after] })
    );
    served.bus.end();
    Ok(())
}

/// Opens a WebSocket: a TCP stream after the upgrade.
fn connect(address: &str, form: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET /ws?form={form} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

/// The other process: connects all clients, prints a line, reads all events, and prints how late they were.
fn clients(address: &str, form: &str, events: u64) -> Result<()> {
    let streams: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(address, form)).collect::<Result<_>>()?;
    println!("connected");
    let readers: Vec<_> = streams.into_iter().map(|stream| thread::spawn(move || read(stream, events))).collect();
    let mut late: Vec<u32> = Vec::new();
    let (mut lost, mut bytes) = (0, 0);
    for reader in readers {
        let (of_one, read) = reader.join().map_err(|_| anyhow::anyhow!("a client broke down"))??;
        lost += events - of_one.len() as u64;
        bytes += read;
        late.extend(of_one);
    }
    late.sort_unstable();
    let at = |share: f64| late.get((late.len() as f64 * share) as usize).map(|us| f64::from(*us) / 1e3);
    let mean = bytes / (late.len() as u64).max(1);
    println!(
        "{}",
        json!({ "lost": lost, "late_ms_p50": at(0.5), "late_ms_p99": at(0.99), "late_ms_most": at(0.999_999), "bytes_per_event": mean })
    );
    Ok(())
}

/// Reads all events of one client. Returns how late each was, in microseconds, and how many bytes they had.
fn read(stream: TcpStream, events: u64) -> Result<(Vec<u32>, u64)> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut stream = BufReader::with_capacity(256 << 10, stream);
    let mut late = Vec::new();
    let (mut text, mut bytes) = (Vec::new(), 0);
    while (late.len() as u64) < events {
        let mut head = [0_u8; 2];
        if stream.read_exact(&mut head).is_err() {
            break; // all that is still missing was lost
        }
        let [kind, length] = head;
        let mut wide = [0_u8; 8];
        let length = match length {
            126 => {
                stream.read_exact(wide.get_mut(6..).context("two bytes")?)?;
                u64::from_be_bytes(wide)
            }
            127 => {
                stream.read_exact(&mut wide)?;
                u64::from_be_bytes(wide)
            }
            short => short.into(),
        };
        text.resize(usize::try_from(length)?, 0);
        stream.read_exact(&mut text)?;
        if kind != 0x81 {
            continue; // a ping
        }
        let Some(time) = text.strip_prefix(b"{\"time\":\"").and_then(|rest| rest.split(|byte| *byte == b'"').next())
        else {
            continue; // {"control":…}
        };
        let time_ns = parse_rfc3339(std::str::from_utf8(time)?).context("a time")?;
        late.push(u32::try_from(now_ns().saturating_sub(time_ns) / 1_000)?);
        bytes += length;
    }
    Ok((late, bytes))
}

/// The answer to getpeerinfo, with all peers.
fn peer_infos() -> Delivery {
    const NETWORKS: [&str; 4] = ["ipv4", "ipv6", "onion", "i2p"];
    let info = |id: u64| PeerInfo {
        id: id as u32,
        address: format!("203.0.{}.{}:8333", id / 256 % 256, id % 256),
        network: NETWORKS.get(id as usize % 4).copied().unwrap_or_default().to_owned(),
        inbound: true,
        connection_type: "inbound".to_owned(),
        transport_protocol_type: "v2".to_owned(),
        services: "0409".to_owned(),
        ..PeerInfo::default()
    };
    let infos = PeerInfos { infos: (0..PEERS).map(info).collect() };
    let body = Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::PeerInfos(infos)) });
    Delivery::Event(Arc::new(Record::new("bench".into(), 2, 0, now_ns(), body)))
}

/// How smooth the page `circle` is in a real browser.
async fn circle() -> Result<()> {
    let mut served = Served::start(PEERS)?;
    served.bus.deliver(vec![peer_infos()]).await;
    let url = format!("http://{}/#/circle", served.address);
    let publishing = bus::task::spawn("publisher", async move { served.publish(MESSAGES_PER_SECOND, 30).await });
    let browser = Browser::start().await?;
    let page = browser.page(1_400, 900).await?;
    page.go(&url).await?;
    let begin = Instant::now();
    let shown = "JSON.stringify({...document.querySelector('canvas[data-mode]')?.dataset})";
    while begin.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let Some(text) = page.value(shown).await?.as_str().map(str::to_owned) else { bail!("there is no circle") };
        let shown: Value = serde_json::from_str(&text)?;
        println!(
            "{}",
            json!({ "figure": "circle", "peers": PEERS, "messages_per_second": MESSAGES_PER_SECOND, "page": shown })
        );
    }
    let wrong = page.wrong();
    ensure!(wrong.is_empty(), "{wrong:?}");
    publishing.abort();
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["clients", address, form, events] = words.as_slice() {
        return clients(address, form, events.parse()?);
    }
    let figures = if words.is_empty() { vec!["full", "brief", "circle"] } else { words };
    for figure in figures {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match figure {
            "full" | "brief" => runtime.block_on(feed(figure))?,
            "circle" => runtime.block_on(circle())?,
            other => bail!("there is no figure {other}: full, brief, circle"),
        }
    }
    Ok(())
}
