//! The tracepoint extractor: every P2P message, connection, mempool change and block of a node, from inside of it.
//!
//! A C program (`bpf/`) runs in the kernel whenever a node passes one of Bitcoin Core's tracepoints, in the node's own thread. It copies what the
//! arguments of the tracepoint into one ring buffer ([`ring`](crate::ring)). A thread of this program reads that every 20 milliseconds, turns records
//! into events and publishes them in order. Nothing here can make the node wait: when the ring is full, events are lost, and counted for each
//! tracepoint ([`shared`](crate::shared)).

mod account;
mod beat;
mod consume;
mod error;
pub mod kernel;
mod losses;
mod notes;
mod options;
mod program;
mod ring;
mod route;
mod shared;

use std::path::PathBuf;

use bus::Publisher;
use node::Target;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::consume::Consumer;
use crate::route::Router;

pub use crate::error::Error;
pub use crate::notes::{NotesError, tracepoints_of};
pub use crate::options::{Capture, MAX_LATENCY, OptionError, Options, Selection};
pub use crate::program::{Attachment, Tracer};
pub use crate::route::programs;
pub use decode::tracepoint::Tracepoint;

/// A node that is observed.
pub struct Observed {
    /// Which node it is. The process that runs it is located, again whenever it has ended.
    pub target: Target,
    /// Where its events go.
    pub publisher: Publisher,
}

/// Makes a publisher for a node of this name.
pub type MakePublisher = Box<dyn FnMut(&str) -> Publisher + Send>;

/// Whose events are wanted.
pub enum Nodes {
    /// These nodes'.
    These(Vec<Observed>),
    /// Those of every process of a program; each is a node of its own.
    All {
        /// The program file.
        binary: PathBuf,
        /// Makes a publisher for a process that was not seen before.
        publisher: MakePublisher,
    },
}

/// Publishes what nodes do until shutdown.
///
/// Programs that the tracer is not attached to yet are attached as they appear: nodes may be started, stopped and upgraded. Lasting trouble with
/// that is logged once and does not end the extractor.
///
/// On a runtime of one thread, all is done there: what sends the events there needs no wake-up of its own. On another one, the ring has a thread of its
/// own, since looking for nodes blocks.
///
/// # Errors
/// The ring cannot be awaited, or the thread that reads it could not be started, or it panicked.
pub async fn run(tracer: Tracer, nodes: Nodes, shutdown: CancellationToken) -> Result<(), Error> {
    let consumer = Consumer::new(tracer, Router::new(nodes), shutdown);
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return consumer.run().await.map_err(Error::Wait);
    }
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
    let (ended, end) = oneshot::channel();
    let read = move || {
        // Nobody may wait for it any more.
        let _ = ended.send(runtime.block_on(consumer.run()));
    };
    bus::task::spawn_thread("ebpf", read).map_err(Error::Thread)?;
    // It ends without a result only if it panics, which its spawn has logged.
    end.await.map_err(|_| Error::Panicked)?.map_err(Error::Wait)
}
