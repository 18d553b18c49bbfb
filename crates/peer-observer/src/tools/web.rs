//! The tool `web`: pages that show the nodes and their network.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ArgAction;
use node::Secret;
use sha2::{Digest, Sha256};
use web::{Options, Playlist, Public, Server, has_view};

use super::access::{check_clients, prefix, serving_options};
use crate::doctor::{Check as Finding, Remedy};
use crate::options::{Check, Context, Part};
use crate::tool::{History, Place, Queue, Scene, Service, Starts, Tool, ToolEntry};
use crate::values::{Interval, Span, secret, secret_of};

/// Pages of a playlist at most.
const MAX_PLAYLIST: usize = 50;
/// The memory of the pages goes back so far.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub const ENTRY: ToolEntry = ToolEntry {
    name: "web",
    about: "Show the node and its network in a browser: from NATS, or live",
    summary: "Serves pages",
    starts: Starts::WithSection,
    demo: true,
    options: Part::of::<WebOptions>("web"),
};

serving_options! {
    "web", "PEER_OBSERVER_WEB";
    /// Section `[web]`, and its flags.
    #[command(next_help_heading = "Web")]
    struct WebOptions;

    /// Where pages are served
    listen = web::LISTEN;

    /// Names under which the pages are reached, besides addresses and localhost
    hosts;

    /// What people log in with: TOKEN or USER:PASSWORD (better in the environment or in the configuration file)
    #[arg(visible_alias = "auth")]
    auth;

    /// Path that the pages are under, where a proxy leaves it there: /observer
    #[arg(id = "web_prefix", long = "web-prefix", env = "PEER_OBSERVER_WEB_PREFIX", value_name = "PATH")]
    prefix: String = String::new();

    /// Folder with pages, in place of those in the program
    #[arg(id = "web_pages", long = "web-pages", env = "PEER_OBSERVER_WEB_PAGES", value_name = "DIR")]
    pages: Option<PathBuf> = None;

    /// Clients of live events at most, from 1 to 100000
    #[arg(id = "web_clients", long = "web-clients", env = "PEER_OBSERVER_WEB_CLIENTS", value_name = "NUMBER")]
    clients: usize = Options::default().max_clients;

    /// Archives that the memory is filled from at the start: a folder, a file, or s3://BUCKET/PREFIX [default: those that [archive] writes]
    #[arg(id = "web_history", long = "web-history", env = "PEER_OBSERVER_WEB_HISTORY", value_name = "DIR")]
    history: Option<PathBuf> = None;

    /// How much of them: up to the last day, or off
    #[arg(
        id = "web_history_time",
        long = "web-history-time",
        env = "PEER_OBSERVER_WEB_HISTORY_TIME",
        value_name = "DURATION"
    )]
    history_time: Interval = Interval(Some(DAY));

    /// Where those who see the pages reach the API of the tool chain, for downloads of stale blocks: https://HOST
    #[arg(id = "web_chain_url", long = "web-chain-url", env = "PEER_OBSERVER_WEB_CHAIN_URL", value_name = "URL")]
    chain_url: Option<String> = None;

    /// Kept logs in which the page Log searches: a folder [default: where [logs] of this process keeps them]
    #[arg(id = "web_logs", long = "web-logs", env = "PEER_OBSERVER_WEB_LOGS", value_name = "DIR")]
    logs: Option<PathBuf> = None;

    /// Pages that a display on a wall shows one after the other (?wall in their address): overview, chain, peers?node=alice, ...
    #[arg(id = "web_playlist", long = "web-playlist", env = "PEER_OBSERVER_WEB_PLAYLIST", value_delimiter = ',', value_name = "LIST")]
    playlist: Vec<String> = Vec::new();

    /// How long each of them is shown
    #[arg(
        id = "web_playlist_every",
        long = "web-playlist-every",
        env = "PEER_OBSERVER_WEB_PLAYLIST_EVERY",
        value_name = "DURATION"
    )]
    playlist_every: Span = Span(Playlist::default().each);

    /// Show the pages to the public: without what would reveal where the nodes are
    #[arg(
        long,
        env = "PEER_OBSERVER_PUBLIC",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    public: bool = false;

    /// Key of the pseudonyms that the public sees in place of addresses; without it, they change with each start (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_KEY", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    public_key: Option<Secret> = None;

    /// The same secret in a file; a name without a slash is that of a credential of systemd
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_KEY_FILE", value_name = "FILE")]
    public_key_file: Option<PathBuf> = None;

    /// Addresses of the nodes that the public must not see, besides those that are discovered
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_OWN", value_delimiter = ',', value_name = "ADDRESS")]
    public_own: Vec<String> = Vec::new();
}

