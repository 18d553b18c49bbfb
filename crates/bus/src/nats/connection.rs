//! A publisher's connection to a NATS server: it writes many events at once, as they lie in memory.
//!
//! The client library takes, copies and accounts for each message by itself, which costs more than making the event. And what it has not sent when a
//! connection breaks, it sends over the next one, ahead of what was lost before. Readers use it, see [`super::link`].

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

/// Bytes of a line that a server sends at most. That which describes it names all servers of its cluster.
const MAX_LINE: usize = 1 << 20;
/// How many pieces are written by one system call at most.
const PIECES: usize = 64;
/// Room for what the server sends, which is little.
const INPUT: usize = 4096;

/// Bytes to a server and from it, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What happened on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// All that was to be written has been.
    Written,
    /// A number came that we sent to ourselves.
    Echo(u64),
    /// The server describes itself: the JSON.
    Info(Bytes),
    /// The server reports an error: its text.
    Error(String),
    Pong,
}

/// A connection to a server. It reads and writes only within [`Self::next`].
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// What came and was not looked at yet.
    input: BytesMut,
    /// Bytes of a message to come that is none of ours.
    skipped: usize,
    /// What is to be written. No piece is empty.
    output: VecDeque<Bytes>,
    /// Something was written, and may be held back by the encryption.
    unflushed: bool,
}

impl Connection {
    pub(super) fn over(stream: Box<dyn Stream>) -> Self {
        let input = BytesMut::with_capacity(INPUT);
        Self { stream, input, skipped: 0, output: VecDeque::new(), unflushed: false }
    }

