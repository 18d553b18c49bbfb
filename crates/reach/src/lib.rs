//! How a node is reached by its address: directly, through a SOCKS5 proxy such as Tor, or through an I2P router.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use reach::{Dialer, Endpoint, Proxies};
//!
//! let proxies = Proxies { onion: Some("127.0.0.1:9050".parse()?), ..Proxies::default() };
//! let dialer = Dialer::new(proxies);
//! let node: Endpoint = "node.example:8333".parse()?; // or an IP address, a .onion name, or a .b32.i2p name
//! let stream: tokio::net::TcpStream = dialer.connect(&node).await?;
//! # Ok(())
//! # }
//! ```
//!
//! An address of a network that has a proxy is never reached in another way, so that this machine's own address stays
//! unknown.

mod dialer;
mod endpoint;
mod error;
mod sam;
mod socks;

pub use dialer::{Dialer, Login, Proxies, source_address};
pub use endpoint::{Endpoint, EndpointError, Host, Network};
pub use error::Error;
