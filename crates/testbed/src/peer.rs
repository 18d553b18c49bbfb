//! A scripted peer: a program that speaks the P2P protocol (v1 transport) and does what a test scripts, also what no honest peer does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_network::VersionMessage;
use bitcoin::p2p::{Address, Magic, ServiceFlags};
use bus::task;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::sent::Sent;

const HEADER: usize = 24;
/// Bitcoin Core's `MAX_PROTOCOL_MESSAGE_LENGTH`.
const MAX_PAYLOAD: usize = 4_000_000;
/// Messages kept for a script that does not read them; newer ones are then dropped. A demo runs for days with scripts that never read.
const INBOX: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// What a peer announces of itself, and what it does on its own.
#[derive(Clone, Debug)]
pub struct PeerOptions {
    /// The user agent. Bitcoin Core disconnects peers with more than 256 bytes.
    pub user_agent: String,
    /// The services offered.
    pub services: ServiceFlags,
    /// The protocol version.
    pub version: u32,
    /// Whether transactions are to be announced to it (BIP37).
    pub relay: bool,
    /// The height of its best block.
    pub start_height: i32,
    /// How far its clock is ahead, in seconds.
    pub time_offset: i64,
    /// Sends `wtxidrelay` (BIP339).
    pub wtxid_relay: bool,
    /// Sends `sendaddrv2` (BIP155).
    pub addr_v2: bool,
    /// Sends `verack`; without it the node waits for the handshake until it gives up.
    pub verack: bool,
    /// Answers each `ping`.
    pub answer_pings: bool,
    /// The local address to connect from: any of 127.0.0.0/8, or of all in an internet of one's own ([`crate::internet`]).
    pub from: IpAddr,
    /// The nonce of its version message; another one for each connection without it.
    pub nonce: Option<u64>,
    /// Counts what it sends.
    pub sent: Sent,
}

impl Default for PeerOptions {
    fn default() -> Self {
        Self {
            user_agent: "/testbed:0.1.0/".to_owned(),
            services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
            version: 70016,
            relay: true,
            start_height: 0,
            time_offset: 0,
            wtxid_relay: true,
            addr_v2: true,
            verack: true,
            answer_pings: true,
            from: Ipv4Addr::LOCALHOST.into(),
            nonce: None,
            sent: Sent::default(),
        }
    }
}

/// A connection to a node. Closed when dropped.
#[derive(Debug)]
pub struct Peer {
    local: SocketAddr,
    remote: SocketAddr,
    their_version: Option<VersionMessage>,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    inbox: mpsc::Receiver<NetworkMessage>,
    reader: AbortHandle,
}

impl Peer {
    /// Connects to a node (inbound, seen from there) and finishes the handshake.
    ///
    /// # Errors
    /// It can't connect, or the node closed the connection or stayed silent.
    pub async fn connect(addr: SocketAddr, options: PeerOptions) -> Result<Self> {
        let mut peer = Self::dial(addr, &options).await?;
        peer.introduce(&options)?;
        peer.await_version().await?;
        peer.acknowledge(&options).await?;
        Ok(peer)
    }

    /// Connects without sending anything: for scripts that do something else than the handshake.
    ///
    /// # Errors
    /// It can't connect.
    pub async fn dial(addr: SocketAddr, options: &PeerOptions) -> Result<Self> {
        let socket = if options.from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind((options.from, 0).into())?;
        let connected = timeout(PATIENCE, socket.connect(addr)).await;
        let stream = connected.map_err(anyhow::Error::from).and_then(|stream| Ok(stream?));
        Self::over(stream.with_context(|| format!("can't connect to {addr}"))?, Vec::new(), options)
    }

    /// Sends its version message, after [`Self::dial`].
    ///
    /// # Errors
    /// The connection is closed.
    pub fn introduce(&self, options: &PeerOptions) -> Result<()> {
        self.send(NetworkMessage::Version(self.version_message(options)))
    }

    fn over(stream: TcpStream, already_read: Vec<u8>, options: &PeerOptions) -> Result<Self> {
        stream.set_nodelay(true)?;
        let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
        let (read, write) = stream.into_split();
        let (outbox, to_send) = mpsc::unbounded_channel();
        let (received, inbox) = mpsc::channel(INBOX);
        let pong = options.answer_pings.then(|| outbox.downgrade());
        task::spawn("scripted peer, writing", write_all(write, to_send, options.sent.clone()));
        let reading = read_all(read, already_read, received, pong);
        let reader = task::spawn("scripted peer, reading", reading).abort_handle();
        Ok(Self { local, remote, their_version: None, outbox, inbox, reader })
    }

