//! How the publisher learns what the server has got: NATS itself confirms nothing.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use async_nats::{Client, Subject, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

/// How long a connection must stay up after something was sent over it, where nothing else confirms that.
const SETTLED: Duration = Duration::from_secs(1);

/// How sent events are confirmed. Events are known by the number under which [`Outbox`](super::outbox::Outbox) confirms them.
pub(super) enum Confirming {
    /// We send ourselves messages with numbers. When one comes back, the server has got everything before it.
    ByEcho {
        subject: Subject,
        subscriber: Subscriber,
        /// Whether one has come back.
        works: bool,
    },
    /// The server does not let us receive: what was sent counts as delivered when the connection is still up a while later.
    ByTime(VecDeque<(Instant, u64)>),
}

impl Confirming {
    /// By echo, until [`Self::change_to_time`].
    pub(super) async fn start(client: &Client) -> Self {
        let subject = Subject::from(client.new_inbox());
        match client.subscribe(subject.clone()).await {
            Ok(subscriber) => Self::ByEcho { subject, subscriber, works: false },
            Err(_) => Self::ByTime(VecDeque::new()),
        }
    }

    /// Whether this subject, which we may not use, is the one that confirmations need.
    pub(super) fn needs(&self, forbidden: &str) -> bool {
        matches!(self, Self::ByEcho { subject, .. } if **subject == *forbidden)
    }

    /// Whether no echo has come back so far.
    pub(super) fn is_doubtful(&self) -> bool {
        matches!(self, Self::ByEcho { works: false, .. })
    }

    /// From now on time confirms, also what was sent up to this number.
    pub(super) fn change_to_time(&mut self, sent: u64) {
        *self = Self::ByTime([(Instant::now() + SETTLED, sent)].into());
    }

    /// Requests the confirmation of all that was sent, up to this number.
    pub(super) async fn request(&mut self, client: &Client, sent: u64) {
        match self {
            // It fails only when the client is closed, and then nothing is confirmed.
            Self::ByEcho { subject, .. } => {
                let _ = client.publish(subject.clone(), Bytes::copy_from_slice(&sent.to_be_bytes())).await;
            }
            Self::ByTime(sent_until) => sent_until.push_back((Instant::now() + SETTLED, sent)),
        }
    }

    /// The number up to which the server has got everything; none if the connection is closed. `hurry` takes what was written to the
    /// connection for delivered at once, where time confirms. Cancel safe.
    pub(super) async fn confirmed(&mut self, client: &Client, hurry: bool) -> Option<u64> {
        match self {
            Self::ByEcho { subscriber, works, .. } => {
                let message = subscriber.next().await?;
                *works = true;
                // A message without a number confirms nothing.
                Some(message.payload[..].try_into().map_or(0, u64::from_be_bytes))
            }
            Self::ByTime(sent_until) => {
                let Some((settled, number)) = sent_until.front().copied() else { return pending().await };
                if hurry {
                    client.flush().await.ok()?;
                } else {
                    sleep_until(settled).await;
                }
                sent_until.pop_front();
                Some(number)
            }
        }
    }
}
