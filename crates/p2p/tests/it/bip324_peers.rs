//! Transport v2 with another implementation of BIP 324 at the other side, with garbage and decoys of every size.

use std::net::{TcpListener, TcpStream};
use std::thread;

use bip324::Role;
use bip324::io::{Payload, Protocol};
use p2p::{MessageType, Transport, accept, dial};

use super::REGTEST;

/// What the other side does: it sends garbage and decoys, a decoy and a message, and reads one.
fn other(role: Role, stream: TcpStream, garbage: usize, decoys: Vec<Vec<u8>>) {
    let reader = stream.try_clone().unwrap();
    let garbage = Some(vec![7; garbage]);
    let mut protocol = Protocol::new(REGTEST, role, garbage, Some(decoys), reader, stream).unwrap();
    protocol.write(&Payload::decoy(vec![1; 500])).unwrap();
    protocol.write(&Payload::genuine(b"\x12\x01\x02\x03\x04\x05\x06\x07\x08".to_vec())).unwrap(); // a ping
    let answer = protocol.read().unwrap();
    assert_eq!(answer.contents(), b"\0sendaddrv2\0\0");
    // Until the other side has read all.
    while protocol.read().is_ok() {}
}

#[test]
fn garbage_and_decoys_are_skipped() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let decoys = |count: usize| (0..count).map(|length| vec![9; length * 37]).collect::<Vec<_>>();
    for (garbage, count) in [(0, 0), (1, 1), (63, 0), (64, 5), (1_000, 20), (4_094, 0), (4_095, 30)] {
        for role in [Role::Initiator, Role::Responder] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let far = listener.accept().unwrap().0;
            let others = thread::spawn(move || other(role, far, garbage, decoys(count)));
            runtime.block_on(async {
                near.set_nonblocking(true).unwrap();
                let (reader, writer) = tokio::net::TcpStream::from_std(near).unwrap().into_split();
                let mut connection = match role {
                    Role::Initiator => accept(REGTEST, reader, writer).await.unwrap(),
                    Role::Responder => dial(REGTEST, Transport::V2, reader, writer).await.unwrap(),
                };
                connection.writer.send(MessageType::new("sendaddrv2"), b"").await.unwrap();
                let message = connection.reader.next().await.unwrap();
                assert_eq!(
                    (message.message_type.as_str(), &message.payload[..]),
                    ("ping", &[1, 2, 3, 4, 5, 6, 7, 8][..])
                );
            });
            others.join().unwrap();
        }
    }
}
