//! A configuration file with every option in it, none of which is set: what people begin theirs with.

use std::fmt::Write;

use clap::ArgAction;
use toml::{Table, Value};

use super::sections::sections;
use crate::options::OptionInfo;
use crate::parts::Parts;

/// Longest line of prose.
const WIDTH: usize = 100;

const HEAD: &str = "\
# peer-observer.toml: all options. Each is shown with its default, or with what takes the place of a value where it has none. To set one, remove the \
# before it, and that of its section. A line that begins with `# ` is prose. `peer-observer run --print-config` shows what is set, and where; \
`peer-observer run --check` names all that is wrong.";

/// The text of the file, for a program with these parts.
#[must_use]
pub fn sample(parts: &Parts) -> String {
    let mut text = String::new();
    prose(&mut text, HEAD.trim_start_matches("# "));
    for section in sections(parts).into_iter().filter(|section| !section.options.is_empty()) {
        text.push('\n');
        if !section.name.is_empty() {
            let _ = writeln!(text, "#{}", section.heading());
        }
        let is_table = |option: &&OptionInfo| matches!(section.defaults.get(&option.key), Some(Value::Table(_)));
        let (tables, plain): (Vec<_>, Vec<_>) = section.options.iter().partition(is_table);
        for option in plain {
            explain(&mut text, option);
            let value = section.defaults.get(&option.key).cloned().unwrap_or_else(|| placeholder(option));
            let _ = writeln!(text, "#{} = {value}", option.key);
        }
        // A table ends the keys of its section.
        for option in tables {
            text.push('\n');
            explain(&mut text, option);
            let _ = writeln!(text, "#[{}.{}]", section.name, option.key);
            if let Some(Value::Table(table)) = section.defaults.get(&option.key) {
                entries(&mut text, table);
            }
        }
    }
    text
}

fn entries(text: &mut String, table: &Table) {
    for (key, value) in table {
        let _ = writeln!(text, "#{key} = {value}");
    }
}

fn explain(text: &mut String, option: &OptionInfo) {
    let mut help = option.arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = option.arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !values.is_empty() && !values.iter().any(|value| value == "true") {
        let _ = write!(help, ": {}", values.join(", "));
    }
    prose(text, &help);
}

/// What stands for a value: a list if there may be several, false for what is off, else the name of the value.
fn placeholder(OptionInfo { arg, .. }: &OptionInfo) -> Value {
    let takes_value = arg.get_num_args().is_none_or(|range| range.takes_values());
    if !takes_value {
        return Value::Boolean(false);
    }
    let names = arg.get_value_names().unwrap_or_default();
    let name =
        Value::String(names.first().map_or_else(|| arg.get_id().to_string().to_uppercase(), ToString::to_string));
    let is_list = arg.get_value_delimiter().is_some() || matches!(arg.get_action(), ArgAction::Append);
    if is_list { Value::Array(vec![name]) } else { name }
}

/// Writes lines of comment.
fn prose(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}
