//! Connections that are not the node's: counted each, logged now and then.

use std::net::SocketAddr;
use std::time::Duration;

use bus::Publisher;
use bus::counters::P2P_REFUSED;
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::warn;

/// Pause between two lines about refused connections.
const PAUSE: Duration = Duration::from_secs(60);

/// What was refused.
pub struct Refusals {
    publisher: Publisher,
    /// When the last line was logged, and how many were refused since.
    log: Mutex<(Option<Instant>, u64)>,
}

impl Refusals {
    pub fn new(publisher: Publisher) -> Self {
        Self { publisher, log: Mutex::default() }
    }

    /// Notes one. `reason` is one of a few words, `why` is for people.
    pub fn note(&self, reason: &'static str, remote: SocketAddr, why: &dyn std::fmt::Display) {
        let node = self.publisher.node();
        self.publisher.accounts().count(&P2P_REFUSED, [node, reason]).add(1.0);
        let mut log = self.log.lock();
        let (logged, since) = &mut *log;
        if logged.is_some_and(|logged| logged.elapsed() < PAUSE) {
            *since += 1;
            return;
        }
        let more = match std::mem::take(since) {
            0 => String::new(),
            more => format!(", and {more} others since the last line like this"),
        };
        *logged = Some(Instant::now());
        drop(log);
        warn!("node {node}: refused a P2P connection from {remote}, which is not the node's: {why}{more}");
    }
}
