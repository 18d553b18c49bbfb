//! The options of the tool `web`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use node::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use web::{Auth, Options, Public, Server, TlsFiles};

use super::networks::Networks;
use super::{listen, overlay};
use crate::cli::WebArgs;

/// `[web]` as it is written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSection {
    /// Address and port.
    pub listen: Option<String>,
    /// Names that it answers under.
    pub hosts: Option<Vec<String>>,
    /// Token, or user and password with a colon between.
    pub auth: Option<Secret>,
    /// Certificate file.
    pub tls_cert: Option<PathBuf>,
    /// Key file.
    pub tls_key: Option<PathBuf>,
    /// Path that everything is under.
    pub prefix: Option<String>,
    /// Folder with pages.
    pub pages: Option<PathBuf>,
    /// Clients of the feed at the most.
    pub clients: Option<usize>,
    /// For strangers.
    pub public: Option<bool>,
    /// Key of the pseudonyms.
    pub public_key: Option<Secret>,
    /// Addresses of the nodes that must not be told.
    pub public_own: Option<Vec<String>>,
}

/// What `web` needs; it is not listening yet.
#[derive(Clone, Debug)]
pub struct WebConfig {
    listen: SocketAddr,
    options: Options,
}

impl WebSection {
    /// Lets options override the file.
    pub fn override_with(&mut self, args: &WebArgs) {
        let list = |told: &Vec<String>| (!told.is_empty()).then(|| told.clone());
        overlay(&mut self.listen, &args.web_listen);
        overlay(&mut self.hosts, &list(&args.web_host));
        overlay(&mut self.auth, &args.web_auth);
        overlay(&mut self.tls_cert, &args.web_tls_cert);
        overlay(&mut self.tls_key, &args.web_tls_key);
        overlay(&mut self.prefix, &args.web_prefix);
        overlay(&mut self.pages, &args.web_pages);
        overlay(&mut self.public, &args.public.then_some(true));
        overlay(&mut self.public_key, &args.public_key);
        overlay(&mut self.public_own, &list(&args.public_own));
    }

    /// What is meant.
    ///
    /// # Errors
    /// The first thing that is wrong, and what would be right.
    pub fn check(&self) -> Result<WebConfig> {
        let listen = listen::address("web", self.listen.as_deref(), web::LISTEN)?;
        let auth = self.auth.as_ref().map(|secret| Auth::new(secret.expose())).transpose().context("web.auth")?;
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.clone(), key: key.clone() }),
            (None, None) => None,
            _ => bail!("web.tls_cert and web.tls_key go together: give both or neither"),
        };
        let prefix = prefix(self.prefix.as_deref().unwrap_or_default())?;
        let clients = self.clients.unwrap_or(Options::default().max_clients);
        if !(1..=100_000).contains(&clients) {
            bail!("web.clients = {clients}: it must be from 1 to 100000");
        }
        if let Some(pages) = self.pages.as_ref().filter(|pages| !pages.join("index.html").is_file()) {
            bail!("web.pages = {:?}: there is no index.html in it", pages.display());
        }
        let public = self.public.unwrap_or_default();
        if !public && (self.public_key.is_some() || self.public_own.is_some()) {
            bail!("web.public_key and web.public_own mean nothing without web.public = true (--public)");
        }
        let public = public.then(|| Public {
            key: self.public_key.as_ref().map(|key| Sha256::digest(key.expose()).into()),
            own: self.public_own.clone().unwrap_or_default(),
        });
        let names = self.hosts.clone().unwrap_or_default();
        let options = Options {
            names,
            auth,
            tls,
            prefix,
            public,
            pages: self.pages.clone(),
            max_clients: clients,
            ..Options::default()
        };
        Ok(WebConfig { listen, options })
    }
}

/// "" or "/path", of characters that need no escape.
fn prefix(told: &str) -> Result<String> {
    let trimmed = told.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    };
    if !trimmed.split('/').all(plain) {
        bail!("web.prefix = {told:?}: write a path such as /observer, of letters, digits, '-', '_', '.' and '~'");
    }
    Ok(format!("/{trimmed}"))
}

impl Default for WebConfig {
    fn default() -> Self {
        Self { listen: web::LISTEN, options: Options::default() }
    }
}

impl WebConfig {
    /// Listens and reads the files: before anything is given up, for a confined process may not listen.
    ///
    /// # Errors
    /// It cannot listen, or a file cannot be read.
    pub fn begin(&self, networks: &Networks) -> Result<Server> {
        let listener = listen::bind("web", self.listen)?;
        let Networks { sets, asmap } = networks.clone();
        Ok(Server::new(listener, Options { sets, asmap, ..self.options.clone() })?)
    }

    /// The same on any free port if the usual one is taken.
    ///
    /// # Errors
    /// As for [`Self::begin`].
    pub fn begin_anywhere(mut self, networks: &Networks) -> Result<Server> {
        self.listen = listen::free(self.listen);
        self.begin(networks)
    }

    /// Files that must stay readable.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let Options { tls, pages, .. } = &self.options;
        tls.iter().flat_map(|tls| [&tls.certificate, &tls.key]).chain(pages)
    }
}
