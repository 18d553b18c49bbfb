//! Whether the node's P2P port and IPC socket answer.

use std::time::Duration;

use node::Located;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::report::{Check, Remedy, State};

pub const IPC: &str = "IPC";
const P2P: &str = "P2P";

/// How long a connection may take to be made.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Whether the node accepts P2P connections from here.
pub async fn p2p(located: &Located) -> Check {
    let (address, onion) = match (located.p2p.first(), located.p2p_onion.first()) {
        (Some(address), _) => (address, false),
        (None, Some(address)) => (address, true),
        // No advice to open a port: that is the operator's decision, and nothing is lost without.
        (None, None) if located.log_options.is_some() => {
            return Check::new(P2P, State::Missing, "the node does not listen for connections");
        }
        (None, None) => {
            return Check::new(P2P, State::Missing, "it is not known where the node listens").remedy(
                Remedy::new("configure it in peer-observer.toml:").line("[[node]]").line("p2p = \"HOST:PORT\""),
            );
        }
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
    let advice = format!("{state}; if it listens elsewhere, say where in peer-observer.toml:");
    let remedy = Remedy::new(advice).line("[[node]]").line("p2p = \"HOST:PORT\"");
    Check::new(P2P, State::Missing, format!("cannot connect to {address}: {reason}")).remedy(remedy)
}

/// Whether the node's IPC socket can be connected to.
pub async fn ipc(located: &Located) -> Check {
    // No advice to open one: no extractor reads it.
    let Some(path) = located.ipc.first() else {
        return Check::new(IPC, State::Missing, "the node has no IPC socket (ipcbind), and none is needed");
    };
    let shown = path.display();
    let reason = match timeout(TIMEOUT, UnixStream::connect(path)).await {
        Ok(Ok(_)) => return Check::new(IPC, State::Ok, format!("{shown} accepts connections")),
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            let owner = located.owner.as_deref().unwrap_or("of the node");
            let check = Check::new(IPC, State::Missing, format!("cannot connect to {shown}: permission denied"));
            return check
                .remedy(Remedy::new(format!("run as user {owner}: whoever can write to the socket controls it")));
        }
        Ok(Err(e)) => short(&e),
        Err(_) => format!("no answer in {} s", TIMEOUT.as_secs()),
    };
    Check::new(IPC, State::Missing, format!("cannot connect to {shown}: {reason}"))
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
    use std::path::PathBuf;

    use node::HostPort;

    use super::*;

    #[tokio::test]
    async fn ports_and_sockets() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = HostPort::new("127.0.0.1", listener.local_addr().unwrap().port());
        let check = p2p(&Located { p2p: vec![address.clone()], ..Located::default() }).await;
        assert_eq!(check.state, State::Ok, "{check:?}");
        // Taken, so that nobody else listens there, but not listening.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = HostPort::new("127.0.0.1", socket.local_addr().unwrap().port());
        let check = p2p(&Located { p2p: vec![closed], ..Located::default() }).await;
        assert!(check.state == State::Missing && check.what.contains("refused"), "{check:?}");
        let check = p2p(&Located::default()).await;
        assert_eq!((check.state, &*check.remedies[0].lines[1]), (State::Missing, "p2p = \"HOST:PORT\""));
        // A node for Tor only is as its operator wants it.
        let onion = |address: HostPort| Located { p2p_onion: vec![address], ..Located::default() };
        let check = p2p(&onion(address.clone())).await;
        assert_eq!((check.state, check.remedies.len()), (State::Limited, 0), "{check:?}");
        assert_eq!(check.what, format!("listens for Tor only, at {address}"));
        let check = p2p(&onion(HostPort::new("127.0.0.1", socket.local_addr().unwrap().port()))).await;
        assert_eq!((check.state, check.remedies.len()), (State::Missing, 0), "{check:?}");
        assert!(check.what.starts_with("listens for Tor only, at 127.0.0.1:"), "{check:?}");

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.sock");
        let _listener = tokio::net::UnixListener::bind(&path).unwrap();
        let with = |path: PathBuf| Located { ipc: vec![path], ..Located::default() };
        assert_eq!(ipc(&with(path)).await.state, State::Ok);
        let check = ipc(&with(directory.path().join("other.sock"))).await;
        assert!(check.state == State::Missing && check.what.ends_with("it does not exist"), "{check:?}");
        let check = ipc(&Located::default()).await;
        assert_eq!((check.state, check.remedies.len()), (State::Missing, 0), "what nothing reads needs no advice");
    }
}
