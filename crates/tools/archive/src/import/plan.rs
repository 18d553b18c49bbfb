//! Which files are read, and whose they are.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use store::archive::FileName;

use super::log::Beginning;
use super::numbering::run_of;
use super::records;

/// Directories of a node in which no file is a log, whatever its name.
const NO_LOGS: [&str; 6] = ["blocks", "chainstate", "indexes", "wallets", "database", "evodb"];
/// Names of directories that are no node's: where nodes keep their files, and chains.
const NO_NODES: [&str; 13] = [
    ".bitcoin", "bitcoin", "bitcoind", "data", "debug", "log", "logs", "mainnet", "regtest", "signet", "testnet3",
    "testnet4", "archive",
];
/// How names of compressed files end.
const COMPRESSED: [&str; 3] = [".gz", ".zst", ".xz"];
/// Bytes of a node's name at most.
const MAX_NAME: usize = 64;

/// Bytes of memory for unpacking a file that leave little for anything else.
const LARGE: u64 = 64 << 20;

/// A file that is to be read.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub path: PathBuf,
    pub node: String,
    pub content: Content,
    /// Of events that have none.
    pub run: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of memory that unpacking it takes.
    pub memory: u64,
}

impl Planned {
    /// Whether unpacking it leaves little memory for anything else.
    pub(super) fn takes_much(&self) -> bool {
        self.memory > LARGE
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A log, whose first entry has this time in microseconds since the UNIX epoch.
    Log {
        time_us: u64,
    },
    Archive,
}

/// The files that are to be read, those of a node by time, and what is left out.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub files: Vec<Planned>,
    /// Files that can't be read, or are no log, and why.
    pub refused: Vec<(PathBuf, String)>,
    /// Files in directories that have nothing in them, or no name of a log or archive.
    pub passed_over: u64,
}

impl Plan {
    /// Looks for files. `node`: whose all of them are; otherwise the names of their directories say it, and where these do not, they are `default`'s.
    pub(super) fn new(paths: &[PathBuf], node: Option<&str>, default: &str) -> Self {
        let mut plan = Self::default();
        let mut found = Vec::new();
        for path in paths {
            match fs::metadata(path) {
                Err(error) => plan.refused.push((path.clone(), error.to_string())),
                Ok(metadata) if metadata.is_dir() => {
                    // Its own name counts, also if it is given as ".".
                    let top = path.canonicalize().unwrap_or_else(|_| path.clone());
                    let above: Vec<_> =
                        top.file_name().map(|name| name.to_string_lossy().into_owned()).into_iter().collect();
                    plan.walk(path, &above, &mut found);
                }
                Ok(metadata) if metadata.is_file() => {
                    let directory =
                        path.canonicalize().ok().and_then(|path| Some(path.parent()?.file_name()?.to_owned()));
                    let above = directory.map(|name| name.to_string_lossy().into_owned());
                    found.push((path.clone(), name_of(above.as_slice())));
                }
                Ok(_) => plan.refused.push((path.clone(), "it is neither a file nor a directory".to_owned())),
            }
        }
        found.sort();
        found.dedup();
        for (path, directory) in found {
            let node = node.or(directory.as_deref()).unwrap_or(default);
            match look_at(&path, node) {
                Ok(Some(planned)) => plan.files.push(planned),
                Ok(None) => plan.passed_over += 1,
                Err(reason) => plan.refused.push((path, reason)),
            }
        }
        plan.files.sort_by_key(|file| match file.content {
            Content::Log { time_us } => (file.node.clone(), time_us),
            Content::Archive => (file.node.clone(), FileName::of(&file.path).map_or(0, |name| name.created_ms * 1000)),
        });
        plan
    }

    /// Adds what is in a directory. `above` are the names of the directories down to it.
    fn walk(&mut self, directory: &Path, above: &[String], found: &mut Vec<(PathBuf, Option<String>)>) {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => return self.refused.push((directory.to_owned(), error.to_string())),
        };
        for entry in entries.filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            // Links to directories may lead in a circle.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if !NO_LOGS.contains(&name.as_str()) {
                    self.walk(&path, &[above, &[name]].concat(), found);
                }
            } else if !path.is_file() {
            } else if is_candidate(&name) {
                found.push((path, name_of(above)));
            } else {
                self.passed_over += 1;
            }
        }
    }
}

/// Whether a file in a directory may be a log or an archive, by its name.
fn is_candidate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains(".log") || COMPRESSED.iter().any(|end| name.ends_with(end)) || FileName::parse(&name).is_some()
}

/// The node that a directory's name is of: the last one that is no date, and no usual name.
fn name_of(above: &[String]) -> Option<String> {
    let named = |name: &&String| {
        let is_date = name.bytes().all(|byte| byte.is_ascii_digit() || b"-_.".contains(&byte));
        !is_date && !NO_NODES.contains(&name.to_ascii_lowercase().as_str())
    };
    let name = above.iter().rev().find(named)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).take(MAX_NAME).collect();
    let name = name.trim_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}

/// Finds out what a file is; none if it is empty.
fn look_at(path: &Path, node: &str) -> Result<Option<Planned>, String> {
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".bin") || name.ends_with(".bin.zst") {
        let mut start = Vec::with_capacity(4096);
        let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
        read.map_err(|error| error.to_string())?;
        let (run, memory) = (run_of(node, &start), records::memory(&start));
        return Ok(Some(Planned {
            path: path.to_owned(),
            node: node.to_owned(),
            content: Content::Archive,
            run,
            bytes,
            memory,
        }));
    }
    let Some(Beginning { first_lines, time_us, memory }) = Beginning::read(path)? else { return Ok(None) };
    let run = run_of(node, &first_lines);
    Ok(Some(Planned {
        path: path.to_owned(),
        node: node.to_owned(),
        content: Content::Log { time_us },
        run,
        bytes,
        memory,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_names_the_node() {
        let name = |path: &str| name_of(&path.split('/').map(str::to_owned).collect::<Vec<_>>());
        for (path, expected) in [
            ("logs/alice", "alice"),
            ("logs/alice/2026-01-31", "alice"),
            ("2026-01-31/bob", "bob"),
            ("bob/.bitcoin/testnet4", "bob"),
            ("node.example.org", "node-example-org"),
            ("fleet/eve/2026/01", "eve"),
        ] {
            assert_eq!(name(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(name("2026-01/.bitcoin"), None);
    }

    #[test]
    fn names_of_logs_and_archives_are_candidates() {
        for name in
            ["debug.log", "debug.log.1", "debug-2026-01-31.log.zst", "20260131.gz", "a.20260910-120000-007.bin.zst"]
        {
            assert!(is_candidate(name), "{name}");
        }
        for name in ["peers.dat", "bitcoin.conf", "blk00000.dat", "settings.json", "fee_estimates.dat"] {
            assert!(!is_candidate(name), "{name}");
        }
    }
}
