//! Both transports from end to end, and everything that is none of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bip324_peers;

use p2p::{Connection, Error, Message, MessageType, Transport, Version, accept, dial};
use proptest::prelude::*;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};

const REGTEST: p2p::Magic = [0xfa, 0xbf, 0xb5, 0xda];

type End = Connection<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Carries bytes from one pipe to another, so many at a time.
async fn relay(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, chunk: usize) {
    let mut from = BufReader::with_capacity(chunk, from);
    let _ = tokio::io::copy_buf(&mut from, &mut to).await;
}

/// Both ends of a connection that carries so many bytes at a time.
async fn connected(transport: Transport, chunk: usize) -> (End, End) {
    let ((ours, near), (far, theirs)) = (duplex(1 << 14), duplex(1 << 14));
    let ((near_reader, near_writer), (far_reader, far_writer)) = (split(near), split(far));
    tokio::spawn(relay(near_reader, far_writer, chunk));
    tokio::spawn(relay(far_reader, near_writer, chunk));
    let ((our_reader, our_writer), (their_reader, their_writer)) = (split(ours), split(theirs));
    let dialling = async {
        let mut end = dial(REGTEST, transport, our_reader, our_writer).await.unwrap();
        end.writer.send(MessageType::new("version"), b"first").await.unwrap();
        end
    };
    let accepting = async {
        let mut end = accept(REGTEST, their_reader, their_writer).await.unwrap();
        assert_eq!(end.reader.next().await.unwrap().payload, "first");
        end
    };
    tokio::join!(dialling, accepting)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn messages_arrive_as_they_were_sent(
        v2: bool,
        chunk in 1_usize..5_000,
        messages in prop::collection::vec(("[a-z]{1,12}|inv|addrv2|tx|feature", prop::collection::vec(any::<u8>(), 0..3_000)), 1..8),
    ) {
        let transport = if v2 { Transport::V2 } else { Transport::V1 };
        block_on(async {
            let (mut a, mut b) = connected(transport, chunk).await;
            assert_eq!((a.transport, b.transport), (transport, transport));
            assert_eq!(a.session_id, b.session_id);
            assert_eq!(a.session_id.is_some(), v2);
            let sending = async {
                for (name, payload) in &messages {
                    let mut bytes = [0; 12];
                    bytes[..name.len()].copy_from_slice(name.as_bytes());
                    a.writer.send(MessageType::from_bytes(bytes).unwrap(), payload).await.unwrap();
                }
            };
            let receiving = async {
                let mut received = Vec::new();
                for _ in &messages {
                    let Message { message_type, payload, .. } = b.reader.next().await.unwrap();
                    received.push((message_type.to_string(), payload.to_vec()));
                }
                received
            };
            let ((), received) = tokio::join!(sending, receiving);
            assert_eq!(received, messages);
        });
    }

    /// Whatever comes instead: an error, and no more memory than has come.
    #[test]
    fn no_input_makes_it_panic_or_hang(begins_as_v1 in 0_usize..40, rest in prop::collection::vec(any::<u8>(), 0..9_000)) {
        let mut input = v1_version();
        input.truncate(begins_as_v1);
        input.extend(rest);
        block_on(async {
            let (mut theirs, ours) = duplex(1 << 20);
            theirs.write_all(&input).await.unwrap();
            let (mut from, mut to) = split(theirs);
            to.shutdown().await.unwrap();
            let draining = async { from.read_to_end(&mut Vec::new()).await };
            let reading = async {
                let (reader, writer) = split(ours);
                let mut end = accept(REGTEST, reader, writer).await?;
                loop {
                    end.reader.next().await?;
                }
                #[allow(unreachable_code)]
                Ok::<(), Error>(())
            };
            tokio::select! {
                ended = reading => assert!(ended.is_err()),
                _ = async { draining.await.unwrap(); std::future::pending::<()>().await } => {}
            }
        });
    }

    #[test]
    fn version_messages_are_read_as_they_were_written(
        version: i32, services: u64, time: i64, nonce: u64, user_agent in prop::collection::vec(any::<u8>(), 0..=256),
        height: i32, relay: bool, receiver: ([u8; 16], u16), cut in 0_usize..400,
    ) {
        let original = Version { version, services, time, receiver, nonce, user_agent, height, relay: Some(relay), ..Version::default() };
        let bytes = original.encode();
        assert_eq!(Version::decode(&bytes).unwrap(), original);
        let _ = Version::decode(&bytes[..cut.min(bytes.len())]);
    }
}

fn v1_version() -> Vec<u8> {
    let mut bytes = REGTEST.to_vec();
    bytes.extend(MessageType::new("version").to_bytes());
    bytes.extend(5_u32.to_le_bytes());
    bytes.extend([0; 4]);
    bytes
}

async fn accepted(input: &[u8]) -> Error {
    let (mut theirs, ours) = duplex(1 << 23);
    theirs.write_all(input).await.unwrap();
    let (reader, writer) = split(ours);
    let outcome = async {
        let mut end = accept(REGTEST, reader, writer).await?;
        loop {
            end.reader.next().await?;
        }
        #[allow(unreachable_code)]
        Ok::<(), Error>(())
    };
    drop(theirs);
    outcome.await.unwrap_err()
}

#[test]
fn what_is_no_bitcoin_is_named() {
    let with = |position: usize, bytes: &[u8]| {
        let mut input = v1_version();
        input[position..position + bytes.len()].copy_from_slice(bytes);
        input.extend([0; 5]);
        input
    };
    let two = |second: &[u8]| {
        let mut first = v1_version();
        first[16..20].copy_from_slice(&0_u32.to_le_bytes());
        first[20..24].copy_from_slice(&[0x5d, 0xf6, 0xe0, 0xe2]);
        first.extend(second);
        first
    };
    let cases: [(Vec<u8>, &str); 5] = [
        (with(16, &4_000_001_u32.to_le_bytes()), "a message of 4000001 bytes: at most 4000000 are allowed"),
        (with(16, &u32::MAX.to_le_bytes()), "a message of 4294967295 bytes: at most 4000000 are allowed"),
        (with(20, &[9; 4]), "a message (version) whose checksum does not fit its payload"),
        (
            two(b"GET / HTTP/1.1\r\nHost: example\r\n"),
            "the message begins with 47455420, not with the network's fabfb5da",
        ),
        (
            two(&[&REGTEST[..], b"a\x00b", &[0; 9], &[0; 8]].concat()),
            "a message type that is none: 610062000000000000000000",
        ),
    ];
    for (input, message) in cases {
        assert_eq!(block_on(accepted(&input)).to_string(), message);
    }
}

/// Those that are turned away before they have shown their transport have not seen a byte of ours.
#[test]
fn not_a_byte_is_sent_before_the_transport_is_known() {
    block_on(async {
        let (mut theirs, ours) = duplex(100);
        theirs.write_all(&v1_version()[..15]).await.unwrap();
        let (reader, writer) = split(ours);
        let (mut from, mut to) = split(theirs);
        to.shutdown().await.unwrap();
        let error = accept(REGTEST, reader, writer).await.unwrap_err();
        assert!(matches!(error, Error::Closed), "{error}");
        let mut seen = Vec::new();
        from.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, []);
    });
}
