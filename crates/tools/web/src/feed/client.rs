//! One client of the feed: what it wants, and what waits for it.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;
use event::time;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::wish::Wish;
use crate::api;

/// Events that wait for a client at the most.
const MAX_WAITING: usize = 8_192;
/// Bytes that wait for a client at the most; one event may be larger.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By WebSocket.
    WebSocket,
    /// By server-sent events.
    ServerSentEvents,
}

/// One client.
pub struct Client {
    pub(super) id: u64,
    pub(super) transport: Transport,
    pub(super) since_ns: u64,
    pub(super) state: Mutex<State>,
    /// Something waits, or there will be nothing any more.
    wake: Notify,
}

/// What is known of a client.
pub struct State {
    pub wish: Wish,
    paused: bool,
    /// Events that it did not get because it had paused.
    skipped: u64,
    waiting: VecDeque<Item>,
    bytes: usize,
    pub sent: u64,
    /// Events it was too slow for, of which it was not told yet.
    untold: u64,
    pub dropped: u64,
    ended: bool,
}

/// A text for a client.
#[derive(Clone, Debug)]
pub struct Item {
    pub text: Utf8Bytes,
    pub control: bool,
}

impl Item {
    fn control(value: &Value) -> Self {
        Self { text: json!({ "control": value }).to_string().into(), control: true }
    }
}

impl State {
    /// Whether events are wanted now. Counts one that is not because of a pause.
    pub fn takes(&mut self) -> bool {
        if self.paused {
            self.skipped += 1;
        }
        !self.paused
    }

    /// Queues an event, or counts it as lost.
    pub fn push(&mut self, text: Utf8Bytes) {
        let full = self.waiting.len() >= MAX_WAITING || self.bytes + text.len() > MAX_WAITING_BYTES;
        // Once something is lost the rest is too, until the client was told.
        if (full || self.untold > 0) && !self.waiting.is_empty() {
            self.dropped += 1;
            self.untold += 1;
            return;
        }
        self.bytes += text.len();
        self.waiting.push_back(Item { text, control: false });
    }
}

impl Client {
    pub fn new(id: u64, transport: Transport, wish: Wish) -> Self {
        let state = State {
            wish,
            paused: false,
            skipped: 0,
            waiting: VecDeque::new(),
            bytes: 0,
            sent: 0,
            untold: 0,
            dropped: 0,
            ended: false,
        };
        Self { id, transport, since_ns: time::now_ns(), state: Mutex::new(state), wake: Notify::new() }
    }

    /// All that waits, and what was lost after it; none when nothing will come any more. Cancel safe.
    pub async fn next(&self) -> Option<VecDeque<Item>> {
        loop {
            let wake = self.wake.notified();
            {
                let mut state = self.state.lock();
                let mut items = std::mem::take(&mut state.waiting);
                state.bytes = 0;
                state.sent += items.iter().filter(|item| !item.control).count() as u64;
                let untold = std::mem::take(&mut state.untold);
                if untold > 0 {
                    items.push_back(Item::control(&json!({ "dropped": untold, "total": state.dropped })));
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

    /// Takes what a client says. False when it says so much without reading that it must go.
    pub fn hear(&self, text: &str) -> bool {
        let mut state = self.state.lock();
        if state.waiting.len() >= 2 * MAX_WAITING {
            return false;
        }
        let answer = match Said::read(text) {
            Ok(Said::Subscribe(wish)) => {
                state.wish = wish;
                json!({ "subscribed": state.wish.to_json() })
            }
            Ok(Said::Pause(paused)) => {
                state.paused = paused;
                let skipped = std::mem::take(&mut state.skipped);
                json!({ "paused": paused, "skipped": skipped })
            }
            Err(text) => json!({ "error": text }),
        };
        state.waiting.push_back(Item::control(&answer));
        drop(state);
        self.wake.notify_one();
        true
    }

    /// What is known of it.
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
            waiting: state.waiting.len() as u64,
            since: time::rfc3339(self.since_ns),
        }
    }

    /// Something was queued.
    pub fn notify(&self) {
        self.wake.notify_one();
    }

    /// Nothing will come any more.
    pub fn end(&self) {
        self.state.lock().ended = true;
        self.wake.notify_one();
    }
}

/// A message of a client.
enum Said {
    Subscribe(Wish),
    Pause(bool),
}

impl Said {
    fn read(text: &str) -> Result<Self, String> {
        const FORMS: &str = "write {\"subscribe\": {…}} with filters, or {\"pause\": true} or false";
        let value: Value = serde_json::from_str(text).map_err(|cause| format!("no JSON ({cause}): {FORMS}"))?;
        let object = value.as_object().ok_or(FORMS)?;
        let mut keys = object.iter();
        match (keys.next().map(|(key, value)| (key.as_str(), value)), keys.next()) {
            (Some(("subscribe", Value::Object(wish))), None) => {
                Wish::from_json(wish).map(Self::Subscribe).map_err(|error| error.to_string())
            }
            (Some(("pause", Value::Bool(pause))), None) => Ok(Self::Pause(*pause)),
            _ => Err(FORMS.to_owned()),
        }
    }
}
