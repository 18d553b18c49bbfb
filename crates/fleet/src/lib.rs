//! A fleet: hosts with nodes, each with a nats-server of its own, and a hub where all events come together.
//!
//! [`Plan`] is the file that lists them, [`Secrets`] are made once for it, and [`files`] makes every file of every host from both. [`streams`]
//! makes the streams that let a hub be away, and [`check`] finds out what arrives.

pub mod check;
mod diff;
mod error;
mod files;
mod nats;
mod observer;
mod place;
mod plan;
mod roll;
mod secrets;
pub mod streams;

pub use check::Report;
pub use error::FleetError;
pub use files::{Advice, File, files};
pub use place::{Change, Changed, Place};
pub use plan::{EXAMPLE, Host, Hub, Node, Plan};
pub use roll::{Member, Roll};
pub use secrets::Secrets;
