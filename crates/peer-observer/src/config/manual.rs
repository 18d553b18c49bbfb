//! The tables of the manual that list all options, made from the structs that read them.

use std::fmt::Write;

use toml::Value;

use super::sections::{Section, sections};
use crate::options::OptionInfo;
use crate::parts::Parts;

/// A table with more entries than this is listed below the options.
const FEW: usize = 3;

/// A table for each section of the configuration file of a program with these parts, in Markdown.
#[must_use]
pub fn manual(parts: &Parts) -> String {
    let mut text = String::new();
    for section in sections(parts).into_iter().filter(|section| !section.options.is_empty()) {
        let title =
            if section.name.is_empty() { "Above all sections".to_owned() } else { format!("`{}`", section.heading()) };
        let _ = writeln!(
            text,
            "### {title}\n\n| key | default | flag | environment variable | meaning |\n|---|---|---|---|---|"
        );
        section.options.iter().for_each(|option| row(&mut text, &section, option));
        for (key, value) in &section.defaults {
            if let Value::Table(table) = value
                && table.len() > FEW
            {
                let all: Vec<_> = table.iter().map(|(name, value)| format!("`{name}` {}", brief(value))).collect();
                let _ = writeln!(text, "\nDefaults of `{key}`: {}.", all.join(", "));
            }
        }
        text.push('\n');
    }
    text
}

fn row(text: &mut String, section: &Section, OptionInfo { key, arg }: &OptionInfo) {
    let default = match section.defaults.get(key) {
        Some(Value::Table(table)) if table.len() > FEW => "see below".to_owned(),
        Some(value) => {
            Some(brief(value)).filter(|text| !text.is_empty()).map(|text| format!("`{text}`")).unwrap_or_default()
        }
        None => String::new(),
    };
    let names = arg.get_value_names().filter(|_| arg.get_num_args().is_none_or(|range| range.takes_values()));
    let value = names.and_then(<[_]>::first).map(|name| format!(" {name}")).unwrap_or_default();
    let flag = arg.get_long().map(|long| format!("`--{long}{value}`")).unwrap_or_default();
    let variable = arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
    let mut meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if !values.is_empty() && !values.contains(&"`true`".to_owned()) {
        let _ = write!(meaning, ": {}", values.join(", "));
    }
    let meaning = meaning.replace('|', "\\|");
    let _ = writeln!(text, "| `{key}` | {default} | {flag} | {variable} | {meaning} |");
}

/// A value as it is written on the command line; nothing for what is off or empty.
pub fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(brief).collect::<Vec<_>>().join(","),
        Value::Table(table) => {
            table.iter().map(|(key, value)| format!("{key}={}", brief(value))).collect::<Vec<_>>().join(",")
        }
        Value::Boolean(false) => String::new(),
        other => other.to_string(),
    }
}
