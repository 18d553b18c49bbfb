//! Plays cases on real nodes, each at a node of its own, and records what peer-observer sees of them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use testbed::cases::Case;
use testbed::{NatsServer, Node, Strength};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::label::{Label, form};
use crate::program;

/// The folder of the archive in that of a recording.
pub const EVENTS: &str = "events";
/// What peer-observer logs, in that folder.
const LOG: &str = "log.txt";
const END_WITHIN: Duration = Duration::from_secs(20);
/// For how long events are on their way through a server at most.
const STILL_COMES: Duration = Duration::from_secs(2);

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The cases.
    pub cases: Vec<Case>,
    /// In which forms attacks are played; others are the same in each.
    pub forms: Vec<Strength>,
    /// Decides what actors choose.
    pub seed: u64,
    /// How long ordinary life lasts at most before anything else happens, in seconds.
    pub lead: u64,
    /// How long a case lasts at most, in seconds.
    pub lasts: u64,
    /// How many cases are played at the same time.
    pub at_once: usize,
    /// The folder of the recordings.
    pub folder: PathBuf,
}

/// Records all cases; those that fail are reported, and left out.
///
/// # Errors
/// Nothing can be recorded here.
pub async fn record(plan: &Plan) -> Result<()> {
    program()?;
    let forms = |case: &Case| if case.must.is_empty() { vec![Strength::Strong] } else { plan.forms.clone() };
    let shortened = |case: &Case| Case { lasts: case.lasts.min(plan.lasts), ..*case };
    let all: Vec<_> =
        plan.cases.iter().flat_map(|case| forms(case).into_iter().map(|form| (shortened(case), form))).collect();
    for some in all.chunks(plan.at_once.max(1)) {
        let mut playing = tokio::task::JoinSet::new();
        for (number, (case, strength)) in some.iter().copied().enumerate() {
            let plan = plan.clone();
            playing.spawn(async move {
                // Not all at the same moment: starting takes more than living.
                sleep(Duration::from_millis(700) * u32::try_from(number).unwrap_or_default()).await;
                let name = format!("{}-{}-{}", case.name(), form(strength), plan.seed);
                one(&plan, case, strength, &name).await.with_context(|| format!("{name} is not recorded"))
            });
        }
        while let Some(played) = playing.join_next().await {
            if let Err(error) = played? {
                eprintln!("{error:#}");
            }
        }
    }
    Ok(())
}

async fn one(plan: &Plan, case: Case, strength: Strength, name: &str) -> Result<()> {
    let folder = plan.folder.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let nodes = tempfile::tempdir()?;
    let place = case.prepare(nodes.path(), plan.seed).await?;
    let observed = SystemTime::now();
    let observation = Observation::begin(place.node()?, case.connectivity, nodes.path(), &folder).await?;
    sleep(Duration::from_secs(case.lead.min(plan.lead))).await;
    let played = case.play(place, strength).await?;
    observation.end().await.with_context(|| format!("see {}", folder.join(LOG).display()))?;
    Label::new(case, strength, plan.seed, observed, played).write(&folder)
}

/// The programs that observe a node: one with the privileges that tracepoints take, which writes nothing, and those that take its events.
struct Observation {
    observer: Child,
    takers: Vec<Child>,
    /// It carries events if there are several who take them.
    nats: Option<NatsServer>,
}

impl Observation {
    async fn begin(node: &Node, connectivity: bool, folder: &Path, recording: &Path) -> Result<Self> {
        let nats = if connectivity { Some(NatsServer::start("").await?) } else { None };
        let mut config = "extract = [\"ebpf\", \"rpc\", \"log\", \"process\"]\n".to_owned();
        config += &match &nats {
            Some(nats) => format!("[bus]\nnats = {:?}\n", nats.url()),
            None => "tools = [\"watch\"]\n[watch]\noutput = \"protobuf\"\n".to_owned(),
        };
        config += "[ebpf]\nring_size = \"8MiB\"\n[rpc.interval]\ngetrawaddrman = \"20s\"\n";
        config += &format!("[[node]]\nname = \"alice\"\nchain = \"regtest\"\ndatadir = {:?}\n", node.datadir());
        let path = folder.join("peer-observer.toml");
        std::fs::write(&path, config)?;
        let (reader, writer) = std::io::pipe()?;
        let observer = peer_observer(recording, "run", &path)?.stdout(writer).spawn()?;
        let none = Path::new("/dev/null");
        let mut archiver = peer_observer(recording, "archive", none)?;
        archiver.arg("--archive-directory").arg(recording.join(EVENTS));
        let mut takers = Vec::new();
        match &nats {
            Some(nats) => {
                let mut checker = peer_observer(recording, "connectivity", none)?;
                let url = nats.url();
                checker.args(["--nats", &url, "--connectivity-database"]).arg(folder.join("connectivity.db"));
                takers.push(checker.spawn()?);
                takers.push(archiver.args(["--nats", &url]).spawn()?);
            }
            None => takers.push(archiver.arg("--stdin").stdin(reader).spawn()?),
        }
        Ok(Self { observer, takers, nats })
    }

    /// Ends observation, after what is under way has been written.
    async fn end(mut self) -> Result<()> {
        terminate(&self.observer)?;
        ended(&mut self.observer).await?;
        for taker in &mut self.takers {
            // What reads a pipe ends with that.
            if self.nats.is_some() {
                sleep(STILL_COMES).await;
                terminate(taker)?;
            }
            ended(taker).await?;
        }
        Ok(())
    }
}

fn terminate(child: &Child) -> Result<()> {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).context("peer-observer has ended")?;
    Ok(kill_process(pid, Signal::TERM)?)
}

async fn ended(child: &mut Child) -> Result<()> {
    let ended = tokio::time::timeout(END_WITHIN, child.wait()).await.context("peer-observer does not end")??;
    ensure!(ended.success(), "peer-observer ended with {ended}");
    Ok(())
}

/// A command of peer-observer that logs to a file in the folder of a recording.
fn peer_observer(recording: &Path, command: &str, config: &Path) -> Result<Command> {
    let log = std::fs::File::options().create(true).append(true).open(recording.join(LOG))?;
    let mut child = Command::new(program()?);
    child.arg(command).arg("--config").arg(config).kill_on_drop(true);
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(child)
}
