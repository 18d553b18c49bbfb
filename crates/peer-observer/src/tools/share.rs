//! The tool `share`: events for others, without what would reveal where the nodes are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bus::nats;
use clap::Args;
use event::quote::Quoted;
use event::similar::instead;
use redact::Names;
use serde::{Deserialize, Serialize};
use share::{KeyFile, Sharing};
use tracing::warn;

use super::state::{folder_of, state_directory};
use crate::config::nats::{NatsOptions, Subjects, files};
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Service, Starts, Tool, ToolEntry};
use crate::values::{Interval, Selected};

/// The command, and its section of the configuration.
pub const NAME: &str = "share";

pub const ENTRY: ToolEntry = ToolEntry {
    name: NAME,
    about: "Share events with others, without what would reveal where the nodes are: live, or from NATS",
    summary: "Sends redacted events to others' NATS servers",
    starts: Starts::WithSection,
    demo: false,
    options: Part::of::<ShareOptions>(NAME),
};

/// What others get where nothing else is chosen: nothing of this can be marked by who connects to a node (docs/public.md).
const ONLY: [&str; 7] =
    ["status", "chain", "block_connected", "update_tip", "block_tip", "blockchain_info", "mempool_info"];

/// The longest unit of time that times are rounded to.
const LONGEST: Duration = Duration::from_secs(60);

/// Section `[share]`, and its flags. Each recipient has a section of its own: `[share.recipients.NAME]`.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "Share")]
#[serde(default, deny_unknown_fields)]
pub struct ShareOptions {
    /// Where the keys of the recipients are, and are made if they are not there [default: share in $STATE_DIRECTORY, or in ~/.local/state/peer-observer]
    #[arg(id = "share_directory", long = "share-directory", env = "PEER_OBSERVER_SHARE_DIRECTORY", value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Who gets events, by name.
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    recipients: BTreeMap<String, RecipientOptions>,
}

/// Section `[share.recipients.NAME]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct RecipientOptions {
    /// What all nodes' names begin with.
    operator: String,
    /// The names of nodes, by the names that they have here.
    nodes: BTreeMap<String, String>,
    /// Which events.
    only: Vec<Selected>,
    /// Times are multiples of this.
    times: Interval,
    /// Events are sent so much later.
    delay: Interval,
    /// The share of peers whose events are sent.
    sample: f64,
    /// Addresses and names that must not be shown.
    own: Vec<String>,
    /// The key of the pseudonyms.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<PathBuf>,
    /// Their server, as in `[bus]`.
    bus: NatsOptions,
}

impl Default for RecipientOptions {
    fn default() -> Self {
        Self {
            operator: String::new(),
            nodes: BTreeMap::new(),
            only: ONLY.iter().filter_map(|name| name.parse().ok()).collect(),
            times: Interval(Some(Duration::from_secs(60))),
            delay: Interval(None),
            sample: 1.0,
            own: Vec::new(),
            key_file: None,
            bus: NatsOptions::default(),
        }
    }
}

impl ShareOptions {
    /// A recipient, without their server.
    ///
    /// # Errors
    /// There is none of this name, or something in its section cannot be.
    pub fn recipient(&self, name: &str) -> Result<share::Recipient> {
        let Some(options) = self.recipients.get(name) else {
            let advice = if self.recipients.is_empty() {
                "the configuration has no section [share.recipients.NAME]".to_owned()
            } else {
                instead(name, self.recipients.keys().map(String::as_str))
            };
            bail!("there is no recipient {name:?}; {advice}");
        };
        let recipient = self.checked(name, options);
        recipient.with_context(|| format!("[share.recipients.{name}]"))
    }

