//! What `-h` and `--help` say of each option: `-h` fits on a screen, `--help` has everything. Man pages and completions are made of the same.

use std::collections::BTreeMap;

use clap::{Arg, Command};

use crate::config::manual::brief;
use crate::config::sections::sections;
use crate::parts::Parts;

/// The options that most people need: `-h` shows no others.
const FREQUENT: &[&str] = &[
    "config",
    "print_config",
    "check",
    "extract",
    "tools",
    "output",
    "datadir",
    "rpc",
    "nats",
    "metrics_listen",
    "web_listen",
    "public",
    "node",
    "kind",
    "message",
    "stdin",
    "extractor",
    "once",
    "duration",
    "nodes",
    "verbose",
    "help",
    "version",
];

/// Adds to each option of all commands its default value and its environment variable, and hides the less frequent ones from `-h`.
pub fn complete(parts: &Parts, command: Command) -> Command {
    let defaults: BTreeMap<String, String> = sections(parts)
        .iter()
        .flat_map(|section| {
            let default = |key: &str| section.defaults.get(key).map(brief).filter(|text| !text.is_empty());
            let texts = section.options.iter();
            texts.filter_map(move |option| Some((option.arg.get_id().to_string(), default(&option.key)?)))
        })
        .collect();
    command.mut_args(|arg| document(arg, &defaults, &[])).mut_subcommands(|command| {
        let idle = of_other_tools(parts, command.get_name());
        command.mut_args(|arg| document(arg, &defaults, &idle))
    })
}

/// The options that the command of a tool has without using them: those of other tools, and which tools run.
fn of_other_tools(parts: &Parts, name: &str) -> Vec<String> {
    if parts.tools.iter().all(|entry| entry.name != name) {
        return Vec::new();
    }
    let others = parts.tools.iter().filter(|entry| entry.name != name).flat_map(|entry| entry.options.options());
    others.map(|option| option.arg.get_id().to_string()).chain(["tools".to_owned()]).collect()
}

/// `idle` are options that this command does not use.
fn document(arg: Arg, defaults: &BTreeMap<String, String>, idle: &[String]) -> Arg {
    let id = arg.get_id().to_string();
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let default = defaults.get(&id).map(|default| format!("[default: {default}]"));
    let variable = arg.get_env().map(|variable| format!("[env: {}]", variable.to_string_lossy()));
    let short: Vec<_> = [Some(&help), default.as_ref()].into_iter().flatten().map(String::as_str).collect();
    let notes: Vec<_> = default.iter().chain(&variable).map(String::as_str).collect();
    let arg = arg.hide_env(true).hide_short_help(!FREQUENT.contains(&id.as_str()) || idle.contains(&id));
    if notes.is_empty() { arg } else { arg.help(short.join(" ")).long_help(format!("{help}\n\n{}", notes.join("\n"))) }
}
