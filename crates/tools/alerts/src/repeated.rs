//! Events that come twice: a server sends again what may not have arrived, and archives may overlap.

use model::bounds::MAX_SOURCES;

/// Runs of a node that are remembered: several of each extractor.
const MAX_RUNS: usize = 4 * MAX_SOURCES;
/// Events of a run that may be out of order, divided by 64.
const WORDS: usize = 16;
const WINDOW: u64 = 64 * WORDS as u64;

/// The last events of each run of a node.
#[derive(Debug, Default)]
pub(crate) struct Repeated {
    /// The one that was heard last comes first.
    runs: Vec<Run>,
    /// Events that had come before, or were too late to know.
    pub count: u64,
}

#[derive(Debug)]
struct Run {
    id: u64,
    highest: u64,
    /// Which of the last ones came, as a ring.
    seen: [u64; WORDS],
}

impl Run {
    /// Marks a number; returns whether it was marked before.
    fn mark(&mut self, sequence: u64) -> bool {
        if sequence > self.highest {
            let ahead = sequence - self.highest;
            if ahead >= WINDOW {
                self.seen = [0; WORDS];
            } else {
                (self.highest + 1..=sequence).for_each(|skipped| {
                    let (word, bit) = self.place(skipped);
                    *word &= !bit;
                });
            }
            self.highest = sequence;
        } else if self.highest - sequence >= WINDOW {
            return true;
        }
        let (word, bit) = self.place(sequence);
        let before = *word & bit != 0;
        *word |= bit;
        before
    }

    fn place(&mut self, sequence: u64) -> (&mut u64, u64) {
        let index = (sequence / 64 % WORDS as u64) as usize;
        let Self { highest, seen, .. } = self;
        // The index is below the length.
        (seen.get_mut(index).unwrap_or(highest), 1 << (sequence % 64))
    }
}

impl Repeated {
    /// Whether this event came already.
    pub fn is_again(&mut self, run: u64, sequence: u64) -> bool {
        if run == 0 || sequence == 0 {
            return false;
        }
        let found = self.runs.iter().position(|known| known.id == run);
        let index = found.unwrap_or_else(|| {
            self.runs.truncate(MAX_RUNS - 1);
            self.runs.push(Run { id: run, highest: sequence - 1, seen: [0; WORDS] });
            self.runs.len() - 1
        });
        if index > 0 {
            self.runs.swap(index, index - 1);
        }
        let Some(run) = self.runs.get_mut(index.saturating_sub(1)) else { return false };
        let again = run.mark(sequence);
        self.count += u64::from(again);
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_is_known_in_any_order() {
        let mut repeated = Repeated::default();
        for sequence in [5, 6, 9, 7] {
            assert!(!repeated.is_again(1, sequence), "{sequence}");
        }
        for sequence in [5, 6, 7, 9] {
            assert!(repeated.is_again(1, sequence), "{sequence}");
        }
        assert!(!repeated.is_again(1, 8), "late");
        assert!(!repeated.is_again(2, 9), "of another run");
        assert!(!repeated.is_again(1, 9 + 2 * WINDOW));
        assert!(repeated.is_again(1, 10), "too late to know");
        assert!(!repeated.is_again(0, 5) && !repeated.is_again(0, 5), "its program counts none");
        for run in 10..10_000 {
            assert!(!repeated.is_again(run, 1));
        }
        assert!(repeated.runs.len() <= MAX_RUNS);
    }
}
