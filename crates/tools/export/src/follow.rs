//! A folder that an archiver writes to, exported hour by hour.
//!
//! An hour of an archive is what lies between the first frame that begins in it and the first of a later hour, so that
//! each event is in one hour, however late it was written. What was exported is noted before and after each hour:
//! one that was not finished is exported again, with the same bounds and the same names.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use event::Filter;
use serde::{Deserialize, Serialize};
use store::archive::{Archive, FileName, Form, PartKind, files};

use crate::error::ExportError;
use crate::part::make_folder;
use crate::{Exported, Exporter, part_name};

/// Where it is noted what was exported.
const NOTES: &str = "follow.json";
/// Held by the process that follows.
const LOCK: &str = ".follow.lock";
const HOUR_NS: u64 = 3_600_000_000_000;

/// Exports a folder as it grows.
#[derive(Debug)]
pub struct Follower {
    exporter: Exporter,
    folder: PathBuf,
    notes: Notes,
    known: HashMap<PathBuf, Known>,
    _lock: Option<File>,
}

/// An hour of an archive that was exported.
#[derive(Clone, Debug)]
pub struct Hour {
    /// The archive.
    pub archive: PathBuf,
    /// The hour, counted from the beginning of 1970.
    pub hour: u64,
    /// What was made of it.
    pub exported: Exported,
}

/// What was exported of each archive, by the name of its parts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
struct Notes(BTreeMap<String, Note>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
struct Note {
    /// All before this byte of the archive is exported.
    done: u64,
    /// What is being exported: it may be there in part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    under_way: Option<Unit>,
}

/// An hour of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Unit {
    hour: u64,
    /// The byte at which it ends.
    end: u64,
}

/// What is known of an archive.
#[derive(Debug, Default)]
struct Known {
    /// The name of its parts; none as long as it has no event.
    name: Option<String>,
    /// Where each hour begins.
    hours: Vec<(u64, u64)>,
    /// Where the next frame begins that was not complete when it was looked at.
    seen: u64,
    /// It does not grow any more.
    is_finished: bool,
    /// It has no frames: nobody sees how far it is.
    is_raw: bool,
    /// All of it is exported.
    is_done: bool,
}

impl Follower {
    /// Goes on where the last one stopped that had the same target.
    ///
    /// # Errors
    /// What that one noted cannot be read, or another process is at work.
    pub fn new(exporter: Exporter, folder: impl Into<PathBuf>) -> Result<Self, ExportError> {
        let lock = if exporter.target.is_here() { Some(lock(exporter.target.folder())?) } else { None };
        let notes = match exporter.target.read(NOTES)? {
            Some(text) => serde_json::from_slice(&text)
                .map_err(|error| ExportError::Noted(format!("{NOTES} of the export"), error.to_string()))?,
            None => Notes::default(),
        };
        Ok(Self { exporter, folder: folder.into(), notes, known: HashMap::new(), _lock: lock })
    }

    /// Writes `tables.sql`, see [`Exporter::write_views`].
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_views(&self) -> Result<PathBuf, ExportError> {
        self.exporter.write_views()
    }

    /// Exports the next hour that is over for all archives: at this time, and by what is written of each. None if there is no such hour now.
    ///
    /// # Errors
    /// An archive cannot be read, or a file not be written. The next call tries it again.
    pub fn next(&mut self, now_ns: u64) -> Result<Option<Hour>, ExportError> {
        let paths = files([&self.folder])?;
        let newest = newest(&paths);
        for path in &paths {
            self.look(path, newest.contains(path), now_ns / HOUR_NS)?;
        }
        self.forget(&paths);
        // An archive that grows may still get events of the hour that it is in.
        let growing = newest.iter().filter_map(|path| self.known.get(path)).filter(|known| known.shows_hours());
        let end = growing.map(|known| known.hours.last().map_or(0, |(hour, _)| *hour)).min();
        let end = (now_ns / HOUR_NS).min(end.unwrap_or(u64::MAX));
        for path in &paths {
            if let Some(unit) = self.due(path, end) {
                return self.export(path, unit).map(Some);
            }
        }
        Ok(None)
    }

    /// Looks at what was written to an archive since the last time.
    fn look(&mut self, path: &Path, is_newest: bool, now: u64) -> Result<(), ExportError> {
        let known = self.known.entry(path.to_owned()).or_default();
        if known.is_done || (known.is_finished && known.name.is_some()) {
            return Ok(());
        }
        let archive = Archive::open(path)?;
        known.is_finished = archive.has_table() || !is_newest;
        known.is_raw = archive.form() == Form::Raw;
        if known.name.is_none() {
            known.name = part_name(&archive, false);
            let Some(name) = &known.name else {
                known.is_done = known.is_finished;
                return Ok(());
            };
            match self.notes.0.get(name) {
                Some(note) => known.seen = note.done,
                // What an export of the whole archive made before would be there twice.
                None => self.exporter.target.remove_former(&self.exporter.tables, name, &[])?,
            }
            known.is_done = known.seen == u64::MAX;
        }
        known.note_hours(&archive, now);
        Ok(())
    }

