//! Which events are in the archive already, by the sequence numbers of their runs: a stream sends again what it does not know to be there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use event::{Envelope, Filter, Record};
use store::archive::{Archive, Index};
use tracing::warn;

use crate::files::paths;

/// Files that are looked at, the newest ones.
const MAX_FILES: usize = 1000;
/// Ranges of a run that are kept apart. What is between older ones counts as known.
const MAX_RANGES: usize = 10_000;

/// The first and the last sequence number of events that follow each other, in order.
type Ranges = Vec<(u64, u64)>;

/// The events of an archive, by node and run.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<(Arc<str>, u64), Ranges>);

impl Known {
    /// Those of the newest files, except one.
    pub fn read(directory: &Path, base: &str, current: Option<&Path>) -> Self {
        let paths = paths(directory, base).unwrap_or_else(|error| {
            warn!("cannot look for archives in {}, and may write events again: {error}", directory.display());
            Vec::new()
        });
        Self::of_files(paths.into_iter().rev().filter(|path| Some(&**path) != current).take(MAX_FILES))
    }

    /// Those of some files.
    pub fn of_files(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut known = Self::default();
        for path in paths {
            match Archive::open(path.clone()) {
                Ok(archive) => known.add_file(&archive),
                // One that is gone by now is not there.
                Err(_) if !path.exists() => {}
                Err(error) => warn!("{error}: what is in it may be written again"),
            }
        }
        known.0.values_mut().for_each(join);
        known
    }

    fn add_file(&mut self, archive: &Archive) {
        let complete = archive.index().filter(|index| index.frames.iter().all(|frame| !frame.counts_partial));
        match complete {
            Some(index) => self.add_index(index),
            None => archive.records(Filter::default()).flatten().for_each(|record| {
                let Envelope { node, run, sequence, .. } = record.envelope();
                self.add(node, *run, *sequence, *sequence);
            }),
        }
    }

    fn add_index(&mut self, index: &Index) {
        let nodes: Vec<Arc<str>> = index.names.iter().map(|name| name.as_str().into()).collect();
        for run in index.frames.iter().flat_map(|frame| &frame.runs) {
            if let Some(node) = nodes.get(run.node as usize) {
                self.add(node, run.run, run.first, run.last);
            }
        }
    }

    fn add(&mut self, node: &Arc<str>, run: u64, first: u64, last: u64) {
        if run == 0 || first == 0 {
            return; // without sequence numbers
        }
        let ranges = self.0.entry((Arc::clone(node), run)).or_default();
        match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
            _ => ranges.push((first, last)),
        }
        if ranges.len() > 2 * MAX_RANGES {
            join(ranges);
        }
    }

    /// Whether an event is among them.
    pub fn has(&self, record: &Record) -> bool {
        let Envelope { node, run, sequence, .. } = record.envelope();
        if *run == 0 || *sequence == 0 || self.0.is_empty() {
            return false;
        }
        contain(self.of_run(node, *run), *sequence)
    }

    /// The sequence numbers of a run that are there, for [`contain`].
    pub fn of_run(&self, node: &Arc<str>, run: u64) -> &[(u64, u64)] {
        self.0.get(&(Arc::clone(node), run)).map_or(&[], Vec::as_slice)
    }
}

/// Whether a sequence number is in one of these ranges, which are in order.
pub(crate) fn contain(ranges: &[(u64, u64)], sequence: u64) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= sequence);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| *last >= sequence)
}

/// Puts ranges in order, without overlaps, and few enough.
fn join(ranges: &mut Ranges) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, before| {
        let touches = next.0 <= before.1.saturating_add(1);
        if touches {
            before.1 = before.1.max(next.1);
        }
        touches
    });
    let excess = ranges.len().saturating_sub(MAX_RANGES);
    if let (Some((first, _)), Some((_, last))) = (ranges.first().copied(), ranges.get(excess).copied()) {
        ranges.drain(..excess);
        if let Some(oldest) = ranges.first_mut() {
            *oldest = (first, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined() {
        let mut known = Known::default();
        let node: Arc<str> = "alice".into();
        for (first, last) in [(50, 60), (61, 70), (1, 9), (8, 20), (100, 100), (0, 5)] {
            known.add(&node, 7, first, last);
        }
        known.0.values_mut().for_each(join);
        assert_eq!(known.0[&(Arc::clone(&node), 7)], [(1, 20), (50, 70), (100, 100)]);
        for sequence in 0..3 * MAX_RANGES as u64 {
            known.add(&node, 8, 2 * sequence + 1, 2 * sequence + 1);
        }
        known.0.values_mut().for_each(join);
        let ranges = &known.0[&(node, 8)];
        assert_eq!(
            (ranges.len(), ranges[0].0),
            (MAX_RANGES, 1),
            "bounded, and without a hole where it may not be known"
        );
    }
}
