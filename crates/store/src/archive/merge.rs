//! The events of several files, by time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use event::pb::observer::Selection;
use event::{Filter, Record};

use super::damage::{Damage, Fault};
use super::error::ArchiveError;
use super::place::Place;
use super::read::Archive;
use super::records::Records;

/// How much earlier than a file's first event another one in it may be, where no index shows the earliest.
const SLACK_NS: u64 = 60_000_000_000;

/// Statements of what was left out that are remembered of all files.
const MAX_SELECTIONS: usize = 1_000;

/// The events of several files that a filter lets pass, by time. A file's events keep their order. Files are open only while they are read, so
/// that any number of them takes the memory of those whose times overlap.
pub struct Merged {
    /// Not opened yet, the earliest first.
    waiting: VecDeque<(u64, Place)>,
    open: Vec<Option<Source>>,
    /// Time of the next event of each open file, and its number.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    filter: Filter,
    damage: VecDeque<(Place, Damage)>,
    selections: Vec<(Arc<str>, Selection)>,
}

struct Source {
    place: Place,
    records: Records,
    head: Option<Record>,
}

/// Reads several files by time.
///
/// # Errors
/// One of them cannot be opened.
pub fn merge<P: Into<Place>>(places: impl IntoIterator<Item = P>, filter: Filter) -> Result<Merged, ArchiveError> {
    let (mut waiting, mut selections) = (Vec::new(), Vec::new());
    for place in places {
        let place = place.into();
        let archive = Archive::open(place.clone())?;
        if !archive.may_match(&filter) {
            continue;
        }
        for selection in archive.selections() {
            if selections.len() < MAX_SELECTIONS && !selections.contains(&selection) {
                selections.push(selection);
            }
        }
        let earliest = match archive.span_ns() {
            Some((earliest, _)) => earliest,
            None => archive
                .records(Filter::default())
                .find_map(Result::ok)
                .map_or(0, |first| first.envelope().time_ns.saturating_sub(SLACK_NS)),
        };
        waiting.push((earliest, place));
    }
    // Files of the same time keep the order in which they were given.
    waiting.sort_by_key(|(earliest, _)| *earliest);
    let (open, heads, damage) = Default::default();
    Ok(Merged { waiting: waiting.into(), open, heads, filter, damage, selections })
}

impl Merged {
    /// What was left out of the events of each node when the files were written, each statement once.
    pub fn selections(&self) -> &[(Arc<str>, Selection)] {
        &self.selections
    }

    /// Reads on to a file's next event.
    fn advance(&mut self, number: usize) {
        let Some(slot) = self.open.get_mut(number) else { return };
        let Some(source) = slot else { return };
        for next in source.records.by_ref() {
            match next {
                Ok(record) => {
                    self.heads.push(Reverse((record.envelope().time_ns, number)));
                    source.head = Some(record);
                    return;
                }
                Err(damage) => self.damage.push_back((source.place.clone(), damage)),
            }
        }
        *slot = None;
    }

    /// Opens the files whose events may come before what is next.
    fn open_due(&mut self) {
        while let Some((earliest, _)) = self.waiting.front()
            && self.heads.peek().is_none_or(|Reverse((next, _))| earliest <= next)
            && let Some((_, place)) = self.waiting.pop_front()
        {
            match Archive::open(place.clone()) {
                Ok(archive) => {
                    let source = Source { place, records: archive.records(self.filter.clone()), head: None };
                    let number = self.open.iter().position(Option::is_none).unwrap_or(self.open.len());
                    if number == self.open.len() {
                        self.open.push(None);
                    }
                    if let Some(slot) = self.open.get_mut(number) {
                        *slot = Some(source);
                    }
                    self.advance(number);
                }
                Err(_) => {
                    self.damage
                        .push_back((place, Damage { offset: 0, bytes: 0, events: None, fault: Fault::Unreadable }));
                }
            }
        }
    }
}

impl Iterator for Merged {
    type Item = Result<Record, (Place, Damage)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.open_due();
        if let Some(damage) = self.damage.pop_front() {
            return Some(Err(damage));
        }
        let Reverse((_, number)) = self.heads.pop()?;
        let record = self.open.get_mut(number)?.as_mut()?.head.take()?;
        self.advance(number);
        Some(Ok(record))
    }
}