    /// The stream, to be encrypted. What came before that is nobody's: it could be from anyone on the way.
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// Appends to what is to be written.
    pub(super) fn put(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.output.push_back(bytes);
        }
    }

    /// Whether something is still to be written.
    pub(super) fn is_writing(&self) -> bool {
        self.unflushed || !self.output.is_empty()
    }

    /// Writes what is to be written, and reads, until something happens. Cancel safe.
    ///
    /// # Errors
    /// The connection is broken, or what comes is not from a NATS server.
    pub(super) async fn next(&mut self) -> io::Result<Happened> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Happened>> {
        if self.is_writing()
            && let Poll::Ready(written) = self.poll_write(cx)
        {
            written?;
            return Poll::Ready(Ok(Happened::Written));
        }
        loop {
            if let Some(happened) = self.take()? {
                return Poll::Ready(Ok(happened));
            }
            if self.input.capacity() == self.input.len() {
                self.input.reserve(INPUT);
            }
            if ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.input))? == 0 {
                return Poll::Ready(Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")));
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = self.output.iter().zip(&mut pieces).map(|(bytes, piece)| *piece = IoSlice::new(bytes)).count();
            let pieces = pieces.get(..count).unwrap_or_default();
            let mut written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            while let Some(first) = self.output.front_mut() {
                if written < first.len() {
                    first.advance(written);
                    break;
                }
                written -= first.len();
                self.output.pop_front();
            }
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Takes what came first of what came; none if more has to come before.
    fn take(&mut self) -> io::Result<Option<Happened>> {
        loop {
            let skipped = self.skipped.min(self.input.len());
            self.input.advance(skipped);
            self.skipped -= skipped;
            let Some(end) = self.input.windows(2).position(|two| two == b"\r\n") else {
                if self.input.len() > MAX_LINE {
                    return Err(not_nats(&self.input));
                }
                return Ok(None);
            };
            let line = self.input.get(..end).unwrap_or_default();
            let split = line.iter().position(u8::is_ascii_whitespace).unwrap_or(end);
            let (operation, rest) = line.split_at_checked(split).unwrap_or_default();
            let rest = rest.trim_ascii();
            let happened = match operation.to_ascii_uppercase().as_slice() {
                b"MSG" => {
                    let length = rest.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
                    let length = std::str::from_utf8(length).ok().and_then(|length| length.parse().ok());
                    let length: usize = length.ok_or_else(|| not_nats(line))?;
                    if length != size_of::<u64>() {
                        self.skipped = end.saturating_add(2).saturating_add(length).saturating_add(2);
                        continue;
                    }
                    let Some(payload) = self.input.get(end + 2..).and_then(|rest| rest.first_chunk()) else {
                        return Ok(None);
                    };
                    let number = u64::from_be_bytes(*payload);
                    self.skipped = end + 2 + size_of::<u64>() + 2;
                    return Ok(Some(Happened::Echo(number)));
                }
                b"PING" => {
                    self.output.push_back(Bytes::from_static(b"PONG\r\n"));
                    None
                }
                b"PONG" => Some(Happened::Pong),
                b"+OK" => None,
                b"INFO" => Some(Happened::Info(Bytes::copy_from_slice(rest))),
                b"-ERR" => {
                    let text = String::from_utf8_lossy(rest);
                    Some(Happened::Error(text.trim_matches('\'').to_owned()))
                }
                _ => return Err(not_nats(line)),
            };
            self.input.advance(end + 2);
            if happened.is_some() {
                return Ok(happened);
            }
        }
    }
}

fn not_nats(line: &[u8]) -> io::Error {
    let shown = String::from_utf8_lossy(line.get(..64).unwrap_or(line)).into_owned();
    io::Error::new(
        ErrorKind::InvalidData,
        format!("{} is nothing that a NATS server sends", event::quote::Quoted(&shown)),
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// In whatever pieces it comes, the same is understood.
    #[tokio::test]
    async fn what_a_server_sends() {
        let sent = b"INFO {\"max_payload\":7}\r\n+OK\r\nping\r\nMSG _INBOX.a 1 8\r\n\0\0\0\0\0\0\x01\x02\r\nMSG _INBOX.a 1 _INBOX.b 12\r\n\
            PONG\r\nPONG\r\n\r\nMSG\t_INBOX.a  1  0\r\n\r\n-ERR 'Permissions Violation for Publish to \"x\"'\r\nPONG\r\n";
        for piece in [1, 2, 3, 7, sent.len()] {
            let (ours, mut theirs) = duplex(16);
            let mut connection = Connection::over(Box::new(ours));
            let server = tokio::spawn(async move {
                for piece in sent.chunks(piece) {
                    theirs.write_all(piece).await.unwrap();
                }
                let mut answer = [0; 6];
                theirs.read_exact(&mut answer).await.unwrap();
                answer
            });
            let mut happened = Vec::new();
            while happened.last() != Some(&Happened::Pong) {
                happened.push(connection.next().await.unwrap());
            }
            while connection.is_writing() {
                assert_eq!(connection.next().await.unwrap(), Happened::Written);
                happened.push(Happened::Written);
            }
            assert_eq!(server.await.unwrap(), *b"PONG\r\n");
            happened.retain(|one| *one != Happened::Written);
            let violation = "Permissions Violation for Publish to \"x\"".to_owned();
            let info = Happened::Info(Bytes::from_static(b"{\"max_payload\":7}"));
            assert_eq!(happened, [info, Happened::Echo(0x102), Happened::Error(violation), Happened::Pong]);
            assert_eq!(connection.next().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }

    #[tokio::test]
    async fn what_is_no_server() {
        for sent in
            [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"MSG a 1 x\r\n", b"MSG\r\n", b"\r\n", &[b'x'; MAX_LINE + 2]]
        {
            let (ours, mut theirs) = duplex(sent.len());
            theirs.write_all(sent).await.unwrap();
            let error = Connection::over(Box::new(ours)).next().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
            assert!(error.to_string().len() < 400);
        }
    }

    /// Pieces are written completely and in order, also through a stream that takes little at a time.
    #[tokio::test]
    async fn what_we_write() {
        let pieces: Vec<Bytes> = (0..300u16).map(|n| Bytes::from(vec![n as u8; usize::from(n % 40)])).collect();
        let expected = pieces.concat();
        for room in [1, 17, 1 << 20] {
            let (ours, mut theirs) = duplex(room);
            let mut connection = Connection::over(Box::new(ours));
            pieces.iter().for_each(|piece| connection.put(piece.clone()));
            let length = expected.len();
            let reading = tokio::spawn(async move {
                let mut all = vec![0; length];
                theirs.read_exact(&mut all).await.unwrap();
                all
            });
            assert_eq!(connection.next().await.unwrap(), Happened::Written);
            assert!(!connection.is_writing());
            assert_eq!(reading.await.unwrap(), expected);
        }
    }
}
