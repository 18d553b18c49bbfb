//! How events travel: within this process, or through a NATS server to others.
//!
//! Extractors publish through a [`Publisher`], which gives each event its place in a run. Tools read
//! [`Delivery`]s from a [`Subscription`]: events, and what was lost between them. [`nats`] connects the bus of this
//! process with a server, in either direction. What is lost on the way is counted in [`Accounts`].

pub mod accounts;
pub mod counters;
pub mod gaps;
mod local;
pub mod nats;
mod publisher;
mod queue;
pub mod task;

pub use accounts::{Accounts, Reason, Server, Stage};
pub use gaps::{GapTracker, Loss};
pub use local::Bus;
pub use publisher::Publisher;
pub use queue::{Delivery, QueueLevel, Subscription, WhenFull};
