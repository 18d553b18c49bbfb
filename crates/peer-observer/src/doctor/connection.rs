//! How a P2P connection of our own comes about, and the line that makes it better.

use std::net::SocketAddr;

use node::rpc::{RpcClient, RpcError};
use node::{HostPort, Located};
use serde_json::Value;

use super::conf;
use super::report::{Check, Remedy, State};
use super::rpc::TIMEOUT;

const CONNECTION: &str = "P2P connection";

/// The first version of Bitcoin Core whose `-whitelist` can be about connections that the node makes. Others do not start with that word.
const WHITELISTS_OUT: u32 = 28;

/// By which way the extractor `p2p` would get its connection: the node connects to `listening` by itself, or when it is asked by RPC, or we
/// connect to it, which must be where `accepts` says. `version` is its user agent.
pub async fn check(
    located: &Located,
    listening: SocketAddr,
    accepts: Option<&HostPort>,
    version: Option<&str>,
) -> Check {
    if located.addnodes.iter().any(|address| *address == listening.to_string()) {
        let what = format!("the node connects to {listening} by itself (addnode)");
        return match at_once(located, listening, version) {
            None => Check::new(CONNECTION, State::Ok, what),
            Some(line) => {
                let what = what + ", but announces transactions to it seconds late";
                let listed = |node: &Located| node.whitelists.contains(&value(&line));
                Check::new(CONNECTION, State::Limited, what).remedy(conf::remedy(located, [line.clone()], listed))
            }
        };
    }
    let mut lines = vec![format!("addnode={listening}")];
    lines.extend(at_once(located, listening, version));
    let connects = |node: &Located| node.addnodes.iter().any(|address| *address == listening.to_string());
    let better = || {
        let remedy = conf::remedy(located, lines.clone(), connects);
        Remedy { advice: format!("to have the node connect by itself, {}", remedy.advice), ..remedy }
    };
    if may_ask(located).await {
        let remedy = Remedy::new("run:").line("peer-observer extract p2p --p2p-addnode");
        let what = format!("the node can be asked by RPC (addnode) to connect to {listening}");
        return Check::new(CONNECTION, State::Limited, what).remedy(remedy).remedy(better());
    }
    match accepts {
        Some(address) => {
            let remedy = Remedy::new("run:").line(format!("peer-observer extract p2p --p2p {address}"));
            let what = format!("we can connect to {address}, which takes one of the node's inbound slots");
            Check::new(CONNECTION, State::Limited, what).remedy(remedy).remedy(better())
        }
        None => Check::new(CONNECTION, State::Missing, "the node can't be connected to from here").remedy(better()),
    }
}

/// The line with which the node announces transactions to us at once; none if it has it, or would not start with it.
fn at_once(located: &Located, listening: SocketAddr, version: Option<&str>) -> Option<String> {
    let line = format!("whitelist=noban,relay,out@{}", listening.ip());
    let known = version.and_then(major).is_some_and(|major| major >= WHITELISTS_OUT);
    (known && !located.whitelists.contains(&value(&line))).then_some(line)
}

fn value(line: &str) -> String {
    line.split_once('=').map_or("", |(_, value)| value).to_owned()
}

/// The first number of the version in a user agent that begins with Bitcoin Core's name.
fn major(user_agent: &str) -> Option<u32> {
    user_agent.strip_prefix("/Satoshi:")?.split('.').next()?.parse().ok()
}

/// Whether we may call `addnode`. More parameters than it has: the node does nothing but say so.
async fn may_ask(located: &Located) -> bool {
    let Ok(Some(client)) = RpcClient::of(located) else { return false };
    let params = vec![Value::from(0); 20];
    let answer = client.call::<Value>("addnode", &params, TIMEOUT).await;
    matches!(answer, Ok(_) | Err(RpcError::Node { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_way_and_the_line_for_a_better_one() {
        let listening: SocketAddr = "127.0.0.2:28333".parse().unwrap();
        let address = HostPort::new("127.0.0.1", 8333);
        let (new, old) = (Some("/Satoshi:31.0.0/"), Some("/Satoshi:27.2.0/"));
        let whitelist = "noban,relay,out@127.0.0.2".to_owned();
        let configured = Located { addnodes: vec![listening.to_string()], ..Located::default() };
        let whole = Located { whitelists: vec![whitelist], ..configured.clone() };
        let bare = Located::default();
        for (located, accepts, version, state, lines) in [
            (&whole, None, new, State::Ok, vec![]),
            (&configured, None, new, State::Limited, vec!["whitelist=noban,relay,out@127.0.0.2"]),
            (&configured, None, old, State::Ok, vec![]),
            (&configured, None, None, State::Ok, vec![]),
            (
                &bare,
                Some(&address),
                old,
                State::Limited,
                vec!["peer-observer extract p2p --p2p 127.0.0.1:8333", "addnode=127.0.0.2:28333"],
            ),
            (&bare, None, None, State::Missing, vec!["addnode=127.0.0.2:28333"]),
        ] {
            let check = check(located, listening, accepts, version).await;
            let found: Vec<&str> = check.remedies.iter().flat_map(|remedy| &remedy.lines).map(|line| &**line).collect();
            assert_eq!((check.state, &found), (state, &lines), "{check:?}");
        }
    }
}
