//! Outbound connections as they are opened, and the transport of all: `src/net.cpp`, `src/netbase.cpp`, `src/i2p.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    AttemptStep, ConnectionAdded, ConnectionAttempted, ConnectionFailed, ConnectionFailure, NegotiationStep,
    TransportNegotiation,
};

use super::Rule;
use super::scan::{Scan, lossy};

pub(super) const RULES: &[Rule] = &[
    Rule::new("trying ", trying),
    Rule::new("Making feeler connection to ", |scan| chosen(scan, AttemptStep::Feeler)),
    Rule::new("Making network specific connection to ", network_specific),
    Rule::new("Trying to make an anchor connection to ", |scan| chosen(scan, AttemptStep::Anchor)),
    Rule::new("SOCKS5 connecting ", |scan| chosen(scan, AttemptStep::ProxyConnecting)),
    Rule::new("SOCKS5 connected ", |scan| chosen(scan, AttemptStep::ProxyConnected)),
    Rule::new("Added connection ", added),
    Rule::new("start sending v2 handshake to ", |scan| negotiation(scan, NegotiationStep::V2Started)),
    Rule::new("retrying with v1 transport protocol for ", |scan| negotiation(scan, NegotiationStep::V1Fallback)),
    // Knots.
    Rule::new("not retrying with v1 transport protocol for ", forbidden),
    Rule::new("Socks5() connect to ", |scan| failed(scan, " failed: ")),
    Rule::new("connect() to ", |scan| failed(scan, " failed after wait: ").or_else(|| failed(scan, " failed: "))),
    Rule::new("connection attempt to ", timed_out),
    Rule::new("wait for connect to ", |scan| failed(scan, " failed: ")),
    Rule::new("getsockopt() for ", |scan| failed(scan, " failed: ")),
    Rule::new("Error connecting to ", i2p),
    Rule::new("Cannot create a socket for connecting to ", |scan| {
        last(scan, ConnectionFailure::NoSocket, "cannot create a socket")
    }),
    Rule::new("Failed to open new connection to ", |mut scan| {
        scan.skip_end(", already connected")?;
        last(scan, ConnectionFailure::AlreadyConnected, "already connected")
    }),
    Rule::whole("Proxy ", proxy),
    Rule::whole("Error ", proxy),
    Rule::whole("Error: ", proxy),
    // Up to v27.
    Rule::new("ERROR: ", |scan| proxy(scan.0)),
];

fn attempt(addr: String, step: AttemptStep) -> ConnectionAttempted {
    ConnectionAttempted { addr, step: step.into(), ..ConnectionAttempted::default() }
}

/// `v2 connection (outbound-full-relay) to 192.0.2.1:8333, lastseen=1.5hrs`; up to v28 `v2 connection 192.0.2.1:8333 lastseen=1.5hrs`
fn trying(mut scan: Scan) -> Option<LogEvent> {
    let transport = match scan.until(" connection ")? {
        b"v1" => "v1",
        b"v2" => "v2",
        _ => return None,
    };
    let connection_type = if scan.skips("(") { Some(lossy(scan.until(") to ")?)) } else { None };
    let addr = scan.addr()?;
    scan.skips(",");
    scan.skip(" lastseen=")?;
    scan.skip_end("hrs")?;
    let last_seen_hours = Some(scan.parse().filter(|hours: &f64| hours.is_finite())?);
    scan.end()?;
    let attempt = attempt(addr, AttemptStep::Trying);
    let transport = Some(transport.to_owned());
    Some(LogEvent::ConnectionAttempted(ConnectionAttempted { transport, connection_type, last_seen_hours, ..attempt }))
}

/// `192.0.2.1:8333`
fn chosen(mut scan: Scan, step: AttemptStep) -> Option<LogEvent> {
    let addr = scan.addr()?;
    scan.end()?;
    Some(LogEvent::ConnectionAttempted(attempt(addr, step)))
}

/// `192.0.2.1:8333 on ipv4.`
fn network_specific(mut scan: Scan) -> Option<LogEvent> {
    let addr = scan.addr()?;
    scan.skip(" on ")?;
    scan.skip_end(".")?;
    scan.word()?;
    scan.end()?;
    Some(LogEvent::ConnectionAttempted(attempt(addr, AttemptStep::NetworkSpecific)))
}

/// `to 192.0.2.1:8333 peer=7`; without -logips `peer=7`
fn added(mut scan: Scan) -> Option<LogEvent> {
    let peer = scan.peer_at_end()?;
    let mut addr = None;
    if !scan.0.is_empty() {
        scan.skip("to ")?;
        addr = Some(scan.addr()?);
        scan.skip(" ")?;
        scan.end()?;
    }
    Some(LogEvent::ConnectionAdded(ConnectionAdded { peer_id: peer.id, addr }))
}

fn negotiation(mut scan: Scan, step: NegotiationStep) -> Option<LogEvent> {
    let peer = scan.peer()?;
    scan.end()?;
    Some(LogEvent::TransportNegotiation(TransportNegotiation { peer_id: peer.id, step: step.into() }))
}

