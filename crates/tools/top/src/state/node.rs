//! The state of one node: the model, and what is shown besides.

use model::Model;

use super::About;
use super::messages::{Counts, Messages};
use super::odd::Oddities;

/// One peer of a node: a connection.
pub(crate) type Peer = model::Peer<Details>;
/// The peers of a node.
pub(crate) type Peers = model::Peers<Details>;
/// The context of an observer's calls.
pub(crate) type Context<'a> = model::Context<'a, ()>;

/// What is kept of each peer besides the model.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// Its messages by type, as tracepoints report them.
    pub traced: Counts,
    /// The same by the last answer of getpeerinfo, which has bytes only.
    pub polled: Counts,
    /// When the last message was received and sent, in nanoseconds since the UNIX epoch; 0 if none was.
    pub last_ns: [u64; 2],
}

model::observers! {
    /// What is kept of a node besides the model.
    #[derive(Debug, Default)]
    pub(crate) struct Seen: Observer<(), Details> {
        pub about: About,
        pub messages: Messages,
        pub odd: Oddities,
    }
}

/// The state of one node.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub model: Model<Details>,
    pub seen: Seen,
}
