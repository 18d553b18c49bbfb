//! A fleet on this machine: hosts whose nodes publish events at a steady rate, each through a nats-server of its own that keeps them and dials
//! the hub; and the hub with its nats-server, web, metrics and archive, as `peer-observer fleet` configures them. Prints one line of JSON a figure:
//! whether anything was lost, how long a page takes meanwhile, and what the hub takes.
//!
//! Arguments: the figures, each as HOSTSxRATE (events per second of each host). The default is 50x200 12x2000.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bench::memory::Memory;
use bench::payloads::messages;
use bus::{Bus, Delivery, WhenFull};
use event::time::now_ns;
use event::{Filter, Kind, Record, subject};
use fleet::{Advice, Place, Plan, Roll, Secrets, streams};
use serde_json::json;
use store::archive::{Archive, files};
use tokio::time::{MissedTickBehavior, interval, sleep};

const SECONDS: u64 = 30;
/// Batches of each host in a second.
const BATCHES: u64 = 20;
/// How long what was published may take to be in the archive.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the servers of all hosts may take until they are at the hub: they check keys and certificates on these few cores.
const ARRIVAL: Duration = Duration::from_secs(300);
/// Pages of the hub that are requested in turn.
const PAGES: [&str; 3] = ["/", "/api/nodes", "/api/peers"];

