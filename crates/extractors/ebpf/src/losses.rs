//! Where losses belong among the events of their node.

use std::collections::{HashMap, VecDeque};

use crate::shared::layout::Shared;

/// Losses are noticed after they happened, while events from before them may still be in the ring. A loss takes its place after all that had been
/// written when it was noticed.
#[derive(Default)]
pub(crate) struct Losses {
    /// Dropped and faulty events of all processes.
    total: u64,
    /// Those of processes that found no slot.
    elsewhere: u64,
    by_process: HashMap<u32, u64>,
    waiting: VecDeque<Loss>,
}

/// Events of a process that were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    /// How far the ring had been written when they were noticed.
    position: u64,
    /// The process; none if it is not known.
    pub(crate) process: Option<u32>,
    pub(crate) events: u64,
}

impl Losses {
    /// Notices new losses. `total` is the number of dropped and faulty events so far, and `written` is how far the ring is written.
    pub(crate) fn notice(&mut self, shared: &Shared, total: u64, written: impl FnOnce() -> u64) {
        if total == self.total {
            return;
        }
        self.total = total;
        let mut losses = Vec::new();
        for (process, lost) in shared.lost() {
            let before = self.by_process.insert(process, lost).unwrap_or(0);
            losses.push((Some(process), lost.saturating_sub(before)));
        }
        let elsewhere = shared.lost_elsewhere();
        losses.push((None, elsewhere.saturating_sub(self.elsewhere)));
        self.elsewhere = elsewhere;
        let position = written();
        let new = losses.into_iter().filter(|(_, events)| *events > 0);
        self.waiting.extend(new.map(|(process, events)| Loss { position, process, events }));
    }

    /// The next loss whose place is reached when the ring has been read up to `read`.
    pub(crate) fn due(&mut self, read: u64) -> Option<Loss> {
        self.waiting.pop_front_if(|loss| loss.position <= read)
    }

    /// Forgets a process that has ended.
    pub(crate) fn forget(&mut self, process: u32) {
        self.by_process.remove(&process);
    }
}
