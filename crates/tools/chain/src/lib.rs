//! Headers and tips of nodes and servers: forks, stale blocks, reorganizations.
//!
//! Every node of a network is asked for its tips, and for the headers between them and what is known. Headers count by the work that they prove and by where they
//! link, whoever gives them. What changes is published as events, kept in a database, and served as fork-observer serves it.

mod activity;
mod header;
mod network;
pub mod pools;
pub mod settings;
pub mod snapshot;
pub mod sources;
pub mod stale;
mod tree;
