//! Makes files of files.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use event::pb::observer::Pass;
use event::selection::Selections;
use event::{Filter, Kind, Record, original};
use store::archive::{self, Archive, ArchiveError, Damage, FileName, Place, Writer};
use store::public::Public;
use zstd::zstd_safe::CParameter;

/// What became of the files that were read.
#[derive(Debug, Default)]
pub struct Rewritten {
    /// The files that were made.
    pub files: Vec<PathBuf>,
    /// Events in them.
    pub events: u64,
    /// Events that were left out since other programs have no such kind.
    pub left_out: u64,
    /// What could not be read.
    pub missing: Vec<(Place, Damage)>,
}

impl Rewritten {
    /// Adds what became of others.
    pub fn add(&mut self, others: Self) {
        self.files.extend(others.files);
        self.missing.extend(others.missing);
        self.events += others.events;
        self.left_out += others.left_out;
    }

    fn note(&mut self, place: &Place, damage: Damage) {
        self.missing.push((place.clone(), damage));
    }

    fn finish(&mut self, writer: Option<Writer>) -> Result<(), ArchiveError> {
        let Some(writer) = writer else { return Ok(()) };
        self.files.push(writer.path().to_owned());
        writer.finish().map(|_| ())
    }

    /// Appends an event in the form in which it is shown. What a file states of what was left out is stated anew, with what is left out here.
    fn append(
        &mut self,
        writer: &mut Writer,
        selections: &mut Selections,
        record: &Record,
        choice: &mut Choice<'_>,
        shown: &Record,
    ) -> Result<(), ArchiveError> {
        for selection in selections.before(record) {
            match &mut choice.public {
                Some(public) => public.statement(&selection).iter().for_each(|selection| writer.state(selection)),
                None => writer.state(&selection),
            }
        }
        writer.append(shown)?;
        self.events += 1;
        Ok(())
    }
}

/// Which events are written, and in which form.
#[derive(Debug, Default)]
pub struct Choice<'a> {
    /// Which ones.
    pub filter: Filter,
    /// Set if they are made public.
    pub public: Option<&'a mut Public>,
}

/// An event as it is written.
enum Shown<'r> {
    AsIs(&'r Record),
    Public(Box<Record>),
}

impl Deref for Shown<'_> {
    type Target = Record;

    fn deref(&self) -> &Record {
        match self {
            Self::AsIs(record) => record,
            Self::Public(record) => record,
        }
    }
}

impl From<Filter> for Choice<'_> {
    fn from(filter: Filter) -> Self {
        Self { filter, public: None }
    }
}

impl Choice<'_> {
    /// Which events are read. What makes events public learns from all of them.
    fn reads(&self) -> Filter {
        if self.public.is_some() { Filter::default() } else { self.filter.clone() }
    }

    /// An event that was read, as it is written; none if it is not.
    fn show<'r>(&mut self, record: &'r Record) -> Option<Shown<'r>> {
        match &mut self.public {
            Some(public) => public.show(record, &self.filter).map(|record| Shown::Public(Box::new(record))),
            None => Some(Shown::AsIs(record)),
        }
    }

    fn passes(&self) -> Vec<Pass> {
        self.filter.pass().into_iter().chain(self.public.as_ref().and_then(|public| public.pass())).collect()
    }
}

/// The name of files with public events: those that they come from may have names that say too much.
const PUBLIC_BASE: &str = "public";

/// What is stated in files that are made of this one.
fn selections_of(archive: &Archive, choice: &Choice<'_>) -> Selections {
    let mut selections = Selections::new(choice.passes(), false);
    archive.selections().iter().for_each(|(node, selection)| selections.inherit(node, selection));
    selections
}

