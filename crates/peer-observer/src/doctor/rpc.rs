//! Whether the RPC server lets us in, and what it lets us call.

use std::time::Duration;

use node::rpc::{RpcClient, RpcError, types};
use node::{Auth, Located};
use serde_json::Value;

use super::conf;
use super::report::{Check, RPC, Remedy, State};

/// How long a call may take.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// What the RPC server reports.
pub struct Findings {
    pub check: Check,
    /// The node's user agent.
    pub version: Option<String>,
    /// Which debug categories are written to debug.log now.
    pub logging: Option<types::Logging>,
}

pub async fn examine(located: &Located) -> Findings {
    let client = match RpcClient::of(located) {
        Ok(Some(client)) => client,
        Ok(None) => {
            let check = Check::new(RPC, State::Missing, "the RPC server is off, or its address is not known");
            return Findings::without(check.remedy(conf::remedy(located, ["server=1"], |node| node.rpc.is_some())));
        }
        Err(error) => return Findings::without(Check::failed(RPC, State::Missing, &error)),
    };
    let (forbidden, lacking) = match refused_methods(&client).await {
        Ok(refused) => refused,
        Err(error) => {
            let state = match error {
                RpcError::WarmingUp { .. } | RpcError::Busy { .. } => State::Limited,
                _ => State::Missing,
            };
            let mut check = Check::failed(RPC, state, &error);
            if located.foreign_network {
                check = check.remedy(Remedy::new(
                    "the node is in another network namespace (a container?): publish its RPC port on this machine, or \
                     pass its address with --rpc",
                ));
            }
            return Findings::without(check);
        }
    };
    let network = client.call::<types::NetworkInfo>("getnetworkinfo", &[], TIMEOUT).await;
    Findings {
        check: judge(located, &client, &forbidden, &lacking),
        version: network.ok().map(|info| info.subversion),
        logging: client.call("logging", &[], TIMEOUT).await.ok(),
    }
}

impl Findings {
    fn without(check: Check) -> Self {
        Self { check, version: None, logging: None }
    }
}

/// Those of the methods that we poll that we may not call, and those that the node does not have.
///
/// # Errors
/// The server can't be reached, or does not let us in at all.
async fn refused_methods(client: &RpcClient) -> Result<(Vec<&'static str>, Vec<&'static str>), RpcError> {
    // More parameters than any method has: the node does nothing but say so, if it has the method and we may call it.
    let params = vec![Value::from(0); 20];
    let (mut forbidden, mut lacking) = (Vec::new(), Vec::new());
    for (method, _) in extractor_rpc::methods() {
        match client.call::<Value>(method, &params, TIMEOUT).await {
            Ok(_) | Err(RpcError::Node { .. }) => {}
            Err(RpcError::Forbidden { .. }) => forbidden.push(method),
            Err(RpcError::NoMethod { .. }) => lacking.push(method),
            Err(error) => return Err(error),
        }
    }
    Ok((forbidden, lacking))
}

fn judge(located: &Located, client: &RpcClient, forbidden: &[&str], lacking: &[&str]) -> Check {
    let all: Vec<_> = extractor_rpc::methods().map(|(method, _)| method).collect();
    let (login, user) = match &located.auth {
        Auth::User { user, .. } => (format!("user {user}"), user.as_str()),
        Auth::Cookie(path) => (format!("the cookie {}", path.display()), "__cookie__"),
        Auth::Unknown => ("nothing".to_owned(), ""),
    };
    let mut what = format!("{} lets us in with {login}", client.place());
    if !forbidden.is_empty() {
        what += &format!("; forbidden: {}", forbidden.join(", "));
    }
    if !lacking.is_empty() {
        what += &format!("; this version of the node has no {}", lacking.join(", "));
    }
    let state = match forbidden.len() + lacking.len() {
        0 => State::Ok,
        n if n == all.len() => State::Missing,
        _ => State::Limited,
    };
    let mut check = Check::new(RPC, state, what);
    if !forbidden.is_empty() {
        let line = format!("rpcwhitelist={user}:{}", all.join(","));
        let mut remedy = conf::remedy(located, [line], |_| true);
        remedy.advice +=
            " (with what this user's line has already; of several lines only what they have in common counts)";
        check = check.remedy(remedy);
    }
    if !lacking.is_empty() {
        check = check.remedy(Remedy::new(
            "upgrade the node to have the rest: getorphantxs came with v29, getrawaddrman with v27",
        ));
    }
    check
}

#[cfg(test)]
mod tests {
    use node::{HostPort, Secret};

    use super::*;

    #[test]
    fn what_is_forbidden_or_lacking() {
        let auth = Auth::User { user: "me".to_owned(), password: Secret::new("geheim") };
        let located = Located { auth: auth.clone(), ..Located::default() };
        let client = RpcClient::new(HostPort::new("127.0.0.1", 8332), auth).unwrap();
        let ok = judge(&located, &client, &[], &[]);
        assert!(ok.state == State::Ok && ok.remedies.is_empty() && ok.what.contains("user me"), "{ok:?}");
        let limited = judge(&located, &client, &["uptime"], &["getorphantxs"]);
        assert!(limited.state == State::Limited && limited.what.contains("forbidden: uptime"), "{limited:?}");
        let [whitelist, upgrade] = &limited.remedies[..] else { panic!("{limited:?}") };
        assert!(whitelist.lines[0].starts_with("rpcwhitelist=me:getpeerinfo,"), "{whitelist:?}");
        assert!(upgrade.advice.contains("getorphantxs came with v29"), "{upgrade:?}");
        let all: Vec<_> = extractor_rpc::methods().map(|(method, _)| method).collect();
        assert_eq!(judge(&located, &client, &all, &[]).state, State::Missing);
        assert!(!format!("{limited:?}").contains("geheim"));
    }
}
