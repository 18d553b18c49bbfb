//! Whoever else connects is refused and counted, and the node still gets through.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use testbed::{Node, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Observed, PATIENCE, free, listening};

async fn connect(address: SocketAddr) -> TcpStream {
    eventually("a listener", PATIENCE, || async { TcpStream::connect(address).await.ok() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_refused_and_the_node_gets_through() {
    let Some(binary) = testbed::require_bitcoind() else { return };
    let node = Node::builder().binary(binary).start().await.unwrap();
    let address = free();
    let mut observed = Observed::start(&node, listening(address));

    // Not Bitcoin; a v1 message of another network; a length of 2^24 - 1; garbage without an end.
    let header = |magic: [u8; 4], name: &[u8; 12], length: u32| {
        [&magic[..], &name[..], &length.to_le_bytes()[..], &[0; 4][..]].concat()
    };
    let regtest = [0xfa, 0xbf, 0xb5, 0xda];
    let inputs = [
        [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &[b'x'; 6_000]].concat(),
        [header([0xf9, 0xbe, 0xb4, 0xd9], b"version\0\0\0\0\0", 100), vec![0; 6_000]].concat(),
        vec![7; 64 + 4_095 + 16],
    ];
    let count = inputs.len();
    for (number, input) in inputs.into_iter().enumerate() {
        let mut stream = connect(address).await;
        stream.write_all(&input).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await; // it is closed
        let refused = || async { (observed.refused("handshake") > number as f64).then_some(()) };
        eventually("a refusal", PATIENCE, refused).await.unwrap();
    }
    assert_eq!(observed.refused("handshake"), count as f64);
    // The transport is agreed upon, but the node does not know of it.
    let mut stream = connect(address).await;
    stream.write_all(&header(regtest, b"version\0\0\0\0\0", (1 << 24) - 1)).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    let refused = || async { (observed.refused("foreign") > 0.0).then_some(()) };
    eventually("a refusal", PATIENCE, refused).await.unwrap();

    node.rpc("addnode", json!([address.to_string(), "onetry"])).await.unwrap();
    observed.ping().await;
    observed.end().await;
}

/// Ten thousand connections, of which many stay open and say nothing, or a byte now and then.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_does_not_keep_the_node_out() {
    let Some(binary) = testbed::require_bitcoind() else { return };
    let node = Node::builder().binary(binary).start().await.unwrap();
    let address = free();
    let mut observed = Observed::start(&node, listening(address));
    let mut open = Vec::new();
    for number in 0..10_000 {
        let mut stream = connect(address).await;
        let _ = stream.write_all(&[0xfa]).await;
        if number % 50 == 0 {
            open.push(stream);
        }
    }
    // Those that have been given up are closed: so little memory is taken at any time.
    let mut alive = 0;
    for stream in &mut open {
        let closed = tokio::time::timeout(Duration::from_millis(20), stream.read_u8()).await;
        alive += usize::from(closed.is_err());
    }
    assert!(alive <= 64, "{alive}");
    node.rpc("addnode", json!([address.to_string(), "onetry"])).await.unwrap();
    observed.ping().await;
    let refused = observed.refused("too_many") + observed.refused("handshake");
    assert!(refused > 9_000.0, "{refused}");
    observed.end().await;
}
