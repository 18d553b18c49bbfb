//! Rates over the last seconds.

use crate::bounds::SECOND;

/// The number of seconds that rates are averaged over.
const SECONDS: usize = 10;

/// A rate per second, averaged over the last ten seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    second: u64,
    slots: [u32; SECONDS + 1],
}

impl Rate {
    /// Adds a count at a time, in nanoseconds since the UNIX epoch.
    #[inline]
    pub fn add(&mut self, time_ns: u64, count: u64) {
        let second = time_ns / SECOND;
        if second > self.second {
            let steps = (second - self.second).min(self.slots.len() as u64);
            for step in 0..steps {
                if let Some(slot) = self.slots.get_mut(slot_of(second - step)) {
                    *slot = 0;
                }
            }
            self.second = second;
        } else if self.second - second > SECONDS as u64 {
            return;
        }
        if let Some(slot) = self.slots.get_mut(slot_of(second)) {
            *slot = slot.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        }
    }

    /// The average count per second over the last ten complete seconds.
    pub fn per_second(&self, now_ns: u64) -> f64 {
        let now = now_ns / SECOND;
        let kept = self.second.saturating_sub(SECONDS as u64)..=self.second;
        let seconds = now.saturating_sub(SECONDS as u64)..now;
        let counts =
            seconds.filter(|second| kept.contains(second)).filter_map(|second| self.slots.get(slot_of(second)));
        counts.map(|count| u64::from(*count)).sum::<u64>() as f64 / SECONDS as f64
    }
}

fn slot_of(second: u64) -> usize {
    (second % (SECONDS as u64 + 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds() {
        let mut rate = Rate::default();
        for second in 100..200 {
            rate.add(second * SECOND, 5);
            rate.add(second.saturating_sub(3) * SECOND, 1);
            rate.add(second.saturating_sub(50) * SECOND, 1_000); // too late to count
        }
        assert_eq!(rate.per_second(200 * SECOND), (5 * 10 + 7) as f64 / 10.0);
        assert_eq!(rate.per_second(205 * SECOND), (5 * 5 + 2) as f64 / 10.0);
        assert_eq!(rate.per_second(300 * SECOND), 0.0);
        rate.add(u64::MAX, u64::MAX);
        assert_eq!(rate.per_second(200 * SECOND), 0.0);
    }
}
