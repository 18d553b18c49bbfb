//! The tool `web`: pages that show the nodes and their network.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{ArgAction, Args};
use node::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use web::{Options, Public, Server};

use super::access::AccessOptions;
use crate::doctor::{Check as Finding, Remedy};
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Scene, Service, Starts, Tool, ToolEntry};
use crate::values::{ListenAddress, secret};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "web",
    about: "Show the node and its network in a browser: from NATS, or live",
    summary: "Serves pages",
    starts: Starts::WithSection,
    demo: true,
    options: Part::of::<WebOptions>("web"),
};

/// Section `[web]`, and its flags.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "Web")]
#[serde(default, deny_unknown_fields)]
struct WebOptions {
    /// Where pages are served
    #[arg(id = "web_listen", long = "web-listen", env = "PEER_OBSERVER_WEB_LISTEN", value_name = "ADDRESS:PORT")]
    listen: ListenAddress,
    /// Names under which the pages are reached, besides addresses and localhost
    #[arg(
        id = "web_hosts",
        long = "web-host",
        env = "PEER_OBSERVER_WEB_HOST",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    hosts: Vec<String>,
    /// What people log in with: TOKEN or USER:PASSWORD (better in the environment or in the configuration file)
    #[arg(id = "web_auth", long = "web-auth", visible_alias = "auth", env = "PEER_OBSERVER_WEB_AUTH", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    auth: Option<Secret>,
    /// Certificate (PEM), with those that lead to its authority
    #[arg(id = "web_tls_cert", long = "web-tls-cert", env = "PEER_OBSERVER_WEB_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(id = "web_tls_key", long = "web-tls-key", env = "PEER_OBSERVER_WEB_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Path that the pages are under, where a proxy leaves it there: /observer
    #[arg(id = "web_prefix", long = "web-prefix", env = "PEER_OBSERVER_WEB_PREFIX", value_name = "PATH")]
    prefix: String,
    /// Folder with pages, in place of those in the program
    #[arg(id = "web_pages", long = "web-pages", env = "PEER_OBSERVER_WEB_PAGES", value_name = "DIR")]
    pages: Option<PathBuf>,
    /// Clients of live events at most, from 1 to 100000
    #[arg(id = "web_clients", long = "web-clients", env = "PEER_OBSERVER_WEB_CLIENTS", value_name = "NUMBER")]
    clients: usize,
    /// Show the pages to the public: without what would reveal where the nodes are
    #[arg(
        long,
        env = "PEER_OBSERVER_PUBLIC",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    public: bool,
    /// Key of the pseudonyms that the public sees in place of addresses; without it, they change with each start (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_KEY", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    public_key: Option<Secret>,
    /// Addresses of the nodes that the public must not see, besides those that are discovered
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_OWN", value_delimiter = ',', value_name = "ADDRESS")]
    public_own: Vec<String>,
}

impl Default for WebOptions {
    fn default() -> Self {
        Self {
            listen: ListenAddress(web::LISTEN),
            hosts: Vec::new(),
            auth: None,
            tls_cert: None,
            tls_key: None,
            prefix: String::new(),
            pages: None,
            clients: Options::default().max_clients,
            public: false,
            public_key: None,
            public_own: Vec::new(),
        }
    }
}

impl Check<Box<dyn Tool>> for WebOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        let access = AccessOptions {
            hosts: &self.hosts,
            auth: self.auth.as_ref(),
            tls_cert: self.tls_cert.as_ref(),
            tls_key: self.tls_key.as_ref(),
        };
        let max_clients = self.clients;
        if !(1..=100_000).contains(&max_clients) {
            bail!("web.clients = {max_clients}: it must be from 1 to 100000");
        }
        if let Some(pages) = self.pages.as_ref().filter(|pages| !pages.join("index.html").is_file()) {
            bail!("web.pages = {:?}: there is no index.html in it", pages.display());
        }
        if !self.public && (self.public_key.is_some() || !self.public_own.is_empty()) {
            bail!("web.public_key and web.public_own mean nothing without web.public = true (--public)");
        }
        let public = self.public.then(|| Public {
            key: self.public_key.as_ref().map(|key| Sha256::digest(key.expose()).into()),
            own: self.public_own.clone(),
        });
        Ok(Box::new(Web {
            listen: self.listen.0,
            options: Options {
                access: access.check(ENTRY.name)?,
                prefix: prefix(&self.prefix)?,
                public,
                pages: self.pages.clone(),
                max_clients,
                sets: context.networks.sets.clone(),
                asmap: context.networks.asmap.clone(),
                ..Options::default()
            },
        }))
    }
}

/// "" or "/path", of characters that need no escape.
fn prefix(given: &str) -> Result<String> {
    let trimmed = given.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    let plain = |segment: &str| {
        !segment.is_empty()
            && segment != "."
            && segment != ".."
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    };
    if !trimmed.split('/').all(plain) {
        bail!("web.prefix = {given:?}: write a path such as /observer, of letters, digits, '-', '_', '.' and '~'");
    }
    Ok(format!("/{trimmed}"))
}

/// Why tracepoints report nothing of a node, and the steps that would change it.
fn steps(finding: Finding) -> web::Advice {
    let step = |remedy: Remedy| web::Step { text: remedy.advice, lines: remedy.lines };
    web::Advice { what: finding.what, steps: finding.remedies.into_iter().map(step).collect() }
}

struct Web {
    listen: SocketAddr,
    options: Options,
}

impl Tool for Web {
    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn files(&self) -> Vec<PathBuf> {
        let Options { access, pages, sets, asmap, .. } = &self.options;
        let others = pages.iter().chain(sets.iter().map(|set| &set.path)).chain(asmap);
        others.cloned().chain(access.files()).collect()
    }

    fn listens(&self) -> Option<SocketAddr> {
        Some(self.listen)
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let listener = place.listener.context("web has no listener")?;
        let Scene { nodes, advice, .. } = place.scene;
        let advice = advice.into_iter().map(|(node, check)| (node, steps(check))).collect();
        let server = Server::new(listener, Options { nodes, advice, ..self.options })?;
        let url = server.url();
        Ok(Service::new(move |events, bus, _| async move { Ok(server.run(events, bus).await?) }).serving("pages", url))
    }
}
