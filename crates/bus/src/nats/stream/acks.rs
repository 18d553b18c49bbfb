//! Which messages of a stream are safe, and their acknowledgement.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Subject};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

/// How long the end waits until the server has the last acknowledgement.
const FLUSH: Duration = Duration::from_secs(1);

const ACK: Bytes = Bytes::from_static(b"+ACK");

/// What was handed out of a stream, and what of it is safe.
#[derive(Default)]
pub(super) struct Acks(Mutex<State>);

#[derive(Default)]
struct State {
    /// Checkpoints that are not confirmed, in their order.
    given: VecDeque<Given>,
    session: u64,
    /// Of the present session.
    client: Option<Client>,
    /// Everything up to this message is safe.
    safe: u64,
}

struct Given {
    number: u64,
    session: u64,
    sequence: u64,
    /// Where an acknowledgement goes.
    reply: Option<Subject>,
}

impl Acks {
    /// Everything up to this message is safe.
    pub fn safe(&self) -> u64 {
        self.0.lock().safe
    }

    /// Begins a session with a consumer. Deliveries of the one before are acknowledged no more: this consumer numbers its own. Unless the stream is
    /// the same, their places in it mean nothing any more.
    pub fn begin(&self, client: Client, safe: u64, is_same: bool) {
        let mut state = self.0.lock();
        state.session += 1;
        state.client = Some(client);
        state.safe = if is_same { state.safe.max(safe) } else { safe };
        if !is_same {
            state.given.iter_mut().for_each(|given| given.sequence = 0);
        }
    }

    /// A checkpoint after a message was handed out.
    pub fn give(&self, number: u64, sequence: u64, reply: Option<Subject>) {
        let mut state = self.0.lock();
        let session = state.session;
        state.given.push_back(Given { number, session, sequence, reply });
    }

    /// A checkpoint was confirmed. Returns what is to be acknowledged, and over which connection.
    fn confirm(&self, number: u64) -> Option<(Client, Subject)> {
        let mut state = self.0.lock();
        let mut last = None;
        while state.given.front().is_some_and(|given| given.number <= number) {
            last = state.given.pop_front();
        }
        let Given { session, sequence, reply, .. } = last?;
        state.safe = state.safe.max(sequence);
        let reply = reply.filter(|_| session == state.session)?;
        Some((state.client.clone()?, reply))
    }

    /// Acknowledges what is confirmed, until nothing can be any more.
    pub async fn acknowledge(self: Arc<Self>, mut confirmed: watch::Receiver<u64>) {
        let mut used = None;
        while confirmed.changed().await.is_ok() {
            let number = *confirmed.borrow_and_update();
            if let Some((client, reply)) = self.confirm(number) {
                // It fails only when the client is closed; then the messages come again.
                let _ = client.publish(reply.clone(), ACK).await;
                used = Some((client, reply));
            }
        }
        // The server answers when it has noted it, and that of all before.
        if let Some((client, reply)) = used {
            let _ = tokio::time::timeout(FLUSH, client.request(reply, ACK)).await;
        }
    }
}
