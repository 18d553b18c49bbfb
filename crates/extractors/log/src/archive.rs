//! Whole log files at once, also compressed ones: what is left of earlier times.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZero;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use bus::Publisher;
use decode::log::Tail;
use futures_util::{StreamExt, stream};
use logfile::{SAMPLE, UTF8_MARK, Unpacked, refusal};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::feed::Feed;
use crate::follow::open;
use crate::pipe::{is_ready, stdin};
use crate::sink::Sink;
use crate::wake::POLL;
use crate::{Error, access, ended_early};

/// Publishes all entries of log files, and ends. The files are plain text or compressed by gzip, zstd or xz, which is known
/// by their first bytes; other forms are refused by name. `-` is standard input. As many are read at once as there are processors, each in a run of its own,
/// or several if the node started more than once in it.
///
/// `publisher` makes the publisher for a file; its run is ended with the file.
///
/// # Errors
/// [`Error::Files`] names those that could not be read to their end, after all the others were. Why is logged: what was
/// read of them up to there is published.
pub async fn read_files<P>(paths: Vec<PathBuf>, publisher: P, shutdown: CancellationToken) -> Result<(), Error>
where
    P: Fn(&Path) -> Publisher + Send + Sync + 'static,
{
    let stop = shutdown.child_token();
    let _stopped_with_this = stop.clone().drop_guard();
    let at_once = available_parallelism().map_or(1, NonZero::get);
    let (publisher, runtime, given) = (Arc::new(publisher), Handle::current(), paths.len());
    let files = stream::iter(paths).map(|path| {
        let (publisher, runtime, stop) = (Arc::clone(&publisher), runtime.clone(), stop.clone());
        tokio::task::spawn_blocking(move || {
            let whole = read_file(&path, Feed::new(publisher(&path), runtime), &stop);
            (path, whole)
        })
    });
    let mut outcomes = files.buffer_unordered(at_once);
    let mut failed = Vec::new();
    while let Some(outcome) = outcomes.next().await {
        match outcome.unwrap_or_else(|end| ended_early(end, (PathBuf::new(), true))) {
            (_, true) => {}
            (path, false) => failed.push(path),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Error::Files { files: failed, given }) }
}

/// Publishes a file. Returns false if something prevented it, after logging what.
fn read_file(path: &Path, mut feed: Feed, stop: &CancellationToken) -> bool {
    let outcome = read(path, &mut feed, stop);
    if stop.is_cancelled() {
        // The rest is not an end of the log: whoever stopped us knows that it is cut.
        feed.publish(Tail::Waits);
    } else {
        feed.end();
    }
    feed.end_run();
    let (path, bytes, entries) = (path.display(), feed.bytes_read(), feed.entries());
    match outcome {
        Ok(()) => info!("{path}: {entries} entries in {bytes} bytes"),
        Err(_) if stop.is_cancelled() => info!("{path}: stopped after {entries} entries in {bytes} bytes"),
        Err(problem) => {
            error!("cannot read {path} to its end: {problem}; {entries} entries in {bytes} bytes of log were read");
            return false;
        }
    }
    true
}

/// Reads a file to its end, or returns what prevented it.
fn read(path: &Path, feed: &mut Feed, stop: &CancellationToken) -> Result<(), String> {
    let file = if path == Path::new("-") { stdin() } else { open(path) };
    let file = file.map_err(|error| access::reason(path, &error))?;
    let mut reader = Unpacked::new(Patient { file, stop: stop.clone() }).map_err(|error| error.to_string())?;
    let mut start = Vec::with_capacity(SAMPLE);
    let started = reader.by_ref().take(SAMPLE as u64).read_to_end(&mut start);
    if let Some(refusal) = refusal(&start) {
        return Err(refusal);
    }
    let start = start.strip_prefix(UTF8_MARK).unwrap_or(&start);
    if let Some(room) = feed.room().get_mut(..start.len()) {
        room.copy_from_slice(start);
        feed.filled(start.len());
    }
    started.map_err(|error| reader.explain(&error))?;
    loop {
        match reader.read(feed.room()) {
            Ok(0) => return Ok(()),
            Ok(read) => feed.filled(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(reader.explain(&error)),
        }
        feed.publish(Tail::Follows);
        if stop.is_cancelled() {
            return Err("stopped".to_owned());
        }
    }
}

/// A file that may be a pipe or a terminal, where reading can take long. Reading fails when `stop` is cancelled.
struct Patient {
    file: File,
    stop: CancellationToken,
}

impl Read for Patient {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while !self.stop.is_cancelled() {
            if is_ready(self.file.as_fd(), Some(POLL))? {
                return self.file.read(room);
            }
        }
        Err(io::Error::other("stopped"))
    }
}
