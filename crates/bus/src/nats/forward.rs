//! Sends what is published in this process to a NATS server, in order, also across its restarts.
//!
//! What is not confirmed (see [`super::confirm`]) when a connection breaks is sent again over the next one; readers know repeated
//! events by their sequence numbers.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use event::{Envelope, Kind, Record, original, subject};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::connect::connect;
use super::outbox::{Item, Outbox};
use super::sender::Sender;
use super::{NatsError, Options, Subjects};
use crate::accounts::{Accounts, Reason, Stage};
use crate::batch::Batch;
use crate::queue::{self, Delivery, Subscription};
use crate::task;

/// Pause before the server is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Pause after the server is back, so that readers are back before what was kept for them is sent: longer than
/// readers of ours take between two attempts to connect.
const READERS_RETURN: Duration = Duration::from_millis(1500);
/// How long pending events are sent after the end, if the server is away.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends all events of a subscription to a server until the subscription ends. Counts them in the account [`Options::account`].
///
/// On a runtime of one thread that happens there, and what publishes there too wakes nobody; on another one it has a thread of its own.
///
/// # Errors
/// Only if the address or the credentials file cannot be used. A server that is away is waited for.
pub async fn forward(subscription: Subscription, options: Options, accounts: Accounts) -> Result<(), NatsError> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return forward_here(subscription, options, accounts).await;
    }
    let url = options.shown_url();
    let failed = |error: io::Error| NatsError::Unreachable { url: url.clone(), reason: error.to_string() };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (send, result) = oneshot::channel();
    let abandoned = CancellationToken::new();
    let _guard = abandoned.clone().drop_guard();
    let work = move || {
        let forwarding = forward_here(subscription, options, accounts);
        if let Some(result) = runtime.block_on(abandoned.run_until_cancelled(forwarding)) {
            // Nobody may wait for it any more.
            let _ = send.send(result);
        }
    };
    task::spawn_thread("nats", work).map_err(failed)?;
    // It ends without a result only if it panics, which its spawn has logged.
    result.await.unwrap_or(Err(NatsError::Closed { url }))
}