/// Writes the events of several files to one, by time.
///
/// # Errors
/// A file cannot be opened, or the new one not be written.
pub fn merge(places: &[Place], mut choice: Choice<'_>, options: &archive::Options) -> Result<Rewritten, ArchiveError> {
    let (mut done, mut writer, mut options) = (Rewritten::default(), None, options.clone());
    let mut selections = Selections::new(choice.passes(), false);
    if choice.public.is_some() {
        PUBLIC_BASE.clone_into(&mut options.base);
    }
    for place in places {
        let archive = Archive::open(place.clone())?;
        options.low_data |= archive.header().is_some_and(|header| header.low_data == Some(true));
        archive.selections().iter().for_each(|(node, selection)| selections.inherit(node, selection));
    }
    for record in archive::merge(places.iter().cloned(), choice.reads())? {
        match record {
            Ok(record) if record.envelope().kind == Kind::Selection => {}
            Ok(record) => {
                let Some(shown) = choice.show(&record) else { continue };
                let writer = match &mut writer {
                    Some(writer) => writer,
                    none => none.insert(Writer::create(&options, shown.envelope().time_ns)?),
                };
                done.append(writer, &mut selections, &record, &mut choice, &shown)?;
            }
            Err((place, damage)) => done.note(&place, damage),
        }
    }
    done.finish(writer)?;
    Ok(done)
}

/// Writes what a filter lets pass of each file to one of its own.
///
/// # Errors
/// As for [`merge`].
pub fn filter(places: &[Place], mut choice: Choice<'_>, options: &archive::Options) -> Result<Rewritten, ArchiveError> {
    let mut done = Rewritten::default();
    for place in places {
        let archive = Archive::open(place.clone())?;
        let mut options = options.clone();
        inherit(&archive, &mut options, &choice);
        let (mut writer, mut selections) = (None, selections_of(&archive, &choice));
        for record in archive.records(choice.reads()) {
            match record {
                Ok(record) if record.envelope().kind == Kind::Selection => {}
                Ok(record) => {
                    let Some(shown) = choice.show(&record) else { continue };
                    let writer = match &mut writer {
                        Some(writer) => writer,
                        none => {
                            let first_ns = shown.envelope().time_ns;
                            let begun_ns =
                                if choice.public.is_some() { first_ns } else { begun_ns(&archive, first_ns) };
                            none.insert(Writer::create(&options, begun_ns)?)
                        }
                    };
                    done.append(writer, &mut selections, &record, &mut choice, &shown)?;
                }
                Err(damage) => done.note(place, damage),
            }
        }
        done.finish(writer)?;
    }
    Ok(done)
}

/// Writes a file as several, each with the events of so much time, or so many bytes.
///
/// # Errors
/// As for [`merge`].
pub fn split(
    place: &Place,
    each: Option<Duration>,
    bytes: Option<u64>,
    options: &archive::Options,
) -> Result<Rewritten, ArchiveError> {
    let archive = Archive::open(place.clone())?;
    let mut options = options.clone();
    let mut choice = Choice::default();
    inherit(&archive, &mut options, &choice);
    if let Some(bytes) = bytes.and_then(|bytes| usize::try_from(bytes).ok()) {
        options.frame_bytes = Some(options.frame_bytes().min(bytes));
    }
    let each = each.map(|each| event::time::nanoseconds(each).max(1));
    let (mut done, mut writer, mut slot) = (Rewritten::default(), None::<Writer>, None);
    let mut selections = selections_of(&archive, &choice);
    for record in archive.records(Filter::default()) {
        let record = match record {
            Ok(record) if record.envelope().kind == Kind::Selection => continue,
            Ok(record) => record,
            Err(damage) => {
                done.note(place, damage);
                continue;
            }
        };
        let time_ns = record.envelope().time_ns;
        let of_event = each.map(|each| time_ns / each);
        // Events are not quite sorted: one that is late stays in the file that is open.
        let is_next =
            of_event > slot || writer.as_ref().is_some_and(|w| bytes.is_some_and(|most| w.durable().bytes >= most));
        if is_next && writer.is_some() {
            done.finish(writer.take())?;
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            none => {
                slot = of_event;
                selections.begin();
                none.insert(Writer::create(&options, time_ns)?)
            }
        };
        done.append(writer, &mut selections, &record, &mut choice, &record)?;
    }
    done.finish(writer)?;
    Ok(done)
}

