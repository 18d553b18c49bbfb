//! What the hub has to know of its fleet, to make streams and to check what arrives: the file fleet.json.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::FleetError;
use crate::plan::Plan;
use crate::secrets::Secrets;

/// Hosts and nodes, and the way to the hub's nats-server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Roll {
    /// The hub's nats-server.
    pub nats: String,
    /// The password of the hub's tools there.
    pub password: String,
    /// The password of its system account.
    pub system_password: String,
    /// Bytes of the stream of all events.
    pub keep: u64,
    /// Hosts.
    pub hosts: Vec<Member>,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Bytes that it keeps of each node.
    pub keep: u64,
    /// Its nodes, and the extractors of which events are to arrive.
    pub nodes: Vec<(String, Vec<String>)>,
}

impl Roll {
    pub(crate) fn of(plan: &Plan, secrets: &Secrets) -> Self {
        let nodes =
            |host: &crate::Host| host.nodes.iter().map(|node| (node.name.clone(), node.extract.clone())).collect();
        let member = |host: &crate::Host| Member { name: host.name.clone(), keep: host.keep.0, nodes: nodes(host) };
        Self {
            nats: format!("nats://127.0.0.1:{}", plan.hub.nats_port),
            password: secrets.hub_password.clone(),
            system_password: secrets.system_password.clone(),
            keep: plan.hub.keep.0,
            hosts: plan.hosts.iter().map(member).collect(),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads fleet.json.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, FleetError> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|reason| FleetError::File { what: "read", path: path.to_owned(), reason })?;
        let wrong = |error: serde_json::Error| FleetError::Plan {
            path: path.to_owned(),
            reason: format!("{error}; it is the file fleet.json that peer-observer fleet write makes for the hub"),
        };
        serde_json::from_str(&text).map_err(wrong)
    }

    /// The host of a node.
    pub(crate) fn host_of(&self, node: &str) -> Option<&Member> {
        self.hosts.iter().find(|host| host.nodes.iter().any(|(name, _)| name == node))
    }
}
