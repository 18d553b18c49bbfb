//! The tool `watch`: prints events.

use std::io::IsTerminal;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::logging::Color;
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Service, Starts, Stdout, Tool, ToolEntry};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "watch",
    about: "Print events: live, from NATS, or from standard input",
    summary: "Prints events",
    starts: Starts::WithoutNats,
    demo: false,
    options: Part::of::<WatchOptions>("watch"),
};

/// Section `[watch]`, and its flags.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WatchOptions {
    /// Form of printed events
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: OutputFormat,
}

/// The form of printed events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
    /// Protobuf, each event after its length
    Protobuf,
}

impl Check<Box<dyn Tool>> for WatchOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        Ok(printer(self.output, context.color))
    }
}

/// The tool with these options.
pub fn printer(format: OutputFormat, color: Color) -> Box<dyn Tool> {
    Box::new(Watch { format, color })
}

struct Watch {
    format: OutputFormat,
    color: Color,
}

impl Tool for Watch {
    fn queue(&self) -> Queue {
        Queue::PLAIN
    }

    /// What was left out is among the events that it prints.
    fn concludes(&self) -> bool {
        false
    }

    fn stdout(&self) -> Stdout {
        if self.format == OutputFormat::Text { Stdout::Lines } else { Stdout::Owned }
    }

    fn start(self: Box<Self>, _: Place) -> Result<Service> {
        let stdout = std::io::stdout();
        let format = match self.format {
            OutputFormat::Text => watch::Format::Text,
            OutputFormat::Json => watch::Format::Json,
            OutputFormat::Protobuf => watch::Format::Protobuf,
        };
        let options = watch::Options { format, color: self.color.decide(stdout.is_terminal()) };
        Ok(Service::new(move |events, _, _| async move { Ok(watch::run(events, options, stdout).await?) }))
    }
}
