//! peer-observer.toml as it is written: nothing checked but that there are no unknown keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use node::{Secret, Target};
use serde::{Deserialize, Deserializer, Serialize};

use super::ebpf::EbpfSection;
use super::metrics::MetricsSection;
use super::networks::NetworksSection;
use super::web::WebSection;
use crate::cli::{Extractor, SubjectKind, Tool};

/// The whole file. What is absent is found out, or has its default.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileConfig {
    /// Extractors that run for each node.
    pub extract: Option<Vec<Extractor>>,
    /// Tools that run in the process.
    pub tools: Option<Vec<Tool>>,
    pub bus: BusSection,
    pub rpc: RpcSection,
    pub log: LogSection,
    pub ebpf: EbpfSection,
    pub metrics: Option<MetricsSection>,
    pub web: Option<WebSection>,
    pub networks: NetworksSection,
    /// The nodes; without any, those on this machine.
    pub node: Vec<NodeSection>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusSection {
    pub nats: Option<String>,
    pub nats_user: Option<String>,
    pub nats_password: Option<Secret>,
    pub nats_token: Option<Secret>,
    pub nats_credentials: Option<PathBuf>,
    pub nats_tls_ca: Option<PathBuf>,
    pub nats_tls_cert: Option<PathBuf>,
    pub nats_tls_key: Option<PathBuf>,
    pub subjects: Option<SubjectKind>,
    /// What is kept while the server is away: "64MiB".
    pub buffer: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RpcSection {
    /// Longest time for one call: "30s".
    pub timeout: Option<String>,
    /// By method: how often it is called ("10s", "5min"), or "off".
    pub interval: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// Read debug.log from its start, not only what is added to it.
    pub from_start: Option<bool>,
}

/// One node: all that [`Target`] has, and the extractors that run for it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NodeSection {
    #[serde(flatten)]
    pub target: Target,
    pub extract: Option<Vec<Extractor>>,
}

impl<'de> Deserialize<'de> for NodeSection {
    /// serde does not tell unknown keys in flattened structures; so the one key of ours is taken out first.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut table = toml::Table::deserialize(deserializer)?;
        let extract = table.remove("extract").map(toml::Value::try_into).transpose().map_err(D::Error::custom)?;
        let target = table.try_into().map_err(D::Error::custom)?;
        Ok(Self { target, extract })
    }
}
