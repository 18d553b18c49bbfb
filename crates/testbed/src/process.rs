//! Child processes that never outlive the program that started them, however that ends.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::OnceLock;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bus::task;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::find;

/// A running child; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts `program`; `configure` adds arguments and redirections.
    pub(crate) async fn spawn(name: &str, program: &Path, configure: impl FnOnce(&mut Command)) -> Result<Self> {
        // setpriv (util-linux) asks the kernel for the signal and then becomes the program, with the same pid.
        let mut command = match find::on_path("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        configure(&mut command);
        // A group of its own: Ctrl-C in a terminal is for the program, which then stops its children in order.
        command.process_group(0);

        let runtime = Handle::current();
        let (answer, child) = oneshot::channel();
        let job = move || {
            let _inside = runtime.enter();
            let _ = answer.send(command.spawn());
        };
        spawner().send(Box::new(job)).ok().context("there is no thread that starts processes")?;
        let child = child.await?.with_context(|| format!("can't start {}", program.display()))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// The process id, or `None` if it has ended.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The reading end of its standard error, if that was piped and not taken yet.
    pub(crate) fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Sends SIGKILL and waits until it is gone.
    pub(crate) async fn kill(mut self) -> Result<()> {
        if self.exited().is_some() {
            return Ok(()); // by itself
        }
        self.child.kill().await.with_context(|| format!("can't kill {}", self.name))
    }

    /// Waits until it has ended by itself; after `limit` it is killed.
    pub(crate) async fn wait(mut self, limit: Duration) -> Result<ExitStatus> {
        let status = timeout(limit, self.child.wait()).await;
        Ok(status.with_context(|| format!("{} did not stop within {limit:?} and was killed", self.name))??)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exited().is_some() || self.child.start_kill().is_err() {
            return;
        }
        // It is gone within a millisecond or so; its folder may be removed next, and it must not write into that any more.
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.exited().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// The kernel sends the parent-death signal when the *thread* that started the child ends, and a runtime's threads come and go. So all
/// children are started by one thread that stays.
fn spawner() -> &'static Sender<Job> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (sender, jobs) = std::sync::mpsc::channel::<Job>();
        // Without the thread the channel is closed, which whoever sends a job reports.
        if let Err(cause) = task::spawn_thread("start-processes", move || jobs.into_iter().for_each(|job| job())) {
            tracing::error!("can't start the thread that starts processes: {cause}");
        }
        sender
    })
}

/// Reads the lines that a child writes to standard error until `ready` gives a value for one. What comes later is read and dropped, because
/// a program can't write into a full or closed pipe.
///
/// # Errors
/// The child closed its standard error before, usually because it ended; with the lines so far.
pub(crate) async fn until_ready<T>(
    name: &'static str,
    stderr: ChildStderr,
    mut ready: impl FnMut(&str) -> Option<T>,
) -> Result<T> {
    let mut lines = BufReader::new(stderr).lines();
    let mut output = String::new();
    while let Some(line) = lines.next_line().await? {
        if let Some(value) = ready(&line) {
            let rest = async move { while let Ok(Some(_)) = lines.next_line().await {} };
            task::spawn(format!("standard error of {name}"), rest);
            return Ok(value);
        }
        output.push_str(&line);
        output.push('\n');
    }
    bail!("{name} ended: {}", output.trim())
}
