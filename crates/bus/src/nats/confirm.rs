//! How the publisher learns what the server has got: NATS itself confirms nothing.

use std::collections::VecDeque;
use std::future::pending;
use std::iter::repeat_with;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

/// How long a connection must stay up after something was sent over it, where nothing else confirms that.
const SETTLED: Duration = Duration::from_secs(1);
/// Characters of a subject that nobody guesses.
const SECRET: usize = 22;

/// How sent events are confirmed. Events are known by the number under which [`Outbox`](super::outbox::Outbox) confirms them.
pub(super) enum Confirming {
    /// We send ourselves messages with numbers. When one comes back, the server has got everything before it.
    ByEcho {
        subject: String,
        /// Whether one has come back.
        works: bool,
    },
    /// The server does not let us receive: what was sent counts as delivered when the connection is still up a while later.
    ByTime(VecDeque<(Instant, u64)>),
}

impl Confirming {
    /// By echo, until [`Self::change_to_time`]. With it what is to be sent before all else.
    pub(super) fn start() -> (Self, Bytes) {
        let subject = format!("_INBOX.{}", repeat_with(fastrand::alphanumeric).take(SECRET).collect::<String>());
        let subscribe = format!("SUB {subject} 1\r\n").into();
        (Self::ByEcho { subject, works: false }, subscribe)
    }

    /// Whether this subject, which we may not use, is the one that confirmations need.
    pub(super) fn needs(&self, forbidden: &str) -> bool {
        matches!(self, Self::ByEcho { subject, .. } if *subject == *forbidden)
    }

    /// Whether no echo has come back so far.
    pub(super) fn is_doubtful(&self) -> bool {
        matches!(self, Self::ByEcho { works: false, .. })
    }

    /// Whether time confirms.
    pub(super) fn is_by_time(&self) -> bool {
        matches!(self, Self::ByTime(_))
    }

    /// From now on time confirms, also what was sent up to this number.
    pub(super) fn change_to_time(&mut self, sent: u64) {
        *self = Self::ByTime([(Instant::now() + SETTLED, sent)].into());
    }

    /// Requests the confirmation of all that was sent, up to this number. Returns what is to be sent for that.
    pub(super) fn request(&mut self, sent: u64) -> Bytes {
        match self {
            Self::ByEcho { subject, .. } => {
                let number = sent.to_be_bytes();
                let head = format!("PUB {subject} {}\r\n", number.len());
                [head.as_bytes(), number.as_slice(), b"\r\n"].concat().into()
            }
            Self::ByTime(sent_until) => {
                sent_until.push_back((Instant::now() + SETTLED, sent));
                Bytes::new()
            }
        }
    }

    /// Notes that a number came back.
    pub(super) fn note_echo(&mut self) {
        if let Self::ByEcho { works, .. } = self {
            *works = true;
        }
    }

    /// The number up to which the server has got everything, by time. `at_once`: all is written, and nobody can wait for more than that. Cancel safe.
    pub(super) async fn confirmed_by_time(&mut self, at_once: bool) -> u64 {
        let Self::ByTime(sent_until) = self else { return pending().await };
        let Some((settled, number)) = sent_until.front().copied() else { return pending().await };
        if !at_once {
            sleep_until(settled).await;
        }
        sent_until.pop_front();
        number
    }
}
