//! Objects in S3-compatible stores: what is `s3://BUCKET/KEY`.
//!
//! A [`Client`] has the account. [`Client::archives`] finds archives as [`crate::archive::files`] does, to be read
//! from where they are: of an indexed one, only what is asked for is fetched. [`Folder`] is where files are put; one
//! counts as put when the store holds the same content, see [`Folder::verify`].

mod blocking;
mod client;
mod digest;
mod error;
mod folder;
mod http;
mod read;
mod url;

pub use blocking::wait;
pub use client::{Client, Options};
pub use digest::Digest;
pub use error::RemoteError;
pub use folder::{Folder, State};
pub use url::{ObjectUrl, UrlError};
