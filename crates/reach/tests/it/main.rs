//! Streams through a real SOCKS5 server, and through a fake of an I2P router that speaks SAM.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use reach::{Dialer, Endpoint, Error, Login, Network, Proxies};
use testbed::{FakeI2p, Microsocks};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

fn at(address: impl std::fmt::Display) -> Endpoint {
    address.to_string().parse().unwrap()
}

/// Answers each line with the same line: at 127.0.0.1, and at ::1 where there is one, since a proxy tries only the first address of localhost.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(answer(listener));
    if let Ok(listener) = TcpListener::bind(("::1", addr.port())).await {
        tokio::spawn(answer(listener));
    }
    addr
}

async fn answer(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let (mut reader, mut writer) = stream.into_split();
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
        });
    }
}

async fn echoes(mut stream: TcpStream) {
    stream.write_all(b"hello\n").await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    assert_eq!(line, "hello\n");
}

/// An address of this machine where nothing listens.
async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";

#[tokio::test]
async fn directly() {
    let dialer = Dialer::new(Proxies::default());
    let addr = echo().await;
    echoes(dialer.connect(&at(addr)).await.unwrap()).await;
    echoes(dialer.connect(&at(format!("localhost:{}", addr.port()))).await.unwrap()).await;
    assert!(matches!(dialer.connect(&at(refusing().await)).await, Err(Error::Refused)));
    let i2p = at(format!("{}.b32.i2p", "a".repeat(52)));
    for (endpoint, network) in [(at(ONION), Network::Onion), (i2p, Network::I2p), (at("[fc00::1]:1"), Network::Cjdns)] {
        let error = dialer.connect(&endpoint).await.unwrap_err();
        assert!(matches!(error, Error::NoProxy(of) if of == network), "{error}");
        assert!(error.is_ours());
    }
}

#[tokio::test]
async fn through_a_socks5_server() {
    if testbed::require_microsocks().is_none() {
        return;
    }
    let addr = echo().await;
    let through = |server: &Microsocks, login: Option<Login>| {
        Dialer::new(Proxies { proxy: Some(at(server.addr())), login, ..Proxies::default() })
    };
    let open = Microsocks::start(None).await.unwrap();
    let dialer = through(&open, None);
    echoes(dialer.connect(&at(addr)).await.unwrap()).await;
    echoes(dialer.connect(&at(format!("localhost:{}", addr.port()))).await.unwrap()).await;
    let error = dialer.connect(&at(refusing().await)).await.unwrap_err();
    assert!(matches!(error, Error::Refused), "{error}");
    // It has no way into Tor.
    assert!(dialer.connect(&at(ONION)).await.is_err());

    let closed = Microsocks::start(Some(("me", "secret"))).await.unwrap();
    let login = Login { user: "me".to_owned(), password: "secret".to_owned() };
    echoes(through(&closed, Some(login)).connect(&at(addr)).await.unwrap()).await;
    for dialer in
        [through(&closed, None), Dialer::new(Proxies { proxy: Some(at(refusing().await)), ..Proxies::default() })]
    {
        let error = dialer.connect(&at(addr)).await.unwrap_err();
        assert!(error.is_ours() && matches!(error, Error::Proxy { .. }), "{error}");
    }
}

/// Answers as Tor does: it wants a name and a password, and then says this.
async fn tor(code: u8, asked: Arc<Mutex<Vec<Vec<u8>>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = vec![0; 4];
            stream.read_exact(&mut seen).await.unwrap();
            assert_eq!(seen, [5, 2, 0, 2]);
            stream.write_all(&[5, 2]).await.unwrap();
            let mut login = vec![0; 2 + 16 + 1 + 16];
            stream.read_exact(&mut login).await.unwrap();
            stream.write_all(&[1, 0]).await.unwrap();
            let mut request = vec![0; 4 + 1 + 62 + 2];
            stream.read_exact(&mut request).await.unwrap();
            asked.lock().extend([login, request]);
            stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        }
    });
    addr
}

#[tokio::test]
async fn each_onion_service_over_a_circuit_of_its_own() {
    // What a code says: of the service (true), or of Tor.
    for (code, of_the_service) in [(0x01, false), (0x02, false), (0x04, true), (0x05, true), (0x06, true), (0xf0, true)]
    {
        let asked = Arc::default();
        let onion = Some(at(tor(code, Arc::clone(&asked)).await));
        let dialer = Dialer::new(Proxies { onion, ..Proxies::default() });
        for _ in 0..2 {
            let error = dialer.connect(&at(ONION)).await.unwrap_err();
            assert_eq!(error.is_ours(), !of_the_service, "{code}: {error}");
        }
        let asked = asked.lock();
        let [first, request, second, _] = asked.as_slice() else { panic!("{asked:?}") };
        assert_ne!(first, second, "the same circuit");
        assert_eq!(&request[..5], [5, 1, 0, 3, 62]);
        assert_eq!(&request[5..67], ONION.trim_end_matches(":8333").as_bytes(), "Tor resolves the name");
    }
}

#[tokio::test]
async fn through_a_fake_i2p_router() {
    let name = |letter: &str| format!("{}.b32.i2p", letter.repeat(51) + "a");
    let router = FakeI2p::start().await.unwrap();
    router.add(&name("b"), Some(echo().await));
    router.add(&name("c"), None);
    let dialer = Dialer::new(Proxies { i2psam: Some(at(router.addr())), ..Proxies::default() });
    while dialer.is_pending(&at(name("b"))) {
        tokio::task::yield_now().await;
    }
    for _ in 0..2 {
        echoes(dialer.connect(&at(name("b"))).await.unwrap()).await;
    }
    for gone in ["c", "d"] {
        let error = dialer.connect(&at(name(gone))).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{error}");
    }
    assert_eq!(router.sessions_made(), 1);
    // The router was restarted: one connection finds out, the next one has another session.
    router.forget_sessions();
    let error = dialer.connect(&at(name("b"))).await.unwrap_err();
    assert!(error.is_ours(), "{error}");
    echoes(dialer.connect(&at(name("b"))).await.unwrap()).await;
    assert_eq!(router.sessions_made(), 2);
}

#[tokio::test]
async fn what_is_no_sam_bridge() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for answer in [
            vec![b'x'; 100_000],
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            b"HELLO REPLY RESULT=NOVERSION\n".to_vec(),
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(&answer).await;
        }
    });
    let dialer = Dialer::new(Proxies { i2psam: Some(at(addr)), ..Proxies::default() });
    for says in ["more than 4096 bytes", "no SAM bridge", "NOVERSION", ""] {
        let error = dialer.connect(&at(format!("{}.b32.i2p", "a".repeat(52)))).await.unwrap_err();
        assert!(error.is_ours() && error.to_string().contains(says), "{error}");
    }
}
