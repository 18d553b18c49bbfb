//! How a connection begins.

use bip324::Role;
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::fill;
use crate::{Connection, Error, Magic, Transport, v1, v2};

/// Agrees on the transport of a connection that the other side opened. Not a byte is sent before the other side has shown which transport
/// it uses: an initiator of v2 that is turned away without one tries v1 next.
///
/// The caller sets a time limit; a connection that was dropped while this waits is of no use.
///
/// # Errors
/// The connection ended, or the other side does not speak Bitcoin's protocol of this network.
pub async fn accept<R, W>(magic: Magic, mut reader: R, mut writer: W) -> Result<Connection<R, W>, Error>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let v1 = v1::beginning(magic);
    let mut buffer = BytesMut::new();
    loop {
        fill(&mut buffer, &mut reader).await?;
        let same = buffer.iter().zip(v1).take_while(|(a, b)| **a == *b).count();
        if same == v1.len() {
            return Ok(Connection::v1(magic, reader, writer, buffer));
        }
        // The first byte that differs shows that it is a key of v2.
        if same < buffer.len() {
            let session = v2::handshake(magic, Role::Responder, &mut buffer, &mut reader, &mut writer).await?;
            return Ok(Connection::v2(session, reader, writer, buffer));
        }
    }
}

/// Agrees on the transport of a connection that we opened. With v2 to a node that has only v1, the node closes the connection: the next
/// one is then opened with v1.
///
/// # Errors
/// The connection ended, or the other side does not speak Bitcoin's protocol of this network.
pub async fn dial<R, W>(
    magic: Magic,
    transport: Transport,
    mut reader: R,
    mut writer: W,
) -> Result<Connection<R, W>, Error>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::new();
    match transport {
        Transport::V1 => Ok(Connection::v1(magic, reader, writer, buffer)),
        Transport::V2 => {
            let session = v2::handshake(magic, Role::Initiator, &mut buffer, &mut reader, &mut writer).await?;
            Ok(Connection::v2(session, reader, writer, buffer))
        }
    }
}
