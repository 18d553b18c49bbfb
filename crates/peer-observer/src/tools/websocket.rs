//! The tool `websocket`: events for the pages of the original peer-observer, and for other programs that read its websocket.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use websocket::{Options, Server};

use super::access::{check_clients, prefix, serving_options};
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Scene, Service, Starts, Tool, ToolEntry};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "websocket",
    about: "Serve events in the form of the original's websocket, for programs that read that: from NATS, or live",
    summary: "Serves events in the form of the original's websocket",
    starts: Starts::WithSection,
    demo: false,
    options: Part::of::<WebsocketOptions>("websocket"),
};

serving_options! {
    "websocket", "PEER_OBSERVER_WEBSOCKET";
    /// Section `[websocket]`, and its flags.
    #[command(next_help_heading = "Websocket of the original's form")]
    struct WebsocketOptions;

    /// Where events are served: those of the only node at /, those of each of several at /NAME/
    listen = websocket::LISTEN;

    /// Names under which it is reached, and hosts whose pages may read events, besides addresses and localhost; * for all
    hosts;

    /// What clients log in with: TOKEN or USER:PASSWORD (better in the environment or in the configuration file)
    auth;

    /// Path that the endpoints are under, where a proxy leaves it there: /websocket
    #[arg(
        id = "websocket_prefix",
        long = "websocket-prefix",
        env = "PEER_OBSERVER_WEBSOCKET_PREFIX",
        value_name = "PATH"
    )]
    prefix: String = String::new();

    /// Clients at most, from 1 to 100000
    #[arg(
        id = "websocket_clients",
        long = "websocket-clients",
        env = "PEER_OBSERVER_WEBSOCKET_CLIENTS",
        value_name = "NUMBER"
    )]
    clients: usize = Options::default().max_clients;
}

impl Check<Box<dyn Tool>> for WebsocketOptions {
    fn check(&self, _: &Context) -> Result<Box<dyn Tool>> {
        check_clients(ENTRY.name, self.clients)?;
        Ok(Box::new(Websocket {
            listen: self.listen.0,
            options: Options {
                access: self.access()?,
                prefix: prefix(ENTRY.name, &self.prefix)?,
                max_clients: self.clients,
                nodes: Vec::new(),
            },
        }))
    }
}

struct Websocket {
    listen: SocketAddr,
    options: Options,
}

impl Tool for Websocket {
    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn files(&self) -> Vec<PathBuf> {
        self.options.access.files()
    }

    fn listens(&self) -> Option<SocketAddr> {
        Some(self.listen)
    }

    /// It shows what comes, as it comes.
    fn concludes(&self) -> bool {
        false
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let listener = place.listener.context("websocket has no listener")?;
        let Scene { nodes, .. } = place.scene;
        let server = Server::new(listener, Options { nodes, ..self.options })?;
        let url = server.url();
        Ok(Service::new(move |events, _, _| async move { Ok(server.run(events).await?) }).serving("websocket", url))
    }
}
