//! One client of the feed: what it subscribed to, and the queue of what is to be sent to it.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;
use event::time;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::subscribe::SubscribeRequest;
use crate::api;

/// How many events wait for a client at most.
const MAX_QUEUED: usize = 8_192;
/// How many bytes wait for a client at most. A single event may be larger.
const MAX_QUEUED_BYTES: usize = 8 << 20;

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Through a WebSocket.
    WebSocket,
    /// As server-sent events.
    ServerSentEvents,
}

/// One client of the feed.
pub struct Client {
    pub(super) id: u64,
    pub(super) transport: Transport,
    pub(super) since_ns: u64,
    pub(super) state: Mutex<State>,
    /// Notified when something was queued, and at the end of the feed.
    wake: Notify,
}

/// The state of a client.
pub struct State {
    /// What it subscribed to.
    pub request: SubscribeRequest,
    paused: bool,
    /// How many events were not queued because the client had paused, since it last paused or resumed.
    skipped: u64,
    /// The queue of what is to be sent.
    queue: VecDeque<Item>,
    /// The bytes of the events in the queue.
    queued_bytes: usize,
    /// How many events were handed over for sending.
    pub sent: u64,
    /// How many dropped events have not been reported to the client yet.
    unreported: u64,
    /// How many events were dropped because the client was too slow.
    pub dropped: u64,
    /// Nothing will be queued any more.
    ended: bool,
}

/// A text that is to be sent to a client.
#[derive(Clone, Debug)]
pub struct Item {
    /// The JSON.
    pub text: Utf8Bytes,
    /// Whether it is a control message instead of an event.
    pub control: bool,
}

impl Item {
    fn control(value: &Value) -> Self {
        Self { text: json!({ "control": value }).to_string().into(), control: true }
    }
}

impl State {
    /// Whether an event may be queued now. Counts it as skipped if the client has paused.
    pub fn accepts(&mut self) -> bool {
        if self.paused {
            self.skipped += 1;
        }
        !self.paused
    }

    /// Queues an event, or counts it as dropped.
    pub fn push(&mut self, text: Utf8Bytes) {
        let full = self.queue.len() >= MAX_QUEUED || self.queued_bytes + text.len() > MAX_QUEUED_BYTES;
        // After a drop, all further events are dropped until it is reported, so that the report stands where the gap is.
        if (full || self.unreported > 0) && !self.queue.is_empty() {
            self.dropped += 1;
            self.unreported += 1;
            return;
        }
        self.queued_bytes += text.len();
        self.queue.push_back(Item { text, control: false });
    }
}

impl Client {
    /// A client that has just connected.
    pub fn new(id: u64, transport: Transport, request: SubscribeRequest) -> Self {
        let state = State {
            request,
            paused: false,
            skipped: 0,
            queue: VecDeque::new(),
            queued_bytes: 0,
            sent: 0,
            unreported: 0,
            dropped: 0,
            ended: false,
        };
        Self { id, transport, since_ns: time::now_ns(), state: Mutex::new(state), wake: Notify::new() }
    }

    /// Takes all that is queued, and after it a report of what was dropped. `None` when nothing will be queued any more. Cancel safe.
    pub async fn next(&self) -> Option<VecDeque<Item>> {
        loop {
            let wake = self.wake.notified();
            {
                let mut state = self.state.lock();
                let mut items = std::mem::take(&mut state.queue);
                state.queued_bytes = 0;
                state.sent += items.iter().filter(|item| !item.control).count() as u64;
                let unreported = std::mem::take(&mut state.unreported);
                if unreported > 0 {
                    items.push_back(Item::control(&json!({ "dropped": unreported, "total": state.dropped })));
                }
                if !items.is_empty() {
                    return Some(items);
                }
                if state.ended {
                    return None;
                }
            }
            wake.await;
        }
    }

    /// Carries out a message of the client, and queues the answer. Returns false if the client sends so much without reading that it must be
    /// disconnected.
    pub fn handle_message(&self, text: &str) -> bool {
        let mut state = self.state.lock();
        if state.queue.len() >= 2 * MAX_QUEUED {
            return false;
        }
        let answer = match Command::parse(text) {
            Ok(Command::Subscribe(request)) => {
                state.request = request;
                json!({ "subscribed": state.request.to_json() })
            }
            Ok(Command::Pause(paused)) => {
                state.paused = paused;
                let skipped = std::mem::take(&mut state.skipped);
                json!({ "paused": paused, "skipped": skipped })
            }
            Err(text) => json!({ "error": text }),
        };
        state.queue.push_back(Item::control(&answer));
        drop(state);
        self.wake.notify_one();
        true
    }

    /// The state of the client as the API shows it.
    pub fn describe(&self) -> api::Client {
        let state = self.state.lock();
        api::Client {
            id: self.id,
            kind: match self.transport {
                Transport::WebSocket => "ws",
                Transport::ServerSentEvents => "sse",
            },
            sent: state.sent,
            dropped: state.dropped,
            waiting: state.queue.len() as u64,
            since: api::Time(self.since_ns),
        }
    }

    /// Wakes the task that sends, after something was queued.
    pub fn notify(&self) {
        self.wake.notify_one();
    }

    /// Ends the feed: [`Self::next`] returns what is queued, then `None`.
    pub fn end(&self) {
        self.state.lock().ended = true;
        self.wake.notify_one();
    }
}

/// A command that a client sends as a message.
enum Command {
    /// Replaces what the client is subscribed to.
    Subscribe(SubscribeRequest),
    /// Pauses the feed, or resumes it.
    Pause(bool),
}

impl Command {
    /// Reads a message. The error is for the client.
    fn parse(text: &str) -> Result<Self, String> {
        const FORMS: &str = "write {\"subscribe\": {…}} with filters, or {\"pause\": true} or false";
        let value: Value = serde_json::from_str(text).map_err(|cause| format!("invalid JSON ({cause}): {FORMS}"))?;
        let object = value.as_object().ok_or(FORMS)?;
        let mut keys = object.iter();
        match (keys.next().map(|(key, value)| (key.as_str(), value)), keys.next()) {
            (Some(("subscribe", Value::Object(request))), None) => {
                SubscribeRequest::from_json(request).map(Self::Subscribe).map_err(|error| error.to_string())
            }
            (Some(("pause", Value::Bool(pause))), None) => Ok(Self::Pause(*pause)),
            _ => Err(FORMS.to_owned()),
        }
    }
}
