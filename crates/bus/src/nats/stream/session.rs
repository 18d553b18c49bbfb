//! Reads a stream over one connection.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Message, Subject};
use event::subject::PREFIX;
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::{Instant, interval, timeout};
use tracing::{info, warn};

use super::acks::Acks;
use super::api::{Api, StreamError};
use super::{deliver, log_begin, setup};
use crate::checkpoint::Checkpoints;
use crate::counters::{ARCHIVE_STREAM_ACKNOWLEDGED, ARCHIVE_STREAM_PENDING};
use crate::gaps::Loss;
use crate::local::Bus;
use crate::nats::link::Link;
use crate::nats::read::Reader;
use crate::queue::Delivery;

/// Messages that are requested at once.
const BATCH: usize = 4096;
/// Bytes of them, unless the server takes larger messages.
const BATCH_BYTES: usize = 16 << 20;
/// Messages that are handed on at once.
const CHUNK: usize = 1024;
/// How long a request is valid. It ends with a message of the server, so that its silence shows.
const EXPIRES: Duration = Duration::from_secs(5);
/// How much longer that may take.
const GRACE: Duration = Duration::from_secs(10);
/// How often the server is asked for the position of the consumer.
const REPORT: Duration = Duration::from_secs(2);

/// So many messages that wait are logged, so often.
const MANY: u64 = 10_000;
const LOG: Duration = Duration::from_secs(60);

/// How reading ended.
pub(super) enum Ended {
    /// The connection broke. It comes back.
    Disconnected,
    /// It does not.
    Closed,
    /// The stream cannot be read.
    Failed(StreamError),
}

impl From<StreamError> for Ended {
    fn from(error: StreamError) -> Self {
        Self::Failed(error)
    }
}

/// A message's place in a stream. The time tells it from another one that got the same number since the server lost the end of the stream.
#[derive(Clone, Copy)]
struct Place {
    sequence: u64,
    /// Nanoseconds since the UNIX epoch; the lowest number if it is not known.
    published_ns: i128,
}

/// Reads a stream, over one connection after the other.
pub(super) struct Session {
    bus: Bus,
    consumer: String,
    reader: Reader,
    acks: Arc<Acks>,
    checkpoints: Checkpoints,
    /// The last message that was handed on. None if the stream is read from wherever it begins.
    last: Option<Place>,
    /// When the stream was made that is being read, as the server says it.
    created: Option<String>,
}

impl Session {
    pub fn new(bus: Bus, consumer: String, reader: Reader, acks: Arc<Acks>, checkpoints: Checkpoints) -> Self {
        Self { bus, consumer, reader, acks, checkpoints, last: None, created: None }
    }

    /// Whether the stream could be read before.
    pub fn has_begun(&self) -> bool {
        self.created.is_some()
    }

    /// Reads until the connection breaks or something is wrong.
    pub async fn run(&mut self, api: &mut Api, link: &Link) -> Ended {
        let mut connected = link.connected.clone();
        if connected.wait_for(|connected| *connected).await.is_err() {
            return Ended::Closed;
        }
        // Whatever it changes to, this connection is over then.
        let mut broken = connected;
        let begun = tokio::select! {
            begun = self.begin(api) => begun,
            _ = broken.changed() => return Ended::Disconnected,
        };
        let delivery = match begun {
            Ok(delivery) => delivery,
            Err(error) => return error.into(),
        };
        let (bus, consumer) = (self.bus.clone(), self.consumer.clone());
        let api = &*api;
        tokio::select! {
            ended = self.pull(api, delivery, async { _ = broken.changed().await }) => ended,
            never = report(&bus, api, &consumer) => match never {},
        }
    }

    /// Prepares stream and consumer. Returns the number of the next delivery.
    async fn begin(&mut self, api: &mut Api) -> Result<u64, StreamError> {
        let info = setup::find_or_make(api).await?;
        let (after, is_same) = self.place_in(api, &info);
        let begun = setup::begin(api, &info, &self.consumer, after).await?;
        if self.last.is_none() && begun.is_known {
            self.last = Some(Place { sequence: begun.acknowledged, published_ns: i128::MIN });
        }
        self.acks.begin(api.client(), begun.acknowledged, is_same);
        if !self.has_begun() {
            let behind = info.state.last_sequence.saturating_sub(begun.acknowledged).min(info.state.messages);
            log_begin(api, &self.consumer, &info.config.subjects, behind);
            // So that a reader knows that it can let events wait.
            let (checkpoint, number) = self.checkpoints.make();
            self.acks.give(number, begun.acknowledged, None);
            deliver(&self.bus, Vec::new(), checkpoint).await;
        }
        self.created = Some(info.created.to_string());
        Ok(begun.delivery)
    }

    /// After which message to go on, if that is known here, and whether the stream is the one that was read before.
    fn place_in(&mut self, api: &Api, info: &stream::Info) -> (Option<u64>, bool) {
        let Some(created) = &self.created else { return (None, true) };
        let (safe, end) = (self.acks.safe(), info.state.last_sequence);
        let is_other = *created != info.created.to_string();
        let reached = self.last.map_or(safe, |last| last.sequence.max(safe));
        if !is_other && reached <= end {
            return (Some(safe), true);
        }
        let end = if is_other { 0 } else { end };
        let name = &api.name;
        warn!("the stream {name} had {reached} messages and has lost all after the first {end}: reading what comes");
        let published_ns = self.last.map_or(i128::MIN, |last| last.published_ns);
        self.last = Some(Place { sequence: end, published_ns });
        (Some(safe.min(end)), false)
    }