/// `peer=7 (-v2onlyclearnet)`
fn forbidden(mut scan: Scan) -> Option<LogEvent> {
    scan.skip_end(" (-v2onlyclearnet)")?;
    negotiation(scan, NegotiationStep::V1Forbidden)
}

fn failure(addr: Option<String>, reason: ConnectionFailure, text: &[u8]) -> LogEvent {
    LogEvent::ConnectionFailed(ConnectionFailed { addr, reason: reason.into(), text: lossy(text) })
}

/// `192.0.2.1:8333 failed: why`
fn failed(mut scan: Scan, between: &str) -> Option<LogEvent> {
    let addr = scan.addr()?;
    scan.skip(between)?;
    Some(failure(Some(addr), reason(scan.0)?, scan.0))
}

/// `192.0.2.1:8333 timed out`
fn timed_out(mut scan: Scan) -> Option<LogEvent> {
    scan.skip_end(" timed out")?;
    last(scan, ConnectionFailure::TimedOut, "timed out")
}

fn last(mut scan: Scan, reason: ConnectionFailure, text: &str) -> Option<LogEvent> {
    let addr = scan.addr()?;
    scan.end()?;
    Some(failure(Some(addr), reason, text.as_bytes()))
}

/// `….b32.i2p:0: "STREAM STATUS RESULT=CANT_REACH_PEER MESSAGE="LeaseSet not found""`, or
/// `….b32.i2p:8333, connection refused due to arbitrary port 8333`
fn i2p(mut scan: Scan) -> Option<LogEvent> {
    let addr = scan.addr()?;
    if scan.skips(", ") {
        let port = scan.0.strip_prefix(b"connection refused due to arbitrary port ")?;
        Scan(port).whole_number::<u16>()?;
        return Some(failure(Some(addr), ConnectionFailure::WrongPort, scan.0));
    }
    scan.skip(": ")?;
    Some(failure(Some(addr), reason(scan.0)?, scan.0))
}

/// What the node says of the proxy without the address that it was to connect to.
const PROXY_FAILURES: [&str; 7] = [
    "Error reading from proxy",
    "Error reading proxy authentication response",
    "Error while reading proxy response",
    "Error: malformed proxy response",
    "Proxy authentication unsuccessful",
    "Proxy failed to accept request",
    "Proxy failed to initialize",
];

fn proxy(text: &[u8]) -> Option<LogEvent> {
    let method = text.strip_prefix(b"Proxy requested wrong authentication method ");
    let known = PROXY_FAILURES.iter().any(|known| text == known.as_bytes())
        || method.is_some_and(|method| method.len() == 2 && method.iter().all(u8::is_ascii_hexdigit))
        || text.starts_with(b"Error during SOCKS5 proxy handshake: ");
    known.then(|| failure(None, ConnectionFailure::ProxyFailure, text))
}

/// What the words for each reason contain: those of SOCKS5 (`Socks5ErrorString`), of Linux, and of I2P's SAM.
const REASONS: &[(&str, ConnectionFailure)] = &[
    ("host unreachable", ConnectionFailure::HostUnreachable),
    ("network unreachable", ConnectionFailure::NetworkUnreachable),
    ("connection refused", ConnectionFailure::Refused),
    ("TTL expired", ConnectionFailure::TimedOut),
    ("InterruptibleRecv() timeout or other failure", ConnectionFailure::TimedOut),
    ("onion service introduction timed out", ConnectionFailure::TimedOut),
    ("onion service descriptor", ConnectionFailure::HostNotFound),
    ("onion service invalid address", ConnectionFailure::HostNotFound),
    ("onion service", ConnectionFailure::HostUnreachable),
    ("general failure", ConnectionFailure::ProxyFailure),
    ("connection not allowed", ConnectionFailure::ProxyFailure),
    ("protocol error", ConnectionFailure::ProxyFailure),
    ("address type not supported", ConnectionFailure::ProxyFailure),
    ("Connection refused", ConnectionFailure::Refused),
    ("Connection timed out", ConnectionFailure::TimedOut),
    ("No route to host", ConnectionFailure::HostUnreachable),
    ("Host is unreachable", ConnectionFailure::HostUnreachable),
    ("Network is unreachable", ConnectionFailure::NetworkUnreachable),
    ("LeaseSet not found", ConnectionFailure::HostNotFound),
    ("RESULT=KEY_NOT_FOUND", ConnectionFailure::HostNotFound),
    ("RESULT=INVALID_KEY", ConnectionFailure::HostNotFound),
    ("RESULT=CANT_REACH_PEER", ConnectionFailure::HostUnreachable),
    ("RESULT=TIMEOUT", ConnectionFailure::TimedOut),
    ("Cannot connect to ", ConnectionFailure::ProxyFailure),
    ("RESULT=I2P_ERROR", ConnectionFailure::ProxyFailure),
];

/// The reason by the words; none without any.
fn reason(words: &[u8]) -> Option<ConnectionFailure> {
    if words.is_empty() {
        return None;
    }
    let found = REASONS.iter().find(|(part, _)| memchr::memmem::find(words, part.as_bytes()).is_some());
    Some(found.map_or(ConnectionFailure::FailureOther, |(_, reason)| *reason))
}
