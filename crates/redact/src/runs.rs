//! Runs and the numbers of their events as they are shown. Ids are others for each redactor, so that those who get events of the same node from several do
//! not know it by them. Numbers begin at 1 with the first event that comes, so that they do not show when a run began. What is withheld has none;
//! what was lost before it came is missing in them, too.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::pseudonym::Pseudonyms;

/// Runs that are known; the one that was quiet longest is forgotten first.
const MAX_RUNS: usize = 1_024;
/// Withheld events of a run of which it is known where they were: references to what came before the first of them are not resolved.
const MAX_SHIFTS: usize = 1_024;

/// All runs.
#[derive(Debug)]
pub(super) struct Runs {
    /// Makes ids others than those of any other redactor, also with the same key.
    nonce: [u8; 16],
    known: HashMap<(Arc<str>, u64), Run>,
    /// How often a run was asked for.
    clock: u64,
}

#[derive(Debug)]
struct Run {
    id: u64,
    /// The highest number that came; none if nothing did.
    last: Option<u64>,
    /// The number that was given for it, or for the last one before it that was shown.
    shown: u64,
    /// From a number on, by how much the one that is shown is less.
    shifts: VecDeque<(u64, u64)>,
    used: u64,
}

impl Runs {
    pub(super) fn new() -> Self {
        let mut nonce = [0; 16];
        // Without randomness, ids are those of any redactor with the key.
        let _ = getrandom::fill(&mut nonce);
        Self { nonce, known: HashMap::new(), clock: 0 }
    }

    /// Begins all numbers anew.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    fn get(&mut self, pseudonyms: &Pseudonyms, node: &Arc<str>, run: u64) -> &mut Run {
        let key = (Arc::clone(node), run);
        if self.known.len() >= MAX_RUNS && !self.known.contains_key(&key) {
            let oldest = self.known.iter().min_by_key(|(_, run)| run.used).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.known.remove(&oldest));
        }
        self.clock += 1;
        let nonce = &self.nonce;
        let new =
            || Run { id: pseudonyms.run(nonce, node, run), last: None, shown: 0, shifts: VecDeque::new(), used: 0 };
        let found = self.known.entry(key).or_insert_with(new);
        found.used = self.clock;
        found
    }

    /// The id that is shown of a run. 0, which is none, stays.
    pub(super) fn id(&mut self, pseudonyms: &Pseudonyms, node: &Arc<str>, run: u64) -> u64 {
        if run == 0 { 0 } else { self.get(pseudonyms, node, run).id }
    }

    /// The number that is shown of an event of this number; 0 if it is out of order, or not shown.
    pub(super) fn number(
        &mut self,
        pseudonyms: &Pseudonyms,
        node: &Arc<str>,
        run: u64,
        number: u64,
        is_shown: bool,
    ) -> u64 {
        if run == 0 || number == 0 {
            return 0;
        }
        let run = self.get(pseudonyms, node, run);
        let last = run.last.unwrap_or_else(|| {
            run.shifts.push_back((number, number - 1));
            number - 1
        });
        if number <= last {
            return 0;
        }
        run.last = Some(number);
        let steps = number - last;
        if is_shown {
            run.shown += steps;
            return run.shown;
        }
        run.shown += steps - 1;
        run.shifts.push_back((number.saturating_add(1), number.saturating_sub(run.shown)));
        if run.shifts.len() > MAX_SHIFTS {
            run.shifts.pop_front();
        }
        0
    }

    /// The number that is shown of the last event that was numbered, when this is the number of the last one that there was.
    pub(super) fn last(&mut self, pseudonyms: &Pseudonyms, node: &Arc<str>, run: u64, last: u64) -> u64 {
        if run == 0 {
            return 0;
        }
        let run = self.get(pseudonyms, node, run);
        match run.last {
            None => {
                run.last = Some(last);
                run.shifts.push_back((last.saturating_add(1), last));
            }
            Some(before) if last > before => {
                run.shown += last - before;
                run.last = Some(last);
            }
            Some(_) => {}
        }
        run.shown
    }

    /// The number under which an event was shown; none if it was not, or that is not known any more.
    pub(super) fn shown(&self, node: &Arc<str>, run: u64, number: u64) -> Option<u64> {
        let run = self.known.get(&(Arc::clone(node), run))?;
        let next = run.shifts.partition_point(|(from, _)| *from <= number);
        let is_withheld = run.shifts.get(next).is_some_and(|(from, _)| *from == number.saturating_add(1));
        let (_, shift) = run.shifts.get(next.checked_sub(1)?)?;
        if is_withheld || run.last.is_none_or(|last| number > last) {
            return None;
        }
        number.checked_sub(*shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withheld_has_no_number_and_what_is_lost_has() {
        let (pseudonyms, mut runs, node) = (Pseudonyms::new(&[1; 32]), Runs::new(), Arc::from("alice"));
        let numbers =
            [(70, true), (71, false), (72, false), (73, true), (80, true), (81, false), (79, true), (83, true)];
        let shown: Vec<u64> =
            numbers.iter().map(|(number, shown)| runs.number(&pseudonyms, &node, 5, *number, *shown)).collect();
        assert_eq!(shown, [1, 0, 0, 2, 9, 0, 0, 11]);
        let asked = [69, 70, 71, 72, 73, 80, 81, 83, 84].map(|number| runs.shown(&node, 5, number));
        assert_eq!(asked, [None, Some(1), None, None, Some(2), Some(9), None, Some(11), None]);
        assert_eq!(runs.last(&pseudonyms, &node, 5, 83), 11);
        assert_eq!(runs.last(&pseudonyms, &node, 5, 86), 14);
        assert_eq!(runs.number(&pseudonyms, &node, 5, 87, true), 15);
        assert_eq!(runs.last(&pseudonyms, &node, 6, 400), 0, "what was before is not shown");
        assert_eq!(runs.number(&pseudonyms, &node, 6, 401, true), 1);
        assert_eq!(runs.number(&pseudonyms, &node, 0, 9, true), 0);
    }

    #[test]
    fn ids_are_others_for_each_redactor() {
        let (pseudonyms, node) = (Pseudonyms::new(&[1; 32]), Arc::from("alice"));
        let (mut one, mut other) = (Runs::new(), Runs::new());
        let id = one.id(&pseudonyms, &node, 5);
        assert!(id > 0 && id < 1 << 53 && id != 5, "{id}");
        assert_eq!(one.id(&pseudonyms, &node, 5), id);
        assert_ne!(other.id(&pseudonyms, &node, 5), id);
        assert_eq!(one.id(&pseudonyms, &node, 0), 0);
        (0..2 * MAX_RUNS as u64).for_each(|run| _ = one.id(&pseudonyms, &node, run));
        assert_eq!(one.known.len(), MAX_RUNS);
    }
}
