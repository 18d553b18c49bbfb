//! Names of files with kept logs: `<node>.<YYYYMMDD-HHMMSS-mmm>.log.zst`, in UTC.

use std::path::Path;

use super::file::frames;
use crate::archive::{ArchiveError, FileName, Place};

const SUFFIX: &str = ".log.zst";

/// A file with kept logs.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// The node whose log it is.
    pub node: String,
    /// The time of its first line: milliseconds since the UNIX epoch.
    pub begun_ms: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Where it is.
    pub place: Place,
}

impl LogFile {
    /// Takes a name apart: the node and the time; none if it is no such file's.
    pub fn parse(name: &str) -> Option<(String, u64)> {
        // Times are those of archives.
        let FileName { base, created_ms, .. } = FileName::parse(&format!("{}.bin.zst", name.strip_suffix(SUFFIX)?))?;
        (!base.is_empty()).then_some((base, created_ms))
    }

    /// Whether nobody writes to it any more: it ends with the table of its frames.
    pub fn is_complete(&self) -> bool {
        let opened = self.place.open();
        opened.is_ok_and(|(file, length)| frames(&*file, length).is_ok_and(|(_, complete)| complete))
    }

    /// The name of a file.
    pub(super) fn name(node: &str, begun_ms: u64) -> Option<String> {
        let name = FileName { base: node.to_owned(), created_ms: begun_ms, compressed: true };
        Some(format!("{}{SUFFIX}", name.text().ok()?.strip_suffix(".bin.zst")?))
    }
}

/// The files directly in a directory, by node and time.
///
/// # Errors
/// It cannot be read.
pub fn files(directory: &Path) -> Result<Vec<LogFile>, ArchiveError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(ArchiveError::io("read", directory))? {
        let path = entry.map_err(ArchiveError::io("read", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(LogFile::parse);
        let (Some((node, begun_ms)), Ok(metadata)) = (name, path.symlink_metadata()) else { continue };
        if metadata.is_file() {
            files.push(LogFile { node, begun_ms, bytes: metadata.len(), place: path.into() });
        }
    }
    files.sort_by(|a, b| (&a.node, a.begun_ms).cmp(&(&b.node, b.begun_ms)));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name = LogFile::name("my.node", 1_789_041_600_007).unwrap();
        assert_eq!(name, "my.node.20260910-120000-007.log.zst");
        assert_eq!(LogFile::parse(&name), Some(("my.node".to_owned(), 1_789_041_600_007)));
        for other in ["debug.log.zst", "a.20260910-120000-007.bin.zst", ".20260910-120000-007.log.zst", "a.log"] {
            assert_eq!(LogFile::parse(other), None, "{other}");
        }
    }
}
