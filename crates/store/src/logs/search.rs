//! Finds lines in kept logs.

use std::ops::ControlFlow;

use event::filter::AddrPattern;
use memchr::memmem::Finder;

use super::LogFile;
use super::file::{Content, FrameAt, frames};
use super::line::{LineFacts, MAX_LINE, addresses, peers};
use crate::archive::{ArchiveError, ReadAt};

/// Which lines are found. An empty list lets all pass; of peers or addresses, one must be in the line; of texts, all must.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Names of nodes.
    pub nodes: Vec<String>,
    /// Earliest time, nanoseconds since the UNIX epoch. A line without a time has that of the line before it.
    pub since_ns: Option<u64>,
    /// Latest time.
    pub until_ns: Option<u64>,
    /// The node's ids of peers: of `peer=7`.
    pub peers: Vec<u64>,
    /// Addresses and networks.
    pub addrs: Vec<AddrPattern>,
    /// Texts, as they are written.
    pub texts: Vec<String>,
}

/// A line that was found.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The node.
    pub node: &'a str,
    /// Its time, or that of the line before it; 0 if there is none before either.
    pub time_ns: u64,
    /// The line with its end: untrusted input.
    pub line: &'a [u8],
}

/// A time in which lines may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The node.
    pub node: String,
    /// The time of the last line before.
    pub since_ns: u64,
    /// The time of the first line after.
    pub until_ns: u64,
}

/// What came of a search.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Lines that were found.
    pub lines: u64,
    /// Frames of the nodes' files, and those of them that had to be read.
    pub frames: u64,
    /// See there.
    pub read: u64,
    /// Bytes of text that were looked through.
    pub bytes: u64,
    /// Times within those that were asked for in which lines may be missing.
    pub gaps: Vec<Gap>,
    /// Files, or parts of them, that could not be read, and why.
    pub damaged: Vec<String>,
    /// The search was ended before it was over.
    pub stopped: bool,
}

/// Finds lines in files, in the order of these and of the lines in each. `each` gets them, and may end the search; `go_on` is
/// asked now and then whether to go on.
pub fn search(
    files: &[LogFile],
    query: &Query,
    go_on: &dyn Fn() -> bool,
    each: &mut dyn FnMut(Match<'_>) -> ControlFlow<()>,
) -> Found {
    let texts = query.texts.iter().map(Finder::new).collect();
    let mut search = Search { query, texts, go_on, each, found: Found::default() };
    for file in files {
        let is_wanted = query.nodes.is_empty() || query.nodes.contains(&file.node);
        if is_wanted && search.file(file).is_break() {
            search.found.stopped = true;
            break;
        }
    }
    search.found
}

struct Search<'a> {
    query: &'a Query,
    texts: Vec<Finder<'a>>,
    go_on: &'a dyn Fn() -> bool,
    each: &'a mut dyn FnMut(Match<'_>) -> ControlFlow<()>,
    found: Found,
}

impl Search<'_> {
    fn file(&mut self, file: &LogFile) -> ControlFlow<()> {
        let path = file.place.path();
        let opened = file.place.open().and_then(|(reader, length)| {
            let found = frames(&*reader, length).map_err(ArchiveError::io("read", path))?;
            Ok((reader, found.0))
        });
        let (reader, frames) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.found.damaged.push(error.to_string());
                return ControlFlow::Continue(());
            }
        };
        for frame in &frames {
            if !(self.go_on)() {
                return ControlFlow::Break(());
            }
            self.found.frames = self.found.frames.saturating_add(1);
            self.note_gap(file, frame);
            let Query { since_ns, until_ns, peers, addrs, .. } = self.query;
            if frame.facts.as_ref().is_some_and(|facts| !facts.may_match(peers, addrs, *since_ns, *until_ns)) {
                continue;
            }
            self.found.read = self.found.read.saturating_add(1);
            match self.frame(&*reader, file, frame) {
                Ok(flow) => flow?,
                Err(error) => {
                    self.found.damaged.push(format!(
                        "{}: a part from byte {}: {error}",
                        path.display(),
                        frame.part.offset
                    ));
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn note_gap(&mut self, file: &LogFile, frame: &FrameAt) {
        let Some(facts) = frame.facts.as_ref().filter(|facts| facts.gap) else { return };
        let gap = Gap { node: file.node.clone(), since_ns: facts.before_ns, until_ns: facts.earliest_ns };
        let Query { since_ns, until_ns, .. } = self.query;
        if since_ns.is_none_or(|since| gap.until_ns >= since) && until_ns.is_none_or(|until| gap.since_ns <= until) {
            self.found.gaps.push(gap);
        }
    }

    fn frame(&mut self, reader: &dyn ReadAt, file: &LogFile, frame: &FrameAt) -> std::io::Result<ControlFlow<()>> {
        let mut content = Content::of(reader, &frame.part)?;
        let (mut line, mut facts) = (Vec::new(), LineFacts::default());
        let mut time_ns = frame.facts.as_ref().map_or(0, |facts| facts.before_ns);
        while content.next_line(&mut line, MAX_LINE)? {
            self.found.bytes = self.found.bytes.saturating_add(line.len() as u64);
            time_ns = facts.time_ns(&line).unwrap_or(time_ns);
            if !self.matches(&line, time_ns) {
                continue;
            }
            self.found.lines = self.found.lines.saturating_add(1);
            if (self.each)(Match { node: &file.node, time_ns, line: &line }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn matches(&self, line: &[u8], time_ns: u64) -> bool {
        let Query { since_ns, until_ns, peers: ids, addrs, .. } = self.query;
        since_ns.is_none_or(|since| time_ns >= since)
            && until_ns.is_none_or(|until| time_ns <= until)
            && self.texts.iter().all(|text| text.find(line).is_some())
            && (ids.is_empty() || peers(line).any(|peer| ids.contains(&peer)))
            && (addrs.is_empty() || addresses(line).any(|word| addrs.iter().any(|addr| addr.matches(word))))
    }
}
