//! Where the parts of a file are.

use std::io;

use super::frame::{self, Found, Kind, SKIPPABLE_HEADER, Walker};
use super::index::{self, Index};
use super::place::ReadAt;
use super::seek_table;

/// How the content of a file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In zstd frames.
    Zstd,
    /// As it is.
    Raw,
}

/// A part of a file: a frame, or what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it begins: bytes from the beginning of the file.
    pub offset: u64,
    /// Its bytes in the file.
    pub size: u64,
    /// What it is.
    pub kind: PartKind,
}

/// What a part of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A zstd frame.
    Frame,
    /// The beginning of a zstd frame.
    Cut,
    /// Content as it is.
    Raw,
    /// A skippable frame with the index, the table of frames, or something of another program.
    Other,
    /// The beginning of a skippable frame.
    OtherCut,
    /// Nothing that is known.
    Foreign,
}

/// The parts of a file.
#[derive(Debug)]
pub(crate) struct Layout {
    pub form: Form,
    /// In the order of the file, without gaps.
    pub parts: Vec<Part>,
    /// The file ends with a table of its frames.
    pub has_table: bool,
    pub index: Option<Index>,
}

impl Layout {
    /// Finds the parts of a file of this length. `zstd` says that its name is one of a compressed file.
    pub fn read(file: &dyn ReadAt, length: u64, zstd: bool) -> io::Result<Self> {
        let table = seek_table::read(file, length)?;
        let mut magic = [0; 4];
        let begins = length >= 4 && {
            file.read_exact_at(&mut magic, 0)?;
            magic == frame::MAGIC || frame::skippable(magic).is_some()
        };
        if !begins && !zstd && table.is_none() {
            let raw = Part { offset: 0, size: length, kind: PartKind::Raw };
            let parts = if length > 0 { vec![raw] } else { Vec::new() };
            return Ok(Self { form: Form::Raw, parts, has_table: false, index: None });
        }
        let has_table = table.is_some();
        let parts = match table {
            Some(entries) => parts_of_table(file, length, &entries)?,
            None => walk(file, length)?,
        };
        let index = read_index(file, &parts)?;
        Ok(Self { form: Form::Zstd, parts, has_table, index })
    }
}

fn parts_of_table(file: &dyn ReadAt, length: u64, entries: &[seek_table::Entry]) -> io::Result<Vec<Part>> {
    let (mut parts, mut offset) = (Vec::with_capacity(entries.len() + 1), 0);
    for entry in entries {
        let size = u64::from(entry.compressed);
        let mut kind = PartKind::Frame;
        if entry.content == 0 && size >= SKIPPABLE_HEADER {
            let mut magic = [0; 4];
            file.read_exact_at(&mut magic, offset)?;
            if frame::skippable(magic).is_some() {
                kind = PartKind::Other;
            }
        }
        parts.push(Part { offset, size, kind });
        offset += size;
    }
    parts.push(Part { offset, size: length.saturating_sub(offset), kind: PartKind::Other });
    Ok(parts)
}

/// Finds the parts of a file without table, one after another.
fn walk(file: &dyn ReadAt, length: u64) -> io::Result<Vec<Part>> {
    let mut walker = Walker::new(file, length);
    let (mut parts, mut offset) = (Vec::new(), 0);
    while offset < length {
        let found = walker.at(offset)?;
        let (kind, size) = match found {
            Found::Whole(found, size) => {
                let kind = if matches!(found, Kind::Data(_)) { PartKind::Frame } else { PartKind::Other };
                // One that nothing known follows may have a damaged length, and reach into the next one.
                let next = if walker.is_followed(offset)? { None } else { walker.search(offset + 1)? };
                next.filter(|next| *next < offset + size)
                    .map_or((kind, size), |next| (PartKind::Foreign, next - offset))
            }
            Found::Cut(_) | Found::Nothing => {
                // One that seems to go on behind the end may have a damaged length, too.
                let next = walker.search(offset + 1)?;
                let kind = match (found, next) {
                    (Found::Cut(Kind::Data(_)), None) => PartKind::Cut,
                    (Found::Cut(Kind::Skippable(_)), None) => PartKind::OtherCut,
                    _ => PartKind::Foreign,
                };
                (kind, next.unwrap_or(length) - offset)
            }
        };
        parts.push(Part { offset, size, kind });
        offset += size;
    }
    Ok(parts)
}

fn read_index(file: &dyn ReadAt, parts: &[Part]) -> io::Result<Option<Index>> {
    // The last one, for it has the whole file.
    for part in parts.iter().rev().filter(|part| part.kind == PartKind::Other) {
        let mut magic = [0; 4];
        if part.size < SKIPPABLE_HEADER || part.size > u64::from(u32::MAX) {
            continue;
        }
        file.read_exact_at(&mut magic, part.offset)?;
        if frame::skippable(magic) != Some(index::KIND) {
            continue;
        }
        let mut content = vec![0; (part.size - SKIPPABLE_HEADER) as usize];
        file.read_exact_at(&mut content, part.offset + SKIPPABLE_HEADER)?;
        if let Some(index) = Index::read(&content) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}
