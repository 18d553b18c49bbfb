//! How long the node takes to answer.

use std::time::{Duration, Instant};

/// The ping that is under way. There is one at a time: a node that is busy is not given more to do.
#[derive(Debug, Default)]
pub struct Pings {
    waiting: Option<(u64, Instant)>,
}

impl Pings {
    /// The nonce of the next ping, which is sent at that time; none while another is under way. It is random, so that nobody but who got it
    /// can answer.
    pub fn next(&mut self, now: Instant) -> Option<u64> {
        if self.waiting.is_some() {
            return None;
        }
        let nonce = fastrand::u64(..);
        self.waiting = Some((nonce, now));
        Some(nonce)
    }

    /// How long the answer with that nonce has taken; none if it answers nothing.
    pub fn answered(&mut self, nonce: u64, now: Instant) -> Option<Duration> {
        let (_, sent) = self.waiting.take_if(|(expected, _)| *expected == nonce)?;
        Some(now.saturating_duration_since(sent))
    }

    /// For how long the ping that is under way has not been answered.
    pub fn unanswered(&self, now: Instant) -> Option<Duration> {
        self.waiting.map(|(_, sent)| now.saturating_duration_since(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_counts() {
        let (mut pings, start) = (Pings::default(), Instant::now());
        let nonce = pings.next(start).unwrap();
        assert_eq!(pings.next(start), None);
        let later = start + Duration::from_millis(3);
        assert_eq!(pings.answered(nonce.wrapping_add(1), later), None);
        assert_eq!(pings.unanswered(later), Some(Duration::from_millis(3)));
        assert_eq!(pings.answered(nonce, later), Some(Duration::from_millis(3)));
        assert_eq!(pings.answered(nonce, later), None);
        assert!(pings.next(later).is_some());
    }
}
