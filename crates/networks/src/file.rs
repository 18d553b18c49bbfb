//! Configured files: read up to a size, and compared with what they were.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The content of a regular file of at most `max` bytes; none if it is larger.
///
/// # Errors
/// It cannot be read, or is no regular file: reading a pipe or a device may never end.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= max).then_some(bytes))
}

/// What changes when a file does: inode, size and times. A file that is not there has a stamp too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(Option<[i64; 6]>);

impl Stamp {
    /// The stamp of a file as it is now.
    pub fn of(path: &Path) -> Self {
        let read = |metadata: fs::Metadata| {
            [
                metadata.ino().cast_signed(),
                metadata.size().cast_signed(),
                metadata.mtime(),
                metadata.mtime_nsec(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ]
        };
        Self(fs::metadata(path).ok().map(read))
    }
}
