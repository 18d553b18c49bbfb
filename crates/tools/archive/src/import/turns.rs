//! Something that threads use one after another, in an order that is settled before.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Something that is used in turns, which are numbered from 0 on. Each number must be taken once.
pub(super) struct Turns<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    next: u64,
    value: T,
    /// A turn will never be taken.
    abandoned: bool,
}

impl<T> Turns<T> {
    pub(super) fn new(value: T) -> Self {
        Self { state: Mutex::new(State { next: 0, value, abandoned: false }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all turns before this one are over, and takes it. None if one of them will never be taken.
    pub(super) fn take<R>(&self, number: u64, turn: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut state = self.lock();
        while state.next != number && !state.abandoned {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.abandoned {
            return None;
        }
        let outcome = turn(&mut state.value);
        state.next += 1;
        drop(state);
        self.changed.notify_all();
        Some(outcome)
    }

    /// Ends all waiting, since a turn will never be taken.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.changed.notify_all();
    }

    /// Uses it between turns.
    pub(super) fn between<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        turn(&mut self.lock().value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_taken_in_order_whoever_comes_first() {
        let turns = Turns::new(Vec::new());
        std::thread::scope(|scope| {
            for number in (0..16).rev() {
                let turns = &turns;
                scope.spawn(move || turns.take(number, |taken| taken.push(number)).unwrap());
            }
        });
        assert!(turns.between(|taken| taken.iter().copied().eq(0..16)));
    }
    #[test]
    fn nobody_waits_for_a_turn_that_will_never_be_taken() {
        let turns = Turns::new(());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| turns.take(1, |()| ()));
            turns.abandon();
            assert_eq!(waiting.join().unwrap(), None);
        });
        assert_eq!(turns.take(0, |()| ()), None);
    }
}
