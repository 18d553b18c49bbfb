//! Whether the node's IPC socket can be used, and what it gives.

use std::time::Duration;

use ipc::{Client, IpcError};
use node::Located;
use tokio::time::timeout;

use super::conf;
use super::report::{Check, Remedy, State};

const IPC: &str = "IPC";

/// How long the node may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What has to be known before the socket is opened.
const DANGER: &str = "whoever can use the socket controls the node: from v32 on, all RPCs";

/// Whether the node answers at its IPC socket.
pub async fn check(located: &Located) -> Check {
    let Some(socket) = located.ipc.first() else {
        let lines = ["ipcbind=unix"];
        let remedy = conf::remedy(located, lines, |node| !node.ipc.is_empty());
        let advice = format!(
            "to get tips at once (Bitcoin Core v30 or later, started as `bitcoin node` or bitcoin-node; {DANGER}), {}",
            remedy.advice
        );
        return Check::new(IPC, State::Missing, "the node has no IPC socket, or none that is known")
            .remedy(Remedy { advice, ..remedy });
    };
    let client = match Client::connect(socket).await {
        Ok(client) => client,
        Err(error) => return failed(&error),
    };
    // At the end of a time, what was asked goes on: dropping the client waits for it.
    let tip = match timeout(TIMEOUT, client.tip()).await {
        Ok(Ok(tip)) => tip,
        Ok(Err(error)) => return failed(&error),
        Err(_) => {
            let what = format!(
                "{} gives no answer in {} s; the node may still load its chain",
                socket.display(),
                TIMEOUT.as_secs()
            );
            return Check::new(IPC, State::Limited, what);
        }
    };
    let height = tip.map_or_else(|| "no block yet".to_owned(), |tip| format!("tip {}", tip.height));
    let request = r#"{"jsonrpc":"2.0","id":0,"method":"uptime","params":[]}"#;
    let rpcs = match timeout(TIMEOUT, client.rpc(request.to_owned())).await {
        Ok(Ok(_)) => "carries out RPCs, too",
        Ok(Err(IpcError::NoRpc { .. })) => "carries out no RPCs, as v32 and later do",
        _ => "does not let us call RPCs",
    };
    client.close().await;
    Check::new(IPC, State::Ok, format!("{} answers: {height}; {rpcs}", socket.display()))
}

fn failed(error: &IpcError) -> Check {
    Check::failed(IPC, State::Missing, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_socket_the_remedy_says_what_it_opens() {
        let found = check(&Located::default()).await;
        assert_eq!(found.state, State::Missing);
        assert!(found.remedies[0].advice.contains(DANGER), "{found:?}");
        assert_eq!(found.remedies[0].lines, ["ipcbind=unix"]);
        let gone = Located { ipc: vec!["/no/node.sock".into()], ..Located::default() };
        let found = check(&gone).await;
        assert!(found.what.contains("/no/node.sock"), "{found:?}");
    }
}
