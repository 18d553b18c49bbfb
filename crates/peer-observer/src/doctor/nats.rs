//! Whether the NATS server is there, lets us in, and takes large events.

use std::time::Duration;

use bus::Bus;
use bus::nats::{Options, StreamState, connect_reader, look_at_stream};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::report::{Check, Remedy, State};
use crate::values::NatsUrl;

const NAME: &str = "NATS";
const STREAM: &str = "JetStream";

/// The port of servers whose address has none.
const PORT: u16 = 4222;

/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Less than the largest events need: a full address manager is 6 MB, a block up to 4 MB.
const WANTED: u64 = 8 << 20;

/// What a server says first.
#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    version: String,
    #[serde(default)]
    max_payload: u64,
}

pub async fn check(options: &Options) -> Check {
    let url = options.shown_url();
    match timeout(TIMEOUT, connect_reader(&Bus::new(), options)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Check::failed(NAME, State::Missing, &error),
        Err(_) => {
            let what = format!("{url} gave no answer in {} s", TIMEOUT.as_secs());
            return Check::new(NAME, State::Missing, what)
                .remedy(Remedy::new("is a nats-server there? Start one so:").line("nats-server -a 127.0.0.1 -p 4222"));
        }
    }
    match timeout(TIMEOUT, info(&options.url)).await.ok().flatten() {
        Some(info) => judge(&url, &info),
        None => Check::new(NAME, State::Ok, format!("{url} lets us in")),
    }
}

/// Whether the archiver can read the stream that is configured.
pub async fn check_stream(options: &Options, name: &str) -> Check {
    let what = format!("stream {name}");
    match timeout(TIMEOUT, look_at_stream(&Bus::new(), options, name)).await {
        Ok(Ok(StreamState::There { subjects, messages })) => {
            let kept = subjects.join(", ");
            Check::new(STREAM, State::Ok, format!("{what} keeps {kept}; it has {messages} messages"))
        }
        Ok(Ok(StreamState::Absent)) => {
            Check::new(STREAM, State::Ok, format!("{what} is not there; `peer-observer archive` will make it"))
        }
        Ok(Err(error)) => Check::failed(STREAM, State::Missing, &error),
        Err(_) => Check::new(STREAM, State::Missing, format!("{what}: no answer in {} s", TIMEOUT.as_secs())),
    }
}

fn judge(url: &str, info: &Info) -> Check {
    let what = format!("{url} (version {}) lets us in and takes events of {} bytes", info.version, info.max_payload);
    if info.max_payload >= WANTED {
        return Check::new(NAME, State::Ok, what);
    }
    let check = Check::new(NAME, State::Limited, what + "; larger ones (blocks, the address manager) are lost");
    check.remedy(Remedy::new("put into the configuration file of nats-server and restart it:").line("max_payload: 8MB"))
}

/// The line that a server sends to whoever connects. None if it does not, as one that speaks TLS only.
async fn info(url: &str) -> Option<Info> {
    // The first of a cluster: its servers have one configuration.
    let server = NatsUrl(url.to_owned()).servers().ok()?.into_iter().next()?.or_port(PORT);
    let stream = TcpStream::connect((server.host, server.port)).await.ok()?;
    let mut line = String::new();
    BufReader::new(stream.take(64 << 10)).read_line(&mut line).await.ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_takes() {
        let of = |max_payload| judge("nats://h", &Info { version: "2".to_owned(), max_payload });
        assert_eq!(of(8 << 20).state, State::Ok);
        let check = of(1 << 20);
        assert_eq!((check.state, &*check.remedies[0].lines[0]), (State::Limited, "max_payload: 8MB"));
    }

    #[tokio::test]
    async fn a_server_and_none() {
        if testbed::require_nats_server().is_none() {
            return;
        }
        let server = testbed::NatsServer::start("").await.unwrap();
        let check = check(&Options::new(server.url())).await;
        assert!(check.state == State::Limited && check.what.contains("1048576 bytes"), "{check:?}");
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nobody = Options::new(format!("nats://{}", socket.local_addr().unwrap()));
        let check = super::check(&nobody).await;
        assert!(check.state == State::Missing && check.remedies[0].advice.contains("nats-server"), "{check:?}");
    }
}
