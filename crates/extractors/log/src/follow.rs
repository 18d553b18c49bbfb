//! Following a log through all that happens to it.

use std::fs::{self, File};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::Duration;

use decode::log::Tail;
use event::pb::observer::node_state::State;
use logfile::{SAMPLE, refusal_to_follow};
use node::WarnOnce;
use rustix::fs::OFlags;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access;
use crate::file::{Followed, From, Mended, Read, identity};
use crate::pipe::Pipe;
use crate::place::{Look, Place};
use crate::resume::{Resume, find};
use crate::sink::Sink;
use crate::wake::Wake;
use crate::{Error, Options, Source};

/// Pause after something was read. A busy node writes thousands of entries a second, each of which would wake us.
const PACE: Duration = Duration::from_millis(1);

/// For how long a trouble must last to be logged: a file that is being rotated is away for a moment.
const SETTLED: Duration = Duration::from_secs(1);

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Go on.
    More,
    /// Wait.
    Idle,
    /// Nothing will ever come any more.
    Ended,
}

/// Follows one log. It blocks, and so has a thread of its own.
pub(crate) struct Follower<S> {
    place: Place,
    /// Where to begin in the next file that is opened.
    from: From,
    input: Option<Input>,
    feed: S,
    /// The place that an earlier process reached, until it is found again.
    resume: Option<Resume>,
    wake: Wake,
    /// Something was read since the last wait.
    busy: bool,
    file_warnings: WarnOnce,
    /// Why no log is open.
    obstacle: Option<String>,
    stop: CancellationToken,
}

enum Input {
    File(Followed),
    Pipe(Pipe),
}

/// Opens a file for reading; a FIFO without waiting for a writer.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

impl Input {
    fn open(path: &Path, from: From) -> io::Result<Self> {
        let file = open(path)?;
        let kind = file.metadata()?.file_type();
        if kind.is_file() {
            let mut start = vec![0; SAMPLE];
            let read = file.read_at(&mut start, 0)?;
            start.truncate(read);
            if let Some(refusal) = refusal_to_follow(&start) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, refusal));
            }
            return Ok(Self::File(Followed::new(file, from)?));
        }
        if kind.is_fifo() {
            return Ok(Self::Pipe(Pipe::fifo(file, path)?));
        }
        Err(io::Error::other("it is neither a file nor a FIFO; correct --debug-log, or the node's debuglogfile option"))
    }

    fn id(&self) -> (u64, u64) {
        match self {
            Self::File(file) => file.id(),
            Self::Pipe(pipe) => pipe.id(),
        }
    }

    /// The descriptor that becomes readable when there is something to read; a file has none.
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::File(_) => None,
            Self::Pipe(pipe) => Some(pipe.fd()),
        }
    }
}

impl<S: Sink> Follower<S> {
    /// A follower of a source's log. It opens nothing yet, except standard input.
    ///
    /// # Errors
    /// What no waiting can mend.
    pub(crate) fn new(source: Source, options: Options, feed: S, stop: CancellationToken) -> Result<Self, Error> {
        let input = match source {
            Source::Stdin => Some(Input::Pipe(Pipe::stdin().map_err(Error::Stdin)?)),
            _ => None,
        };
        Ok(Self {
            place: Place::of(source, feed.node(), SETTLED)?,
            from: if options.from_start { From::Start } else { From::End },
            input,
            feed,
            resume: None,
            wake: Wake::new(options.inotify),
            busy: false,
            file_warnings: WarnOnce::after(SETTLED),
            obstacle: None,
            stop,
        })
    }

    /// Begins at a place that an earlier process reached, if that is found.
    pub(crate) fn resume(&mut self, place: Resume) {
        self.resume = Some(place);
    }

