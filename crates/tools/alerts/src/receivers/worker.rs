//! The task of a receiver: it sends what waits, again and again until it is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alert_state::Decisions;
use bus::Accounts;
use bus::counters::{ALERT_NOTIFICATIONS, ALERT_NOTIFICATIONS_WAITING, Count};
use event::pb::alerts::{Alert, State};
use parking_lot::{Mutex, RwLock};
use redact::Redactor;
use store::sqlite::DatabaseError;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::failure::Failure;
use super::ledger::{Knows, Ledger};
use super::outbox::{Grouping, IsQuiet, Next, Noted, Outbox};
use super::settings::{Settings, Wanted};
use super::{Boxed, redacted};

/// The first wait after a failure; each one is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest one, unless the receiver asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest wait that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

/// Where alerts are put for a receiver.
pub(super) struct Line {
    name: String,
    wanted: Wanted,
    /// It is informed when an alert is over.
    ends: bool,
    outbox: Mutex<Outbox>,
    decisions: Arc<RwLock<Decisions>>,
    /// Decisions changed since the worker looked.
    decided: AtomicBool,
    changed: Notify,
    end: CancellationToken,
    ledger: Option<Ledger>,
    dropped: Mutex<u64>,
}

impl Line {
    pub fn new(settings: &Settings, ledger: Option<Ledger>, decisions: Arc<RwLock<Decisions>>) -> Self {
        let (name, wanted, ends) = (settings.name.clone(), settings.wanted.clone(), settings.resolved);
        let (outbox, decided, changed, end, dropped) = Default::default();
        Self { name, wanted, ends, outbox, decisions, decided, changed, end, ledger, dropped }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes over what was left when the process ended. Blocks.
    pub fn restore(&self) -> Result<(), DatabaseError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let (mut outbox, now) = (self.outbox.lock(), Instant::now());
        let mut done = Vec::new();
        for (alert, known) in ledger.left()?.into_iter().filter(|(alert, _)| self.wanted.has(alert)) {
            if known && alert.state() == State::Resolved && !self.ends {
                done.push((alert.id, Knows::All));
            } else {
                outbox.restore(Arc::new(alert), known, now);
            }
        }
        ledger.note(&done)
    }

    /// Does something with what waits, by what people have decided.
    fn with<T>(&self, does: impl FnOnce(&mut Outbox, IsQuiet) -> T) -> T {
        let decisions = self.decisions.read();
        does(&mut self.outbox.lock(), &|alert| decisions.quiet(alert).is_some())
    }

    /// People have decided something.
    pub fn decided(&self) {
        self.decided.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Takes the states of alerts.
    pub async fn note(&self, alerts: &[Arc<Alert>]) {
        let now = Instant::now();
        let mut notes = Vec::new();
        self.with(|outbox, is_quiet| {
            for alert in alerts.iter().filter(|alert| self.wanted.has(alert)) {
                match outbox.note(alert, self.ends, is_quiet, now) {
                    Noted::Nothing => {}
                    Noted::Over => notes.push((alert.id.clone(), Knows::All)),
                    Noted::Waits { dropped } => {
                        notes.push((alert.id.clone(), Knows::NotYet));
                        if let Some(dropped) = dropped {
                            *self.dropped.lock() += 1;
                            notes.push(settled(&dropped));
                        }
                    }
                }
            }
        });
        self.write(notes).await;
        self.changed.notify_one();
    }

    /// Notes in the database what the receiver knows. If that is not possible, it is sent again after a restart.
    async fn write(&self, notes: Vec<(String, Knows)>) {
        let (Some(ledger), false) = (self.ledger.clone(), notes.is_empty()) else { return };
        if let Ok(Err(error)) = spawn_blocking(move || ledger.note(&notes)).await {
            warn!("what receiver {} was sent is not kept for the next start: {error}", self.name);
        }
    }

    /// What waits is sent without further waiting, and nothing after that.
    pub fn end(&self) {
        self.end.cancel();
    }
}

fn settled(alert: &Alert) -> (String, Knows) {
    let knows = if alert.state() == State::Open { Knows::Open } else { Knows::All };
    (alert.id.clone(), knows)
}

/// What sends what is put into a line.
pub(super) struct Worker {
    pub line: Arc<Line>,
    pub receiver: Boxed,
    /// Makes alerts public.
    pub redactor: Option<Arc<Mutex<Redactor>>>,
    /// What must not be shown.
    pub secrets: Vec<String>,
}

/// What is counted.
struct Counts {
    sent: Count,
    failed: Count,
    dropped: Count,
    waiting: Count,
}

impl Worker {
    /// Sends until the end.
    pub async fn run(self, accounts: Accounts) {
        let count = |result| accounts.count(&ALERT_NOTIFICATIONS, [&self.line.name, result]);
        let (sent, failed, dropped) = (count("sent"), count("failed"), count("dropped"));
        let waiting = accounts.count(&ALERT_NOTIFICATIONS_WAITING, [&self.line.name]);
        let counts = Counts { sent, failed, dropped, waiting };
        let line = &self.line;
        let mut again = self.receiver.again().map(|_| Instant::now());
        loop {
            self.level(&counts);
            let mut grouping = self.receiver.grouping();
            if line.end.is_cancelled() {
                grouping.wait = grouping.wait.map(|_| Duration::ZERO);
            }
            let next = line.with(|outbox, is_quiet| outbox.next(grouping, is_quiet, Instant::now()));
            if let Next::Now(alerts) = next {
                if !self.deliver(alerts, &counts).await {
                    return;
                }
                continue;
            }
            if line.end.is_cancelled() {
                return;
            }
            if line.decided.swap(false, Ordering::Relaxed) {
                again = again.map(|_| Instant::now());
            }
            if let (Some(due), Some(interval)) = (again, self.receiver.again())
                && due <= Instant::now()
            {
                self.repeat(grouping, &counts).await;
                again = Some(Instant::now() + interval);
                continue;
            }
            let at = if let Next::At(at) = next { Some(at) } else { None };
            let until = at.into_iter().chain(again).min();
            tokio::select! {
                () = line.changed.notified() => {}
                () = line.end.cancelled() => {}
                () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
            }
        }
    }