    /// Requests messages and hands them on, until the connection breaks or something is wrong.
    async fn pull(&mut self, api: &Api, mut delivery: u64, broken: impl Future<Output = ()>) -> Ended {
        let client = api.client();
        let inbox = Subject::from(client.new_inbox());
        let Ok(subscriber) = client.subscribe(inbox.clone()).await else { return Ended::Closed };
        let mut messages = subscriber.ready_chunks(CHUNK);
        let next = Subject::from(format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", api.name, self.consumer));
        let max_bytes = BATCH_BYTES.max(client.server_info().max_payload.saturating_mul(2));
        let request =
            json!({ "batch": BATCH, "max_bytes": max_bytes, "expires": event::time::nanoseconds(EXPIRES) }).to_string();
        // Changes nothing, but shows whether we may acknowledge.
        if client.publish(setup::probe(&api.name, &self.consumer), setup::IN_PROGRESS).await.is_err() {
            return Ended::Closed;
        }
        let mut requested = 0_usize;
        tokio::pin!(broken);
        loop {
            if requested == 0 {
                let request = request.clone().into();
                if client.publish_with_reply(next.clone(), inbox.clone(), request).await.is_err() {
                    return Ended::Closed;
                }
                requested = BATCH;
            }
            let chunk = tokio::select! {
                chunk = timeout(EXPIRES + GRACE, messages.next()) => chunk,
                () = &mut broken => return Ended::Disconnected,
                forbidden = api.forbidden() => return forbidden.into(),
            };
            let chunk = match chunk {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ended::Closed,
                Err(_) => return api.unavailable("the server does not answer").into(),
            };
            let (mut items, mut last, mut trouble) = (Vec::with_capacity(chunk.len()), None, None);
            for message in chunk {
                if let Some(status) = message.status.filter(|status| status.as_u16() != 200) {
                    match ends_request(status.as_u16(), message.description.as_deref()) {
                        Ok(ends) if ends => requested = 0,
                        Ok(_) => {}
                        Err(reason) => trouble = Some(reason),
                    }
                    continue;
                }
                let Some(reply) = message.reply.clone() else { continue };
                requested = requested.saturating_sub(1);
                match self.take(api, message, delivery, &mut items) {
                    Ok(sequence) => last = Some((sequence, reply)),
                    Err(reason) => {
                        trouble = Some(reason);
                        break;
                    }
                }
                delivery += 1;
            }
            if let Some((sequence, reply)) = last {
                let (checkpoint, number) = self.checkpoints.make();
                self.acks.give(number, sequence, Some(reply));
                deliver(&self.bus, items, checkpoint).await;
            }
            if let Some(reason) = trouble {
                return api.unavailable(reason).into();
            }
        }
    }

    /// Takes a message that must have this delivery number, and returns its place.
    fn take(&mut self, api: &Api, message: Message, delivery: u64, items: &mut Vec<Delivery>) -> Result<u64, String> {
        let message = jetstream::Message { message, context: api.context() };
        let info = message.info().map_err(|error| format!("a message is not of JetStream: {error}"))?;
        let place = Place { sequence: info.stream_sequence, published_ns: info.published.unix_timestamp_nanos() };
        if info.consumer_sequence != delivery {
            let consumer = &self.consumer;
            return Err(format!(
                "some of its messages went elsewhere; does another reader use the consumer {consumer}?"
            ));
        }
        if let Some(last) = self.last {
            if place.sequence <= last.sequence && place.published_ns <= last.published_ns {
                self.reader.pass_over();
                return Ok(place.sequence);
            }
            let missing = place.sequence.saturating_sub(last.sequence).saturating_sub(1);
            if missing > 0 {
                items.push(self.lost(api, missing, place));
            }
        }
        self.last = Some(place);
        let message = message.message;
        if is_of_events(&message.subject) {
            self.reader.take(message, items);
        }
        Ok(place.sequence)
    }

    /// The stream has removed messages before they were read.
    fn lost(&mut self, api: &Api, missing: u64, before: Place) -> Delivery {
        let time_ns = u64::try_from(before.published_ns).unwrap_or_default();
        let when = event::time::rfc3339_micros(time_ns);
        warn!("the stream {} removed {missing} messages, the last before {when}, before they were read", api.name);
        self.reader.skip();
        Delivery::Lost(Arc::new(Loss { node: "".into(), run: 0, missing, time_ns, stage: "stream" }))
    }
}

/// Whether a message of the server ends a request, or says that none can be answered.
fn ends_request(status: u16, description: Option<&str>) -> Result<bool, String> {
    let description = description.unwrap_or("no reason is given");
    match status {
        100 => Ok(false),
        404 | 408 => Ok(true),
        409 if description.contains("MaxBytes") || description.contains("MaxAckPending") => Ok(true),
        503 => Err("the consumer is gone".to_owned()),
        _ => Err(description.to_owned()),
    }
}

/// Whether a subject is one of those that events have: a stream may keep others too.
fn is_of_events(subject: &str) -> bool {
    !subject.contains('.') || subject.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('.'))
}

/// Keeps the levels of the consumer's position, and logs it while much waits.
async fn report(bus: &Bus, api: &Api, consumer: &str) -> Infallible {
    let acknowledged = bus.accounts().count(&ARCHIVE_STREAM_ACKNOWLEDGED, []);
    let pending = bus.accounts().count(&ARCHIVE_STREAM_PENDING, []);
    let mut due = interval(REPORT);
    let mut logged = Instant::now();
    loop {
        due.tick().await;
        let Ok(Some(info)) = api.consumer(consumer).await else { continue };
        let (last, waiting) = (info.ack_floor.stream_sequence, info.num_pending + info.num_ack_pending as u64);
        acknowledged.set(last as f64);
        pending.set(waiting as f64);
        if waiting >= MANY && logged.elapsed() >= LOG {
            logged = Instant::now();
            info!("{waiting} messages of the stream {} wait; all up to message {last} are safe", api.name);
        }
    }
}
