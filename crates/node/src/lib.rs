//! How to reach a Bitcoin node, on this machine or elsewhere.
//!
//! An operator configures little or nothing of a node ([`Target`]). The rest follows from its process, its
//! command line and its configuration files ([`Host`]). Together they give a [`Located`]: where its RPC
//! server, debug.log, P2P port and sockets are, and how to log in. Since a node restarts, moves and upgrades, whoever
//! observes it keeps the [`Target`] and locates it again, which takes milliseconds.
//!
//! A file that can't be read never ends the discovery: it narrows the result and leaves a sentence in [`Located::notes`].

mod address;
mod chain;
mod conf;
mod discovery;
mod files;
mod located;
mod name;
mod process;
pub mod rpc;
mod secret;
mod target;
mod warn_once;

pub use address::{HostPort, HostPortError};
pub use chain::{Chain, UnknownChain};
pub use conf::{ConfFile, ConfPlace, Strongest};
pub use discovery::{Discovery, NotFound, TargetError};
pub use located::{Auth, Located, LogOptions, Origin, Zmq};
pub use name::{NameError, validate_name};
pub use process::{Host, LogOutput};
pub use secret::Secret;
pub use target::{DiscoveredNode, LocateError, Target, discover_all};
pub use warn_once::WarnOnce;
