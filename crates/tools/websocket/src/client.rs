//! One client: what it wants, and the queue of what is to be sent to it.

use std::collections::VecDeque;
use std::mem::take;

use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use serve::{Farewell, SocketClient};
use tokio::sync::Notify;
use tracing::{debug, info, warn};

use crate::hub::Event;
use crate::subscription::Subscription;

/// How many events wait for a client at most.
const MAX_QUEUED: usize = 8_192;
/// How many bytes wait for a client at most. A single event may be larger.
const MAX_QUEUED_BYTES: usize = 8 << 20;

/// One client.
pub struct Client {
    pub id: u64,
    /// The node whose events it gets; none at the endpoint that all servers have.
    pub node: Option<String>,
    state: Mutex<State>,
    /// Notified when something was queued, and at the end.
    wake: Notify,
}

#[derive(Default)]
struct State {
    subscription: Subscription,
    queue: VecDeque<Utf8Bytes>,
    queued_bytes: usize,
    /// How many events were dropped because it reads too slowly.
    dropped: u64,
    end: Option<Farewell>,
}

impl Client {
    /// A client that has just connected, and wants nothing yet.
    pub fn new(id: u64, node: Option<String>) -> Self {
        Self { id, node, state: Mutex::default(), wake: Notify::new() }
    }

    /// Queues those of the events that it wants.
    pub fn queue<'a, 'b: 'a>(&self, events: impl Iterator<Item = &'a Event<'b>>) {
        let mut state = self.state.lock();
        let mut is_queued = false;
        let subscription = state.subscription;
        for event in events.filter(|event| subscription.has(event.kind())) {
            let Some(text) = event.text() else { continue };
            if state.push(text) {
                is_queued = true;
            } else if state.dropped == 1 {
                warn!("websocket: client {} reads too slowly: events for it are dropped", self.id);
            }
        }
        drop(state);
        if is_queued {
            self.wake.notify_one();
        }
    }

    /// Sends what is queued, and closes the connection.
    pub fn end(&self, farewell: Farewell) {
        self.state.lock().end.get_or_insert(farewell);
        self.wake.notify_one();
    }
}

impl State {
    /// Queues an event, or counts it as dropped and returns false.
    fn push(&mut self, text: Utf8Bytes) -> bool {
        let is_full = self.queue.len() >= MAX_QUEUED || self.queued_bytes + text.len() > MAX_QUEUED_BYTES;
        if is_full && !self.queue.is_empty() {
            self.dropped += 1;
            return false;
        }
        self.queued_bytes += text.len();
        self.queue.push_back(text);
        true
    }
}

impl SocketClient for Client {
    async fn next(&self) -> Result<Vec<Utf8Bytes>, Farewell> {
        loop {
            let wake = self.wake.notified();
            {
                let mut state = self.state.lock();
                if !state.queue.is_empty() {
                    state.queued_bytes = 0;
                    return Ok(take(&mut state.queue).into());
                }
                if let Some(farewell) = &state.end {
                    return Err(farewell.clone());
                }
            }
            wake.await;
        }
    }

    /// A subscription takes the place of the one before. Its sender gets no answer, and so none if it is no subscription.
    fn handle_message(&self, text: &str) -> bool {
        match serde_json::from_str(text) {
            Ok(subscription) => self.state.lock().subscription = subscription,
            Err(error) => debug!("websocket: client {} sent what is no subscription: {error}", self.id),
        }
        true
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let dropped = self.state.get_mut().dropped;
        if dropped > 0 {
            info!("websocket: client {} has left; it read too slowly for {dropped} events", self.id);
        }
    }
}
