//! Options of commands that make events of files public.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use event::select::Select;
use node::Secret;
use redact::Redactor;
use serde::{Deserialize, Serialize};
use share::{Key, KeyFile, Recipient};
use store::archive::Place;
use store::public::Public;

use crate::config::raw::read_section;
use crate::parts::Parts;
use crate::tools::ShareOptions;
use crate::values::secret;

/// How events are made public, and whether they are.
#[derive(Args, Clone, Debug, Default)]
pub struct PublicArgs {
    /// For sharing: without what would reveal where the nodes are, and with pseudonyms in place of addresses
    #[arg(long)]
    pub public: bool,
    /// The same as for a recipient of the tool share, NAME of [share.recipients.NAME]: with their pseudonyms, names of nodes, kinds of events and times
    #[arg(long, value_name = "NAME", conflicts_with_all = ["public_key", "public_key_file"])]
    recipient: Option<String>,
    /// Key of the pseudonyms, in place of what [web] has; without one, they are others each time
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_KEY", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    public_key: Option<Secret>,
    /// The same in a file that only its owner may read
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_KEY_FILE", value_name = "FILE", conflicts_with = "public_key")]
    public_key_file: Option<PathBuf>,
    /// Addresses of the nodes that must not be shown, besides those that [web] has and that are discovered
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_OWN", value_delimiter = ',', value_name = "ADDRESS")]
    public_own: Vec<String>,
}

/// What the section [web] has for the public.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct WebOptions {
    #[arg(long, value_parser = secret)]
    public_key: Option<Secret>,
    #[arg(long)]
    public_key_file: Option<PathBuf>,
    #[arg(long)]
    public_own: Vec<String>,
}

impl PublicArgs {
    /// Whether events are made public.
    pub fn is_asked(&self) -> bool {
        self.public || self.recipient.is_some()
    }

    /// What makes events public, and which of them are chosen; none if they are not made public.
    ///
    /// # Errors
    /// A configuration file or key cannot be read, or there is no such recipient.
    pub fn redactor(&self, parts: &Parts, config: Option<PathBuf>) -> Result<Option<(Redactor, Vec<Select>)>> {
        if let Some(name) = &self.recipient {
            let recipient: Recipient = read_section::<ShareOptions>(parts, config, "share")?.recipient(name)?;
            let mut redactor = recipient.redactor()?;
            self.public_own.iter().for_each(|own| redactor.learn(own));
            return Ok(Some((redactor, recipient.only)));
        }
        if !self.public {
            return Ok(None);
        }
        let web: WebOptions = read_section(parts, config, "web")?;
        let of_file = |path: &PathBuf| KeyFile::new(path).read();
        let key = match (&self.public_key, &self.public_key_file, &web.public_key, &web.public_key_file) {
            (Some(key), ..) => Some(Key::of(key.expose())),
            (None, Some(path), ..) => Some(of_file(path)?),
            (None, None, Some(key), _) => Some(Key::of(key.expose())),
            (None, None, None, Some(path)) => Some(of_file(path)?),
            (None, None, None, None) => None,
        };
        let mut redactor = key.map_or_else(Redactor::random, |key| Ok(Redactor::new(key.0)))?;
        web.public_own.iter().chain(&self.public_own).for_each(|own| redactor.learn(own));
        Ok(Some((redactor, Vec::new())))
    }

    /// What makes the events of these archives public, from which it has learned what must not be shown.
    ///
    /// # Errors
    /// As for [`Self::redactor`], or an archive cannot be opened.
    pub fn of_archives(&self, parts: &Parts, config: Option<PathBuf>, places: &[Place]) -> Result<Option<Public>> {
        let Some((redactor, only)) = self.redactor(parts, config)? else { return Ok(None) };
        let mut public = Public::new(redactor, only);
        public.learn(places)?;
        Ok(Some(public))
    }
}
