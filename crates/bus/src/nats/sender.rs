//! Sends what is in the outbox over one connection.

use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ServerInfo, Subject};
use bytes::Bytes;
use event::quote::Quoted;
use event::{NodeNames, Record, original};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep_until};
use tracing::warn;

use super::Subjects;
use super::confirm::Confirming;
use super::connection::{Connection, Happened};
use super::forward::Shared;
use super::link::forbidden_subject;
use super::outbox::Item;
use crate::accounts::Reason;
use crate::batch::{Batch, END};

/// Bytes that are written at once, about.
const BATCH_BYTES: usize = 512 << 10;
/// Bytes that are written before a confirmation is requested.
const CONFIRM_BYTES: usize = 1 << 20;
/// The time between two requests of a confirmation, unless much is sent. Each costs the threads on its way a wake-up or two.
const CONFIRM_INTERVAL: Duration = Duration::from_millis(250);
/// How much longer a request waits for more events to be sent, whose write then takes it along: longer than they take to come where they are steady.
const CONFIRM_SLACK: Duration = Duration::from_millis(50);
/// Bytes that may be sent without being confirmed.
const WINDOW_BYTES: usize = 4 << 20;
/// How long the first echo may take; after that we assume that the server does not let us receive any.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the server is asked whether it is there. After two questions without an answer, it is not.
const PING: Duration = Duration::from_secs(60);
/// How long the server may take for what was written last.
const PART: Duration = Duration::from_secs(3);
/// Events of this size and more are written from where they lie.
const LARGE: usize = 16 << 10;

/// Sends over one connection.
pub(super) struct Sender {
    connection: Connection,
    /// Bytes of a message that the server takes; 0 if it does not say.
    max_payload: usize,
    shared: Arc<Shared>,
    confirming: Confirming,
    /// The number up to which a confirmation is still to be requested; none if that is done.
    unrequested: Option<u64>,
    /// Bytes that were sent since the last request.
    unrequested_bytes: usize,
    /// Until when the next request of a confirmation waits: [`CONFIRM_INTERVAL`] and [`CONFIRM_SLACK`] from the last one on.
    due: Instant,
    /// Goes off then, if there is something to request one for. It is one timer for the whole connection: to set one at each turn costs a wake-up of
    /// its own.
    timer: Pin<Box<Sleep>>,
    pings: Interval,
    /// Questions whether it is there that the server has not answered.
    unanswered: u32,
    /// Whether an event was given up because of its size; only the first one is logged.
    warned_too_large: bool,
}

/// What woke the sender.
enum Wake {
    Happened(std::io::Result<Happened>),
    Confirmed(u64),
    /// There is something to send, or there will not be any more.
    Changed,
    NoConfirmation,
    /// It is time to request a confirmation.
    Due,
    /// It is time to ask the server whether it is there.
    Ping,
}

