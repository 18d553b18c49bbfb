//! Finding the place in a log that an earlier process reached, also if the log was rotated since.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use logfile::{SAMPLE, refusal_to_follow};
use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::file::{From, SHRUNK_TO, before, identity};
use crate::follow::open;

/// Files beside a log that are looked at.
const MAX_ROTATED: usize = 256;

/// A place in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Resume {
    /// Device and inode of the file.
    pub file: (u64, u64),
    /// Where the next byte is.
    pub offset: u64,
    /// The bytes before that, in hexadecimal: what was read is known by them.
    pub seen: String,
}

/// What is to be read from a place on.
#[derive(Debug)]
pub(crate) struct Rest {
    /// Files that are not the log any more, in order, and where to begin in each.
    pub rotated: Vec<(PathBuf, From)>,
    /// Where to begin in the log as it is now.
    pub then: From,
    /// Nothing is missing.
    pub complete: bool,
}

/// Finds what was written to a log since a place in it was reached.
pub(crate) fn find(log: &Path, place: &Resume) -> Rest {
    let seen = hex::decode(&place.seen).unwrap_or_default();
    let here = |then| Rest { rotated: Vec::new(), then, complete: true };
    if is_at(log, place.offset, &seen).unwrap_or(false) {
        return here(From::Byte(place.offset));
    }
    let mut rotated = rotated(log);
    // It was renamed, or copied and truncated: the same bytes are at the same place.
    let is_reached = |(_, path): &(SystemTime, PathBuf)| is_at(path, place.offset, &seen).unwrap_or(false);
    let is_same = |(_, path): &&(SystemTime, PathBuf)| fs::metadata(path).is_ok_and(|now| identity(&now) == place.file);
    let mut found = rotated.iter().filter(|file| is_reached(file));
    let found = found.clone().find(is_same).or_else(|| found.next_back()).cloned();
    if let Some((modified, path)) = found {
        rotated.retain(|(time, other)| *time >= modified && *other != path);
        let (plain, other): (Vec<_>, Vec<_>) = rotated.into_iter().partition(|(_, path)| is_plain(path));
        let plain = plain.into_iter().map(|(_, path)| (path, From::Start));
        let rotated = std::iter::once((path, From::Byte(place.offset))).chain(plain).collect();
        return Rest { rotated, then: From::Start, complete: other.is_empty() };
    }
    // The node has shortened it when it started: the end became the beginning.
    if let Some(offset) = shortened(log, &seen).unwrap_or_default() {
        return here(From::Byte(offset));
    }
    Rest { complete: false, ..here(From::Start) }
}

fn is_at(path: &Path, offset: u64, seen: &[u8]) -> io::Result<bool> {
    let file = open(path)?;
    let fits = file.metadata()?.len() >= offset && seen.len() as u64 <= offset;
    Ok(fits && !seen.is_empty() && before(&file, offset, seen.len() as u64)?.0 == seen)
}

fn shortened(path: &Path, seen: &[u8]) -> io::Result<Option<u64>> {
    let file = File::open(path)?;
    let end = file.metadata()?.len().min(SHRUNK_TO);
    if seen.is_empty() {
        return Ok(None);
    }
    let (bytes, _) = before(&file, end, SHRUNK_TO)?;
    Ok(memmem::rfind(&bytes, seen).map(|at| at.saturating_add(seen.len()) as u64))
}

/// The files beside a log whose names begin with its own, the oldest first.
fn rotated(log: &Path) -> Vec<(SystemTime, PathBuf)> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let ours = entries.filter(|entry| {
        let entry = entry.file_name();
        entry.to_str().is_some_and(|other| other != name && other.starts_with(name))
    });
    let mut files: Vec<_> = ours
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() > 0)?;
            Some((metadata.modified().ok()?, entry.path()))
        })
        .take(MAX_ROTATED)
        .collect();
    files.sort();
    files
}

fn is_plain(path: &Path) -> bool {
    let start = || -> io::Result<Vec<u8>> {
        let file = open(path)?;
        let end = file.metadata()?.len().min(SAMPLE as u64);
        Ok(before(&file, end, SAMPLE as u64)?.0)
    };
    start().is_ok_and(|start| refusal_to_follow(&start).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rest: &Rest) -> Vec<String> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        rest.rotated.iter().map(|(path, from)| format!("{} {from}", name(path))).collect()
    }

    #[test]
    fn the_place_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("debug.log");
        fs::write(&log, "2026-01-01T00:00:00Z one\n2026-01-01T00:00:01Z two\n").unwrap();
        let place = Resume {
            file: identity(&fs::metadata(&log).unwrap()),
            offset: 25,
            seen: hex::encode("2026-01-01T00:00:00Z one\n"),
        };
        let rest = find(&log, &place);
        assert!(rest.complete && rest.then == From::Byte(25) && rest.rotated.is_empty(), "{rest:?}");

        // Renamed twice since.
        fs::rename(&log, dir.path().join("debug.log.2")).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(dir.path().join("debug.log.1"), "2026-01-02T00:00:00Z three\n").unwrap();
        fs::write(&log, "2026-01-03T00:00:00Z four\n").unwrap();
        let rest = find(&log, &place);
        assert_eq!(names(&rest), ["debug.log.2 byte 25", "debug.log.1 its start"]);
        assert!(rest.complete && rest.then == From::Start);

        // What was compressed meanwhile is missing.
        fs::write(dir.path().join("debug.log.1"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0]).unwrap();
        assert!(!find(&log, &place).complete);
        for name in ["debug.log.1", "debug.log.2"] {
            fs::remove_file(dir.path().join(name)).unwrap();
        }
        assert!(!find(&log, &place).complete);
        // Shortened by the node.
        fs::write(&log, "half a line\n2026-01-01T00:00:00Z one\n2026-01-01T00:00:01Z two\n").unwrap();
        assert_eq!(find(&log, &place).then, From::Byte(37));
    }
}