async fn forward_here(subscription: Subscription, options: Options, accounts: Accounts) -> Result<(), NatsError> {
    let shared = Arc::new(Shared {
        url: options.shown_url(),
        subjects: options.subjects,
        warned: Mutex::default(),
        intake: tokio::sync::Mutex::new(Intake::new(subscription)),
        outbox: Mutex::new(Outbox::new(options.buffer_bytes)),
        changed: Notify::new(),
        ended: CancellationToken::new(),
        stage: accounts.stage(&options.account),
    });
    let patience = async {
        shared.ended.cancelled().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    let result = tokio::select! {
        result = keep_sending(&options, &shared) => result,
        () = patience => Ok(()),
    };
    // If sending fails, intake goes on: what is lost is counted until the end.
    shared.take_in().await;
    let lost = shared.outbox.lock().pending();
    if lost > 0 {
        shared.stage.add_dropped(Reason::Disconnected, lost);
        warn!("{lost} events did not get to the NATS server at {}", options.shown_url());
    }
    result
}

/// Sends over one connection after the other, until the end.
async fn keep_sending(options: &Options, shared: &Arc<Shared>) -> Result<(), NatsError> {
    let mut last_warning = None;
    let mut was_connected = false;
    loop {
        let connected = shared.take_in_during(connect(options)).await;
        shared.stage.set_connected(&shared.url, connected.is_ok());
        match connected {
            Ok((connection, max_payload)) => {
                info!("connected to the NATS server at {}", shared.url);
                last_warning = None;
                if was_connected {
                    shared.take_in_during(tokio::time::sleep(READERS_RETURN)).await;
                }
                was_connected = true;
                let sending = Sender::run(connection, max_payload, Arc::clone(shared));
                if shared.take_in_during(sending).await {
                    return Ok(());
                }
            }
            Err(error @ (NatsError::Address { .. } | NatsError::Credentials { .. })) => return Err(error),
            Err(error) => {
                let error = error.to_string();
                if last_warning.as_ref() != Some(&error) {
                    warn!("{error} (events are kept until it takes them, up to {} MiB)", options.buffer_bytes >> 20);
                    last_warning = Some(error);
                }
            }
        }
        if shared.is_done() {
            return Ok(());
        }
        shared.take_in_during(tokio::time::sleep(RETRY_DELAY)).await;
    }
}

/// What those who take events in and those who send them have in common.
pub(super) struct Shared {
    /// Address of the server, for messages.
    pub(super) url: String,
    pub(super) subjects: Subjects,
    /// What was logged that is not worth repeating with each connection.
    warned: Mutex<Vec<String>>,
    /// Locked by whoever sends or waits, and takes events in meanwhile.
    intake: tokio::sync::Mutex<Intake>,
    pub(super) outbox: Mutex<Outbox>,
    /// Something was put into the outbox.
    pub(super) changed: Notify,
    /// Nothing will be put into the outbox any more.
    pub(super) ended: CancellationToken,
    pub(super) stage: Arc<Stage>,
}

/// Where events come from.
struct Intake {
    subscription: Subscription,
    names: SubjectNames,
    /// For flat subjects, whose readers may be other programs.
    encoder: original::Encoder,
    /// Whether the buffer was full at the last event, which is logged when it begins and when it ends.
    warned_full: bool,
}

impl Intake {
    fn new(subscription: Subscription) -> Self {
        Self { subscription, names: SubjectNames::default(), encoder: original::Encoder::default(), warned_full: false }
    }
}

impl Shared {
    /// Whether everything was sent and confirmed, and nothing will come any more.
    pub(super) fn is_done(&self) -> bool {
        self.ended.is_cancelled() && self.outbox.lock().pending() == 0
    }

    pub(super) fn warn_once(&self, trouble: String) {
        let mut warned = self.warned.lock();
        if !warned.contains(&trouble) {
            warn!("{trouble}");
            warned.push(trouble);
        }
    }

    /// Awaits a future, and takes events in until that is done.
    async fn take_in_during<T>(&self, work: impl Future<Output = T>) -> T {
        let intake = async {
            self.take_in().await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            result = work => result,
            never = intake => match never {},
        }
    }

    /// Moves events from the bus to the outbox, which does not wait for anybody, until the subscription ends. Cancel safe.
    async fn take_in(&self) {
        if self.ended.is_cancelled() {
            return;
        }
        let mut intake = self.intake.lock().await;
        loop {
            let items = intake.subscription.next_items().await;
            if items.is_empty() {
                self.ended.cancel();
                return;
            }
            // What was lost before shows to readers as a gap in the sequence numbers.
            for item in items {
                match item {
                    queue::Item::One(Delivery::Event(record)) => self.put(&mut intake, &record),
                    queue::Item::One(_) => {}
                    queue::Item::Many(batch) if self.subjects == Subjects::PerNode => {
                        self.put_batch(&mut intake, batch);
                    }
                    queue::Item::Many(batch) => batch.records().for_each(|record| {
                        if let Delivery::Event(record) = record {
                            self.put(&mut intake, &record);
                        }
                    }),
                }
            }
            self.changed.notify_one();
        }
    }

    fn put(&self, intake: &mut Intake, record: &Record) {
        self.stage.add_in(1);
        let (subject, payload) = match self.subjects {
            Subjects::PerNode => (intake.names.of(record, false), Some(record.bytes().clone())),
            Subjects::Flat => (intake.names.of(record, true), intake.encoder.encode(record)),
        };
        if payload.is_none() {
            self.stage.add_filtered(1);
            return;
        }
        let mut outbox = self.outbox.lock();
        if outbox.is_forbidden(&subject) {
            self.stage.add_dropped(Reason::Forbidden, 1);
            return;
        }
        let item = Item::One(subject, payload);
        if record.envelope().kind == Kind::Status {
            outbox.push_anyway(item);
            return;
        }
        let fits = outbox.push(item);
        drop(outbox);
        self.note_room(intake, fits, 1);
    }

    fn put_batch(&self, intake: &mut Intake, batch: Batch) {
        let all = batch.len() as u64;
        self.stage.add_in(all);
        let mut item = Item::Many(batch);
        let mut outbox = self.outbox.lock();
        let forbidden = outbox.strip_forbidden(&mut item);
        let fits = outbox.push(item);
        drop(outbox);
        self.stage.add_dropped(Reason::Forbidden, forbidden);
        self.note_room(intake, fits, all - forbidden);
    }

    /// Counts events that did not fit into the buffer, and logs that once.
    fn note_room(&self, intake: &mut Intake, fits: bool, events: u64) {
        if !fits {
            self.stage.add_dropped(Reason::Full, events);
        }
        if !fits && !intake.warned_full {
            warn!("the buffer for the NATS server is full; events are lost until it takes them");
        } else if fits && intake.warned_full {
            info!("the buffer for the NATS server has room again");
        }
        intake.warned_full = !fits;
    }
}

/// The subjects in use, each made once.
#[derive(Default)]
struct SubjectNames(HashMap<(Arc<str>, &'static str), Subject>);

impl SubjectNames {
    fn of(&mut self, record: &Record, flat: bool) -> Subject {
        let Envelope { node, kind, .. } = record.envelope();
        let make = || Subject::from(subject::subject(if flat { "" } else { node }, *kind));
        self.0.entry((Arc::clone(node), subject::token(*kind))).or_insert_with(make).clone()
    }
}
