//! How long it takes from a new tip of a node until a page has it: a node (regtest), `peer-observer run` with the tools `chain` and `web`, and a
//! reader of the page's stream of events. One line of JSON for each interface that reports the tip, at which the tool asks the node at once.
//!
//! The time of the tip is that of the node's own line `UpdateTip` in debug.log, in microseconds.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bench::program;
use serde_json::json;
use testbed::{Network, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Blocks that are mined for each figure, and the longest pause before one, in milliseconds.
const BLOCKS: usize = 200;
const PAUSE_MS: u64 = 400;
const PATIENCE: Duration = Duration::from_secs(30);
/// The extractors that report tips.
const WAYS: [&str; 3] = ["ipc", "ebpf", "log"];

/// What came from the page's stream, and when.
type Arrivals = Vec<(SystemTime, String)>;

#[tokio::main]
async fn main() -> Result<()> {
    for extractor in WAYS {
        let mut delays = measure(extractor).await.with_context(|| format!("by {extractor}"))?;
        delays.sort_unstable_by(f64::total_cmp);
        let at =
            |share: f64| delays.get((delays.len() as f64 * share) as usize).map(|delay| (delay * 10.0).round() / 10.0);
        let (p50, p99) = (at(0.5), at(0.99));
        println!(
            "{}",
            json!({"bench": "chain_tip", "by": extractor, "blocks": delays.len(), "p50_ms": p50, "p99_ms": p99})
        );
    }
    Ok(())
}

/// Milliseconds from each tip to its event at the page.
async fn measure(extractor: &str) -> Result<Vec<f64>> {
    let folder = tempfile::tempdir()?;
    let with_ipc = extractor == "ipc";
    let network =
        Network::start_with(1, folder.path(), |node| if with_ipc { node.config("ipcbind=unix") } else { node });
    let network = network.await?;
    let node = network.nodes().first().context("a network has a node")?;
    let page = free_address()?;
    let mut observer = observe(node, extractor, page, folder.path())?;
    let stream = open(page).await?;
    node.mine(1).await?;
    let reading = read(stream);
    sleep(Duration::from_secs(5)).await; // until it has found the node
    let mut hashes = Vec::with_capacity(BLOCKS);
    for _ in 0..BLOCKS {
        sleep(Duration::from_millis(fastrand::u64(50..PAUSE_MS))).await;
        hashes.extend(node.mine(1).await?.into_iter().map(|hash| hash.to_string()));
    }
    sleep(Duration::from_secs(3)).await;
    observer.kill().await?;
    let arrivals = timeout(PATIENCE, reading).await.context("the stream does not end")??;
    let log = std::fs::read_to_string(node.debug_log())?;
    let delays: Vec<f64> = hashes.iter().filter_map(|hash| delay(hash, &log, &arrivals)).collect();
    // Of tips that are followed by the next one at once, the page may see the next one only.
    ensure!(delays.len() * 10 > BLOCKS * 9, "only {} of {BLOCKS} tips came", delays.len());
    network.stop().await?;
    Ok(delays)
}

/// Milliseconds from the line of debug.log to the first event with this hash; none if one of them is missing.
fn delay(hash: &str, log: &str, arrivals: &Arrivals) -> Option<f64> {
    let line = log.lines().find(|line| line.contains("UpdateTip") && line.contains(hash))?;
    let tip = event::time::parse_rfc3339(line.split_whitespace().next()?)?;
    let (arrived, _) = arrivals.iter().find(|(_, text)| text.contains(hash))?;
    let arrived = arrived.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(arrived.as_secs_f64() * 1e3 - tip as f64 / 1e6)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn observe(node: &Node, extractor: &str, page: SocketAddr, folder: &Path) -> Result<Child> {
    let config = format!(
        "extract = [{extractor:?}]\ntools = [\"chain\", \"web\"]\n[web]\nlisten = \"{page}\"\n[chain]\nlisten = \"{}\"\n\
         [[node]]\nname = \"alice\"\nchain = \"regtest\"\ndatadir = {:?}\n",
        free_address()?,
        node.datadir()
    );
    let path = folder.join("peer-observer.toml");
    std::fs::write(&path, config)?;
    let log = std::fs::File::create(folder.join("peer-observer.log"))?;
    let mut command = Command::new(program()?);
    command.args(["run", "--config"]).arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.env("STATE_DIRECTORY", folder);
    Ok(command.kill_on_drop(true).spawn()?)
}

/// Opens the page's stream of events of nodes' tips, as soon as it is served.
async fn open(page: SocketAddr) -> Result<TcpStream> {
    let connect = async {
        loop {
            if let Ok(stream) = TcpStream::connect(page).await {
                return stream;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let mut stream = timeout(PATIENCE, connect).await.context("the page is not served")?;
    let request = format!("GET /events?kind=chain_node HTTP/1.1\r\nHost: {page}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Notes when what came, until the stream ends.
fn read(mut stream: TcpStream) -> JoinHandle<Arrivals> {
    tokio::spawn(async move {
        let (mut arrivals, mut buffer) = (Arrivals::new(), vec![0; 1 << 16]);
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            let text = String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()).into_owned();
            arrivals.push((SystemTime::now(), text));
        }
        arrivals
    })
}
