//! The files of /proc, as far as they are of use here. See proc(5).
//!
//! They are not read by the crate `procfs` (0.18): its `Stat` panics on a line of another form, its `Status` gives up on a process whose name is not
//! UTF-8, and it has no bounds, neither for the size of a file nor for the number of threads and open files.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Clock ticks per second in what the kernel writes, whatever its own clock does: `USER_HZ`, which is 100 wherever Bitcoin Core
/// runs.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// How many bytes of a file are read at most. The longest of them has some 2,000.
const MAX_BYTES: u64 = 64 * 1024;

/// How many threads are read at most. A node has some 50.
const MAX_THREADS: usize = 4096;

/// How many open files are counted at most.
const MAX_FILES: usize = 1 << 20;

/// CPU time in clock ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub user: u64,
    pub system: u64,
}

/// The file `stat` of a process or a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub name: String,
    /// The process is being taken down, or nothing but its number is left of it.
    pub ended: bool,
    /// It is there and does nothing: a signal (SIGSTOP) or a debugger stopped it.
    pub stopped: bool,
    pub major_faults: u64,
    /// The time of a process includes that of its threads that have ended.
    pub cpu: Cpu,
    /// When it was started, in clock ticks since the machine was.
    pub started: u64,
}

/// Memory of a process, in bytes, by its file `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub resident: u64,
    pub anonymous: u64,
    pub address_space: u64,
    pub swap: u64,
}

/// Bytes that a process read from disks and wrote to them, by its file `io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub read: u64,
    pub written: u64,
}

/// Clock ticks since the machine was started, by the file `uptime`.
pub(crate) fn uptime(path: &Path) -> io::Result<u64> {
    let text = read(path)?;
    let (seconds, hundredths) =
        text.split_whitespace().next().and_then(|first| first.split_once('.')).ok_or_else(odd)?;
    let (seconds, hundredths) = (number(Some(seconds))?, number(Some(hundredths))?);
    Ok(seconds.saturating_mul(TICKS_PER_SECOND).saturating_add(hundredths))
}

/// The file `stat` in the directory of a process or thread.
pub(crate) fn stat(dir: &Path) -> io::Result<Stat> {
    parse_stat(&read(&dir.join("stat"))?)
}

fn parse_stat(text: &str) -> io::Result<Stat> {
    // The name may contain anything.
    let (start, rest) = text.rsplit_once(')').ok_or_else(odd)?;
    let (_, name) = start.split_once('(').ok_or_else(odd)?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    // Numbered as in proc(5); the first one after the name is 3.
    let field = |n: usize| number(fields.get(n - 3).copied());
    let is = |states: &[&str]| fields.first().is_some_and(|state| states.contains(state));
    let gone = is(&["Z", "X", "x"]);
    Ok(Stat {
        name: name.to_owned(),
        // Its memory is given back first, which takes seconds if there is much.
        ended: gone || field(23)? == 0,
        stopped: is(&["T", "t"]),
        major_faults: field(12)?,
        cpu: Cpu { user: field(14)?, system: field(15)? },
        started: field(22)?,
    })
}

/// The threads of a process, by id. A thread that ends meanwhile is not among them.
pub(crate) fn threads(dir: &Path) -> io::Result<Vec<(u32, Stat)>> {
    let entries = fs::read_dir(dir.join("task"))?.flatten().take(MAX_THREADS);
    let threads =
        entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, stat(&entry.path()).ok()?)));
    Ok(threads.collect())
}

/// Memory of a process.
pub(crate) fn memory(dir: &Path) -> io::Result<Memory> {
    let text = read(&dir.join("status"))?;
    let bytes = |name| number(value(&text, name)).map(|kilobytes| kilobytes.saturating_mul(1024));
    Ok(Memory {
        resident: bytes("VmRSS:")?,
        anonymous: bytes("RssAnon:")?,
        address_space: bytes("VmSize:")?,
        swap: bytes("VmSwap:").unwrap_or(0), // not where the kernel can't swap
    })
}

/// What a process read from disks and wrote to them.
pub(crate) fn traffic(dir: &Path) -> io::Result<Traffic> {
    let text = read(&dir.join("io"))?;
    Ok(Traffic { read: number(value(&text, "read_bytes:"))?, written: number(value(&text, "write_bytes:"))? })
}

/// How many files a process may have open, by its soft limit.
pub(crate) fn max_open_files(dir: &Path) -> io::Result<u64> {
    let text = read(&dir.join("limits"))?;
    match value(&text, "Max open files") {
        Some("unlimited") => Ok(u64::MAX),
        limit => number(limit),
    }
}

/// How many files a process has open.
pub(crate) fn open_files(dir: &Path) -> io::Result<u64> {
    let dir = dir.join("fd");
    match fs::read_dir(&dir) {
        Ok(entries) => Ok(entries.take(MAX_FILES).count() as u64),
        Err(denied) if denied.kind() == ErrorKind::PermissionDenied => {
            // From Linux 6.2 on the number is the directory's size, which everybody may see.
            let size = fs::metadata(&dir).map_or(0, |metadata| metadata.len());
            if size > 0 { Ok(size) } else { Err(denied) }
        }
        Err(error) => Err(error),
    }
}

/// The word after `name` on a line that begins with it.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

fn number(word: Option<&str>) -> io::Result<u64> {
    word.and_then(|word| word.parse().ok()).ok_or_else(odd)
}

/// The kernel writes the file in another form than is known.
fn odd() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it has not the form that is known")
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stat_with_any_name() {
        let rest = "S 1 2 3 0 -1 4194560 5 6 12 8 140 150 9 9 20 0 1 0 4711 1 1";
        for name in ["b-net", "a) b", "(", "", "b-\u{fffd}"] {
            let stat = parse_stat(&format!("17 ({name}) {rest}")).unwrap();
            assert_eq!((&*stat.name, stat.ended, stat.major_faults, stat.started), (name, false, 12, 4711));
            assert_eq!(stat.cpu, Cpu { user: 140, system: 150 });
        }
        for ended in [format!("Z{}", &rest[1..]), rest.replace("4711 1", "4711 0")] {
            assert!(parse_stat(&format!("17 (x) {ended}")).unwrap().ended, "{ended}");
        }
        for odd in ["", "17 (x", "17 x) S 1", "17 (x) S 1 2 3", &format!("1 (x) {}", rest.replace("140", "-140"))] {
            assert_eq!(parse_stat(odd).unwrap_err().kind(), ErrorKind::InvalidData, "{odd}");
        }
    }

    #[test]
    fn values_of_lines() {
        let text =
            "Limit   Soft  Hard\nMax open files            1024  524288  files\nVmRSS:\t  77 kB\nread_bytes: 5\n";
        for (name, expected) in
            [("Max open files", Some("1024")), ("VmRSS:", Some("77")), ("read_bytes:", Some("5")), ("bytes:", None)]
        {
            assert_eq!(value(text, name), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text(text in "\\PC{0,80}", fields in prop::collection::vec(any::<u64>(), 0..30)) {
            let fields = fields.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
            let _ = (parse_stat(&text), parse_stat(&format!("1 ({text}) S {fields}")), value(&text, "a"));
        }
    }
}