    /// Follows the log until it is stopped, or standard input ends.
    ///
    /// # Errors
    /// What no waiting can mend.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        while !self.stop.is_cancelled() {
            self.look()?;
            match self.step()? {
                Step::More => self.busy = true,
                Step::Idle => {
                    self.report();
                    self.wait();
                }
                Step::Ended => {
                    self.feed.stop();
                    return Ok(());
                }
            }
        }
        self.feed.publish(Tail::Waits);
        self.feed.stop();
        Ok(())
    }

    /// Says whether the log can be read, and whether the node whose log it is is there. A log that is being rotated is read on.
    fn report(&self) {
        if let Some(process) = self.place.gone() {
            self.feed.node_is(State::Gone, Some(&format!("process {process} has ended")));
        } else if self.input.is_some() {
            self.feed.node_is(State::Up, None);
        } else {
            let reason = self.obstacle.as_deref().unwrap_or("its debug.log is not found");
            self.feed.node_is(State::Unreadable, Some(reason));
        }
    }

    /// Waits until there may be something to do.
    fn wait(&mut self) {
        if std::mem::take(&mut self.busy) {
            thread::sleep(PACE);
        }
        let input = self.input.as_ref().and_then(Input::fd);
        let woken = self.wake.wait(input, self.place.process());
        if woken.process {
            self.place.process_ended();
        }
        if !woken.log && !woken.process {
            // A last line that is not complete by now has been so for long.
            self.feed.publish(Tail::Waits);
            if let Some(path) = self.place.path() {
                self.wake.watch_directory(path);
            }
        }
    }

    /// Finds out where the log is now.
    ///
    /// # Errors
    /// What no waiting can mend.
    fn look(&mut self) -> Result<(), Error> {
        match self.place.look()? {
            Look::NotDue | Look::Same => {}
            Look::Moved => self.moved(),
            // What the node will have logged when it is found is new.
            Look::NotFound if self.from == From::End => self.from = From::NodeStart,
            Look::NotFound => {}
        }
        Ok(())
    }

    /// Moves on to another log, since the node was started in another way.
    fn moved(&mut self) {
        let now = self.place.path().and_then(|path| fs::metadata(path).ok());
        if now.is_some_and(|now| self.input.as_ref().is_some_and(|input| identity(&now) == input.id())) {
            return;
        }
        self.finish();
        self.feed.new_run();
        self.from = From::NodeStart;
    }

    fn step(&mut self) -> Result<Step, Error> {
        match &mut self.input {
            None => Ok(self.open()),
            Some(Input::File(_)) => Ok(self.step_file()),
            Some(Input::Pipe(pipe)) => match pipe.step(&mut self.feed) {
                Ok(Step::Idle) => Ok(self.at_end()),
                Ok(step) => Ok(step),
                Err(error) if self.place.path().is_none() => Err(Error::Stdin(error)),
                // The FIFO was removed, as a rule.
                Err(error) => {
                    self.input = None;
                    Ok(self.trouble(&error))
                }
            },
        }
    }

    fn open(&mut self) -> Step {
        let Some(path) = self.place.path() else { return Step::Idle };
        self.wake.watch_directory(path);
        if self.resume.is_some() && fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            let path = path.to_owned();
            self.catch_up(&path);
            if self.stop.is_cancelled() {
                return Step::More;
            }
        }
        let Some(path) = self.place.path() else { return Step::Idle };
        match Input::open(path, self.from) {
            Ok(input) => {
                if let Input::File(file) = &input {
                    self.feed.opened(file.seen());
                    self.wake.watch_file(file.file());
                    info!("node {}: reading {} from byte {}", self.feed.node(), path.display(), file.offset());
                } else {
                    info!("node {}: reading the FIFO {}", self.feed.node(), path.display());
                }
                self.file_warnings.over();
                self.obstacle = None;
                self.input = Some(input);
                // Whatever comes here after it is new.
                self.from = From::Start;
                Step::More
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::NotFound {
                    self.from = From::Start;
                }
                self.trouble(&error)
            }
        }
    }

    /// Finds the place that was reached, reads what was rotated since, and leaves the rest to the log as it is now.
    fn catch_up(&mut self, path: &Path) {
        let Some(place) = self.resume.take() else { return };
        let found = find(path, &place);
        if !found.complete {
            warn!(
                "node {}: what was written to {} since it was last read is not all there",
                self.feed.node(),
                path.display()
            );
            self.feed.lost();
        }
        for (file, from) in found.rotated {
            info!("node {}: reading {} from {from}", self.feed.node(), file.display());
            let followed = open(&file).and_then(|file| Followed::new(file, from));
            match followed {
                Ok(followed) => {
                    self.feed.opened(followed.seen());
                    self.input = Some(Input::File(followed));
                    self.finish();
                }
                Err(error) => {
                    warn!("node {}: cannot read {}: {error}", self.feed.node(), file.display());
                    self.feed.lost();
                }
            }
            if self.stop.is_cancelled() {
                return;
            }
        }
        self.from = found.then;
    }

    fn trouble(&mut self, error: &io::Error) -> Step {
        if let Some(path) = self.place.path() {
            let text = format!("cannot read {}: {}", path.display(), access::reason(path, error));
            self.obstacle = Some(text.clone());
            self.file_warnings.trouble(self.feed.node(), text);
        }
        Step::Idle
    }

    fn step_file(&mut self) -> Step {
        match self.read() {
            Ok(Read::Nothing) => self.at_end(),
            Ok(Read::More | Read::Some) => Step::More,
            Ok(Read::Cut) => self.mend(),
            Err(error) => self.trouble(&error),
        }
    }

    /// Reads a chunk of the file and publishes it.
    fn read(&mut self) -> io::Result<Read> {
        let Some(Input::File(file)) = &mut self.input else { return Ok(Read::Nothing) };
        let read = file.read(&mut self.feed)?;
        self.feed.reached(file.id(), file.offset());
        match read {
            Read::More => self.feed.publish(Tail::Follows),
            Read::Some => self.feed.publish_complete(),
            Read::Nothing | Read::Cut => {}
        }
        Ok(read)
    }

    /// Finds out, when all of it was read, whether this is still the log.
    fn at_end(&mut self) -> Step {
        let (Some(path), Some(input)) = (self.place.path(), &self.input) else { return Step::Idle };
        match fs::metadata(path) {
            Ok(now) if identity(&now) == input.id() => {
                self.file_warnings.over();
                Step::Idle
            }
            // An empty file was made for the node, which does not write to it yet.
            Ok(now) if now.is_file() && now.len() == 0 => Step::Idle,
            Ok(_) => {
                info!("node {}: {} is another file now", self.feed.node(), path.display());
                self.finish();
                Step::More
            }
            // The node may still write to the file that had the name.
            Err(error) => self.trouble(&error),
        }
    }

    /// Reads the rest of a file that is not the log any more: its writer has moved on.
    fn finish(&mut self) {
        let read = loop {
            // What is not read to its end has not ended.
            if self.stop.is_cancelled() {
                return;
            }
            match self.read() {
                Ok(Read::More | Read::Some) => {}
                read => break read,
            }
        };
        match read {
            Ok(Read::Cut) => self.feed.lost(),
            Err(error) => {
                warn!("node {}: the rest of a file that was its log cannot be read: {error}", self.feed.node());
                self.feed.lost();
            }
            Ok(_) => {}
        }
        self.feed.end();
        self.input = None;
    }

    /// Reads on in a file that was truncated.
    fn mend(&mut self) -> Step {
        let (Some(path), Some(Input::File(file))) = (self.place.path(), &mut self.input) else { return Step::Idle };
        let place = Resume { file: file.id(), offset: file.offset(), seen: hex::encode(file.seen()) };
        let (node, path, reached) = (self.feed.node(), path.to_owned(), file.offset());
        match file.mend() {
            Ok(Mended::NotYet) => return Step::Idle,
            Ok(Mended::Shortened) => {
                info!("node {node}: {} was shortened by the node; nothing of it is missed", path.display());
            }
            Ok(Mended::Restarted) if self.feed.wants_copies() => {
                self.feed.end();
                self.input = None;
                self.resume = Some(place);
                self.catch_up(&path);
            }
            Ok(Mended::Restarted) => {
                warn!(
                    "node {node}: {} was truncated after {reached} bytes of it had been read; what was written to it \
                     between the last look and that is lost, and how much it was is not known",
                    path.display()
                );
                self.feed.end();
            }
            Err(error) => return self.trouble(&error),
        }
        Step::More
    }
}
