//! Sends what is published in this process to a NATS server, in order, also across its restarts.
//!
//! What is not confirmed (see [`super::confirm`]) when a connection breaks is sent again over the next one; readers know repeated
//! events by their sequence numbers.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use event::quote::Quoted;
use event::{Envelope, Kind, NodeNames, Record, original, subject};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::confirm::Confirming;
use super::link::{Link, WhenBroken};
use super::outbox::{Item, Outbox};
use super::{NatsError, Options, Subjects};
use crate::accounts::{Accounts, Reason, Stage};
use crate::queue::{Delivery, Subscription};

/// Bytes that are handed to the client before a confirmation is requested.
const BATCH_BYTES: usize = 256 << 10;
/// The longest time from sending an event to requesting a confirmation. Each request costs the threads on its way a wake-up or two.
const CONFIRM_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes that may be sent without being confirmed.
const WINDOW_BYTES: usize = 4 << 20;
/// How long the first echo may take; after that we assume that the server does not let us receive any.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before the server is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Pause after the server is back, so that readers are back before what was kept for them is sent: longer than
/// readers of ours take between two attempts to connect.
const READERS_RETURN: Duration = Duration::from_millis(1500);
/// How long pending events are sent after the end, if the server is away.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends all events of a subscription to a server until the subscription ends. Counts them in the account "nats".
///
/// # Errors
/// Only if the address or the credentials file cannot be used. A server that is away is waited for.
pub async fn forward(subscription: Subscription, options: Options, accounts: Accounts) -> Result<(), NatsError> {
    let shared = Arc::new(Shared {
        url: options.shown_url(),
        subjects: options.subjects,
        warned: Mutex::default(),
        intake: tokio::sync::Mutex::new(Intake::new(subscription)),
        outbox: Mutex::new(Outbox::new(options.buffer_bytes)),
        changed: Notify::new(),
        ended: CancellationToken::new(),
        stage: accounts.stage("nats"),
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
        let connecting = Link::connect(options, Arc::clone(&shared.stage), WhenBroken::Over);
        match shared.take_in_during(connecting).await {
            Ok(mut link) => {
                last_warning = None;
                if was_connected {
                    shared.take_in_during(tokio::time::sleep(READERS_RETURN)).await;
                }
                was_connected = true;
                // In the thread of the connection: each event would have to wake another one else.
                let Some(runtime) = link.runtime.take() else { return Ok(()) };
                let shared = Arc::clone(shared);
                let sending = async move { shared.take_in_during(Sender::run(link, Arc::clone(&shared))).await };
                if runtime.run(sending).await.unwrap_or(false) {
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

struct Shared {
    /// Address of the server, for messages.
    url: String,
    subjects: Subjects,
    /// What was logged that is not worth repeating with each connection.
    warned: Mutex<Vec<String>>,
    /// Locked by whoever sends or waits, and takes events in meanwhile.
    intake: tokio::sync::Mutex<Intake>,
    outbox: Mutex<Outbox>,
    /// Something was put into the outbox.
    changed: Notify,
    /// Nothing will be put into the outbox any more.
    ended: CancellationToken,
    stage: Arc<Stage>,
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
    fn is_done(&self) -> bool {
        self.ended.is_cancelled() && self.outbox.lock().pending() == 0
    }

    fn warn_once(&self, trouble: String) {
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
            let items = intake.subscription.next_many().await;
            if items.is_empty() {
                self.ended.cancel();
                return;
            }
            // What was lost before shows to readers as a gap in the sequence numbers.
            for item in items {
                if let Delivery::Event(record) = item {
                    self.put(&mut intake, &record);
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
        let item = Item { subject, payload };
        if record.envelope().kind == Kind::Status {
            outbox.push_anyway(item);
            return;
        }
        let fits = outbox.push(item);
        drop(outbox);
        if !fits {
            self.stage.add_dropped(Reason::Full, 1);
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

/// Sends over one connection.
struct Sender {
    link: Link,
    shared: Arc<Shared>,
    confirming: Confirming,
    /// The number up to which a confirmation is still to be requested; none if that is done.
    unrequested: Option<u64>,
    /// Bytes that were sent since the last request.
    unrequested_bytes: usize,
    /// When a confirmation was last requested over this connection.
    last_request: Option<Instant>,
    /// How many of the subjects that we may not use were dealt with.
    forbidden_known: usize,
    /// Whether an event was given up because of its size; only the first one is logged.
    warned_too_large: bool,
}

/// What woke the sender.
enum Wake {
    Confirmed(u64),
    /// There is something to send, or there will not be any more.
    Changed,
    /// The server does not let us use a subject.
    Forbidden,
    Broken,
    NoConfirmation,
    /// It is time to request a confirmation.
    Due,
}

impl Sender {
    /// Sends until everything is sent and nothing will come any more (true), or the connection breaks (false).
    async fn run(link: Link, shared: Arc<Shared>) -> bool {
        shared.outbox.lock().rewind();
        let confirming = Confirming::start(&link.client).await;
        let sender = Self {
            link,
            shared,
            confirming,
            unrequested: None,
            unrequested_bytes: 0,
            last_request: None,
            forbidden_known: 0,
            warned_too_large: false,
        };
        sender.send_all().await
    }

    async fn send_all(mut self) -> bool {
        while !self.shared.is_done() {
            if self.may_send() {
                let mut connected = self.link.connected.clone();
                tokio::select! {
                    biased;
                    _ = connected.wait_for(|connected| !connected) => return false,
                    () = self.send_batch() => {}
                }
                continue;
            }
            match self.wait().await {
                Wake::Confirmed(number) => {
                    let delivered = self.shared.outbox.lock().confirm(number);
                    self.shared.stage.add_out(delivered);
                }
                Wake::Changed => {}
                Wake::Due => self.request_confirmation().await,
                Wake::Forbidden => self.note_forbidden(),
                Wake::Broken => return false,
                Wake::NoConfirmation => self.confirm_by_time(),
            }
        }
        true
    }

    fn may_send(&self) -> bool {
        let outbox = self.shared.outbox.lock();
        outbox.has_unsent() && outbox.unconfirmed_bytes() < WINDOW_BYTES
    }

    async fn wait(&mut self) -> Wake {
        let more_comes = !self.shared.ended.is_cancelled();
        let unconfirmed = self.shared.outbox.lock().unconfirmed_bytes();
        let doubtful = unconfirmed > 0 && self.confirming.is_doubtful();
        let hurry = unconfirmed >= WINDOW_BYTES || !more_comes;
        let has_unrequested = self.unrequested.is_some();
        let due = self.last_request.filter(|_| more_comes).map(|request| request + CONFIRM_INTERVAL);
        let due = due.unwrap_or_else(Instant::now);
        let known = self.forbidden_known;
        let (confirming, client) = (&mut self.confirming, &self.link.client);
        tokio::select! {
            // What the server refused before it confirms the rest.
            biased;
            Ok(_) = self.link.forbidden.wait_for(|forbidden| forbidden.len() > known) => Wake::Forbidden,
            confirmed = confirming.confirmed(client, hurry) => confirmed.map_or(Wake::Broken, Wake::Confirmed),
            _ = self.link.connected.wait_for(|connected| !connected) => Wake::Broken,
            () = tokio::time::sleep_until(due), if has_unrequested => Wake::Due,
            () = self.shared.changed.notified() => Wake::Changed,
            () = self.shared.ended.cancelled(), if more_comes => Wake::Changed,
            () = tokio::time::sleep(CONFIRM_TIMEOUT), if doubtful => Wake::NoConfirmation,
        }
    }

    /// Gives up what the server does not let us publish, and confirmations that it does not let us receive.
    fn note_forbidden(&mut self) {
        let forbidden = self.link.forbidden.borrow().clone();
        for subject in forbidden.iter().skip(self.forbidden_known) {
            if self.confirming.needs(subject) {
                self.confirm_by_time();
                continue;
            }
            let given_up = self.shared.outbox.lock().forbid(Subject::from(subject.as_str()));
            self.shared.stage.add_dropped(Reason::Forbidden, given_up);
            self.shared.warn_once(format!(
                "the NATS server at {} does not let us publish under {}: its events are lost; \
                 allow our user to publish under it (permissions in the configuration of the server)",
                self.shared.url,
                Quoted(subject)
            ));
        }
        self.forbidden_known = forbidden.len();
    }

    fn confirm_by_time(&mut self) {
        self.shared.warn_once(format!(
            "the NATS server at {} does not let us receive confirmations (_INBOX.>): what is sent counts as delivered \
             if the connection is still up a second later, and is sent again otherwise",
            self.shared.url
        ));
        let sent = self.shared.outbox.lock().sent_number();
        self.confirming.change_to_time(sent);
    }

    async fn send_batch(&mut self) {
        let (batch, number) = self.shared.outbox.lock().take_batch(BATCH_BYTES);
        let max_payload = self.link.client.server_info().max_payload;
        let count = batch.len();
        for (index, item) in batch.into_iter().enumerate() {
            let Some(payload) = item.payload else {
                continue;
            };
            let payload = if payload.len() > max_payload && max_payload > 0 {
                match smaller(payload.clone(), max_payload, self.shared.subjects) {
                    Some(smaller) => smaller,
                    None => {
                        self.give_up(count - index - 1, payload.len(), max_payload);
                        continue;
                    }
                }
            } else {
                payload
            };
            self.unrequested_bytes += payload.len();
            // It fails only when the client is closed, and then nothing is confirmed.
            let _ = self.link.client.publish(item.subject, payload).await;
        }
        self.unrequested = Some(number);
        let recently = self.last_request.is_some_and(|request| request.elapsed() < CONFIRM_INTERVAL);
        if self.unrequested_bytes >= BATCH_BYTES || !recently {
            self.request_confirmation().await;
        }
    }

    /// Requests a confirmation of all that was sent.
    async fn request_confirmation(&mut self) {
        let Some(number) = self.unrequested.take() else { return };
        self.unrequested_bytes = 0;
        self.last_request = Some(Instant::now());
        self.confirming.request(&self.link.client, number).await;
    }

    fn give_up(&mut self, from_end: usize, size: usize, max_payload: usize) {
        self.shared.outbox.lock().give_up(from_end);
        self.shared.stage.add_dropped(Reason::TooLarge, 1);
        if !self.warned_too_large {
            self.warned_too_large = true;
            warn!(
                "an event of {size} B is lost: the NATS server takes at most {max_payload} B; \
                 raise max_payload in its configuration (logged once; further ones are only counted)"
            );
        }
    }
}

/// The event without raw transactions, if that is small enough.
fn smaller(payload: Bytes, max_payload: usize, subjects: Subjects) -> Option<Bytes> {
    let record = |bytes| Record::from_bytes(bytes, &mut NodeNames::default()).ok();
    let mut bytes = record(payload)?.bytes_without_raw()?;
    if subjects == Subjects::Flat {
        bytes = original::encode(&record(bytes)?, 0)?;
    }
    Some(bytes).filter(|bytes| bytes.len() <= max_payload)
}
