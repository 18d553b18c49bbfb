//! Whether the node's P2P port answers.

use std::time::Duration;

use node::{HostPort, Located};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::report::{Check, State};

const P2P: &str = "P2P";

/// How long a connection may take to be made.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Whether the node accepts P2P connections from here, and where. There is no advice: whether a port is open is the operator's decision.
pub async fn p2p(located: &Located) -> (Check, Option<&HostPort>) {
    let check = check(located).await;
    let accepts = located.p2p.first().filter(|_| check.state == State::Ok);
    (check, accepts)
}

async fn check(located: &Located) -> Check {
    let (address, onion) = match (located.p2p.first(), located.p2p_onion.first()) {
        (Some(address), _) => (address, false),
        (None, Some(address)) => (address, true),
        (None, None) if located.log_options.is_some() => {
            return Check::new(P2P, State::Missing, "the node does not listen for connections");
        }
        (None, None) => return Check::new(P2P, State::Missing, "it is not known where the node listens"),
    };
    let reason = match timeout(TIMEOUT, TcpStream::connect((address.host.as_str(), address.port))).await {
        // A connection that is made there from here would be taken for one through Tor.
        Ok(Ok(_)) if onion => return Check::new(P2P, State::Limited, format!("listens for Tor only, at {address}")),
        Ok(Ok(_)) => return Check::new(P2P, State::Ok, format!("{address} accepts connections")),
        Ok(Err(e)) => short(&e),
        Err(_) => format!("no answer in {} s", TIMEOUT.as_secs()),
    };
    if onion {
        let what = format!("listens for Tor only, at {address}, but does not accept connections: {reason}");
        return Check::new(P2P, State::Missing, what);
    }
    let state = if located.pid.is_some() { "the node may still be starting" } else { "the node may not be running" };
    Check::new(P2P, State::Missing, format!("cannot connect to {address}: {reason}; {state}"))
}

/// What an I/O error means, without the system's number.
fn short(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ports() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = HostPort::new("127.0.0.1", listener.local_addr().unwrap().port());
        let found = check(&Located { p2p: vec![address.clone()], ..Located::default() }).await;
        assert_eq!(found.state, State::Ok, "{found:?}");
        // Taken, so that nobody else listens there, but not listening.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = HostPort::new("127.0.0.1", socket.local_addr().unwrap().port());
        let found = check(&Located { p2p: vec![closed], ..Located::default() }).await;
        assert!(found.state == State::Missing && found.what.contains("refused"), "{found:?}");
        let found = check(&Located::default()).await;
        assert_eq!((found.state, found.remedies.len()), (State::Missing, 0), "what nothing reads needs no advice");
        // A node for Tor only is as its operator wants it.
        let onion = |address: HostPort| Located { p2p_onion: vec![address], ..Located::default() };
        let found = check(&onion(address.clone())).await;
        assert_eq!((found.state, found.remedies.len()), (State::Limited, 0), "{found:?}");
        assert_eq!(found.what, format!("listens for Tor only, at {address}"));
        let found = check(&onion(HostPort::new("127.0.0.1", socket.local_addr().unwrap().port()))).await;
        assert_eq!((found.state, found.remedies.len()), (State::Missing, 0), "{found:?}");
        assert!(found.what.starts_with("listens for Tor only, at 127.0.0.1:"), "{found:?}");
    }
}
