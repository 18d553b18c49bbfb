//! Events as Parquet files, for analysis with DuckDB, Polars, ClickHouse or Spark.
//!
//! [`TABLES`] declares the tables. Each archive gives each table one file a date,
//! `table=NAME/date=YYYY-MM-DD/part-ARCHIVE-ID.parquet`, whose name depends on the archive alone: one that is
//! exported again replaces what it gave before. The rows of a file are in the order of their times, as far as the
//! archive is not further out of order than some thousand events.
//!
//! Memory does not grow with the archive: when the rows that wait take more than is given to them, those of the
//! largest file are written as a row group.

mod chunk;
mod error;
mod follow;
mod manual;
mod part;
mod reorder;
mod rows;
mod runs;
mod seen;
#[cfg(feature = "s3")]
mod store_target;
mod table;
mod tables;
mod target;
mod views;
mod words;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use event::{Filter, Record};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use store::archive::{Archive, Damage, Records};
use store::public::Public;

pub use crate::error::ExportError;
pub use crate::follow::{Follower, Hour};
pub use crate::manual::manual;
pub use crate::table::{COMMON, Column, Table, Type};
pub use crate::tables::TABLES;
pub use crate::target::Target;

use crate::part::{Complete, Part};
use crate::reorder::Reorder;
use crate::seen::{Peers, Seen};

/// Bytes that rows may take before they are written.
const MAX_MEMORY: usize = 40 << 20;
/// Events after which that is looked at.
const CHECK_EVERY: u64 = 1024;
/// Rows of a row group at most.
const MAX_ROWS: usize = 1 << 20;
/// Dates whose files are written at a time. Times are untrusted input.
const MAX_DAYS: usize = 4;
/// Characters of an archive's name that the names of its parts have.
const MAX_NAME: usize = 100;
const DAY_NS: u64 = 86_400_000_000_000;

/// Writes archives as Parquet files into a folder, or a place in a store.
#[derive(Debug)]
pub struct Exporter {
    target: Target,
    tables: Vec<&'static Table>,
    filter: Filter,
    /// Set if events are made public.
    public: Option<Mutex<Public>>,
}

/// What was made of an archive.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// Events that were read and passed the filter.
    pub events: u64,
    /// What was written.
    pub parts: Vec<ExportedPart>,
    /// How many places of the archive cannot be read.
    pub damaged: u64,
    /// The first of them.
    pub damage: Vec<Damage>,
}

/// A file that was written.
#[derive(Clone, Debug)]
pub struct ExportedPart {
    /// The name of its table.
    pub table: &'static str,
    /// Where it is; in a store, its name there.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Places that cannot be read of which more than the number is kept.
const MAX_DAMAGE: usize = 100;

impl Exported {
    fn miss(&mut self, damage: Damage) {
        self.damaged += 1;
        if self.damage.len() < MAX_DAMAGE {
            self.damage.push(damage);
        }
    }
}

/// The table of this name.
///
/// # Errors
/// There is none.
pub fn table(name: &str) -> Result<&'static Table, ExportError> {
    TABLES.iter().find(|table| table.name == name).copied().ok_or_else(|| {
        let names: Vec<_> = TABLES.iter().map(|table| table.name).collect();
        ExportError::UnknownTable(name.to_owned(), names.join(", "))
    })
}

impl Exporter {
    /// Writes the events that a filter lets pass into these tables.
    pub fn new(target: impl Into<Target>, tables: &[&'static Table], filter: Filter) -> Self {
        Self { target: target.into(), tables: tables.to_vec(), filter, public: None }
    }

    /// Makes the events public by what has learned from all of them.
    #[must_use]
    pub fn public(self, public: Public) -> Self {
        Self { public: Some(Mutex::new(public)), ..self }
    }

    /// An event that was read, as it is written; none if it is not.
    fn show(&self, record: Record) -> Option<Record> {
        match &self.public {
            Some(public) => public.lock().show(&record, &self.filter),
            None => Some(record),
        }
    }

    /// Writes `tables.sql` into the folder: with it, DuckDB knows all tables by their names.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_views(&self) -> Result<PathBuf, ExportError> {
        views::write(&self.target, self.public.is_some())
    }

    /// Writes an archive. The files appear, and replace those that the archive gave before, when all of them are
    /// complete.
    ///
    /// # Errors
    /// The archive cannot be opened, or a file cannot be written: then those of before are still there.
    pub fn export(&self, archive: &Archive) -> Result<Exported, ExportError> {
        let Some(name) = part_name(archive, self.public.is_some()) else {
            // Without any event there is nothing to write, and nothing was written before.
            let mut exported = Exported::default();
            archive.check().into_iter().for_each(|damage| exported.miss(damage));
            return Ok(exported);
        };
        let filter = if self.public.is_some() { Filter::default() } else { self.filter.clone() };
        self.write(archive.records(filter), &name)
    }

