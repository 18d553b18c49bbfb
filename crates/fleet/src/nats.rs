//! The configuration of nats-server, of the hub and of the hosts.
//!
//! Everything here holds for nats-server 2.9, which Debian 12 has. Its leaf nodes check what the other side reads, but not under which subjects it
//! publishes, and know no nkeys. So each host has an account of its own at the hub: what it publishes stays there, except what the
//! account exports.

use std::fmt::Write;
use std::path::Path;

use crate::plan::{Host, Plan};
use crate::secrets::Secrets;

/// The account of the hub's tools; and on each host, that of its extractors.
pub(crate) const ACCOUNT: &str = "FLEET";
/// The user of the hub's tools.
pub(crate) const HUB_USER: &str = "hub";
/// The user that may ask who is connected.
pub(crate) const SYSTEM_USER: &str = "system";
/// The user of a host's extractors at its own nats-server.
pub(crate) const LOCAL_USER: &str = "observer";

/// The largest message: a getrawaddrman of a full address manager has 6 MB.
const MAX_PAYLOAD: u64 = 8 << 20;

/// The account of a host at the hub.
pub(crate) fn account(host: &str) -> String {
    format!("HOST_{host}")
}

/// The stream of a node on its host.
pub(crate) fn stream(node: &str) -> String {
    format!("{}{node}", event::subject::NODE_STREAM)
}

/// Where the API of a host's JetStream is found at the hub.
pub(crate) fn api(host: &str) -> String {
    format!("$JS.{host}.API")
}

/// Where a host's stored events come to the hub.
pub(crate) fn delivery(host: &str) -> String {
    format!("fleet.{host}")
}

/// That of the hub.
pub(crate) fn of_hub(plan: &Plan, secrets: &Secrets) -> String {
    let hub = &plan.hub;
    let file = |name: &str| quoted(&hub.directory.join(name));
    let mut text = head("hub", hub.nats_port, &hub.nats_store, hub.keep.0.saturating_add(1 << 30));
    let _ = writeln!(
        text,
        "leafnodes {{\n  listen: \"{}\"\n  tls {{ cert_file: {}, key_file: {}, ca_file: {}, verify: true }}",
        hub.listens(),
        file("hub.pem"),
        file("hub.key"),
        file("ca.pem"),
    );
    text += "  authorization { users: [\n";
    for (host, of_host) in &secrets.hosts {
        let _ =
            writeln!(text, "    {{ user: {host:?}, password: {:?}, account: {:?} }}", of_host.password, account(host));
    }
    text += "  ] }\n}\n\n";
    let _ = writeln!(text, "system_account: SYSTEM\naccounts {{");
    let _ =
        writeln!(text, "  SYSTEM {{ users: [ {{ user: {SYSTEM_USER}, password: {:?} }} ] }}", secrets.system_password);
    let _ = writeln!(
        text,
        "  # The tools of the hub. Of a host, they get what it has stored of its nodes, and the answers to what they ask it.\n  {ACCOUNT} \
         {{\n    jetstream: enabled\n    users: [ {{ user: {HUB_USER}, password: {:?} }} ]\n    imports: [",
        secrets.hub_password
    );
    for host in &plan.hosts {
        let account = account(&host.name);
        let _ =
            writeln!(text, "      {{ stream: {{ account: {account:?}, subject: \"{}.>\" }} }}", delivery(&host.name));
        for service in services(host) {
            let _ = writeln!(text, "      {{ service: {{ account: {account:?}, subject: {service:?} }} }}");
        }
    }
    text += "    ]\n  }\n";
    for host in &plan.hosts {
        let _ = writeln!(text, "  {:?} {{ exports: [", account(&host.name));
        let _ = writeln!(text, "    {{ stream: \"{}.>\", accounts: [{ACCOUNT}] }}", delivery(&host.name));
        for service in services(host) {
            let _ = writeln!(text, "    {{ service: {service:?}, response: stream, accounts: [{ACCOUNT}] }}");
        }
        text += "  ] }\n";
    }
    text + "}\n"
}

/// What the hub asks of a host: its JetStream, and to go on with what it stored of a node.
fn services(host: &Host) -> Vec<String> {
    let nodes = host.nodes.iter().map(|node| format!("$JS.FC.{}.>", stream(&node.name)));
    std::iter::once(format!("{}.>", api(&host.name))).chain(nodes).collect()
}

/// That of a host.
pub(crate) fn of_host(plan: &Plan, host: &Host, secrets: &Secrets) -> String {
    let Some(of_host) = secrets.hosts.get(&host.name) else { return String::new() };
    let file = |name: &str| quoted(&host.directory.join(name));
    let nodes = host.nodes.len() as u64;
    let mut text =
        head(&host.name, host.nats_port, &host.nats_store, host.keep.0.saturating_mul(nodes).saturating_add(64 << 20));
    let hub = plan.hub.dialled();
    let _ = writeln!(
        text,
        "# It dials the hub, and takes no connections from elsewhere.\nleafnodes {{\n  reconnect: 2\n  remotes: [ {{\n    url: \
         \"tls://{}:{}@{hub}\"\n    account: {ACCOUNT}\n    deny_imports: [\"peer-observer.>\"]\n    tls {{ cert_file: {}, key_file: {}, \
         ca_file: {} }}\n  }} ]\n}}\n",
        host.name,
        of_host.password,
        file("leaf.pem"),
        file("leaf.key"),
        file("ca.pem"),
    );
    let subjects: Vec<String> = host.nodes.iter().map(|node| format!("\"peer-observer.{}.>\"", node.name)).collect();
    let _ = writeln!(
        text,
        "accounts {{\n  {ACCOUNT} {{\n    jetstream: enabled\n    users: [ {{ user: {LOCAL_USER}, password: {:?}, permissions: {{\n      \
         publish: [{}, \"_INBOX.>\"]\n      subscribe: [{}, \"_INBOX.>\"]\n    }} }} ]\n  }}\n}}",
        of_host.local_password,
        subjects.join(", "),
        subjects.join(", "),
    );
    text
}

fn head(name: &str, port: u16, store: &Path, bytes: u64) -> String {
    let store = quoted(store);
    format!(
        "# Written by peer-observer fleet: changes here are lost.\nserver_name: {name:?}\nlisten: \"127.0.0.1:{port}\"\nmax_payload: \
         {MAX_PAYLOAD}\nping_interval: \"10s\"\nping_max: 2\njetstream {{ store_dir: {store}, domain: {name:?}, max_file_store: {bytes} }}\n\n"
    )
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}
