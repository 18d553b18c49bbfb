//! What can go wrong with an RPC, each with what helps.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ipc::IpcError;

use crate::files;

/// Why an RPC gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// Nobody listens at the address.
    #[error(
        "no RPC server at {address}: connection refused; is the node running, with server=1 and this rpcport and rpcbind?"
    )]
    Refused {
        /// The server's address.
        address: String,
    },
    /// No connection for another reason.
    #[error("cannot reach the RPC server at {address}: {what}; check the address and what is between here and there")]
    Unreachable {
        /// The server's address.
        address: String,
        /// The system's reason.
        what: String,
    },
    /// The connection ended before the answer did.
    #[error(
        "the RPC server at {address} broke off {method}: {what}; if the node is not stopping, look into its debug.log: \
         from v32 on, it does so to machines that no rpcallowip names"
    )]
    Interrupted {
        /// The server's address.
        address: String,
        /// The method called.
        method: String,
        /// The reason, as far as it is known.
        what: String,
    },
    /// No answer in time.
    #[error("{method} at {address} gave no answer in {}; the node is busy or has no free thread (rpcthreads)", seconds(.after))]
    Timeout {
        /// The server's address.
        address: String,
        /// The method called.
        method: String,
        /// The time allowed.
        after: Duration,
    },
    /// HTTP 401.
    #[error("the RPC server at {address} refused {login}; {remedy}")]
    Unauthorized {
        /// The server's address.
        address: String,
        /// What we logged in with.
        login: String,
        /// What to change.
        remedy: String,
    },
    /// HTTP 403.
    #[error("the RPC server at {address} does not let {login} call {method}; {remedy}")]
    Forbidden {
        /// The server's address.
        address: String,
        /// Who we logged in as.
        login: String,
        /// The method called.
        method: String,
        /// What to change.
        remedy: String,
    },
    /// The cookie file can't be read.
    #[error("cannot read the cookie at {}: {}; {}", .path.display(), files::reason(.source), cookie_remedy(.source))]
    Cookie {
        /// The cookie file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cookie file has no `user:password` in it.
    #[error("the cookie at {} is not user:password; is this the cookie file of a Bitcoin node?", .0.display())]
    CookieFormat(PathBuf),
    /// Error -28.
    #[error("the node at {address} is starting: {what}; it answers when that is done")]
    WarmingUp {
        /// The server's address.
        address: String,
        /// What it does.
        what: String,
    },
    /// HTTP 503: no room in the work queue.
    #[error(
        "the work queue of the RPC server at {address} is full; raise rpcworkqueue or rpcthreads, or call less often"
    )]
    Busy {
        /// The server's address.
        address: String,
    },
    /// Error -32601.
    #[error(
        "the node at {address} has no method {method}: its version is too old or too new for it, or the feature is off"
    )]
    NoMethod {
        /// The server's address.
        address: String,
        /// The method called.
        method: String,
    },
    /// Another error by the node.
    #[error("{method} at {address}: error {code}: {message:?}")]
    Node {
        /// The server's address.
        address: String,
        /// The method called.
        method: String,
        /// Bitcoin Core's `RPCErrorCode`.
        code: i64,
        /// The node's explanation.
        message: String,
    },
    /// The answer is no JSON-RPC.
    #[error(
        "{address} does not speak Bitcoin's JSON-RPC: HTTP status {status}, {body:?}; is this the rpcport of the node?"
    )]
    NotRpc {
        /// The server's address.
        address: String,
        /// HTTP status.
        status: u16,
        /// How the answer begins.
        body: String,
    },
    /// The result is not of the shape that the method has.
    #[error("the result of {method} at {address} is not understood: {what}")]
    Malformed {
        /// The server's address.
        address: String,
        /// The method called.
        method: String,
        /// What and where.
        what: String,
    },
    /// The answer is larger than allowed.
    #[error("the answer to {method} at {address} is larger than {max} bytes: not read")]
    TooLarge {
        /// The server's address.
        address: String,
        /// The method called.
        method: String,
        /// The bound.
        max: usize,
    },
    /// There is nothing to log in with.
    #[error("no login for the RPC server at {address}; pass --rpc-user and --rpc-password, or --rpc-cookie-file")]
    NoLogin {
        /// The server's address.
        address: String,
    },
    /// The IPC interface gave no answer.
    #[error(transparent)]
    Ipc(#[from] IpcError),
    /// The HTTP client can't be set up.
    #[error("cannot set up an HTTP client for {address}: {what}")]
    Setup {
        /// The server's address.
        address: String,
        /// Why.
        what: String,
    },
}

impl RpcError {
    /// The kind of error, as a metric label.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Unreachable { .. } => "unreachable",
            Self::Interrupted { .. } => "interrupted",
            Self::Timeout { .. } => "timeout",
            Self::Unauthorized { .. } | Self::NoLogin { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Cookie { .. } | Self::CookieFormat(_) => "cookie",
            Self::WarmingUp { .. } => "warming_up",
            Self::Busy { .. } => "busy",
            Self::NoMethod { .. } => "no_method",
            Self::Node { .. } => "node",
            Self::NotRpc { .. } => "not_rpc",
            Self::Malformed { .. } => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::Ipc(IpcError::Lost { .. }) => "interrupted",
            Self::Ipc(IpcError::Busy { .. }) => "busy",
            Self::Ipc(IpcError::Forbidden { .. }) => "forbidden",
            Self::Ipc(IpcError::Failed { .. }) => "node",
            Self::Ipc(IpcError::Unreachable { .. }) => "unreachable",
            Self::Ipc(_) => "not_rpc",
            Self::Setup { .. } => "setup",
        }
    }

    /// Whether the node may be away, or be another run of it than the one located: locate it again.
    #[must_use]
    pub fn is_away(&self) -> bool {
        use RpcError as E;
        if let E::Ipc(error) = self {
            return error.is_away();
        }
        matches!(
            self,
            E::Refused { .. }
                | E::Unreachable { .. }
                | E::Interrupted { .. }
                | E::Unauthorized { .. }
                | E::Cookie { .. }
        )
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

fn cookie_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "the node is not running, or its RPC server is off (server=1 switches it on)",
        _ => "run as the node's user, or put rpccookieperms=group in bitcoin.conf (v28 and later), or pass --rpc-user",
    }
}
