//! The tool `web`: pages that show the nodes and their network.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use node::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use web::{Auth, Options, Public, Server, TlsFiles};

use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Service, Starts, Tool, ToolEntry};
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
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "Web")]
#[serde(default, deny_unknown_fields)]
struct WebOptions {
    /// Where pages are served [default: 127.0.0.1:8080]
    #[arg(id = "web_listen", long = "web-listen", env = "PEER_OBSERVER_WEB_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<ListenAddress>,
    /// Names under which the pages are reached, besides addresses and localhost
    #[arg(
        id = "web_hosts",
        long = "web-host",
        env = "PEER_OBSERVER_WEB_HOST",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    hosts: Option<Vec<String>>,
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
    prefix: Option<String>,
    /// Folder with pages, in place of those in the program
    #[arg(id = "web_pages", long = "web-pages", env = "PEER_OBSERVER_WEB_PAGES", value_name = "DIR")]
    pages: Option<PathBuf>,
    /// Clients of live events at most [default: 1000]
    #[arg(skip)]
    clients: Option<usize>,
    /// Show the pages to the public: without what would reveal where the nodes are
    #[arg(long, env = "PEER_OBSERVER_PUBLIC", num_args = 0, default_missing_value = "true")]
    public: Option<bool>,
    /// Key of the pseudonyms that the public sees in place of addresses; without it, they change with each start (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_KEY", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    public_key: Option<Secret>,
    /// Addresses of the nodes that the public must not see, besides those that are discovered
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_OWN", value_delimiter = ',', value_name = "ADDRESS")]
    public_own: Option<Vec<String>>,
}

impl Check<Box<dyn Tool>> for WebOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        let auth = self.auth.as_ref().map(|secret| Auth::new(secret.expose())).transpose().context("web.auth")?;
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.clone(), key: key.clone() }),
            (None, None) => None,
            _ => bail!("web.tls_cert and web.tls_key go together: give both or neither"),
        };
        let max_clients = self.clients.unwrap_or(Options::default().max_clients);
        if !(1..=100_000).contains(&max_clients) {
            bail!("web.clients = {max_clients}: it must be from 1 to 100000");
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
        Ok(Box::new(Web {
            listen: self.listen.map_or(web::LISTEN, |listen| listen.0),
            options: Options {
                names: self.hosts.clone().unwrap_or_default(),
                auth,
                tls,
                prefix: prefix(self.prefix.as_deref().unwrap_or_default())?,
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

struct Web {
    listen: SocketAddr,
    options: Options,
}

impl Tool for Web {
    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn files(&self) -> Vec<PathBuf> {
        let Options { tls, pages, sets, asmap, .. } = &self.options;
        let tls = tls.iter().flat_map(|tls| [&tls.certificate, &tls.key]);
        tls.chain(pages).chain(sets.iter().map(|set| &set.path)).chain(asmap).cloned().collect()
    }

    fn listens(&self) -> Option<SocketAddr> {
        Some(self.listen)
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let listener = place.listener.context("web has no listener")?;
        let server = Server::new(listener, Options { nodes: place.nodes, ..self.options })?;
        let serves = format!("the nodes and their network, live: {}", server.url());
        Ok(Service::new(move |events, bus, _| async move { Ok(server.run(events, bus).await?) }).serving(serves))
    }
}