    /// The first hour of an archive that is not exported, if it is over before this one.
    fn due(&self, path: &Path, end: u64) -> Option<Unit> {
        let known = self.known.get(path).filter(|known| !known.is_done)?;
        let note = self.notes.0.get(known.name.as_ref()?).copied().unwrap_or_default();
        if note.under_way.is_some() {
            return note.under_way;
        }
        let next = known.hours.partition_point(|(_, start)| *start <= note.done);
        let (hour, _) = *known.hours.get(next.saturating_sub(1))?;
        let unit = match known.hours.get(next) {
            Some((_, start)) => Unit { hour, end: *start },
            None if known.is_finished => Unit { hour, end: u64::MAX },
            None => return None,
        };
        (hour < end && note.done < u64::MAX).then_some(unit)
    }

    fn export(&mut self, path: &Path, unit: Unit) -> Result<Hour, ExportError> {
        let known = self.known.get(path);
        let name = known.and_then(|known| known.name.clone()).unwrap_or_default();
        let done = self.notes.0.get(&name).copied().unwrap_or_default().done;
        self.note(&name, Note { done, under_way: Some(unit) })?;
        let archive = Archive::open(path)?;
        let number = number_of(unit.hour);
        let exported = self.exporter.export_range(&archive, &name, &Range { start: done, end: unit.end }, number)?;
        self.note(&name, Note { done: unit.end, under_way: None })?;
        if let Some(known) = self.known.get_mut(path) {
            known.is_done = unit.end == u64::MAX;
        }
        Ok(Hour { archive: path.to_owned(), hour: unit.hour, exported })
    }

    fn note(&mut self, name: &str, note: Note) -> Result<(), ExportError> {
        self.notes.0.insert(name.to_owned(), note);
        let text = serde_json::to_vec_pretty(&self.notes);
        let text = text.map_err(|error| ExportError::Noted(NOTES.to_owned(), error.to_string()))?;
        self.exporter.target.write(NOTES, &text).map(drop)
    }

    /// Forgets the archives that are not there any more.
    fn forget(&mut self, paths: &[PathBuf]) {
        let there: HashSet<&PathBuf> = paths.iter().collect();
        self.known.retain(|path, _| there.contains(path));
        let names: HashSet<&String> = self.known.values().filter_map(|known| known.name.as_ref()).collect();
        self.notes.0.retain(|name, _| names.contains(name));
    }
}

impl Known {
    /// It grows, and shows in which hour it is.
    fn shows_hours(&self) -> bool {
        !self.is_finished && !self.is_raw
    }

    /// Finds where hours begin in what was not looked at. No event is of the future, whatever its time.
    fn note_hours(&mut self, archive: &Archive, now: u64) {
        if self.is_raw {
            // Without frames it is exported at once, when it does not grow any more.
            let last = || archive.records(Filter::default()).flatten().map(|record| record.envelope().time_ns).max();
            let last = if self.is_finished { last() } else { None };
            self.hours.extend(last.map(|last_ns| ((last_ns / HOUR_NS).min(now), 0)));
            return;
        }
        let seen = self.seen;
        for part in archive.parts().iter().filter(|part| part.offset >= seen) {
            match part.kind {
                PartKind::Frame => self.seen = part.offset + part.size,
                // It is being written: where it begins is known.
                PartKind::Cut => {}
                _ => continue,
            }
            // Not the index: as long as the archive grows there is none, and the bounds must be the same afterwards.
            let Some(first) = archive.records_of(part).find_map(Result::ok) else { continue };
            let hour = (first.envelope().time_ns / HOUR_NS).min(now);
            // What was written later counts as later, whatever its time.
            if self.hours.last().is_none_or(|(last, _)| *last < hour) {
                self.hours.push((hour, if self.hours.is_empty() { 0 } else { part.offset }));
            }
        }
    }
}

/// The newest archive of each name: only these may be written to.
fn newest(paths: &[PathBuf]) -> HashSet<PathBuf> {
    let mut newest = HashMap::new();
    for path in paths {
        // They are in the order of their times.
        newest.insert(FileName::of(path).map(|name| name.base), path.clone());
    }
    newest.into_values().collect()
}

/// An hour as the names of files have it: 2026013112 for 12 to 13 o'clock of 2026-01-31, UTC.
fn number_of(hour: u64) -> u64 {
    let text = event::time::rfc3339(hour.saturating_mul(HOUR_NS));
    let digits: String = text.chars().take(13).filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(hour)
}

fn lock(folder: &Path) -> Result<File, ExportError> {
    make_folder(folder)?;
    let path = folder.join(LOCK);
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(ExportError::io("create", &path))?;
    file.try_lock().map_err(|error| ExportError::io("lock", &path)(error.into()))?;
    Ok(file)
}
