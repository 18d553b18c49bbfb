//! A fake of an I2P router: it speaks SAM 3.1 as a real one's bridge does, but there is no I2P behind it. Streams lead
//! to TCP addresses.
//!
//! A real router takes minutes to find its way into I2P, which a test neither has nor may disturb.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use bus::task;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Characters of a destination, which has 391 bytes.
const DESTINATION: usize = 524;

/// The bridge. It ends when this is dropped.
#[derive(Debug)]
pub struct FakeI2p {
    addr: SocketAddr,
    router: Arc<Router>,
    accepting: AbortHandle,
}

#[derive(Debug, Default)]
struct Router {
    /// By the name of a destination: the destination, and where streams to it lead. None is one that cannot be reached.
    destinations: Mutex<HashMap<String, (String, Option<SocketAddr>)>>,
    sessions: Mutex<Vec<String>>,
    /// Sessions that were ever made.
    made: AtomicUsize,
}

impl FakeI2p {
    /// Starts one on a port of 127.0.0.1.
    ///
    /// # Errors
    /// It can't listen.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let router = Arc::<Router>::default();
        let accepting = task::spawn("fake I2P router", accept(listener, Arc::clone(&router))).abort_handle();
        Ok(Self { addr, router, accepting })
    }

    /// Where the SAM bridge listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Makes a destination that leads to a TCP address, or that is known but cannot be reached. Its name ends in
    /// `.b32.i2p`, and is that of no hash.
    pub fn add(&self, name: &str, leads_to: Option<SocketAddr>) {
        // In the alphabet of I2P's base64, and as long as one.
        let destination = std::iter::repeat_with(|| if fastrand::bool() { fastrand::alphanumeric() } else { '~' });
        let destination: String = destination.take(DESTINATION).collect();
        self.router.destinations.lock().insert(name.to_owned(), (destination, leads_to));
    }

    /// Ends all sessions, as a router that is restarted does.
    pub fn forget_sessions(&self) {
        self.router.sessions.lock().clear();
    }

    /// Sessions that were made since the start.
    #[must_use]
    pub fn sessions_made(&self) -> usize {
        self.router.made.load(Ordering::Relaxed)
    }
}

impl Drop for FakeI2p {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, router: Arc<Router>) {
    while let Ok((stream, _)) = listener.accept().await {
        let router = Arc::clone(&router);
        task::spawn("fake I2P router, a client", async move {
            // A client that says something else than SAM is left.
            let _ = router.serve(stream).await;
        });
    }
}

fn value<'a>(line: &'a str, key: &str) -> Result<&'a str> {
    let found = line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    found.with_context(|| format!("{line} has no {key}"))
}

impl Router {
    async fn serve(&self, stream: TcpStream) -> Result<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let words: Vec<_> = line.split_whitespace().take(2).collect();
            let answer = match words.as_slice() {
                ["HELLO", "VERSION"] => "HELLO REPLY RESULT=OK VERSION=3.1".to_owned(),
                ["SESSION", "CREATE"] => {
                    self.sessions.lock().push(value(&line, "ID")?.to_owned());
                    self.made.fetch_add(1, Ordering::Relaxed);
                    format!("SESSION STATUS RESULT=OK DESTINATION={}", "A".repeat(884))
                }
                ["NAMING", "LOOKUP"] => {
                    let name = value(&line, "NAME")?;
                    match self.destinations.lock().get(name) {
                        Some((destination, _)) => format!("NAMING REPLY RESULT=OK NAME={name} VALUE={destination}"),
                        None => format!("NAMING REPLY RESULT=KEY_NOT_FOUND NAME={name}"),
                    }
                }
                ["STREAM", "CONNECT"] => match self.reach(&line).await? {
                    Ok(mut to) => {
                        stream.write_all(b"STREAM STATUS RESULT=OK\n").await?;
                        // What the client sent already goes along.
                        copy_bidirectional(&mut stream, &mut to).await?;
                        return Ok(());
                    }
                    Err(result) => format!("STREAM STATUS RESULT={result}"),
                },
                _ => bail!("{line} is no request that is known here"),
            };
            stream.write_all(format!("{answer}\n").as_bytes()).await?;
        }
    }

    async fn reach(&self, line: &str) -> Result<std::result::Result<TcpStream, &'static str>> {
        let (id, destination) = (value(line, "ID")?.to_owned(), value(line, "DESTINATION")?);
        if !self.sessions.lock().contains(&id) {
            return Ok(Err("INVALID_ID"));
        }
        let target = self.destinations.lock().values().find(|(known, _)| known == destination).map(|(_, to)| *to);
        let Some(target) = target else { return Ok(Err("INVALID_KEY")) };
        let Some(target) = target else { return Ok(Err("CANT_REACH_PEER")) };
        Ok(TcpStream::connect(target).await.map_err(|_| "CANT_REACH_PEER"))
    }
}