    fn version_message(&self, options: &PeerOptions) -> VersionMessage {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        VersionMessage {
            version: options.version,
            services: options.services,
            timestamp: now.as_secs().cast_signed().saturating_add(options.time_offset),
            receiver: Address::new(&self.remote, ServiceFlags::NONE),
            sender: Address::new(&self.local, ServiceFlags::NONE),
            nonce: options.nonce.unwrap_or_else(|| fastrand::u64(..)),
            user_agent: options.user_agent.clone(),
            start_height: options.start_height,
            relay: options.relay,
        }
    }

    /// The second half of the handshake, after both versions.
    async fn acknowledge(&mut self, options: &PeerOptions) -> Result<()> {
        if options.wtxid_relay {
            self.send(NetworkMessage::WtxidRelay)?;
        }
        if options.addr_v2 {
            self.send(NetworkMessage::SendAddrV2)?;
        }
        if options.verack {
            self.send(NetworkMessage::Verack)?;
        }
        self.wait_for(PATIENCE, |message| matches!(message, NetworkMessage::Verack)).await?;
        Ok(())
    }

    async fn await_version(&mut self) -> Result<()> {
        let message = self.wait_for(PATIENCE, |message| matches!(message, NetworkMessage::Version(_))).await?;
        if let NetworkMessage::Version(version) = message {
            self.their_version = Some(version);
        }
        Ok(())
    }

    /// The address that the node sees.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The node's address.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    /// The node's version message, once it has come.
    pub fn their_version(&self) -> Option<&VersionMessage> {
        self.their_version.as_ref()
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn send(&self, message: NetworkMessage) -> Result<()> {
        self.send_bytes(serialize(&RawNetworkMessage::new(Magic::REGTEST, message)))
    }

    /// Sends a message of any type (up to 12 bytes, more are cut off) and content, with a right header.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn send_raw(&self, message_type: &str, payload: &[u8]) -> Result<()> {
        let checksum = sha256d::Hash::hash(payload).to_byte_array();
        let mut bytes = Magic::REGTEST.to_bytes().to_vec();
        bytes.extend(message_type.bytes().chain(std::iter::repeat(0)).take(12));
        bytes.extend(u32::try_from(payload.len())?.to_le_bytes());
        bytes.extend(checksum.iter().take(4));
        bytes.extend(payload);
        self.send_bytes(bytes)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn send_bytes(&self, bytes: Vec<u8>) -> Result<()> {
        self.outbox.send(bytes).ok().with_context(|| self.closed())
    }

    /// The next message received. One that can't be decoded comes as [`NetworkMessage::Unknown`].
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn recv(&mut self) -> Result<NetworkMessage> {
        self.inbox.recv().await.with_context(|| self.closed())
    }

    /// The first message that `wanted` accepts; those before it are dropped.
    ///
    /// # Errors
    /// It did not come within `limit`, or the connection is closed.
    pub async fn wait_for(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&NetworkMessage) -> bool,
    ) -> Result<NetworkMessage> {
        let message = timeout(limit, async {
            loop {
                let message = self.recv().await?;
                if wanted(&message) {
                    return anyhow::Ok(message);
                }
            }
        });
        let message = message.await;
        message.with_context(|| format!("the message waited for did not come from {} within {limit:?}", self.remote))?
    }

    /// Sends a ping and waits for its pong: the node has then processed everything sent before.
    ///
    /// # Errors
    /// It did not come, or the connection is closed.
    pub async fn sync(&mut self) -> Result<()> {
        let nonce = fastrand::u64(..);
        self.send(NetworkMessage::Ping(nonce))?;
        self.wait_for(PATIENCE, |message| matches!(message, NetworkMessage::Pong(n) if *n == nonce)).await?;
        Ok(())
    }

    /// Waits until the node has closed the connection; messages until then are dropped.
    ///
    /// # Errors
    /// It did not within `limit`.
    pub async fn wait_closed(&mut self, limit: Duration) -> Result<()> {
        let closed = timeout(limit, async { while self.inbox.recv().await.is_some() {} });
        closed.await.with_context(|| format!("{} did not close the connection within {limit:?}", self.remote))
    }

