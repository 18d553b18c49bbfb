//! How tools serve pages over HTTP: to whom, under which names, and whether encrypted. Every tool that serves something does it by this, so that
//! the same protects all of them.

mod auth;
mod guard;
mod names;
mod server;
mod tls;

pub use auth::{Auth, AuthError};
pub use server::{Access, Error, Running, Server};
pub use tls::{TlsError, TlsFiles};