/// A program that ends with this one.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(program: &Path, args: &[&str], log: &Path) -> Result<Self> {
        let log = fs::File::create(log)?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Self(command.spawn().with_context(|| format!("cannot start {}", program.display()))?))
    }

    fn peak_mb(&self) -> Option<f64> {
        Memory::of_process(self.0.id()).ok().map(Memory::peak_mb)
    }

    /// CPU time so far, seconds.
    fn cpu(&self) -> Option<f64> {
        let stat = procfs::process::Process::new(self.0.id().cast_signed()).ok()?.stat().ok()?;
        Some((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
    }

    async fn end(mut self) -> Result<()> {
        Command::new("kill").arg(self.0.id().to_string()).status()?;
        for _ in 0..200 {
            if self.0.try_wait()?.is_some() {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("a program of the hub does not end")
    }
}

/// Lets what is a host's have what the hub leaves of the processors: hosts have their own.
fn yield_to_hub(running: &Running) -> Result<()> {
    Command::new("renice").args(["-n", "15", "-p", &running.0.id().to_string()]).stdout(Stdio::null()).status()?;
    Ok(())
}

/// Waits until somebody listens.
async fn await_port(port: u16, log: &Path) -> Result<()> {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(begun.elapsed() < ARRIVAL, "nobody listens at port {port}: {}", fs::read_to_string(log)?);
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The list of a fleet of which everything is below a folder.
fn list(folder: &Path, hosts: usize, ports: &[u16]) -> Result<String> {
    let at = folder.display();
    let [hub, leafs, web, metrics, ..] = ports else { bail!("too few ports") };
    let mut text = format!(
        "[hub]\naddress = \"127.0.0.1:{leafs}\"\nlisten = \"127.0.0.1:{leafs}\"\nnats_port = {hub}\ndirectory = \"{at}/fleet/hub\"\n\
         nats_store = \"{at}/nats/hub\"\nconfig.web.listen = \"127.0.0.1:{web}\"\nconfig.metrics.listen = \"127.0.0.1:{metrics}\"\n\
         config.archive.directory = \"{at}/archive\"\n"
    );
    for (host, port) in (0..hosts).zip(ports.iter().skip(4)) {
        text += &format!(
            "[[host]]\nname = \"h{host}\"\nnats_port = {port}\nkeep = \"64MiB\"\ndirectory = \"{at}/fleet/h{host}\"\n\
             nats_store = \"{at}/nats/h{host}\"\n[[host.node]]\nname = \"n{host}\"\n"
        );
    }
    Ok(text)
}

/// What publishes in the hosts' place: this program again, by these arguments, so that it too gets what the hub leaves of the processors.
const PUBLISH: &str = "publish";

/// Connects to the hosts' nats-servers, of which standard input has one a line: port, password, node and rate. Says so by a line, and publishes
/// from the next line of the input on.
async fn publish_all() -> Result<()> {
    let mut lines = std::io::stdin().lines();
    let mut connected = Vec::new();
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        let [port, password, node, rate] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("{line:?}") };
        let options = async_nats::ConnectOptions::new().user_and_password("observer".to_owned(), password.to_owned());
        let url = format!("nats://127.0.0.1:{port}");
        let client = options.connection_timeout(ARRIVAL).connect(&url).await;
        let client = client.with_context(|| format!("the nats-server of a host at {url}"))?;
        connected.push((client, node.to_owned(), rate.parse()?));
    }
    println!("connected");
    lines.next().transpose()?;
    let publishing: Vec<_> =
        connected.into_iter().map(|(client, node, rate)| tokio::spawn(publish(client, node, rate))).collect();
    for publishing in publishing {
        publishing.await??;
    }
    Ok(())
}

/// Publishes a node's events.
async fn publish(client: async_nats::Client, node: String, rate: u64) -> Result<()> {
    let messages = messages(125);
    let mut ticks = interval(Duration::from_nanos(1_000_000_000 / BATCHES));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut sequence = 0_u64;
    for _ in 0..SECONDS * BATCHES {
        ticks.tick().await;
        for _ in 0..rate / BATCHES {
            sequence += 1;
            let message = messages.get(sequence as usize % messages.len().max(1)).context("no messages")?;
            let record = Record::new(node.as_str().into(), 7, sequence, now_ns(), message.clone());
            client.publish(subject::subject(&node, Kind::Message), record.bytes().clone()).await?;
        }
    }
    client.flush().await?;
    Ok(())
}

/// Requests pages until the end; how long each took of each page, milliseconds.
fn request(port: u16, end: Instant) -> Result<[Vec<f64>; PAGES.len()]> {
    let mut took = [const { Vec::new() }; PAGES.len()];
    for (place, page) in PAGES.iter().enumerate().cycle() {
        if Instant::now() > end {
            break;
        }
        let begun = Instant::now();
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        write!(stream, "GET {page} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        ensure!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{page}: {}",
            String::from_utf8_lossy(answer.get(..100).unwrap_or(&answer))
        );
        let of_page: &mut Vec<f64> = took.get_mut(place).context("a page")?;
        of_page.push(begun.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(50));
    }
    took.iter_mut().for_each(|of_page| of_page.sort_by(f64::total_cmp));
    Ok(took)
}

/// Events that are in the archive, and how many of them are not the next of their node.
fn archived(folder: &Path) -> Result<(u64, u64)> {
    let (mut next, mut events, mut odd) = (std::collections::HashMap::<Arc<str>, u64>::new(), 0, 0);
    for path in files([folder])? {
        for record in Archive::open(&path)?.records(Filter::default()) {
            let record = record.map_err(|damage| anyhow::anyhow!("{}: {damage}", path.display()))?;
            let envelope = record.envelope();
            if envelope.run == 7 {
                let last = next.entry(Arc::clone(&envelope.node)).or_default();
                odd += u64::from(envelope.sequence != *last + 1);
                *last = envelope.sequence;
                events += 1;
            }
        }
    }
    Ok((events, odd))
}

async fn figure(hosts: usize, rate: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let free_port = |_| Ok(testbed::free_port()?.port());
    let ports = (0..hosts + 4).map(free_port).collect::<Result<Vec<_>>>()?;
    fs::write(at("fleet.toml"), list(folder.path(), hosts, &ports)?)?;
    let plan = Plan::read(&at("fleet.toml"), &["ebpf", "rpc", "log", "process"])?;
    let place = Place::new(at("fleet"));
    let secrets = Secrets::of(&plan, &place.secrets(), &[])?;
    place.write(&fleet::files(&plan, &secrets, &Advice::default()))?;

    let (nats, program) = (testbed::nats_server()?, bench::program()?);
    let conf = |name: &str| at("fleet").join(name).join("nats-server.conf").display().to_string();
    let server = |name: &str| Running::start(&nats, &["-c", &conf(name)], &at(&format!("{name}.log")));
    let hub = server("hub")?;
    let names: Vec<String> = (0..hosts).map(|host| format!("h{host}")).collect();
    // One after the other, as hosts of a fleet come: a nats-server that starts has work for a core.
    let mut leafs = Vec::new();
    for (name, port) in names.iter().zip(ports.iter().skip(4)) {
        let leaf = server(name)?;
        yield_to_hub(&leaf)?;
        leafs.push(leaf);
        await_port(*port, &at(&format!("{name}.log"))).await?;
    }
    let roll = Roll::read(&at("fleet/hub/fleet.json"))?;
    let begun = Instant::now();
    loop {
        let missing = match streams::prepare(&roll).await {
            Ok(prepared) if prepared.away.is_empty() => break,
            Ok(prepared) => prepared.away.join(", "),
            Err(error) => error.to_string(),
        };
        ensure!(begun.elapsed() < ARRIVAL, "the hosts do not connect: {missing}");
        sleep(Duration::from_millis(300)).await;
    }
    let config = at("fleet/hub/peer-observer.toml").display().to_string();
    let tools = ["archive", "metrics", "web"];
    let started = tools.map(|tool| Running::start(&program, &[tool, "--config", &config], &at(&format!("{tool}.log"))));
    let mut running = Vec::new();
    for tool in started {
        running.push(tool?);
    }
    let web = ports.get(2).copied().context("a port")?;
    await_port(web, &at("web.log")).await?;
    sleep(Duration::from_secs(2)).await;

    let secrets: serde_json::Value = serde_json::from_slice(&fs::read(place.secrets())?)?;
    let mut input = String::new();
    for (host, port) in (0..hosts).zip(ports.iter().skip(4)) {
        let password = secrets.pointer(&format!("/hosts/h{host}/local_password")).and_then(|value| value.as_str());
        input += &format!("{port} {} n{host} {rate}\n", password.context("a password")?);
    }
    let mut publisher = Command::new(std::env::current_exe()?);
    let publisher = publisher.arg(PUBLISH).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut publisher = Running(publisher);
    yield_to_hub(&publisher)?;
    let mut to_publisher = publisher.0.stdin.take().context("its standard input")?;
    writeln!(to_publisher, "{input}")?;
    let mut from_publisher = BufReader::new(publisher.0.stdout.take().context("its standard output")?);
    ensure!(from_publisher.read_line(&mut String::new())? > 0, "what publishes could not connect");

    // A reader as the tools are: what it loses, they may lose.
    let (bus, mut options) = (Bus::new(), bus::nats::Options::new(roll.nats.clone()));
    options.user = Some(("hub".to_owned(), roll.password.clone()));
    let reader = bus::nats::connect_reader(&bus, &options).await?;
    let mut live = bus.subscribe("bench", Filter::default(), 1 << 20, WhenFull::Block);
    let shutdown = tokio_util::sync::CancellationToken::new();
    let reading = tokio::spawn(reader.run(bus.clone(), shutdown.clone()));
    let expected = hosts as u64 * rate * SECONDS;
    let counting = tokio::spawn(async move {
        let (mut events, mut lost, mut late) = (0_u64, 0_u64, Vec::new());
        while events + lost < expected {
            match live.next().await {
                Some(Delivery::Event(record)) if record.envelope().run == 7 => {
                    events += 1;
                    late.push(now_ns().saturating_sub(record.envelope().time_ns));
                }
                Some(Delivery::Lost(loss)) => lost += loss.missing,
                Some(_) => {}
                None => break,
            }
        }
        (events, lost, late)
    });
    let cpu: Vec<_> = running.iter().chain([&hub]).map(Running::cpu).collect();
    let end = Instant::now() + Duration::from_secs(SECONDS);
    let pages = tokio::task::spawn_blocking(move || request(web, end));
    writeln!(to_publisher)?;
    let begun = Instant::now();
    let published = tokio::task::spawn_blocking(move || publisher.0.wait()).await??;
    ensure!(published.success(), "what publishes failed");
    let took = begun.elapsed().as_secs_f64();
    let (events, lost, mut late) =
        tokio::time::timeout(PATIENCE, counting).await.context("not all events arrived live")??;
    late.sort_unstable();
    let pages = pages.await??;
    let used: Vec<_> =
        running.iter().chain([&hub]).zip(cpu).map(|(one, before)| Some((one.cpu()? - before?) / took)).collect();
    let peaks: Vec<_> = running.iter().chain([&hub]).map(Running::peak_mb).collect();
    shutdown.cancel();
    reading.await??;
    sleep(Duration::from_secs(6)).await; // sync_every of the archive
    for tool in running {
        tool.end().await?;
    }
    let (in_archive, odd) = archived(&at("archive"))?;
    let share = |values: &[f64], share: f64| {
        values.get((values.len() as f64 * share) as usize).map(|value| (value * 10.0).round() / 10.0)
    };
    let late: Vec<f64> = late.into_iter().map(|nanoseconds| nanoseconds as f64 / 1e6).collect();
    println!(
        "{}",
        json!({
            "figure": "fleet", "hosts": hosts, "events_per_second_of_each": rate, "seconds": took, "published": expected,
            "live": events, "lost_live": lost, "archived": in_archive, "not_in_order": odd,
            "late_ms_p50": share(&late, 0.5), "late_ms_p99": share(&late, 0.99),
            "pages": PAGES, "requests": pages.each_ref().map(Vec::len),
            "page_ms_p50": pages.each_ref().map(|of_page| share(of_page, 0.5)),
            "page_ms_p99": pages.each_ref().map(|of_page| share(of_page, 0.99)),
            "of": ["archive", "metrics", "web", "nats-server of the hub"], "peak_mb": peaks, "cores": used,
        })
    );
    drop(leafs);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if given == [PUBLISH] {
        return publish_all().await;
    }
    let figures = if given.is_empty() { vec!["50x200".to_owned(), "12x2000".to_owned()] } else { given };
    for text in figures {
        let (hosts, rate) = text.split_once('x').context("write HOSTSxRATE, such as 50x200")?;
        figure(hosts.parse()?, rate.parse()?).await?;
    }
    Ok(())
}