    fn level(&self, counts: &Counts) {
        counts.waiting.set(self.line.with(|outbox, is_quiet| outbox.waiting(is_quiet)) as f64);
        let dropped = std::mem::take(&mut *self.line.dropped.lock());
        if dropped > 0 {
            counts.dropped.add(dropped as f64);
            warn!("receiver {}: {dropped} alerts are dropped, since too many wait", self.line.name);
        }
    }

    /// Sends alerts that are in flight, until they are taken or refused. Returns false if it is to end before that.
    async fn deliver(&self, alerts: Vec<Arc<Alert>>, counts: &Counts) -> bool {
        let (line, mut failures) = (&self.line, 0);
        let mut warned = String::new();
        // What is over is no longer quiet. That this is not taken keeps nothing from being sent.
        self.hush().await.ok();
        loop {
            let failure = match self.send(&alerts).await {
                Ok(count) => {
                    if failures > 0 {
                        info!("receiver {}: alerts are taken again", line.name);
                    }
                    counts.sent.add(count as f64);
                    let sent = line.outbox.lock().sent(count);
                    line.write(sent.iter().map(|alert| settled(alert)).collect()).await;
                    return true;
                }
                Err(failure) => failure,
            };
            counts.failed.add(1.0);
            let what = hidden(&failure.what, &self.secrets);
            if failure.is_final {
                warn!("receiver {} refuses alerts, which are dropped: {what}", line.name);
                counts.dropped.add(alerts.len() as f64);
                let dropped = line.outbox.lock().sent(alerts.len());
                line.write(dropped.iter().map(|alert| settled(alert)).collect()).await;
                return true;
            }
            if line.end.is_cancelled() {
                return false;
            }
            let wait = wait(failures, &failure);
            failures += 1;
            if warned != what {
                warn!("receiver {} takes no alerts, which is tried again: {what}", line.name);
                warned = what;
            }
            let until = Instant::now() + wait;
            // What is dropped meanwhile shows.
            while Instant::now() < until && !line.end.is_cancelled() {
                self.level(counts);
                tokio::select! {
                    () = line.changed.notified() => {}
                    () = line.end.cancelled() => {}
                    () = tokio::time::sleep_until(until) => {}
                }
            }
            // Meanwhile, people may have decided that it is not to be sent.
            if line.with(|_, is_quiet| alerts.iter().any(|alert| is_quiet(alert))) {
                line.outbox.lock().sent(0);
                return true;
            }
        }
    }

    /// Sends all open alerts that are known again.
    async fn repeat(&self, grouping: Grouping, counts: &Counts) {
        let hushed = self.hush().await;
        let mut sent = Ok(());
        let known = self.line.outbox.lock().known();
        for alerts in known.chunks(grouping.most.max(1)) {
            if sent.is_ok() {
                sent = self.send(alerts).await.map(drop);
            }
        }
        if let Err(failure) = sent.and(hushed) {
            counts.failed.add(1.0);
            warn!("receiver {}: {}", self.line.name, hidden(&failure.what, &self.secrets));
        }
    }

    /// Says which of the alerts that are known people do not want to hear of.
    async fn hush(&self) -> Result<(), Failure> {
        let quiet = self.line.with(|outbox, is_quiet| {
            let known = outbox.known().into_iter();
            known.filter(|alert| is_quiet(alert)).collect::<Vec<_>>()
        });
        self.receiver.hush(&quiet.iter().map(|alert| &**alert).collect::<Vec<_>>()).await
    }

    async fn send(&self, alerts: &[Arc<Alert>]) -> Result<usize, Failure> {
        let Some(redactor) = &self.redactor else {
            return self.receiver.send(&alerts.iter().map(|alert| &**alert).collect::<Vec<_>>()).await;
        };
        let public: Option<Vec<Alert>> = alerts.iter().map(|alert| redacted(redactor, alert)).collect();
        let public = public.ok_or_else(|| Failure::refused("it cannot be made public"))?;
        self.receiver.send(&public.iter().collect::<Vec<_>>()).await
    }
}

/// How long to wait after so many failures before. No two receivers wait for the same time.
fn wait(failures: u32, failure: &Failure) -> Duration {
    match failure.wait {
        Some(asked) => asked.min(LONGEST_ASKED) + FIRST_WAIT.mul_f64(fastrand::f64()),
        None => {
            let longest = FIRST_WAIT.saturating_mul(1 << failures.min(16)).min(LONGEST_WAIT);
            longest.mul_f64(0.5 + fastrand::f64() / 2.0)
        }
    }
}

/// A text without secrets.
pub(super) fn hidden(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "(hidden)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits() {
        let failure = Failure::later("x");
        for (failures, longest) in [(0, 1.0), (1, 2.0), (5, 32.0), (20, 300.0), (u32::MAX, 300.0)] {
            let waits = (0..50).map(|_| wait(failures, &failure).as_secs_f64());
            assert!(waits.into_iter().all(|wait| wait >= longest / 2.0 && wait <= longest), "{failures}");
        }
        let asked = |seconds| wait(3, &Failure { wait: Some(Duration::from_secs(seconds)), ..failure.clone() });
        assert!((60..=61).contains(&asked(60).as_secs()) && asked(100_000) <= LONGEST_ASKED + FIRST_WAIT);
    }
}
