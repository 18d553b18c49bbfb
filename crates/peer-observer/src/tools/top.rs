//! The tool `top`: nodes, peers, messages and events on a terminal.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use networks::Files;
use serde::{Deserialize, Serialize};
use top::{Options, State};

use crate::logging::{self, Color};
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Scene, Service, Starts, Stdout, Tool, ToolEntry};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "top",
    about: "Show nodes, peers, messages and events on a terminal: live, from NATS, or from standard input",
    summary: "Shows nodes, peers, messages and events on a terminal",
    starts: Starts::Never,
    demo: false,
    options: Part::of::<TopOptions>("top"),
};

/// Section `[top]`. It has no options yet.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct TopOptions {}

impl Check<Box<dyn Tool>> for TopOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        Ok(Box::new(Top { color: context.color, files: context.networks.clone() }))
    }
}

struct Top {
    color: Color,
    files: Files,
}

impl Tool for Top {
    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.paths().cloned().collect()
    }

    fn stays(&self) -> bool {
        true
    }

    fn stdout(&self) -> Stdout {
        Stdout::Owned
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let Scene { nodes, advice, is_recorded, .. } = place.scene;
        if !std::io::stdout().is_terminal() || std::env::var_os("TERM").is_none_or(|term| term == "dumb") {
            bail!(
                "top draws on a terminal, and standard output is none that it can draw on: run it in a terminal (by ssh: \
                 ssh -t HOST peer-observer top), or print events as lines with peer-observer watch"
            );
        }
        let color = self.color.decide(true);
        let advice = advice.iter().map(|(node, check)| (node.clone(), check.lines())).collect();
        let options = Options { nodes, files: self.files, advice, recorded: is_recorded };
        let state = State::new(options).map_err(|cause| anyhow!(cause))?;
        Ok(Service::new(move |events, _, shutdown| async move {
            let _held = logging::hold();
            Ok(top::run(events, state, color, Arc::new(logging::last_held), shutdown).await?)
        }))
    }
}
