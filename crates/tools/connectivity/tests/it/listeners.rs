//! What may listen at an address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use node::Chain;
use p2p::{Connection, Magic, MessageType, Version};
use parking_lot::Mutex;
use reach::{Endpoint, Host};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What listens at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A node that has transport v2.
    V2,
    /// A node that has v1 only, and closes what is something else without a byte.
    V1,
    /// Takes connections, and says nothing.
    Silent,
    /// Resets connections after it was sent something. Before that a proxy may not have said yet that it is connected, and
    /// says then that it failed itself.
    Resetting,
    /// Closes connections after it was sent something, as a node does whose slots are all taken.
    Closing,
    /// A web server.
    Http,
    /// Speaks first, in letters.
    Ssh,
    /// Speaks first, in other bytes, the same each time.
    Binary,
    /// A node of another network that speaks first.
    OtherV1,
    /// A node of another network with transport v2.
    OtherV2,
    /// A node of another network with transport v2 that takes everything for a key.
    OtherV2Only,
    /// A node whose version message is damaged.
    Damaged,
    /// Says that a version message of four million bytes comes, and sends as much as is taken.
    Endless,
}

/// Listeners, and the connections that they got.
#[derive(Clone, Debug)]
pub struct Listeners {
    /// Whose network their nodes are in.
    chain: Chain,
    /// By address.
    connections: Arc<Mutex<HashMap<SocketAddr, usize>>>,
    open: Arc<AtomicUsize>,
    most_open: Arc<AtomicUsize>,
    /// The first user agent that a node received.
    user_agent: Arc<Mutex<Option<String>>>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self::of(Chain::Regtest)
    }
}

impl Listeners {
    /// None listens yet.
    pub fn of(chain: Chain) -> Self {
        Self {
            chain,
            connections: Arc::default(),
            open: Arc::default(),
            most_open: Arc::default(),
            user_agent: Arc::default(),
        }
    }

    /// Has something listen at an IP address.
    pub async fn add(&self, ip: [u8; 4], kind: Kind) -> Endpoint {
        // A silent node at the default port of a network is asked once more, as one of that network.
        let (listener, addr) = loop {
            let listener = TcpListener::bind(SocketAddr::from((ip, 0))).await.unwrap();
            let addr = listener.local_addr().unwrap();
            if Chain::ALL.iter().all(|chain| chain.p2p_port() != addr.port()) {
                break (listener, addr);
            }
        };
        self.connections.lock().insert(addr, 0);
        let this = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *this.connections.lock().entry(addr).or_default() += 1;
                let this = this.clone();
                tokio::spawn(async move {
                    let open = this.open.fetch_add(1, Ordering::SeqCst) + 1;
                    this.most_open.fetch_max(open, Ordering::SeqCst);
                    // A connection that ends is no failure.
                    let _ = this.serve(stream, kind).await;
                    this.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Endpoint { host: Host::of_ip(addr.ip()), port: addr.port() }
    }

    /// Connections to each address.
    pub fn connections(&self) -> HashMap<SocketAddr, usize> {
        self.connections.lock().clone()
    }

    /// The most connections that were open at a time.
    pub fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    pub fn user_agent(&self) -> Option<String> {
        self.user_agent.lock().clone()
    }

    async fn serve(&self, mut stream: TcpStream, kind: Kind) -> Result<(), p2p::Error> {
        let (ours, other) = (self.chain.magic(), Chain::Test.magic());
        match kind {
            Kind::V2 => self.node(stream, ours).await?,
            Kind::V1 | Kind::OtherV2 => {
                let mut start = [0; 16];
                while stream.peek(&mut start).await? < start.len() {
                    tokio::task::yield_now().await;
                }
                let is_v1 = start[4..].starts_with(b"version\0");
                if kind == Kind::V1 && start.starts_with(&ours) || kind == Kind::OtherV2 && !is_v1 {
                    self.node(stream, if kind == Kind::V1 { ours } else { other }).await?;
                }
            }
            Kind::OtherV2Only => self.node(stream, other).await?,
            Kind::Silent => drain(&mut stream).await,
            Kind::Resetting => {
                stream.set_zero_linger()?;
                let _ = stream.read(&mut [0]).await?;
            }
            Kind::Closing => {
                let _ = stream.read(&mut [0; 1_024]).await?;
            }
            Kind::Http => {
                let _ = stream.read(&mut [0; 1_024]).await?;
                let page = "x".repeat(200);
                stream
                    .write_all(format!("HTTP/1.1 400 Bad Request\r\nContent-Length: 200\r\n\r\n{page}").as_bytes())
                    .await?;
            }
            Kind::Ssh => {
                stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").await?;
                drain(&mut stream).await;
            }
            Kind::Binary => {
                stream.write_all(&[0x4a, 0, 0, 0, 10, 8, 0].repeat(12)).await?;
                drain(&mut stream).await;
            }
            Kind::OtherV1 => stream.write_all(&version_v1(other, &version().encode())).await?,
            Kind::Damaged => {
                let mut message = version_v1(ours, &version().encode());
                *message.last_mut().unwrap() ^= 1;
                stream.write_all(&message).await?;
                drain(&mut stream).await;
            }
            Kind::Endless => {
                let mut header = version_v1(ours, &[]);
                header[16..20].copy_from_slice(&4_000_000_u32.to_le_bytes());
                stream.write_all(&header).await?;
                loop {
                    stream.write_all(&[7; 65_536]).await?;
                }
            }
        }
        Ok(())
    }

    /// Answers as a node does, and stays until the other side leaves.
    async fn node(&self, stream: TcpStream, magic: Magic) -> Result<(), p2p::Error> {
        let (reader, writer) = stream.into_split();
        let connection = p2p::accept(magic, reader, writer).await?;
        self.greet(connection).await
    }

    async fn greet<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &self,
        mut connection: Connection<R, W>,
    ) -> Result<(), p2p::Error> {
        let theirs = connection.reader.next().await?;
        let theirs = Version::decode(&theirs.payload)?;
        assert_eq!((theirs.services, theirs.relay), (0, Some(false)), "it offers nothing, and wants nothing");
        self.user_agent.lock().get_or_insert_with(|| String::from_utf8(theirs.user_agent).unwrap());
        connection.writer.send(MessageType::new("version"), &version().encode()).await?;
        for name in ["wtxidrelay", "sendaddrv2", "verack"] {
            connection.writer.send(MessageType::new(name), &[]).await?;
        }
        loop {
            connection.reader.next().await?;
        }
    }
}

/// What a node says of itself here.
pub fn version() -> Version {
    let mut sender = [0; 16];
    sender[10..].copy_from_slice(&[0xff, 0xff, 1, 2, 3, 4]);
    Version {
        version: 70_016,
        services: 1 | 8 | 1 << 11,
        time: (event::time::now_ns() / 1_000_000_000) as i64 - 7_200,
        sender: (sender, 8_333),
        nonce: u64::MAX - 1,
        user_agent: b"/Satoshi:30.0.0(\xff)/".to_vec(),
        height: 900_000,
        relay: Some(true),
        ..Version::default()
    }
}

async fn drain(stream: &mut TcpStream) {
    let mut bytes = [0; 4_096];
    while stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {}
}

/// A version message as transport v1 has it.
fn version_v1(magic: Magic, payload: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut bytes = magic.to_vec();
    bytes.extend(MessageType::new("version").to_bytes());
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(&Sha256::digest(Sha256::digest(payload))[..4]);
    bytes.extend(payload);
    bytes
}
