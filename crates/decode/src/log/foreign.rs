//! The node's time behind what another program put before it.
//!
//! Nodes under systemd or in containers often write no debug.log: people keep and post what syslog, journalctl,
//! Docker, Kubernetes and others make of the node's standard output.
//!
//! ```text
//! Sep 10 10:00:00 host bitcoind[3069]: 2025-09-10T10:00:00Z text        syslog, journalctl
//! bitcoin  | 2025-09-10T10:00:00Z text                                  docker compose logs
//! [bitcoind] 2025-09-10T10:00:00Z text                                  Umbrel
//! 2025-09-10T10:00:00.123456789Z 2025-09-10T10:00:00Z text              docker logs -t
//! 2025-09-10T10:00:00.123456789Z stdout F 2025-09-10T10:00:00Z text     Kubernetes
//! node1 2025-09-10T10:00:00Z text                                       combine_logs.py
//! ```
//!
//! What stands before the node's time must look like such a prefix: part of a message must never be taken for one,
//! since peers choose some of the text in messages (their user agents may contain a time).

use super::prefix::{SUPPRESSING, Stamp, is_end_of_time, is_tag};
use super::time::Clock;

/// How far into a line the node's time is looked for, in bytes.
const MAX_PREFIX: usize = 256;

/// Bytes of a time before its first colon: `2025-09-10T10`.
const BEFORE_COLON: usize = 13;

/// The node's time in a line that does not begin with it. Of several, each behind a prefix, the last is the node's.
#[cold]
#[inline(never)]
pub(super) fn stamp<'a>(clock: &mut Clock, line: &'a [u8]) -> Option<Stamp<'a>> {
    let (mut found, mut old, mut from) = (None, None, 0);
    for colon in memchr::memchr_iter(b':', line.get(..MAX_PREFIX).unwrap_or(line)) {
        let Some(at) = colon.checked_sub(BEFORE_COLON).filter(|at| *at >= from) else { continue };
        let (Some(before), Some(time)) = (line.get(from..at), line.get(at..)) else { continue };
        match time.get(10) {
            Some(b'T') => {
                let read = clock.read(time).filter(|(_, rest)| is_end_of_time(rest));
                if let Some((time_us, rest)) = read
                    && is_prefix(before)
                {
                    from = line.len() - rest.len();
                    found = Some(stamp_at(line, at, time_us, rest, false));
                }
            }
            Some(b' ') if old.is_none() && found.is_none() => {
                let read = clock.read_old(time).filter(|(_, rest)| is_end_of_time(rest));
                if let Some((time_us, rest)) = read
                    && is_prefix_of_old(before)
                {
                    old = Some(stamp_at(line, at, time_us, rest, true));
                }
            }
            _ => {}
        }
    }
    found.or(old)
}

fn stamp_at<'a>(line: &'a [u8], at: usize, time_us: u64, rest: &'a [u8], old: bool) -> Stamp<'a> {
    let before = line.get(..at).unwrap_or_default();
    let (before, suppressing) = match before.strip_suffix(SUPPRESSING) {
        Some(before) => (before, true),
        None => (before, false),
    };
    Stamp { time_us, before, suppressing, old, rest }
}

/// Whether another program may have put this before the node's time.
fn is_prefix(text: &[u8]) -> bool {
    let text = text.strip_suffix(SUPPRESSING).unwrap_or(text);
    let (text, coloured) = without_colour(text);
    let trimmed = text.trim_ascii();
    let spaced = trimmed.len() < text.len() || text.is_empty();
    let closed = trimmed.ends_with(b"MESSAGE=") || matches!(trimmed, [.., b':' | b'|' | b']' | b'>']);
    if !(spaced || closed || coloured) {
        return false;
    }
    let mut words = trimmed.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    // The node's own prefix, and a message behind it.
    if words.clone().any(is_tag) {
        return false;
    }
    let last = words.next_back();
    let next_to_last = words.next_back();
    let first = words.next();
    match (first, next_to_last, last) {
        // An indent, a name, or the time of another program.
        (None, None, _) => true,
        (_, Some(b"stdout" | b"stderr"), Some(b"F" | b"P")) => true,
        // A time and a name, or the names of a pod and a container.
        (None, Some(name), Some(_)) if name.iter().any(|byte| byte.is_ascii_digit() || b"-/".contains(byte)) => true,
        (_, Some(before), Some(last)) => coloured || ends_prefix(last) || is_time(last) || is_time(before),
        (Some(_), None, _) => false,
        (_, _, None) => false,
    }
}

/// Whether another program may have put this before a time in the old form, which other programs write as well.
fn is_prefix_of_old(text: &[u8]) -> bool {
    let (text, _) = without_colour(text);
    let text = text.trim_ascii();
    let named = text.ends_with(b"]:") || text.ends_with(b"bitcoind:") || matches!(text, [.., b'|' | b']']);
    text.is_empty() || named && is_prefix(text)
}

/// Whether the last of several words shows that they are no message: `bitcoind[3069]:`, `bitcoind:`, `|`.
fn ends_prefix(word: &[u8]) -> bool {
    let program = word.starts_with(b"bitcoin") && word.ends_with(b":");
    program || word == b"-" || word.ends_with(b"]:") || matches!(word, [.., b'|' | b']' | b'>'])
}

/// `10:00:00`, `[12.345678]`, `2025-09-10T10:00:00.123456789Z`
fn is_time(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"[").unwrap_or(word);
    word.first().is_some_and(u8::is_ascii_digit) && word.iter().any(|byte| b":.".contains(byte))
}

/// Without a terminal's colour at the end, as `docker compose logs` writes it; and whether there was one.
fn without_colour(text: &[u8]) -> (&[u8], bool) {
    let trimmed = text.trim_ascii_end();
    let start = memchr::memrchr(0x1b, trimmed).filter(|_| trimmed.ends_with(b"m"));
    let colour = start.and_then(|start| trimmed.split_at_checked(start));
    match colour {
        Some((before, colour)) if colour.iter().skip(2).all(|byte| byte.is_ascii_digit() || b";m".contains(byte)) => {
            (before, true)
        }
        _ => (text, false),
    }
}
