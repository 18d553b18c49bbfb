//! The files that are written: one for each day (UTC) of a file that is read, so that a question about some hours opens few.

use std::path::PathBuf;

use store::archive::{ArchiveError, BulkWriter, Options, Packed};

const DAY_NS: u64 = 86_400 * 1_000_000_000;
/// Bytes of a file, after which another one is begun.
const MAX_FILE: u64 = 1 << 30;

/// The day of a time in nanoseconds since the UNIX epoch.
pub(super) fn day(time_ns: u64) -> u64 {
    time_ns / DAY_NS
}

/// Where the events of a file that is read go.
pub(super) struct Output {
    options: Options,
    /// The file that is being written, and its day.
    open: Option<(u64, BulkWriter)>,
    /// Files that are complete.
    pub files: Vec<PathBuf>,
    pub bytes: u64,
}

impl Output {
    pub(super) fn new(options: Options) -> Self {
        Self { options, open: None, files: Vec::new(), bytes: 0 }
    }

    /// What the headers of its files say.
    pub(super) fn describe(&mut self, low_data: bool, selection: Option<String>) {
        (self.options.low_data, self.options.selection) = (low_data, selection);
    }

    /// Writes a frame, whose events are of the day of the first, but for some that are late.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn write(&mut self, frame: Packed) -> Result<(), ArchiveError> {
        let Some(first) = frame.first_ns() else { return Ok(()) };
        if self.open.as_ref().is_some_and(|(of, file)| day(first) > *of || file.size() >= MAX_FILE) {
            self.finish()?;
        }
        let (_, file) = match &mut self.open {
            Some(open) => open,
            none => none.insert((day(first), BulkWriter::create(&self.options, first)?)),
        };
        file.append(frame)
    }

    /// Completes the file that is open.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn finish(&mut self) -> Result<(), ArchiveError> {
        let Some((_, file)) = self.open.take() else { return Ok(()) };
        self.files.push(file.path().to_owned());
        self.bytes += file.finish()?;
        Ok(())
    }
}
