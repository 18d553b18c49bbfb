//! The tool `share`: events for others, redacted by [`redact`], with a key of pseudonyms for each who gets them. `docs/sharing.md` says how it is used,
//! and `docs/public.md` what it shows.

mod hold;
mod key;

use std::sync::Arc;
use std::time::Duration;

use bus::accounts::{Reason, Stage};
use bus::nats::{self, NatsError};
use bus::{Bus, Delivery, Subscription, WhenFull};
use event::select::Select;
use event::time::now_ns;
use event::{Filter, Kind, Record};
use redact::{Names, Redactor};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

pub use crate::key::{Key, KeyError, KeyFile};

use crate::hold::Hold;
use crate::key::Stamp;

/// How often it is looked whether the time of events has come.
const TICK: Duration = Duration::from_millis(250);
/// How often it is looked whether a key was replaced.
const LOOK: Duration = Duration::from_secs(5);
/// Events on their way from here to what sends them, which takes them at once.
const QUEUE: usize = 1 << 14;

/// Somebody who gets events, and which.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// What the operator calls them.
    pub name: String,
    /// Their pseudonyms.
    pub key: KeyFile,
    /// Under which names they see nodes.
    pub names: Names,
    /// Which events they get: what is in any of these.
    pub only: Vec<Select>,
    /// Addresses and names of the nodes that must not be shown, besides those that are discovered.
    pub own: Vec<String>,
    /// Times are rounded down to multiples of this, and events sent when it is over; not if zero.
    pub times: Duration,
    /// Events are sent so much later.
    pub delay: Duration,
    /// The share of peers whose events they get.
    pub sample: f64,
}

impl Recipient {
    /// What makes events theirs.
    ///
    /// # Errors
    /// Their key cannot be used.
    pub fn redactor(&self) -> Result<Redactor, KeyError> {
        Ok(self.redactor_with(self.key.read_or_make()?))
    }

    fn redactor_with(&self, key: Key) -> Redactor {
        let redactor = Redactor::new(key.0).with_names(self.names.clone()).with_times(self.times);
        let mut redactor = redactor.with_sample(self.sample);
        self.own.iter().for_each(|own| redactor.learn(own));
        redactor
    }
}

/// Events for several recipients, each at a server of its own.
pub struct Sharing(Vec<(Recipient, Known, nats::Options)>);

/// A key that is in use, and how its file looked just before it was read.
struct Known {
    stamp: Option<Stamp>,
    key: Key,
}

impl Sharing {
    /// Reads the keys, and makes those that are not there.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn new(recipients: Vec<(Recipient, nats::Options)>) -> Result<Self, KeyError> {
        let with_key = |(recipient, server): (Recipient, nats::Options)| {
            let stamp = recipient.key.stamp();
            let known = Known { stamp, key: recipient.key.read_or_make()? };
            Ok((recipient, known, server))
        };
        recipients.into_iter().map(with_key).collect::<Result<_, _>>().map(Self)
    }

    /// Sends each recipient what it is to have, until no events come any more. What waits then is not sent: its time has not come.
    ///
    /// # Errors
    /// The address of a server cannot be used. Servers that are away are waited for.
    pub async fn run(self, mut events: Subscription, bus: Bus) -> Result<(), NatsError> {
        let start = |(recipient, known, server)| Line::start(recipient, known, server, &bus);
        let mut lines: Vec<Line> = self.0.into_iter().map(start).collect();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                deliveries = events.next_many() => {
                    if deliveries.is_empty() {
                        break;
                    }
                    for line in &mut lines {
                        line.take(deliveries.iter()).await;
                    }
                }
                _ = ticks.tick() => {
                    for line in &mut lines {
                        line.look().await;
                    }
                }
            }
        }
        let mut result = Ok(());
        for line in lines {
            result = result.and(line.end().await);
        }
        result
    }
}

/// The way to one recipient.
struct Line {
    recipient: Recipient,
    redactor: Redactor,
    known: Known,
    looked: Instant,
    hold: Hold,
    stage: Arc<Stage>,
    warned_full: bool,
    out: Bus,
    sending: JoinHandle<Result<(), NatsError>>,
}

impl Line {
    fn start(recipient: Recipient, known: Known, server: nats::Options, bus: &Bus) -> Self {
        let account = format!("share-{}", recipient.name);
        let hold = Hold::new(recipient.times, recipient.delay, server.buffer_bytes);
        let out = bus.beside();
        let events = out.subscribe(&format!("{account}-to-nats"), Filter::default(), QUEUE, WhenFull::Block);
        info!("sharing with {} at {}", recipient.name, server.shown_url());
        let server = nats::Options { account: format!("{account}-nats"), ..server };
        let sending = bus::task::spawn(account.clone(), nats::forward(events, server, bus.accounts().clone()));
        Self {
            redactor: recipient.redactor_with(known.key),
            known,
            looked: Instant::now(),
            hold,
            stage: bus.accounts().stage(&account),
            warned_full: false,
            out,
            sending,
            recipient,
        }
    }

    /// What is lost before it comes here is missing in the numbers.
    async fn take<'a>(&mut self, deliveries: impl Iterator<Item = &'a Delivery>) {
        let now_ns = now_ns();
        for delivery in deliveries {
            if let Delivery::Event(record) = delivery {
                self.put(record, now_ns);
            }
        }
        self.send(now_ns).await;
    }

    fn put(&mut self, record: &Record, now_ns: u64) {
        if !self.recipient.only.iter().any(|select| select.matches(record)) {
            self.redactor.withhold(record);
            return;
        }
        let Some(shown) = self.redactor.redact(record) else { return };
        let counts = shown.envelope().kind != Kind::Status;
        let fits = self.hold.put(Arc::new(shown), now_ns);
        if counts {
            self.stage.add_in(1);
            self.stage.add_dropped(Reason::Full, u64::from(!fits));
        }
        if !fits && !self.warned_full {
            warn!(
                "share: what waits for {} takes more than its buffer: events are lost until their time has come (buffer in \
                 [share.recipients.{}.bus])",
                self.recipient.name, self.recipient.name
            );
        }
        self.warned_full = !fits;
    }

    async fn send(&mut self, now_ns: u64) {
        let due = self.hold.due(now_ns);
        if due.is_empty() {
            return;
        }
        let counted = due.iter().filter(|record| record.envelope().kind != Kind::Status).count();
        self.stage.add_out(counted as u64);
        self.out.deliver(due.into_iter().map(Delivery::Event).collect()).await;
    }

    /// Time has passed.
    async fn look(&mut self) {
        self.send(now_ns()).await;
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        let stamp = self.recipient.key.stamp();
        if stamp == self.known.stamp {
            return;
        }
        match self.recipient.key.read() {
            // Only the file is another one.
            Ok(key) if key == self.known.key => {}
            Ok(key) => {
                self.redactor.change_key(key.0);
                self.known.key = key;
                info!("share: {} has a new key, and other pseudonyms from now on", self.recipient.name);
            }
            Err(error) => warn!("share: {error}; the key before stays in use"),
        }
        self.known.stamp = stamp;
    }

    async fn end(self) -> Result<(), NatsError> {
        self.stage.add_dropped(Reason::Disconnected, self.hold.waiting());
        self.out.end();
        // It fails only if it panics, which is logged.
        self.sending.await.unwrap_or(Ok(()))
    }
}
