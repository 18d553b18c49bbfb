//! How tools serve pages over HTTP: to whom, under which names, and whether encrypted. Every tool that serves something does it by this, so that
//! the same protects all of them.

mod auth;
mod cache;
mod guard;
mod names;
mod server;
mod socket;
mod tls;

pub use auth::{Auth, AuthError};
pub use cache::{compressed_and_cached, compressed_and_cached_while, compressed_and_shared, is_known};
pub use server::{Access, Error, Running, Server};
pub use socket::{Farewell, SocketClient, serve_socket, with_messages_up_to};
pub use tls::{TlsError, TlsFiles};
