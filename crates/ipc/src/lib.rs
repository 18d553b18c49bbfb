//! A client of Bitcoin Core's IPC interface (`-ipcbind`, v30 to v32): tips as soon as the node has them, and from v32 on every RPC.
//!
//! The interface is Cap'n Proto's RPC over a Unix socket, whose permission is all that guards it. A node of v30 can crash or not stop when a client goes away in
//! the middle of a call (Bitcoin Core issues 33463, 33923 and 34250), so that this client never does: a call that was sent is waited for, also
//! when who asked for it no longer does; one thread of the node is never asked for two things at once; waits are short.

mod error;
mod session;
mod socket;

#[allow(warnings, clippy::all, clippy::pedantic, clippy::restriction, reason = "generated")]
mod node_capnp {
    include!(concat!(env!("OUT_DIR"), "/node_capnp.rs"));
}

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use crate::error::IpcError;

use crate::session::{Reply, Request};

/// The longest answer that is read, in bytes. `getrawaddrman` of a full address manager is about 50 MB.
pub const MAX_ANSWER: usize = 256 << 20;

/// How long a wait for another tip lasts in the node at most. At its end, or when the node stops, a client can leave.
pub const MAX_WAIT: Duration = Duration::from_secs(1);

/// Calls that wait to be sent. More are refused.
const MAX_QUEUE: usize = 64;

/// The last block of the node's active chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// 32 bytes, in the order in which Bitcoin serializes them.
    pub hash: [u8; 32],
    /// Number of blocks before it.
    pub height: i32,
}

/// A connection to a node. It is closed when this is dropped, after the calls under way have ended.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    requests: mpsc::Sender<Request>,
    ended: oneshot::Receiver<()>,
}

impl Client {
    /// Connects to a socket. The node is asked for nothing yet.
    ///
    /// # Errors
    /// [`IpcError::Unreachable`].
    pub async fn connect(socket: &Path) -> Result<Self, IpcError> {
        let stream = socket::connect(socket).await?;
        let (requests, received) = mpsc::channel(MAX_QUEUE);
        let (end, ended) = oneshot::channel();
        let path = socket.to_owned();
        let run = move || {
            session::run(stream, &path, received);
            drop(end);
        };
        let started = thread::Builder::new().name("ipc".to_owned()).spawn(run);
        started.map_err(|source| IpcError::Unreachable { socket: socket.to_owned(), source })?;
        Ok(Self { socket: socket.to_owned(), requests, ended })
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The tip. None while the node has no block yet.
    ///
    /// # Errors
    /// See [`IpcError`]. As the node answers when it has loaded its chain, this may take long while it starts.
    pub async fn tip(&self) -> Result<Option<Tip>, IpcError> {
        self.call(Request::Tip).await
    }

    /// The tip as soon as it is another than `current` (32 zero bytes: any), or as it is after at most [`MAX_WAIT`].
    ///
    /// # Errors
    /// See [`IpcError`].
    pub async fn wait_tip(&self, current: [u8; 32]) -> Result<Tip, IpcError> {
        self.call(|reply| Request::WaitTip { current, reply }).await
    }

    /// Whether the node believes that it is still catching up with the chain.
    ///
    /// # Errors
    /// See [`IpcError`].
    pub async fn is_initial_block_download(&self) -> Result<bool, IpcError> {
        self.call(Request::IsInitialBlockDownload).await
    }

    /// The answer to a JSON-RPC request, both as text. Several may be asked for at the same time.
    ///
    /// # Errors
    /// [`IpcError::NoRpc`] before v32, and others; see [`IpcError`].
    pub async fn rpc(&self, request: String) -> Result<String, IpcError> {
        self.call(|reply| Request::Rpc { request, reply }).await
    }

    /// Closes the connection when the calls under way have ended, for which it waits.
    pub async fn close(self) {
        let Self { requests, ended, .. } = self;
        drop(requests);
        // An error is what it ends with.
        let _ = ended.await;
    }

    async fn call<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, IpcError> {
        let (reply, answer) = oneshot::channel();
        let lost = || IpcError::Lost { socket: self.socket.clone() };
        match self.requests.try_send(request(reply)) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(lost())),
            Err(mpsc::error::TrySendError::Full(_)) => Err(IpcError::Busy { socket: self.socket.clone() }),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(lost()),
        }
    }
}