    fn closed(&self) -> String {
        format!("the connection to {} is closed", self.remote)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Listens for a node that is made to connect to it: outbound, seen from the node.
#[derive(Debug)]
pub struct PeerListener {
    listener: TcpListener,
}

impl PeerListener {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is none.
    pub async fn bind() -> Result<Self> {
        Self::bind_at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// Listens on a free port of `ip`, which is any of 127.0.0.0/8.
    ///
    /// # Errors
    /// There is none.
    pub async fn bind_at(ip: IpAddr) -> Result<Self> {
        Ok(Self { listener: TcpListener::bind((ip, 0)).await? })
    }

    /// The address that the node is to connect to.
    ///
    /// # Errors
    /// The system does not know it.
    pub fn addr(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Waits for a node to connect and finishes the handshake. A node that tries the encrypted transport first is turned away, whereupon
    /// it comes again with v1.
    ///
    /// # Errors
    /// None came, or it closed the connection or stayed silent.
    pub async fn accept(&self, options: PeerOptions) -> Result<Peer> {
        let mut peer = self.greeted(&options).await?;
        peer.introduce(&options)?;
        peer.acknowledge(&options).await?;
        Ok(peer)
    }

    /// Waits until a node has connected and introduced itself, and does not answer yet.
    ///
    /// # Errors
    /// The same.
    pub async fn greeted(&self, options: &PeerOptions) -> Result<Peer> {
        let (stream, first) = timeout(PATIENCE, self.accept_v1()).await.context("no node connected")??;
        let mut peer = Peer::over(stream, first, options)?;
        peer.await_version().await?;
        Ok(peer)
    }

    async fn accept_v1(&self) -> Result<(TcpStream, Vec<u8>)> {
        loop {
            let (mut stream, _) = self.listener.accept().await?;
            let mut first = [0; 4];
            if stream.read_exact(&mut first).await.is_ok() && first == Magic::REGTEST.to_bytes() {
                return Ok((stream, first.to_vec()));
            }
        }
    }
}

async fn write_all(mut write: OwnedWriteHalf, mut to_send: mpsc::UnboundedReceiver<Vec<u8>>, sent: Sent) {
    while let Some(bytes) = to_send.recv().await {
        if write.write_all(&bytes).await.is_err() {
            return;
        }
        sent.note(&bytes);
    }
}

async fn read_all(
    mut read: OwnedReadHalf,
    already_read: Vec<u8>,
    received: mpsc::Sender<NetworkMessage>,
    pong: Option<mpsc::WeakUnboundedSender<Vec<u8>>>,
) {
    let mut already_read = already_read;
    loop {
        let message = match read_message(&mut read, std::mem::take(&mut already_read)).await {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!("scripted peer: {error:#}");
                return;
            }
        };
        if let (NetworkMessage::Ping(nonce), Some(outbox)) =
            (&message, pong.as_ref().and_then(mpsc::WeakUnboundedSender::upgrade))
        {
            let _ = outbox.send(serialize(&RawNetworkMessage::new(Magic::REGTEST, NetworkMessage::Pong(*nonce))));
        }
        if let Err(TrySendError::Closed(_)) = received.try_send(message) {
            return;
        }
    }
}

async fn read_message(read: &mut OwnedReadHalf, already_read: Vec<u8>) -> Result<NetworkMessage> {
    let mut bytes = already_read;
    let missing = HEADER.saturating_sub(bytes.len());
    if (&mut *read).take(missing as u64).read_to_end(&mut bytes).await? < missing {
        bail!("the node closed the connection");
    }
    let (magic, rest) = bytes.split_first_chunk::<4>().context("short header")?;
    let (_message_type, rest) = rest.split_first_chunk::<12>().context("short header")?;
    let (size, _checksum) = rest.split_first_chunk::<4>().context("short header")?;
    let size = u32::from_le_bytes(*size) as usize;
    if *magic != Magic::REGTEST.to_bytes() || size > MAX_PAYLOAD {
        bail!("no regtest message, or {size} bytes are too many");
    }
    if (&mut *read).take(size as u64).read_to_end(&mut bytes).await? < size {
        bail!("the node closed the connection within a message");
    }
    if let Ok(message) = deserialize::<RawNetworkMessage>(&bytes) {
        return Ok(message.into_payload());
    }
    // The library has no such message, or not this form of it.
    let (header, payload) = bytes.split_at(HEADER.min(bytes.len()));
    let name = header.iter().skip(4).take(12).copied().filter(u8::is_ascii_graphic).map(char::from).collect::<String>();
    let message_type = name.parse().ok().context("no message type")?;
    Ok(NetworkMessage::Unknown { command: message_type, payload: payload.to_vec() })
}
