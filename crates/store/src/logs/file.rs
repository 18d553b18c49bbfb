//! The frames of a file, and their content.

use std::io::{self, BufReader, Read};

use super::frame::{ALL, Frame, Frames, ONE, read};
use crate::archive::layout::Layout;
use crate::archive::{Part, PartKind, ReadAt};

/// A frame of a file.
#[derive(Debug)]
pub(super) struct FrameAt {
    pub part: Part,
    /// What is known of it; none of one that is being written, or whose writer was killed.
    pub facts: Option<Frame>,
}

/// The frames of a file, in order, and whether it is complete.
pub(super) fn frames(file: &dyn ReadAt, length: u64) -> io::Result<(Vec<FrameAt>, bool)> {
    let layout = Layout::read(file, length, true)?;
    let data = |part: &Part| matches!(part.kind, PartKind::Frame | PartKind::Cut);
    if layout.has_table {
        // The last but one is about all.
        let all = layout.parts.iter().rev().take(2).find_map(|part| read::<Frames>(file, part, ALL).transpose());
        if let Some(Frames { frames }) = all.transpose()? {
            let known = |part: &Part| frames.iter().find(|frame| frame.offset == part.offset).cloned();
            let parts = layout.parts.iter().filter(|part| data(part));
            return Ok((parts.map(|part| FrameAt { part: *part, facts: known(part) }).collect(), true));
        }
    }
    let mut frames: Vec<FrameAt> = Vec::new();
    for part in &layout.parts {
        if data(part) {
            frames.push(FrameAt { part: *part, facts: None });
        } else if let (Some(frame), Some(last)) = (read::<Frame>(file, part, ONE)?, frames.last_mut()) {
            last.facts = Some(frame);
        }
    }
    Ok((frames, layout.has_table))
}

/// A part of a file, to be read from its beginning to its end.
struct Section<'a> {
    file: &'a dyn ReadAt,
    position: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let count = left.min(buffer.len());
        let Some(buffer) = buffer.get_mut(..count) else { return Ok(0) };
        self.file.read_exact_at(buffer, self.position)?;
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

/// The content of a frame, line by line. Of one that is cut, it ends where that does, without an error.
pub(super) struct Content<'a> {
    reader: BufReader<zstd::stream::read::Decoder<'static, BufReader<Section<'a>>>>,
    is_cut: bool,
}

impl<'a> Content<'a> {
    pub fn of(file: &'a dyn ReadAt, part: &Part) -> io::Result<Self> {
        let section = Section { file, position: part.offset, end: part.offset.saturating_add(part.size) };
        let decoder =
            zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(1 << 17, section))?.single_frame();
        Ok(Self { reader: BufReader::with_capacity(1 << 17, decoder), is_cut: part.kind == PartKind::Cut })
    }

    /// Puts the next line with its end into a buffer, or so many bytes of it. Returns false at the end.
    pub fn next_line(&mut self, line: &mut Vec<u8>, most: usize) -> io::Result<bool> {
        use std::io::BufRead;
        line.clear();
        let mut limited = self.reader.by_ref().take(most as u64);
        match limited.read_until(b'\n', line) {
            Err(error) if self.is_cut && error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        Ok(!line.is_empty())
    }
}
