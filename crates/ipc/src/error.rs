//! What can go wrong, each with what helps.

use std::io;
use std::path::PathBuf;

/// Why a call by IPC gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IpcError {
    /// The socket cannot be connected to.
    #[error("cannot connect to the IPC socket {}: {source}; {}", .socket.display(), remedy(.source))]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What listens at the socket is no Bitcoin node, or one of a version that has another interface.
    #[error("what listens at {} does not have Bitcoin Core's IPC interface of v30 to v32: {what:?}", .socket.display())]
    Foreign {
        /// The socket.
        socket: PathBuf,
        /// What it answered.
        what: String,
    },
    /// The connection is over, or the node is stopping.
    #[error("the connection to the IPC socket {} is over; the node has stopped, or is stopping", .socket.display())]
    Lost {
        /// The socket.
        socket: PathBuf,
    },
    /// Too many calls wait for the node.
    #[error("too many calls wait for the node at the IPC socket {}; it is busy, or hangs", .socket.display())]
    Busy {
        /// The socket.
        socket: PathBuf,
    },
    /// The node carries out no RPCs by IPC.
    #[error("the node at {} carries out no RPCs by IPC; Bitcoin Core does from v32 on", .socket.display())]
    NoRpc {
        /// The socket.
        socket: PathBuf,
    },
    /// The node forbids the method.
    #[error(
        "the node at {} lets nobody call this method by IPC; put rpcwhitelistdefault=0 in its bitcoin.conf, and restart it",
        .socket.display()
    )]
    Forbidden {
        /// The socket.
        socket: PathBuf,
    },
    /// The node answered with an error.
    #[error("{call} at the IPC socket {} failed: {what:?}", .socket.display())]
    Failed {
        /// The socket.
        socket: PathBuf,
        /// The method.
        call: &'static str,
        /// What it answered.
        what: String,
    },
}

impl IpcError {
    /// Whether the node may be away, or be another run of it.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost { .. })
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "run as the node's user, or let the node make it accessible to your group (docs/ipc.md); whoever can use the socket controls the node"
        }
        io::ErrorKind::ConnectionRefused => "the node that made it does not run any more",
        io::ErrorKind::NotFound => {
            "is the node running, with ipcbind=unix in its bitcoin.conf? It must be `bitcoin node` or bitcoin-node: bitcoind has no IPC"
        }
        _ => "look at the path",
    }
}