/// Takes over what the header says.
fn inherit(archive: &Archive, options: &mut archive::Options, choice: &Choice<'_>) {
    if let Some(header) = archive.header() {
        options.low_data = header.low_data == Some(true);
        options.selection.clone_from(&header.selection);
    }
    if choice.public.is_some() {
        PUBLIC_BASE.clone_into(&mut options.base);
    } else if let Some(name) = FileName::of(archive.path()) {
        options.base = name.base;
    }
}

/// When a file was begun; the time of its first event if it does not say so.
fn begun_ns(archive: &Archive, first_ns: u64) -> u64 {
    FileName::of(archive.path()).map_or(first_ns, |name| name.created_ms.saturating_mul(1_000_000))
}

/// Writes the events of several files, by time, to one in the form that every program takes which reads such files: a single frame, or none for level
/// 0, without index; and each event in the form of [`original`].
///
/// # Errors
/// A file cannot be opened, or the new one not be written. What is in its place stays there then.
pub fn export(places: &[Place], mut choice: Choice<'_>, to: &Path, level: i32) -> Result<Rewritten, ArchiveError> {
    let low_data = places
        .iter()
        .filter_map(|place| Archive::open(place.clone()).ok())
        .any(|archive| archive.header().is_some_and(|header| header.low_data == Some(true)));
    let mut temporary = to.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = PathBuf::from(temporary);
    let error = |doing| {
        let path = temporary.clone();
        move |cause| ArchiveError::Io { doing, path, cause }
    };
    let mut done = Rewritten::default();
    let merged = archive::merge(places.iter().cloned(), choice.reads())?;
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary);
    let file = BufWriter::new(file.map_err(error("create"))?);
    let written = write_one(merged, file, level, low_data, &mut choice, &mut done);
    let renamed = written.and_then(|file| file.sync_all()).and_then(|()| std::fs::rename(&temporary, to));
    if let Err(cause) = renamed {
        let _ = std::fs::remove_file(&temporary);
        return Err(error("write")(cause));
    }
    done.files.push(to.to_owned());
    Ok(done)
}

fn write_one(
    merged: archive::Merged,
    file: BufWriter<File>,
    level: i32,
    low_data: bool,
    choice: &mut Choice<'_>,
    done: &mut Rewritten,
) -> std::io::Result<File> {
    let mut out = if level == 0 {
        Out::Raw(file)
    } else {
        let mut encoder = zstd::Encoder::new(file, level)?;
        encoder.include_checksum(true)?;
        if level > 19 {
            encoder.set_parameter(CParameter::WindowLog(27))?;
        }
        Out::Zstd(encoder)
    };
    let mut encoder = original::Encoder::default();
    let mut record_bytes = Vec::new();
    let mut header = Some(low_data);
    for record in merged {
        let record = match record {
            Ok(record) => record,
            Err((place, damage)) => {
                done.note(&place, damage);
                continue;
            }
        };
        let Some(record) = choice.show(&record) else { continue };
        record_bytes.clear();
        if let Some(low_data) = header.take() {
            let created = record.envelope().time_ns / 1_000_000_000;
            archive::put_header(&mut record_bytes, created, low_data);
        }
        match encoder.encode(&record) {
            Some(bytes) => {
                archive::put_record(&mut record_bytes, &bytes);
                done.events += 1;
            }
            None => done.left_out += 1,
        }
        out.write_all(&record_bytes)?;
    }
    if header.is_some() {
        record_bytes.clear();
        archive::put_header(&mut record_bytes, event::time::now_ns() / 1_000_000_000, low_data);
        out.write_all(&record_bytes)?;
    }
    out.finish()
}

enum Out {
    Raw(BufWriter<File>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Out {
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Raw(file) => file.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(self) -> std::io::Result<File> {
        let file = match self {
            Self::Raw(file) => file,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(std::io::IntoInnerError::into_error)
    }
}
