//! A file to read.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use event::filter::Kinds;
use event::pb::observer::Selection;
use event::{Filter, Kind};

use super::content::Header;
use super::damage::Damage;
use super::error::ArchiveError;
use super::index::{Frame, Index};
use super::layout::{Form, Layout, Part, PartKind};
use super::place::{Place, ReadAt};
use super::records::Records;

/// Events at the beginning of a file without index that are looked at for selections, and different selections that are remembered of a file.
const MAX_BEGINNING: usize = 10_000;
const MAX_SELECTIONS: usize = 1_000;

/// A file to read: an archive of ours or of other programs, complete or not, compressed or not, or what `watch -o protobuf` prints. Cloning it gives
/// another handle.
#[derive(Clone, Debug)]
pub struct Archive(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    place: Place,
    file: Box<dyn ReadAt>,
    length: u64,
    layout: Layout,
    beginning: Beginning,
}

/// What the content begins with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginning {
    pub header: Option<Header>,
    /// It has the header of archives before 2026.
    pub is_former: bool,
}

impl Archive {
    /// Opens a file and finds its parts. What comes later in it, if it is still written, is not read.
    ///
    /// # Errors
    /// The system or the store cannot open or read it.
    pub fn open(place: impl Into<Place>) -> Result<Self, ArchiveError> {
        let place = place.into();
        let (file, length) = place.open()?;
        let layout = Layout::read(&*file, length, place.is_named_zstd());
        let layout = layout.map_err(ArchiveError::io("read", place.path()))?;
        let inner = Inner { place, file, length, layout, beginning: Beginning::default() };
        let archive = Self(Arc::new(inner));
        let beginning = Records::new(&archive, Filter::default()).read_beginning();
        // There is no other handle yet, so this copies nothing.
        let Some(inner) = Arc::into_inner(archive.0) else {
            return Err(ArchiveError::io("read", Path::new("an archive"))(std::io::ErrorKind::Other.into()));
        };
        Ok(Self(Arc::new(Inner { beginning, ..inner })))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.place.path()
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.0.length
    }

    /// How its content is stored.
    pub fn form(&self) -> Form {
        self.0.layout.form
    }

    /// Its parts, in order and without gaps.
    pub fn parts(&self) -> &[Part] {
        &self.0.layout.parts
    }

    /// The header; none if there is none, or it cannot be read.
    pub fn header(&self) -> Option<&Header> {
        self.0.beginning.header.as_ref()
    }

    /// It has the header of archives before 2026, of 16 bytes that begin with "PA".
    pub fn has_former_header(&self) -> bool {
        self.0.beginning.is_former
    }

    /// It ends with a table of its frames, as complete files of ours do.
    pub fn has_table(&self) -> bool {
        self.0.layout.has_table
    }

    /// What is in each of its frames; none if it has no index that can be read.
    pub fn index(&self) -> Option<&Index> {
        self.0.layout.index.as_ref()
    }

    /// The times of the earliest and the latest event, in nanoseconds since the UNIX epoch, by the index.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        let frames = &self.index()?.frames;
        let earliest = frames.iter().map(|frame| frame.earliest_ns).min()?;
        Some((earliest, frames.iter().map(|frame| frame.latest_ns).max()?))
    }

    /// Whether there may be events that a filter lets pass. Yes, if the file is not complete.
    pub fn may_match(&self, filter: &Filter) -> bool {
        if !self.has_table() || self.index().is_none() {
            return true;
        }
        let mut frames = self.parts().iter().enumerate().filter(|(_, part)| part.kind == PartKind::Frame);
        // The first one has the header, and no place in the index.
        frames.any(|(n, part)| self.frame_of(part).map_or(n > 0, |(index, frame)| index.may_match(frame, filter)))
    }

    /// The events that a filter lets pass, in the order of the file. Parts without any are not read, as far as the index shows that.
    pub fn records(&self, filter: Filter) -> Records {
        Records::new(self, filter)
    }

    /// What was left out of the events of each node, as far as that is recorded, each statement once. Of a file without index, only its beginning is
    /// looked at.
    pub fn selections(&self) -> Vec<(Arc<str>, Selection)> {
        let (filter, most) = match self.index() {
            Some(_) => (Filter { kinds: vec![Kinds::One(Kind::Selection)], ..Filter::default() }, usize::MAX),
            None => (Filter::default(), MAX_BEGINNING),
        };
        let mut found: Vec<(Arc<str>, Selection)> = Vec::new();
        for record in self.records(filter).filter_map(Result::ok).take(most) {
            let Some(selection) = event::selection::of(&record) else { continue };
            let node = &record.envelope().node;
            if !found.iter().any(|(of, known)| of == node && known == selection) {
                found.push((Arc::clone(node), selection.clone()));
            }
            if found.len() >= MAX_SELECTIONS {
                break;
            }
        }
        found
    }

    /// Reads the whole file as far as that is possible, and returns what of it is not.
    pub fn check(&self) -> Vec<Damage> {
        self.records(Filter::default()).filter_map(Result::err).collect()
    }

    /// The events of one of its parts.
    pub fn records_of(&self, part: &Part) -> Records {
        self.records_in(&(part.offset..part.offset + 1), Filter::default())
    }

    /// The events of those parts that begin in a range of its bytes, as [`Self::records`].
    pub fn records_in(&self, range: &Range<u64>, filter: Filter) -> Records {
        Records::of_range(self, range, filter)
    }

    pub(crate) fn file(&self) -> &dyn ReadAt {
        &*self.0.file
    }

    /// What the index says of a part.
    pub(crate) fn frame_of(&self, part: &Part) -> Option<(&Index, &Frame)> {
        let index = self.index().filter(|_| part.kind == PartKind::Frame)?;
        let at = index.frames.binary_search_by_key(&part.offset, |frame| frame.offset).ok()?;
        Some((index, index.frames.get(at)?)).filter(|(_, frame)| frame.size == part.size)
    }
}
