//! `--print-config`: every option with the value that it has in the end, and where that comes from. What is printed is a configuration file.

use std::fmt::Write;

use clap::ArgMatches;
use clap::parser::ValueSource;
use toml::{Table, Value};

use super::files::Files;
use super::sections::Section;
use crate::options::{OptionInfo, given};

/// The column that origins begin in, if what is before them leaves room.
const COLUMN: usize = 40;

/// The text as far as it is written.
pub struct Printer<'a> {
    /// The configuration files.
    pub files: &'a Files,
    /// What it is written into.
    pub text: String,
}

impl Printer<'_> {
    /// Writes a section with these values. `matches` has environment and command line, if the command has its options.
    pub fn section(&mut self, section: &Section, values: &Table, matches: Option<&ArgMatches>) {
        let Section { name, options, .. } = section;
        if options.is_empty() {
            return;
        }
        if !name.is_empty() {
            let _ = writeln!(self.text, "\n{}", section.heading());
        }
        let described = options.iter().map(|option| (option.key.as_str(), Some(option)));
        let is_described = |key: &str| options.iter().any(|option| option.key == key);
        let others = values.keys().map(String::as_str).filter(|key| !is_described(key)).map(|key| (key, None));
        let all: Vec<_> = described.chain(others).collect();
        let (tables, plain): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(key, _)| matches!(values.get(*key), Some(Value::Table(_))));
        for (key, option) in plain {
            match values.get(key) {
                Some(value) => self.line(&format!("{key} = {value}"), &self.origin(name, key, option, matches)),
                None => self.line(&format!("# {key}"), "not set"),
            }
        }
        for (key, option) in tables {
            let Some(Value::Table(table)) = values.get(key) else { continue };
            self.table(&format!("{name}.{key}"), table, &self.origin(name, key, option, matches));
        }
    }

    /// Writes a table below a section, and those below that.
    fn table(&mut self, place: &str, table: &Table, origin: &str) {
        let (tables, plain): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_table());
        if !plain.is_empty() || tables.is_empty() {
            self.text.push('\n');
            self.line(&format!("[{place}]"), origin);
            let plain: Table = plain.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            self.text += &plain.to_string();
        }
        for (key, value) in tables {
            if let Value::Table(table) = value {
                self.table(&format!("{place}.{key}"), table, origin);
            }
        }
    }

    fn line(&mut self, setting: &str, origin: &str) {
        let _ = writeln!(self.text, "{setting:COLUMN$} # {origin}");
    }

    /// Where a value comes from: a flag, an environment variable, a file, or nowhere.
    fn origin(&self, section: &str, key: &str, option: Option<&OptionInfo>, matches: Option<&ArgMatches>) -> String {
        let given = option.zip(matches).and_then(|(option, matches)| Some((option, given(matches, &option.arg)?)));
        match given {
            Some((option, ValueSource::EnvVariable)) => {
                option.arg.get_env().unwrap_or_default().to_string_lossy().into_owned()
            }
            Some((option, _)) => format!("--{}", option.arg.get_long().unwrap_or(key)),
            None => match self.files.origin(section, key) {
                Some(path) => path.display().to_string(),
                None => "default".to_owned(),
            },
        }
    }
}
