//! The beginning of a P2P connection: whatever comes, the transport is agreed upon or refused, messages are read or refused, and no more
//! memory is taken than came. What a version message says survives being written again.
//!
//! Input: what the other side sends, whether it opened the connection or we did (first bit of the first byte).

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use p2p::{Transport, Version, accept, dial};
use tokio::io::sink;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

/// That of regtest.
const MAGIC: p2p::Magic = [0xfa, 0xbf, 0xb5, 0xda];

fuzz_target!(|data: &[u8]| {
    let [how, sent @ ..] = data else {
        return;
    };
    RUNTIME.block_on(async {
        let connection = match how & 3 {
            0 => dial(MAGIC, Transport::V1, sent, sink()).await,
            1 => dial(MAGIC, Transport::V2, sent, sink()).await,
            _ => accept(MAGIC, sent, sink()).await,
        };
        let Ok(mut connection) = connection else {
            return;
        };
        let mut read = 0;
        while let Ok(message) = connection.reader.next().await {
            assert!(message.payload.len() <= message.size);
            read += message.size;
        }
        assert!(read <= sent.len());
    });
    if let Ok(version) = Version::decode(sent)
        && version.relay.is_some()
    {
        let again = Version::decode(&version.encode()).unwrap();
        assert_eq!((again.version, again.nonce, again.user_agent), (version.version, version.nonce, version.user_agent));
    }
});
