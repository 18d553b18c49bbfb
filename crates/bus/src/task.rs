//! The one way to start background work: each task and thread has a name, and how it ends is logged.
//!
//! A task that nobody awaits would otherwise fail in silence: a panic is kept in a handle that was dropped, and so is an
//! error. [`spawn`] and [`spawn_thread`] log both at level `error`, with the name and the whole chain of causes, and still hand them
//! to whoever awaits the handle.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::{fmt, io, thread};

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tracing::error;

/// What a task may return: `()`, or a `Result` whose error has a chain of causes.
///
/// `Form` tells the implementations apart and is always inferred. A task that returns another value wraps it in a `Result`
/// (`Ok::<_, Infallible>(value)`).
pub trait Outcome<Form> {
    /// The error that the task ended with; none if it succeeded.
    fn error(&self) -> Option<&(dyn Error + 'static)>;
}

/// The form of tasks that return nothing.
#[derive(Debug)]
pub enum Nothing {}

/// The form of tasks whose error implements [`Error`].
#[derive(Debug)]
pub enum TypedError {}

/// The form of tasks whose error wraps any other, as `anyhow::Error` and `Box<dyn Error + Send + Sync>` do.
#[derive(Debug)]
pub enum AnyError {}

impl Outcome<Nothing> for () {
    fn error(&self) -> Option<&(dyn Error + 'static)> {
        None
    }
}

impl<T, E: Error + 'static> Outcome<TypedError> for Result<T, E> {
    fn error(&self) -> Option<&(dyn Error + 'static)> {
        self.as_ref().err().map(|error| error as _)
    }
}

impl<T, E: AsRef<dyn Error + Send + Sync + 'static>> Outcome<AnyError> for Result<T, E> {
    fn error(&self) -> Option<&(dyn Error + 'static)> {
        self.as_ref().err().map(|error| error.as_ref() as _)
    }
}

/// Starts a task on the current runtime. If it panics or returns an error, that is logged with its name.
///
/// Dropping the handle lets the task run on; awaiting it gives what the task returned, or the panic.
///
/// # Panics
/// Outside a Tokio runtime, as `tokio::spawn`.
pub fn spawn<F, Form>(name: impl Into<Cow<'static, str>>, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Outcome<Form> + Send + 'static> + Send + 'static,
    Form: 'static,
{
    tokio::spawn(named(name.into(), future))
}

/// Logs how a future ends, as [`spawn`] does, for one that is started in another way, as by `JoinSet::spawn` or `Runtime::block_on`.
pub async fn named<F, Form>(name: impl Into<Cow<'static, str>>, future: F) -> F::Output
where
    F: Future<Output: Outcome<Form>>,
{
    let ended = AssertUnwindSafe(future).catch_unwind().await;
    report("task", &name.into(), ended)
}

/// Starts a thread. If it panics or returns an error, that is logged with its name, of which the system shows the first 15 bytes.
///
/// # Errors
/// The system does not start another thread.
pub fn spawn_thread<T, Form>(
    name: impl Into<Cow<'static, str>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<thread::JoinHandle<T>>
where
    T: Outcome<Form> + Send + 'static,
{
    let name = name.into();
    let builder = thread::Builder::new().name(name.clone().into_owned());
    builder.spawn(move || report("thread", &name, catch_unwind(AssertUnwindSafe(work))))
}

/// Logs a panic or an error, and passes on what the work gave.
fn report<T: Outcome<Form>, Form>(what: &str, name: &str, ended: thread::Result<T>) -> T {
    match ended {
        Ok(outcome) => {
            if let Some(cause) = outcome.error() {
                error!("{what} {name} failed: {}", Chain(cause));
            }
            outcome
        }
        Err(panic) => {
            error!("{what} {name} panicked: {}", panic_message(&*panic));
            resume_unwind(panic)
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// An error and its causes, separated by colons. A cause whose text the error before it ends with already is left out.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut text = self.0.to_string();
        f.write_str(&text)?;
        for cause in std::iter::successors(self.0.source(), |&cause| cause.source()) {
            let next = cause.to_string();
            if !text.ends_with(&next) {
                write!(f, ": {next}")?;
            }
            text = next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use thiserror::Error;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// Keeps the text of each log event.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<(Level, String)>>>);

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            struct Text(String);
            impl Visit for Text {
                fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
                    self.0 = format!("{value:?}");
                }
            }
            let mut text = Text(String::new());
            event.record(&mut text);
            self.0.lock().push((*event.metadata().level(), text.0));
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    impl Log {
        fn assert_is(&self, expected: &[&str]) {
            let logged = std::mem::take(&mut *self.0.lock());
            assert!(logged.iter().all(|(level, _)| *level == Level::ERROR), "{logged:?}");
            assert_eq!(logged.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), expected);
        }
    }

    #[derive(Debug, Error)]
    #[error("cannot save")]
    struct NotSaved(#[source] NotWritten);

    #[derive(Debug, Error)]
    #[error("cannot write: {0}")]
    struct NotWritten(#[source] io::Error);

    fn not_saved() -> NotSaved {
        NotSaved(NotWritten(io::Error::other("disk full")))
    }

    async fn panics(what: &str) {
        panic!("{what} is missing");
    }

    #[tokio::test]
    async fn how_a_task_ends_is_logged_and_handed_on() {
        let log = Log::default();
        let _guard = tracing::subscriber::set_default(log.clone());
        spawn("quiet", async {}).await.unwrap();
        assert_eq!(spawn("good", async { Ok::<_, NotSaved>(7) }).await.unwrap().unwrap(), 7);
        log.assert_is(&[]);

        assert!(spawn("archive", async { Err::<(), _>(not_saved()) }).await.unwrap().is_err());
        log.assert_is(&["task archive failed: cannot save: cannot write: disk full"]);

        let with_context = async { Err::<(), _>(anyhow::Error::from(not_saved()).context("node alice")) };
        assert!(spawn("archive".to_owned(), with_context).await.unwrap().is_err());
        log.assert_is(&["task archive failed: node alice: cannot save: cannot write: disk full"]);

        let panicked = spawn("web", panics("row 3")).await.unwrap_err();
        assert!(panicked.is_panic());
        log.assert_is(&["task web panicked: row 3 is missing"]);

        let never = spawn("waiting", std::future::pending::<()>());
        never.abort();
        assert!(never.await.unwrap_err().is_cancelled());
        log.assert_is(&[]);
    }

    #[test]
    fn how_a_thread_ends_is_logged_and_handed_on() {
        let log = Log::default();
        let start = |name, work: fn() -> Result<u8, NotSaved>| {
            let dispatch = tracing::Dispatch::new(log.clone());
            spawn_thread(name, move || {
                assert_eq!(thread::current().name(), Some(name));
                // It must outlive the report.
                std::mem::forget(tracing::dispatcher::set_default(&dispatch));
                work()
            })
            .unwrap()
            .join()
        };
        assert_eq!(start("reader", || Ok(7)).unwrap().unwrap(), 7);
        log.assert_is(&[]);
        assert!(start("writer", || Err(not_saved())).unwrap().is_err());
        log.assert_is(&["thread writer failed: cannot save: cannot write: disk full"]);
        assert!(start("writer", || panic!("oh")).is_err());
        log.assert_is(&["thread writer panicked: oh"]);
    }
}
