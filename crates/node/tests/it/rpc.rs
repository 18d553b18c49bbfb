//! The client against a server whose answers a test scripts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use node::rpc::{RpcClient, RpcError};
use node::{Auth, HostPort, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LONG: Duration = Duration::from_secs(30);

/// What the server does with a request.
enum Reply {
    /// Answers, and keeps the connection.
    Http(&'static str, String),
    /// Sends this and closes the connection.
    Raw(String),
    /// Never answers.
    Silence,
    /// Sends a body that does not end.
    Endless,
}

/// Serves each request, given as its head and body, by `script`. Gives the address and the number of connections so far.
async fn serve(script: impl FnMut(&str) -> Reply + Send + 'static) -> (HostPort, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (script, connections) = (Arc::new(Mutex::new(script)), Arc::new(Mutex::new(0)));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *count.lock().unwrap() += 1;
            tokio::spawn(converse(stream, Arc::clone(&script)));
        }
    });
    (HostPort::new("127.0.0.1", port), connections)
}

async fn converse(mut stream: TcpStream, script: Arc<Mutex<impl FnMut(&str) -> Reply>>) {
    while let Some(request) = read_request(&mut stream).await {
        let reply = (script.lock().unwrap())(&request);
        match reply {
            Reply::Http(status, body) => {
                let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(text.as_bytes()).await.unwrap();
            }
            Reply::Raw(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                return;
            }
            Reply::Silence => std::future::pending().await,
            Reply::Endless => {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                let chunk = format!("3e8\r\n{}\r\n", " ".repeat(1000));
                let mut sent = stream.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = stream.write_all(chunk.as_bytes()).await;
                }
                return;
            }
        }
    }
}

/// Head and body of the next request; none when the connection is closed.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase().split_once("content-length: ")?.1.lines().next()?.parse::<usize>().ok()?;
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
}

fn user() -> Auth {
    Auth::User { user: "u".to_owned(), password: Secret::new("geheim") }
}

/// What a call of `getpeerinfo` gives when the server replies like this.
async fn error_of(reply: impl Fn() -> Reply + Send + 'static, timeout: Duration) -> RpcError {
    let (address, _) = serve(move |_| reply()).await;
    let client = RpcClient::new(address, user()).unwrap().max_answer(100_000);
    assert!(!format!("{client:?}").contains("geheim"));
    client.call::<Vec<u8>>("getpeerinfo", &[], timeout).await.unwrap_err()
}