    fn checked(&self, name: &str, options: &RecipientOptions) -> Result<share::Recipient> {
        ensure!(is_name(name), "recipients have names of letters, digits, - and _");
        let RecipientOptions { operator, nodes, only, times, delay, sample, own, key_file, bus: _ } = options;
        ensure!(is_name(operator), "operator = {operator:?}: choose a name of letters, digits, - and _");
        ensure!(
            !nodes.is_empty(),
            "nodes is empty: write the name here and the name there of each node that is to be shared, as in nodes = {{ alice = \"n1\" }}"
        );
        let mut public = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for (internal, node) in nodes {
            ensure!(is_name(node), "nodes: {internal} = {node:?}: choose a name of letters, digits, - and _");
            ensure!(taken.insert(node), "nodes: two have the name {node:?}");
            public.insert(internal.clone(), format!("{operator}.{node}"));
        }
        ensure!(
            times.0.is_none_or(|times| times <= LONGEST),
            "times = {times}: at most 1min, since a node of which nothing comes for longer looks as if it were gone; delay may be longer"
        );
        ensure!(!only.is_empty(), "only is empty: name what is to be shared, or leave it out");
        ensure!((0.0..=1.0).contains(sample), "sample = {sample}: it is a share from 0 to 1");
        let key = match key_file {
            Some(path) => path.clone(),
            None => self.directory()?.join(format!("{name}.key")),
        };
        Ok(share::Recipient {
            name: name.to_owned(),
            key: KeyFile::new(key),
            names: Names::Given(public),
            only: only.iter().map(|Selected(select)| *select).collect(),
            own: own.clone(),
            times: times.0.unwrap_or_default(),
            delay: delay.0.unwrap_or_default(),
            sample: *sample,
        })
    }

    fn directory(&self) -> Result<PathBuf> {
        let directory = self.directory.clone().or_else(|| Some(state_directory()?.join(NAME)));
        directory.context("there is no place for keys: choose one with --share-directory, or set key_file")
    }

    fn server(name: &str, options: &NatsOptions) -> Result<nats::Options> {
        let context = || format!("[share.recipients.{name}.bus]");
        let server = options.check().with_context(context)?;
        let server = server.ok_or_else(|| anyhow!("nats is not set: write the address of their NATS server"));
        let server = server.with_context(context)?;
        ensure!(
            options.subjects == Subjects::PerNode && options.stream.is_none(),
            "[share.recipients.{name}.bus]: subjects and stream mean nothing here"
        );
        Ok(server)
    }
}

/// Whether a name can be a part of a subject and of a file's name.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}

impl Check<Box<dyn Tool>> for ShareOptions {
    fn check(&self, _: &Context) -> Result<Box<dyn Tool>> {
        let recipients = self
            .recipients
            .iter()
            .map(|(name, options)| -> Result<_> { Ok((self.recipient(name)?, Self::server(name, &options.bus)?)) });
        let recipients: Vec<(share::Recipient, nats::Options)> = recipients.collect::<Result<_>>()?;
        let mut keys = BTreeSet::new();
        for (recipient, _) in &recipients {
            let path = recipient.key.path();
            ensure!(
                keys.insert(path),
                "two recipients have the key {}: they could compare their pseudonyms; give each its own",
                path.display()
            );
        }
        Ok(Box::new(Share(recipients)))
    }
}

struct Share(Vec<(share::Recipient, nats::Options)>);

impl Tool for Share {
    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn acts(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<PathBuf> {
        let keys = self.0.iter().map(|(recipient, _)| recipient.key.path().to_owned());
        keys.chain(self.0.iter().flat_map(|(_, server)| files(server))).collect()
    }

    /// A key that replaces another one is a new file.
    fn folders(&self) -> Vec<PathBuf> {
        self.0.iter().filter_map(|(recipient, _)| folder_of(recipient.key.path())).collect()
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let scene = place.scene;
        ensure!(
            !self.0.is_empty(),
            "share has nobody to share with: write a section [share.recipients.NAME] (docs/sharing.md)"
        );
        ensure!(
            !scene.is_recorded && scene.playback.is_none(),
            "share sends what happens now; of archives, `peer-observer archive filter --recipient NAME` makes files to share"
        );
        ensure!(
            scene.filter.is_empty(),
            "share must get all events, since it learns from them what to hide: leave out --kind and the like, and set `only` in \
             [share.recipients.NAME]"
        );
        for (recipient, _) in &self.0 {
            let Names::Given(names) = &recipient.names else { continue };
            let unknown = |name: &&String| !scene.nodes.is_empty() && !scene.nodes.contains(name);
            for name in names.keys().filter(unknown) {
                let to = &recipient.name;
                warn!("share: {to} is to get events of {}, which is no node's name as far as is known", Quoted(name));
            }
        }
        let sharing = Sharing::new(self.0)?;
        Ok(Service::new(|events, bus, _| async move { Ok(sharing.run(events, bus).await?) }))
    }
}
