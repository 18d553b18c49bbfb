//! Every file of every host.

use std::path::PathBuf;

use crate::nats;
use crate::observer;
use crate::place::SECRETS;
use crate::plan::Plan;
use crate::roll::Roll;
use crate::secrets::Secrets;

/// The folder of the hub, beside those of the hosts.
const HUB: &str = "hub";

/// What `peer-observer doctor` would say of nodes.
#[derive(Clone, Debug, Default)]
pub struct Advice {
    /// RPCs that the extractor rpc calls.
    pub rpcs: Vec<String>,
    /// Lines of bitcoin.conf about debug.log.
    pub log: Vec<String>,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Below the folder of the fleet.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// The files of a plan, the secrets among them.
pub fn files(plan: &Plan, secrets: &Secrets, advice: &Advice) -> Vec<File> {
    let file = |folder: &str, name: &str, text: String| File { path: PathBuf::from(folder).join(name), text };
    let mut files = vec![
        File { path: SECRETS.into(), text: secrets.to_json() },
        file(HUB, "nats-server.conf", nats::of_hub(plan, secrets)),
        file(HUB, "ca.pem", secrets.ca.certificate.clone()),
        file(HUB, "hub.pem", secrets.hub.certificate.clone()),
        file(HUB, "hub.key", secrets.hub.key.clone()),
        file(HUB, "peer-observer.toml", observer::of_hub(plan, secrets)),
        file(HUB, "prometheus-targets.json", observer::targets(plan)),
        file(HUB, "fleet.json", Roll::of(plan, secrets).to_json()),
    ];
    for host in &plan.hosts {
        let Some(of_host) = secrets.hosts.get(&host.name) else { continue };
        files.extend([
            file(&host.name, "nats-server.conf", nats::of_host(plan, host, secrets)),
            file(&host.name, "ca.pem", secrets.ca.certificate.clone()),
            file(&host.name, "leaf.pem", of_host.identity.certificate.clone()),
            file(&host.name, "leaf.key", of_host.identity.key.clone()),
            file(&host.name, "peer-observer.toml", observer::of_host(host, secrets)),
        ]);
        files.extend(host.nodes.iter().map(|node| {
            let text = observer::bitcoin_conf(host, node, secrets, advice);
            file(&host.name, &format!("bitcoin-{}.conf", node.name), text)
        }));
    }
    files
}