#[tokio::test]
async fn every_failure_says_what_helps() {
    let node_error =
        |code, message| format!(r#"{{"result":null,"error":{{"code":{code},"message":"{message}"}},"id":1}}"#);
    let truncated = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"result\":";
    let rows = [
        ("401 Unauthorized", String::new(), "unauthorized", "rpcauth=u:SALT$HASH"),
        ("403 Forbidden", String::new(), "forbidden", "rpcwhitelist=u:...,getpeerinfo"),
        ("503 Service Unavailable", "Work queue depth exceeded".to_owned(), "busy", "rpcworkqueue"),
        ("500 Internal Server Error", "Work queue depth exceeded".to_owned(), "busy", "rpcworkqueue"),
        ("500 Internal Server Error", node_error(-28, "Loading wallet…"), "warming_up", "is starting: Loading wallet…"),
        ("200 OK", node_error(-28, "Verifying"), "warming_up", "Verifying"),
        ("404 Not Found", node_error(-32601, "Method not found"), "no_method", "no method getpeerinfo"),
        ("500 Internal Server Error", node_error(-8, r"bad \u001b[31m"), "node", r#"error -8: "bad \u{1b}[31m""#),
        ("404 Not Found", "<html>hello".to_owned(), "not_rpc", "HTTP status 404, \"<html>hello\""),
        ("200 OK", String::new(), "not_rpc", "is this the rpcport"),
        ("200 OK", "{}".to_owned(), "not_rpc", "JSON-RPC"),
        ("200 OK", r#"{"result":[1,"#.to_owned(), "malformed", "EOF"),
        ("200 OK", r#"{"result":{"a":1},"error":null}"#.to_owned(), "malformed", "invalid type: map"),
        ("200 OK", format!(r#"{{"result":"{}"}}"#, "x".repeat(100_000)), "too_large", "larger than 100000 bytes"),
    ];
    for (status, body, kind, words) in rows {
        let error = error_of(move || Reply::Http(status, body.clone()), LONG).await;
        let text = error.to_string();
        assert!(error.kind() == kind && text.contains(words) && !text.contains('\n'), "{status}: {kind}: {text}");
    }
    let error = error_of(|| Reply::Endless, LONG).await;
    assert_eq!(error.kind(), "too_large", "{error}");
    for raw in ["", "hello\r\n", truncated] {
        let error = error_of(|| Reply::Raw(raw.to_owned()), LONG).await;
        assert!(error.kind() == "interrupted" && error.is_away(), "{raw}: {error}");
    }
    let error = error_of(|| Reply::Silence, Duration::from_millis(50)).await;
    assert!(error.to_string().contains("gave no answer in 0.05 s"), "{error}");

    // Taken, so that nobody else listens there, but not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = HostPort::new("127.0.0.1", socket.local_addr().unwrap().port());
    let error = RpcClient::new(closed, user()).unwrap().call::<u64>("uptime", &[], LONG).await.unwrap_err();
    assert!(error.kind() == "refused" && error.to_string().contains("server=1"), "{error}");
    let nowhere = RpcClient::new(HostPort::new("127.0.0.1", 1), Auth::Unknown).unwrap();
    let error = nowhere.call::<u64>("uptime", &[], LONG).await.unwrap_err();
    assert!(error.to_string().contains("pass --rpc-user"), "{error}");
    let missing = RpcClient::new(HostPort::new("127.0.0.1", 1), Auth::Cookie("/no/cookie".into())).unwrap();
    let error = missing.call::<u64>("uptime", &[], LONG).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot read the cookie at /no/cookie: it does not exist"), "{error}");
}

#[tokio::test]
async fn connections_are_kept_and_made_again() {
    let mut calls = 0;
    let (address, connections) = serve(move |request| {
        calls += 1;
        assert!(request.contains(r#""jsonrpc":"2.0""#) && request.contains(r#""params":[1]"#), "{request}");
        let answer = format!(r#"{{"result":{calls},"error":null,"id":1}}"#);
        // As a node that restarts between two calls.
        if calls == 3 { Reply::Raw(String::new()) } else { Reply::Http("200 OK", answer) }
    })
    .await;
    let client = RpcClient::new(address, user()).unwrap();
    let mut results = Vec::new();
    for _ in 0..5 {
        results.push(client.call::<u64>("uptime", &[1.into()], LONG).await.unwrap());
    }
    // Two by turns, one of which was made again.
    assert_eq!((results, *connections.lock().unwrap()), (vec![1, 2, 4, 5, 6], 3));
}

#[tokio::test]
async fn the_cookie_is_read_again_when_it_changes() {
    const ONE: &str = "Basic X19jb29raWVfXzpvbmU=";
    const TWO: &str = "Basic X19jb29raWVfXzp0d28=";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".cookie");
    std::fs::write(&path, "__cookie__:one").unwrap();
    let (seen, accepted) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(ONE)));
    let (log, valid, cookie) = (Arc::clone(&seen), Arc::clone(&accepted), path.clone());
    let (address, _) = serve(move |request| {
        let sent = if request.contains(ONE) { ONE } else { TWO };
        log.lock().unwrap().push(sent);
        if sent == *valid.lock().unwrap() {
            return Reply::Http("200 OK", r#"{"jsonrpc":"2.0","result":7,"id":1}"#.to_owned());
        }
        // The node was restarted just now: it has written its new cookie after the old one was sent.
        std::fs::write(&cookie, "__cookie__:one").unwrap();
        Reply::Http("401 Unauthorized", String::new())
    })
    .await;
    let client = RpcClient::new(address, Auth::Cookie(path.clone())).unwrap();
    let call = || client.call::<u64>("uptime", &[], LONG);
    assert_eq!(call().await.unwrap(), 7);
    // Changed before the call: no attempt with the old one.
    std::fs::rename(&path, directory.path().join("old")).unwrap();
    std::fs::write(&path, "__cookie__:two").unwrap();
    *accepted.lock().unwrap() = TWO;
    assert_eq!(call().await.unwrap(), 7);
    assert_eq!(*seen.lock().unwrap(), [ONE, TWO]);
    // Changed during the call.
    *accepted.lock().unwrap() = ONE;
    assert_eq!(call().await.unwrap(), 7);
    assert_eq!(*seen.lock().unwrap(), [ONE, TWO, TWO, ONE]);
    // Refused, and no other one there.
    *accepted.lock().unwrap() = TWO;
    let error = call().await.unwrap_err();
    assert!(error.kind() == "unauthorized" && error.to_string().contains("of its present run"), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 5);
    std::fs::write(&path, "no colon here").unwrap();
    let error = call().await.unwrap_err();
    assert!(error.kind() == "cookie" && !error.to_string().contains("no colon here"), "{error}");
}