impl Sender {
    /// Sends until everything is sent and nothing will come any more (true), or the connection breaks (false).
    pub(super) async fn run(mut connection: Connection, max_payload: usize, shared: Arc<Shared>) -> bool {
        shared.outbox.lock().rewind();
        let (confirming, subscribe) = Confirming::start();
        connection.put(subscribe);
        let mut pings = interval_at(Instant::now() + PING, PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let sender = Self {
            connection,
            max_payload,
            shared,
            confirming,
            unrequested: None,
            unrequested_bytes: 0,
            due: Instant::now(),
            timer: Box::pin(sleep_until(Instant::now())),
            pings,
            unanswered: 0,
            warned_too_large: false,
        };
        sender.send_all().await
    }

    async fn send_all(mut self) -> bool {
        while !self.shared.is_done() {
            if self.may_send() {
                self.send_batch();
            }
            match self.wait().await {
                Wake::Happened(Ok(happened)) => self.note(happened),
                Wake::Happened(Err(error)) => return self.broken(&error.to_string()),
                Wake::Confirmed(number) => self.confirm(number),
                Wake::Changed => {}
                Wake::Due => self.request_confirmation(),
                Wake::NoConfirmation => self.confirm_by_time(),
                Wake::Ping if self.unanswered >= 2 => return self.broken("it does not answer"),
                Wake::Ping => {
                    self.unanswered += 1;
                    self.connection.put(Bytes::from_static(b"PING\r\n"));
                }
            }
        }
        if self.confirming.is_by_time() {
            self.part().await;
        }
        true
    }

    /// Waits until the server has taken what was written: a connection that is closed before all that came was read is reset, and with it what is on
    /// its way is lost.
    async fn part(&mut self) {
        self.connection.put(Bytes::from_static(b"PING\r\n"));
        let answered = async {
            while let Ok(happened) = self.connection.next().await
                && happened != Happened::Pong
            {}
        };
        // What a server takes that does not answer is not known.
        let _ = tokio::time::timeout(PART, answered).await;
    }

    fn broken(&self, why: &str) -> bool {
        let url = &self.shared.url;
        warn!("lost the connection to the NATS server at {url}: {why}; connecting again");
        self.shared.stage.set_connected(url, false);
        false
    }

    fn may_send(&self) -> bool {
        let outbox = self.shared.outbox.lock();
        !self.connection.is_writing() && outbox.has_unsent() && outbox.unconfirmed_bytes() < WINDOW_BYTES
    }

    async fn wait(&mut self) -> Wake {
        let more_comes = !self.shared.ended.is_cancelled();
        let unconfirmed = self.shared.outbox.lock().unconfirmed_bytes();
        let doubtful = unconfirmed > 0 && self.confirming.is_doubtful();
        let at_once = !self.connection.is_writing() && (unconfirmed >= WINDOW_BYTES || !more_comes);
        let has_unrequested = self.unrequested.is_some();
        if has_unrequested && self.timer.deadline() != self.due {
            self.timer.as_mut().reset(self.due);
        }
        let timer = &mut self.timer;
        let due = async {
            if more_comes {
                timer.as_mut().await;
            }
        };
        tokio::select! {
            biased;
            happened = self.connection.next() => Wake::Happened(happened),
            number = self.confirming.confirmed_by_time(at_once) => Wake::Confirmed(number),
            () = due, if has_unrequested => Wake::Due,
            () = self.shared.changed.notified() => Wake::Changed,
            () = self.shared.ended.cancelled(), if more_comes => Wake::Changed,
            () = tokio::time::sleep(CONFIRM_TIMEOUT), if doubtful => Wake::NoConfirmation,
            _ = self.pings.tick() => Wake::Ping,
        }
    }

    fn note(&mut self, happened: Happened) {
        match happened {
            Happened::Written => {}
            Happened::Pong => self.unanswered = 0,
            Happened::Echo(number) => {
                self.confirming.note_echo();
                self.confirm(number);
            }
            Happened::Info(info) => {
                if let Ok(info) = serde_json::from_slice::<ServerInfo>(&info) {
                    self.max_payload = info.max_payload;
                }
            }
            Happened::Error(error) => match forbidden_subject(&error) {
                Some(subject) => self.note_forbidden(subject),
                None => self.shared.warn_once(format!("the NATS server at {} reports: {error}", self.shared.url)),
            },
        }
    }

    fn confirm(&self, number: u64) {
        let delivered = self.shared.outbox.lock().confirm(number);
        self.shared.stage.add_out(delivered);
    }

    /// Gives up what the server does not let us publish, or confirmations, if it does not let us receive them.
    fn note_forbidden(&mut self, subject: &str) {
        if self.confirming.needs(subject) {
            return self.confirm_by_time();
        }
        let given_up = self.shared.outbox.lock().forbid(Subject::from(subject));
        self.shared.stage.add_dropped(Reason::Forbidden, given_up);
        self.shared.warn_once(format!(
            "the NATS server at {} does not let us publish under {}: its events are lost; \
             allow our user to publish under it (permissions in the configuration of the server)",
            self.shared.url,
            Quoted(subject)
        ));
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

    fn send_batch(&mut self) {
        let (items, number) = self.shared.outbox.lock().take_batch(BATCH_BYTES);
        let count = items.len();
        let mut pieces = Pieces::default();
        for (index, item) in items.into_iter().enumerate() {
            let rest = match item {
                Item::Many(batch) if self.fits(batch.largest()) => {
                    pieces.push(batch.messages().clone());
                    None
                }
                Item::Many(batch) => self.send_one_by_one(&batch, &mut pieces).map(Item::Many),
                Item::One(_, None) => None,
                Item::One(subject, Some(payload)) => match self.fitting(payload) {
                    Some(payload) => {
                        pieces.message(&subject, payload);
                        None
                    }
                    None => Some(Item::One(subject, None)),
                },
            };
            if let Some(rest) = rest {
                self.shared.outbox.lock().give_up(count - index - 1, rest);
            }
        }
        self.unrequested_bytes += pieces.bytes;
        pieces.finish().into_iter().for_each(|piece| self.connection.put(piece));
        self.unrequested = Some(number);
        let recently = Instant::now() + CONFIRM_SLACK < self.due;
        if self.unrequested_bytes >= CONFIRM_BYTES || !recently {
            self.request_confirmation();
        }
    }

    /// Sends a batch some of whose events are too large. Returns the batch without those that could not be made small enough.
    fn send_one_by_one(&mut self, batch: &Batch, pieces: &mut Pieces) -> Option<Batch> {
        let mut lost = Vec::new();
        for (place, (subject, payload)) in batch.events().enumerate() {
            match self.fitting(payload) {
                Some(payload) => pieces.message(&subject, payload),
                None => lost.push(place),
            }
        }
        (!lost.is_empty()).then(|| batch.without_places(&lost))
    }

    fn fits(&self, size: usize) -> bool {
        size <= self.max_payload || self.max_payload == 0
    }

    /// The event, without raw transactions if it is too large for the server. None if it is too large in any case, which is counted.
    fn fitting(&mut self, payload: Bytes) -> Option<Bytes> {
        let size = payload.len();
        if self.fits(size) {
            return Some(payload);
        }
        let smaller = smaller(payload, self.max_payload, self.shared.subjects);
        if smaller.is_none() {
            self.shared.stage.add_dropped(Reason::TooLarge, 1);
            if !self.warned_too_large {
                self.warned_too_large = true;
                let max_payload = self.max_payload;
                warn!(
                    "an event of {size} B is lost: the NATS server takes at most {max_payload} B; \
                     raise max_payload in its configuration (logged once; further ones are only counted)"
                );
            }
        }
        smaller
    }

    /// Requests a confirmation of all that was sent.
    fn request_confirmation(&mut self) {
        let Some(number) = self.unrequested.take() else { return };
        self.unrequested_bytes = 0;
        self.due = Instant::now() + CONFIRM_INTERVAL + CONFIRM_SLACK;
        self.connection.put(self.confirming.request(number));
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

/// Messages for the server, put together so that few pieces are written.
#[derive(Default)]
struct Pieces {
    done: Vec<Bytes>,
    /// Small messages.
    open: Vec<u8>,
    /// Bytes of all of them.
    bytes: usize,
}

impl Pieces {
    /// Appends one event.
    fn message(&mut self, subject: &Subject, payload: Bytes) {
        let before = self.open.len();
        // Writing to memory cannot fail.
        let _ = write!(self.open, "PUB {subject} {}\r\n", payload.len());
        self.bytes += self.open.len() - before + END.len();
        if payload.len() < LARGE {
            self.open.extend_from_slice(&payload);
            self.bytes += payload.len();
        } else {
            self.push(payload);
        }
        self.open.extend_from_slice(END);
    }

    /// Appends what is complete.
    fn push(&mut self, bytes: Bytes) {
        self.close();
        self.bytes += bytes.len();
        self.done.push(bytes);
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.done.push(std::mem::take(&mut self.open).into());
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.close();
        self.done
    }
}
