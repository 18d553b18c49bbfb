//! Real things to observe: regtest nodes, their traffic, scripted peers and NATS servers; and a browser to look at the pages.
//!
//! Tests, the demo and the benchmarks use the programs that users run, not imitations of them, because what a node really writes, sends
//! and refuses is what this project is about. Nothing here listens beyond loopback or outlives the program that started it.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use testbed::{Node, Peer, PeerOptions};
//!
//! let Some(_) = testbed::require_bitcoind() else { return Ok(()) }; // prints SKIPPED, and why
//! let alice = Node::builder().name("alice").debug(["net"]).start().await?;
//! let bob = Node::builder().name("bob").start().await?;
//! alice.connect(&bob).await?;
//! alice.mine(1).await?;
//! testbed::sync_blocks(&[&alice, &bob]).await?;
//! let mut peer = Peer::connect(alice.p2p_addr(), PeerOptions::default()).await?;
//! peer.sync().await?;
//! # Ok(())
//! # }
//! ```

mod browser;
mod builder;
mod captured;
pub mod cases;
mod disk;
mod fake_i2p;
mod find;
mod gossip;
mod hosts;
pub mod internet;
pub mod log;
mod microsocks;
mod monitoring;
mod nats;
mod network;
mod node;
mod oddity;
mod peer;
mod process;
mod relay;
mod rpc;
#[cfg(feature = "s3")]
mod s3;
pub mod scenarios;
mod sent;
mod skip;
pub mod tracepoint;
mod traffic;
mod wait;
mod wallet;

pub use browser::{Browser, Page};
pub use builder::{NodeBuilder, free_port};
pub use captured::{Captured, captured};
pub use disk::Disk;
pub use fake_i2p::FakeI2p;
pub use find::{
    alertmanager, axe, bitcoind, bitcoind_version, bitcoinds, chromium, has_option, microsocks, nats_server, prometheus,
};
pub use hosts::{Hosts, Visit};
pub use microsocks::Microsocks;
pub use monitoring::{Monitor, Webhook};
pub use nats::{JETSTREAM, NatsServer};
pub use network::Network;
pub use node::{ConnectionType, Node, sync_blocks, sync_mempools};
pub use oddity::Oddity;
pub use peer::{Peer, PeerListener, PeerOptions};
pub use rpc::{Rpc, RpcError};
#[cfg(feature = "s3")]
pub use s3::S3Server;
pub use scenarios::{Actors, Scenario, Stage, Strength};
pub use sent::{Sent, SentRow};
pub use skip::{
    require_bitcoind, require_chromium, require_ipc, require_microsocks, require_nats_server, require_prometheus,
    require_python, skipped,
};
pub use traffic::{Plan, Traffic};
pub use wait::eventually;
pub use wallet::{Reject, Spend, Wallet};
