//! What a service manager such as systemd learns, if one started us (sd_notify(3)): that everything runs, what it does, that it is alive, and that it
//! ends.

use std::ffi::{OsStr, OsString};
use std::future::pending;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bus::Bus;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::warn;

/// How often it is informed, unless it wants to know more often.
const EVERY: Duration = Duration::from_secs(10);

/// The connection to it. Without a service manager, all of this does nothing.
pub struct ServiceManager {
    link: Option<Link>,
    /// What this process does, for people.
    doing: String,
}

struct Link {
    socket: UnixDatagram,
    address: SocketAddr,
    /// Whether it restarts us when it hears nothing.
    watches: bool,
    ticks: Interval,
}

impl ServiceManager {
    /// That of this process, if its environment names one. To be called where tasks can be started.
    pub fn of_environment(doing: String) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        // The watchdog of another process that left us its environment is none of ours.
        let ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == *std::process::id().to_string());
        let watchdog = variable("WATCHDOG_USEC").filter(|_| ours);
        let link = variable("NOTIFY_SOCKET").and_then(|address| {
            let link = Link::new(&address, watchdog).context("the service manager is not informed (NOTIFY_SOCKET)");
            link.inspect_err(|cause| warn!("{cause:#}")).ok()
        });
        Self { link, doing }
    }

    /// Everything runs.
    pub fn ready(&self) {
        self.send(&format!("READY=1\nSTATUS={}", self.doing));
    }

    /// Everything ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=ending");
    }

    /// Waits until it is time, finds out whether this process is alive, and says so. Never returns without a service manager.
    ///
    /// Alive means: who calls this goes round, the threads of the runtime take a new task, and that gets hold of the bus, which every extractor and
    /// tool needs.
    pub async fn beat(&mut self, bus: &Bus) {
        let Some(link) = &mut self.link else { return pending().await };
        link.ticks.tick().await;
        let bus = bus.clone();
        let probe = tokio::spawn(async move {
            bus.queues();
            bus.accounts().dropped_total()
        });
        let Ok(lost) = probe.await else { return };
        let alive = if link.watches { "WATCHDOG=1\n" } else { "" };
        let lost = if lost == 0 { "lost no events".to_owned() } else { format!("lost {lost} events") };
        self.send(&format!("{alive}STATUS={}; {lost}", self.doing));
    }

    fn send(&self, state: &str) {
        let Some(Link { socket, address, .. }) = &self.link else { return };
        if let Err(cause) = socket.send_to_addr(state.as_bytes(), address) {
            warn!("the service manager is not informed: {cause}");
        }
    }
}

impl Link {
    fn new(address: &OsStr, watchdog: Option<OsString>) -> Result<Self> {
        let address = match address.as_bytes() {
            [b'/', ..] => SocketAddr::from_pathname(address)?,
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => bail!("{address:?} is neither a path nor an abstract name"),
        };
        let socket = UnixDatagram::unbound()?;
        // It reads at once; and nothing here may wait for it.
        socket.set_nonblocking(true)?;
        let microseconds = watchdog.and_then(|text| text.to_str()?.parse::<u64>().ok()).filter(|time| *time > 0);
        let watchdog = microseconds.map(Duration::from_micros);
        let mut ticks = interval(watchdog.map_or(EVERY, |time| EVERY.min(time / 3)).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { socket, address, watches: watchdog.is_some(), ticks })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::runtime::Builder;

    use super::*;

    /// A runtime whose only thread is stuck gives no sign of life, although who asks for it goes round.
    #[test]
    #[allow(clippy::unwrap_used, clippy::indexing_slicing)]
    fn threads_that_are_stuck_are_not_alive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let received = |patience: Duration| {
            manager.set_read_timeout(Some(patience)).unwrap();
            let mut buffer = [0; 256];
            let length = manager.recv(&mut buffer).ok()?;
            Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
        };
        let (long, short) = (Duration::from_secs(60), Duration::from_millis(300));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let inside = runtime.enter();
        let link = Link::new(path.as_os_str(), Some("30000".into())).unwrap();
        let mut ours = ServiceManager { link: Some(link), doing: "testing".to_owned() };
        drop(inside);
        ours.ready();
        assert_eq!(received(long).unwrap(), "READY=1\nSTATUS=testing");
        std::thread::scope(|scope| {
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            let beating = async {
                tokio::select! {
                    _ = ended => {}
                    () = async { loop { ours.beat(&Bus::new()).await } } => {}
                }
            };
            scope.spawn(|| runtime.block_on(beating));
            let alive = "WATCHDOG=1\nSTATUS=testing; lost no events";
            assert_eq!(received(long).unwrap(), alive);

            let (stuck, is_stuck) = mpsc::channel::<()>();
            let (release, released) = mpsc::channel::<()>();
            runtime.spawn(async move {
                stuck.send(()).unwrap();
                released.recv().unwrap();
            });
            is_stuck.recv().unwrap();
            // What was on its way before.
            while received(Duration::from_millis(1)).is_some() {}
            assert_eq!(received(short), None, "it is stuck");
            release.send(()).unwrap();
            assert_eq!(received(long).unwrap(), alive);
            end.send(()).unwrap();
        });
    }
}
