//! Names of archive files: `<base>.<YYYYMMDD-HHMMSS-mmm>.bin.zst`, in UTC.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::ArchiveError;

/// The name of an archive file, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// What its name begins with. It may have dots.
    pub base: String,
    /// When it was begun: milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// Its content is compressed.
    pub compressed: bool,
}

/// A base and time from which no name can be made: the time is after the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfinishedName;

const TIME: &str = "%Y%m%d-%H%M%S";

impl FileName {
    /// Takes a name apart; none if it is no archive's.
    pub fn parse(name: &str) -> Option<Self> {
        let (rest, compressed) = match name.strip_suffix(".zst") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let (base, time) = rest.strip_suffix(".bin")?.rsplit_once('.')?;
        let (seconds, milliseconds) = time.rsplit_once('-')?;
        if milliseconds.len() != 3 || !milliseconds.bytes().all(|byte| byte.is_ascii_digit()) || time.len() != 19 {
            return None;
        }
        let created = DateTime::strptime(TIME, seconds).ok()?.to_zoned(TimeZone::UTC).ok()?;
        let created = u64::try_from(created.timestamp().as_millisecond()).ok()?;
        Some(Self { base: base.to_owned(), created_ms: created + milliseconds.parse::<u64>().ok()?, compressed })
    }

    /// The name of this path's file, taken apart.
    pub fn of(path: &Path) -> Option<Self> {
        Self::parse(path.file_name()?.to_str()?)
    }

    /// The name as text.
    ///
    /// # Errors
    /// The time is after the year 9999.
    pub fn text(&self) -> Result<String, UnfinishedName> {
        let time = i64::try_from(self.created_ms).map_err(|_| UnfinishedName)?;
        let time = Timestamp::from_millisecond(time).map_err(|_| UnfinishedName)?;
        let suffix = if self.compressed { ".bin.zst" } else { ".bin" };
        Ok(format!("{}.{}-{:03}{suffix}", self.base, time.strftime(TIME), self.created_ms % 1000))
    }
}

/// The files that these paths mean: a file is itself, whatever its name; a directory is the archive files directly in it, in the order of their
/// times.
///
/// # Errors
/// A path is not there, or a directory cannot be read.
pub fn files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut files = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let metadata = std::fs::metadata(path).map_err(ArchiveError::io("open", path))?;
        if !metadata.is_dir() {
            files.push(path.to_owned());
            continue;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(ArchiveError::io("read", path))? {
            let path = entry.map_err(ArchiveError::io("read", path))?.path();
            found.extend(FileName::of(&path).map(|name| (name.created_ms, path)));
        }
        found.sort();
        files.extend(found.into_iter().map(|(_, path)| path));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_from_the_right() {
        for (text, base, created_ms, compressed) in [
            ("archive.20260910-120000-007.bin.zst", "archive", 1_789_041_600_007, true),
            ("my.node.20260910-120000-999.bin", "my.node", 1_789_041_600_999, false),
        ] {
            let name = FileName::parse(text).unwrap();
            assert_eq!(name, FileName { base: base.to_owned(), created_ms, compressed });
            assert_eq!(name.text().unwrap(), text);
        }
        for other in
            ["archive.bin.zst", "a.20260910-120000-7.bin", "a.20261310-120000-007.bin", "a.20260910-120000-007.gz", ""]
        {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