    /// Writes what begins in a range of an archive's bytes. The files are named by the archive and by this number, which
    /// no other range of it has, and replace those of that name.
    fn export_range(
        &self,
        archive: &Archive,
        name: &str,
        range: &Range<u64>,
        number: u64,
    ) -> Result<Exported, ExportError> {
        self.write(archive.records_in(range, self.filter.clone()), &format!("{name}-{number}"))
    }

    fn write(&self, records: Records, name: &str) -> Result<Exported, ExportError> {
        let mut writing = Writing { export: self, name, days: BTreeMap::new(), complete: Vec::new(), events: 0 };
        let (mut exported, mut reorder, mut peers) = (Exported::default(), Reorder::default(), Peers::default());
        for record in records {
            match record {
                Ok(record) => self.show(record).into_iter().for_each(|record| reorder.push(record)),
                Err(damage) => exported.miss(damage),
            }
            while let Some(record) = reorder.pop(false) {
                writing.add(&record, &mut peers)?;
            }
        }
        while let Some(record) = reorder.pop(true) {
            writing.add(&record, &mut peers)?;
        }
        exported.events = writing.events;
        exported.parts = writing.finish()?;
        self.target.remove_former(&self.tables, name, &exported.parts)?;
        Ok(exported)
    }
}

/// The files of an archive while they are written.
struct Writing<'a> {
    export: &'a Exporter,
    name: &'a str,
    /// By day, counted from the beginning of 1970.
    days: BTreeMap<u64, Day>,
    complete: Vec<Complete>,
    events: u64,
}

/// The files of a day, one for each table.
struct Day {
    parts: Vec<Part>,
    /// The number of the last event of it.
    used: u64,
}

impl Writing<'_> {
    fn add(&mut self, record: &Record, peers: &mut Peers) -> Result<(), ExportError> {
        self.events += 1;
        let message = peers.learn(record);
        let seen = Seen::new(record, message, peers);
        let number = record.envelope().time_ns / DAY_NS;
        if !self.days.contains_key(&number) {
            self.make_room()?;
            let part = |table: &&'static Table| Part::new(table, self.path(table, number));
            let parts = self.export.tables.iter().map(part).collect();
            self.days.insert(number, Day { parts, used: 0 });
        }
        let Some(day) = self.days.get_mut(&number) else { return Ok(()) };
        day.used = self.events;
        for part in &mut day.parts {
            part.add(&seen);
            if part.waiting() >= MAX_ROWS {
                part.flush()?;
            }
        }
        if self.events.is_multiple_of(CHECK_EVERY) {
            self.bound_memory()?;
        }
        Ok(())
    }

    /// Where the rows of a table and day go.
    fn path(&self, table: &Table, day: u64) -> PathBuf {
        let date = event::time::rfc3339(day.saturating_mul(DAY_NS));
        let date = date.split('T').next().unwrap_or_default();
        let folder = self.export.target.folder().join(format!("table={}", table.name)).join(format!("date={date}"));
        let path = folder.join(format!("{}.parquet", self.name));
        let before = self.complete.iter().filter(|complete| complete.path.parent() == Some(&folder)).count();
        if before == 0 { path } else { folder.join(format!("{}-{}.parquet", self.name, before + 1)) }
    }

    /// Completes the files of the day that was not used for longest, if there are many.
    fn make_room(&mut self) -> Result<(), ExportError> {
        if self.days.len() < MAX_DAYS {
            return Ok(());
        }
        let oldest = self.days.iter().min_by_key(|(_, day)| day.used).map(|(number, _)| *number);
        let day = oldest.and_then(|number| self.days.remove(&number));
        for part in day.into_iter().flat_map(|day| day.parts) {
            self.complete.extend(part.complete()?);
        }
        Ok(())
    }

    fn bound_memory(&mut self) -> Result<(), ExportError> {
        let parts =
            |days: &BTreeMap<u64, Day>| days.values().flat_map(|day| &day.parts).map(Part::memory).sum::<usize>();
        while parts(&self.days) > MAX_MEMORY
            && let Some(part) = self.days.values_mut().flat_map(|day| &mut day.parts).max_by_key(|part| part.memory())
        {
            part.flush()?;
        }
        Ok(())
    }

    /// Completes all files, and gives them their names.
    fn finish(self) -> Result<Vec<ExportedPart>, ExportError> {
        let Self { export, days, mut complete, .. } = self;
        for part in days.into_values().flat_map(|day| day.parts) {
            complete.extend(part.complete()?);
        }
        export.target.publish(complete)
    }
}

/// The name of an archive's parts: its own, and what tells it from others of that name, which is its first event. So
/// it is the same wherever the archive lies and however it is compressed. None without any event.
fn part_name(archive: &Archive, is_public: bool) -> Option<String> {
    let first = archive.records(Filter::default()).find_map(Result::ok)?;
    let digest = Sha256::digest(first.bytes());
    let id: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let name = archive.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.trim_end_matches(".zst").trim_end_matches(".bin");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    // The name of a file may say too much.
    let name = if is_public { "public" } else { name };
    let name: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(MAX_NAME).collect();
    Some(format!("part-{name}-{id}"))
}
