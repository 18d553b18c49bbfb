//! peer-observer.toml and the part of bitcoin.conf, for each host; targets for Prometheus.

use hmac::{Hmac, KeyInit, Mac};
use node::Chain;
use serde_json::json;
use sha2::Sha256;
use toml::{Table, Value};

use crate::files::Advice;
use crate::nats::{HUB_USER, LOCAL_USER};
use crate::plan::{Host, Node, Plan};
use crate::secrets::{RpcSecret, Secrets};
use crate::streams::EVENTS;

/// The user of peer-observer at a node's RPC server.
const RPC_USER: &str = "peer-observer";
/// RPCs of the tool chain.
const OF_CHAIN: [&str; 5] = ["getchaintips", "getblockhash", "getblockheader", "getblock", "waitfornewblock"];
/// Where metrics are served if nothing else is configured.
const METRICS: &str = "127.0.0.1:8282";

const WRITTEN: &str = "# Written by peer-observer fleet: changes here are lost. What it is to have besides goes into the list of hosts,\n# \
                       below [hub.config] or [host.config].\n";

/// peer-observer.toml of a host.
pub(crate) fn of_host(host: &Host, secrets: &Secrets) -> String {
    let password = secrets.hosts.get(&host.name).map(|secrets| secrets.local_password.clone()).unwrap_or_default();
    let mut table = Table::new();
    table.insert("tools".to_owned(), vec!["chain".to_owned()].into());
    table.insert("bus".to_owned(), bus(host.nats_port, LOCAL_USER, &password).into());
    if let Some(first) = host.nodes.iter().find_map(|node| host.p2p_of(node)) {
        table.insert("p2p".to_owned(), table_of([("listen", first.to_string())]).into());
    }
    let nodes: Vec<Value> = host.nodes.iter().map(|node| node_table(node, secrets).into()).collect();
    table.insert("node".to_owned(), nodes.into());
    lay_over(&mut table, &host.config);
    written(&table)
}

/// peer-observer.toml of the hub.
pub(crate) fn of_hub(plan: &Plan, secrets: &Secrets) -> String {
    let mut bus = bus(plan.hub.nats_port, HUB_USER, &secrets.hub_password);
    bus.insert("stream".to_owned(), EVENTS.into());
    let mut table = Table::new();
    table.insert("bus".to_owned(), bus.into());
    table.insert(
        "metrics".to_owned(),
        table_of([("listen", METRICS.to_owned()), ("node_label", "always".to_owned())]).into(),
    );
    lay_over(&mut table, &plan.hub.config);
    written(&table)
}

fn written(table: &Table) -> String {
    // It was a table of TOML before.
    format!("{WRITTEN}\n{}", toml::to_string(table).unwrap_or_default())
}

fn bus(port: u16, user: &str, password: &str) -> Table {
    let url = format!("nats://127.0.0.1:{port}");
    table_of([("nats", url), ("nats_user", user.to_owned()), ("nats_password", password.to_owned())])
}

fn table_of<const N: usize>(values: [(&str, String); N]) -> Table {
    values.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

fn node_table(node: &Node, secrets: &Secrets) -> Table {
    let password = secrets.nodes.get(&node.name).map(|secret| secret.password.clone()).unwrap_or_default();
    let mut table = table_of([
        ("name", node.name.clone()),
        ("chain", node.chain.name().to_owned()),
        ("rpc_user", RPC_USER.to_owned()),
        ("rpc_password", password),
    ]);
    let paths = [
        ("datadir", &node.datadir),
        ("conf", &node.conf),
        ("debug_log", &node.debug_log),
        ("ipc", &node.ipc),
        ("binary", &node.binary),
    ];
    let given = paths.into_iter().filter_map(|(key, path)| Some((key, path.as_ref()?.display().to_string())));
    let rpc = node.rpc.as_ref().map(|rpc| ("rpc", rpc.to_string().trim_end_matches(":0").to_owned()));
    table.extend(given.chain(rpc).map(|(key, value)| (key.to_owned(), Value::from(value))));
    table.insert("extract".to_owned(), node.extract.clone().into());
    table
}

/// What people configured besides counts more, section by section.
fn lay_over(table: &mut Table, given: &Table) {
    for (key, value) in given {
        match (table.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            _ => _ = table.insert(key.clone(), value.clone()),
        }
    }
}

/// The part of a node's bitcoin.conf.
pub(crate) fn bitcoin_conf(host: &Host, node: &Node, secrets: &Secrets, advice: &Advice) -> String {
    let name = &node.name;
    let mut lines = vec![
        format!(
            "# What peer-observer needs of the node {name}. Put these lines at the top of its bitcoin.conf, before any [section],"
        ),
        "# or the line includeconf=FILE with this file there. Written by peer-observer fleet: changes here are lost."
            .to_owned(),
        "server=1".to_owned(),
    ];
    if let Some(secret) = secrets.nodes.get(name) {
        lines.push(format!("rpcauth={RPC_USER}:{}", rpcauth(secret)));
    }
    let methods: Vec<&str> = advice.rpcs.iter().map(String::as_str).chain(OF_CHAIN).collect();
    lines.push(format!("rpcwhitelist={RPC_USER}:{}", methods.join(",")));
    lines.push("rpcwhitelistdefault=0                # other users may call what they could before".to_owned());
    if node.runs("log") {
        lines.extend(advice.log.iter().cloned());
    }
    if let Some(address) = host.p2p_of(node) {
        // Of other chains, Bitcoin Core takes addnode from their sections only.
        let section = if node.chain == Chain::Main { String::new() } else { format!("{}.", node.chain.name()) };
        lines.push(format!("{section}addnode={address}            # the extractor p2p"));
    }
    lines.join("\n") + "\n"
}

/// What rpcauth has after the user's name: salt and HMAC-SHA256 of the password, as share/rpcauth of Bitcoin Core makes it.
fn rpcauth(secret: &RpcSecret) -> String {
    let RpcSecret { password, salt } = secret;
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(salt.as_bytes()) else { return String::new() };
    mac.update(password.as_bytes());
    format!("{salt}${}", hex::encode(mac.finalize().into_bytes()))
}

/// What Prometheus is to ask: a file for file_sd_configs.
pub(crate) fn targets(plan: &Plan) -> String {
    let metrics = plan.hub.config.get("metrics").and_then(|section| section.get("listen")).and_then(Value::as_str);
    let mut groups = vec![json!({ "targets": [metrics.unwrap_or(METRICS)], "labels": { "job": "peer-observer" } })];
    for host in plan.hosts.iter().filter(|host| !host.prometheus.is_empty()) {
        let targets: Vec<String> = host.prometheus.iter().map(ToString::to_string).collect();
        groups.push(json!({ "targets": targets, "labels": { "job": "node", "host": host.name } }));
    }
    serde_json::to_string_pretty(&groups).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpcauth_is_that_of_bitcoin_core() {
        // `openssl dgst -sha256 -hmac 00ff` of "geheim".
        let secret = RpcSecret { password: "geheim".to_owned(), salt: "00ff".to_owned() };
        let expected = "00ff$e25eff9cabe1a2e7a78804066d842947e56313b402aad0ba104850a6b1ecbb36";
        assert_eq!(rpcauth(&secret), expected);
    }
}
