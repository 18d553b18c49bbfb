//! What time it is: by the events, so that a replay gives what the live stream gave.
//!
//! Each node has a clock of its own, which its events set. One that is far from the others is not believed until several in a row are:
//! then the clock was set, or there is a gap. A node from which nothing comes is as much later as the others have become in the
//! meantime; live, time also passes when nothing comes at all.

use model::bounds::SECOND;

/// How far an event may be from the one before without being odd.
const FAR_NS: u64 = 600 * SECOND;
/// After so many odd events in a row that agree, the clock is what they say.
const CONFIRMED: u32 = 8;

/// How long all nodes together have been observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Elapsed(pub u64);

/// The clock of a node.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    now_ns: u64,
    elapsed: Elapsed,
    odd: u32,
    odd_ns: u64,
}

/// What an event shows of the time.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    /// It happened at this time.
    At(u64),
    /// The clock was set: from now on it is this time.
    Set(u64),
}

impl Clock {
    /// An event came.
    pub fn see(&mut self, time_ns: u64, elapsed: &mut Elapsed) -> Seen {
        if self.now_ns == 0 {
            (self.now_ns, self.elapsed) = (time_ns, *elapsed);
            return Seen::Set(time_ns);
        }
        let now_ns = self.now(*elapsed);
        if time_ns.abs_diff(now_ns) <= FAR_NS {
            self.odd = 0;
            if time_ns > self.now_ns {
                self.elapsed.0 = self.elapsed.0.saturating_add(time_ns - self.now_ns);
                self.now_ns = time_ns;
                *elapsed = (*elapsed).max(self.elapsed);
            }
            return Seen::At(time_ns);
        }
        self.odd = if self.odd > 0 && time_ns.abs_diff(self.odd_ns) <= FAR_NS { self.odd + 1 } else { 1 };
        self.odd_ns = time_ns;
        if self.odd < CONFIRMED {
            return Seen::At(now_ns);
        }
        *self = Self { now_ns: time_ns, elapsed: *elapsed, odd: 0, odd_ns: 0 };
        Seen::Set(time_ns)
    }

    /// What time it is at the node, nanoseconds since the UNIX epoch; 0 before the first event.
    pub fn now(&self, elapsed: Elapsed) -> u64 {
        if self.now_ns == 0 { 0 } else { self.now_ns.saturating_add(elapsed.0.saturating_sub(self.elapsed.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_769_860_800 * SECOND;
    const DAY: u64 = 86_400 * SECOND;

    #[test]
    fn an_odd_event_does_not_set_the_clock_but_several_do() {
        let (mut clock, mut elapsed) = (Clock::default(), Elapsed::default());
        assert_eq!(clock.see(NOON, &mut elapsed), Seen::Set(NOON));
        assert_eq!(clock.see(NOON + SECOND, &mut elapsed), Seen::At(NOON + SECOND));
        assert_eq!(clock.see(NOON, &mut elapsed), Seen::At(NOON), "late");
        assert_eq!(clock.see(NOON + DAY, &mut elapsed), Seen::At(NOON + SECOND), "odd");
        assert_eq!(clock.see(NOON + 2 * SECOND, &mut elapsed), Seen::At(NOON + 2 * SECOND));
        for _ in 1..CONFIRMED {
            assert_eq!(clock.see(NOON - DAY, &mut elapsed), Seen::At(NOON + 2 * SECOND));
        }
        assert_eq!(clock.see(NOON - DAY, &mut elapsed), Seen::Set(NOON - DAY));
        assert_eq!(elapsed, Elapsed(2 * SECOND), "a clock that is set is no time that passes");
    }

    #[test]
    fn a_node_that_is_silent_grows_older_with_the_others() {
        let (mut silent, mut other, mut elapsed) = (Clock::default(), Clock::default(), Elapsed::default());
        silent.see(NOON, &mut elapsed);
        other.see(NOON + DAY, &mut elapsed);
        for second in 1..=60 {
            other.see(NOON + DAY + second * SECOND, &mut elapsed);
        }
        assert_eq!(silent.now(elapsed), NOON + 60 * SECOND);
        silent.see(NOON + 61 * SECOND, &mut elapsed);
        assert_eq!(elapsed, Elapsed(61 * SECOND));
    }
}
