//! How events travel: within this process, or through a NATS server to others.
//!
//! Extractors publish through a [`Publisher`], which gives each event its place in a run. Tools read
//! [`Delivery`]s from a [`Subscription`]: events, what was lost between them, and for events of the past [`Mark`]s. [`nats`] connects the bus of this
//! process with a server, in either direction. What is lost on the way is counted in [`Accounts`].

pub mod accounts;
mod batch;
mod checkpoint;
pub mod counters;
pub mod gaps;
mod history;
mod local;
pub mod nats;
mod past;
mod publisher;
mod queue;
mod spare;
pub mod task;

pub use accounts::{Accounts, Reason, Server, Stage};
pub use batch::BatchWriter;
pub use checkpoint::{Checkpoint, Checkpoints};
pub use gaps::{GapTracker, Loss};
pub use local::Bus;
pub use past::{Control, EventClock, Jump, Mark, Pace, PaceError, Playback, Recording, steps};
pub use publisher::Publisher;
pub use queue::{Delivery, QueueLevel, Subscription, WhenFull};
