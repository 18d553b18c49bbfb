//! What can go wrong, and what helps.

use std::io;
use std::path::PathBuf;

/// A fleet cannot be written, prepared or checked.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The list of hosts has something wrong.
    #[error("{path}: {reason}", path = path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {reason}", path = path.display())]
    File {
        /// "read", "write" and so on.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The file with the secrets is damaged.
    #[error(
        "{path} cannot be used: {reason}; restore it from a copy, or remove it: then all keys are made anew, and every host needs its new files",
        path = path.display()
    )]
    Secrets {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A host to give new keys to is not in the list.
    #[error("there is no host {0:?} in the list; its name is that of a [[host]]")]
    NoHost(String),
    /// The hub's nats-server cannot be used.
    #[error(
        "the hub's nats-server at {url}: {reason}; is it running there, with the nats-server.conf of the folder hub?"
    )]
    Hub {
        /// Its address.
        url: String,
        /// What failed.
        reason: String,
    },
    /// The hub's nats-server refuses something.
    #[error("the hub's nats-server refuses {what}: {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Its reason.
        reason: String,
    },
}

impl From<getrandom::Error> for FleetError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}