impl Check<Box<dyn Tool>> for WebOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        let max_clients = self.clients;
        check_clients("web", max_clients)?;
        if let Some(pages) = self.pages.as_ref().filter(|pages| !pages.join("index.html").is_file()) {
            bail!("web.pages = {:?}: there is no index.html in it", pages.display());
        }
        let public_key = secret_of("web.public_key", self.public_key.as_ref(), self.public_key_file.as_ref())?;
        if !self.public && (public_key.is_some() || !self.public_own.is_empty()) {
            bail!("web.public_key and web.public_own mean nothing without web.public = true (--public)");
        }
        if self.history_time.0.is_none() && self.history.is_some() {
            bail!("web.history means nothing with web.history_time = \"off\"");
        }
        let public = self.public.then(|| Public {
            key: public_key.as_ref().map(|key| Sha256::digest(key.expose()).into()),
            own: self.public_own.clone(),
        });
        let longest = self.history_time.0.map(|longest| longest.min(DAY));
        Ok(Box::new(Web {
            listen: self.listen.0,
            history: longest.map(|longest| History { from: self.history.clone(), longest }),
            options: Options {
                access: self.access()?,
                prefix: prefix(ENTRY.name, &self.prefix)?,
                public,
                pages: self.pages.clone(),
                max_clients,
                sets: context.networks.sets.clone(),
                asmap: context.networks.asmap.clone(),
                chain_url: self.chain_url.as_deref().map(chain_url).transpose()?,
                logs: self.logs.clone(),
                playlist: self.playlist()?,
                ..Options::default()
            },
        }))
    }
}

impl WebOptions {
    /// What a display on a wall shows.
    fn playlist(&self) -> Result<Playlist> {
        let each = self.playlist_every.0;
        if !(Duration::from_secs(5)..=DAY).contains(&each) {
            bail!("web.playlist_every is {}: it must be from 5s to 1day", self.playlist_every);
        }
        if self.playlist.len() > MAX_PLAYLIST {
            bail!("web.playlist has {} pages: {MAX_PLAYLIST} are allowed", self.playlist.len());
        }
        for page in &self.playlist {
            let name = page.split_once('?').map_or(page.as_str(), |(name, _)| name);
            let is_plain = page.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\#".contains(&byte));
            if !is_plain || page.len() > 200 || !name.bytes().all(|byte| byte.is_ascii_lowercase()) || !has_view(name) {
                bail!(
                    "web.playlist has {page:?}: write the name of a page as its address has it after #/, such as overview, chain \
                     or peers?node=alice"
                );
            }
        }
        Ok(Playlist { pages: self.playlist.clone(), each })
    }
}

/// An address of a server, without a slash at the end.
fn chain_url(given: &str) -> Result<String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\?#@".contains(&byte);
    let host = given.strip_prefix("https://").or_else(|| given.strip_prefix("http://"));
    if !host.is_some_and(|host| !host.starts_with('/') && !host.is_empty() && host.bytes().all(is_plain)) {
        bail!("web.chain_url = {given:?}: write the address of the tool chain's API, such as https://chain.example");
    }
    Ok(given.trim_end_matches('/').to_owned())
}

/// Why tracepoints report nothing of a node, and the steps that would change it.
fn steps(finding: Finding) -> web::Advice {
    let step = |remedy: Remedy| web::Step { text: remedy.advice, lines: remedy.lines };
    web::Advice { what: finding.what, steps: finding.remedies.into_iter().map(step).collect() }
}

struct Web {
    listen: SocketAddr,
    history: Option<History>,
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

    fn shows_alerts(&self) -> bool {
        true
    }

    fn history(&self) -> Option<History> {
        self.history.clone()
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let listener = place.listener.context("web has no listener")?;
        let Scene { nodes, advice, playback, alerts, logs, .. } = place.scene;
        let logs = self.options.logs.clone().or(logs);
        // The public decides nothing, and reads nothing of who did.
        let alerts = alerts.filter(|_| self.options.public.is_none());
        let advice = advice.into_iter().map(|(node, check)| (node, steps(check))).collect();
        let server = Server::new(listener, Options { nodes, advice, playback, alerts, logs, ..self.options })?;
        let url = server.url();
        Ok(Service::new(move |events, bus, _| async move { Ok(server.run(events, bus).await?) }).serving("pages", url))
    }
}
