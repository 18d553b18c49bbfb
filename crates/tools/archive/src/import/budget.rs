//! How much memory may be in use at a time, whatever the files want.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes for what is being worked on, and for what unpacks files.
const TOTAL: u64 = 64 << 20;
/// Bytes of that for what unpacks files. One file gets more, if no other is read meanwhile.
const UNPACKING: u64 = 40 << 20;

/// Memory that is in use.
#[derive(Default)]
pub(super) struct Budget {
    used: Mutex<Used>,
    released: Condvar,
}

#[derive(Default)]
struct Used {
    unpacking: u64,
    batches: u64,
}

/// Memory that is in use until this is dropped.
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: u64,
    unpacks: bool,
}

impl Budget {
    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory for unpacking a file, if there is enough, or no other one is being unpacked.
    pub(super) fn unpack(self: &Arc<Self>, bytes: u64) -> Option<Permit> {
        let mut used = self.lock();
        if used.unpacking > 0 && used.unpacking + bytes > UNPACKING {
            return None;
        }
        used.unpacking += bytes;
        Some(Permit { budget: Arc::clone(self), bytes, unpacks: true })
    }

    /// Memory for a batch: waits until there is enough, or no other batch is there.
    pub(super) fn batch(self: &Arc<Self>, bytes: u64) -> Permit {
        let mut used = self.lock();
        while used.batches > 0 && used.unpacking + used.batches + bytes > TOTAL {
            used = self.released.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        used.batches += bytes;
        Permit { budget: Arc::clone(self), bytes, unpacks: false }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut used = self.budget.lock();
        let of = if self.unpacks { &mut used.unpacking } else { &mut used.batches };
        *of = of.saturating_sub(self.bytes);
        drop(used);
        self.budget.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_may_be_too_large_but_no_other_is_there_then() {
        let budget = Arc::new(Budget::default());
        let large = budget.unpack(UNPACKING * 2).unwrap();
        assert!(budget.unpack(1).is_none());
        let batch = budget.batch(TOTAL * 2);
        drop(large);
        let small = budget.unpack(1).unwrap();
        assert!(budget.unpack(UNPACKING).is_none() && budget.unpack(UNPACKING - 1).is_some());
        drop((batch, small));
        assert_eq!(budget.lock().batches, 0);
    }
}
