//! What lines that are added to a node's configuration would do. The precedence of its sources makes it hard to foresee: a line below the
//! section of another chain does nothing, the first of two values in a file counts, and the command line counts more than any file.

use std::path::PathBuf;

use super::{Settings, Source, parse};

/// A place where lines can be added to a node's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfPlace {
    /// The beginning of bitcoin.conf, before any section.
    Top,
    /// The end of bitcoin.conf: in its last section, if it has any.
    End,
    /// In bitcoin.conf below the first line that begins the section of the node's chain, or below such a line at the file's end.
    Section,
    /// The end of the node's command line.
    CommandLine,
}

/// A node's bitcoin.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfFile {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// Whether a line of it begins a section, so that it matters where in the file a line is.
    pub has_sections: bool,
}

/// The place that counts most among those that set an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strongest {
    /// The node's command line.
    CommandLine,
    /// A file that the node itself writes: settings.json, or bitcoin_rw.conf of Bitcoin Knots.
    WrittenByNode(PathBuf),
    /// bitcoin.conf, or a file that it includes.
    Conf,
}

/// Lines that are tried.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) place: ConfPlace,
    /// Lines in the form of bitcoin.conf: `name=value`.
    pub(crate) lines: Vec<String>,
    /// The section of the node's chain.
    pub(crate) section: &'static str,
}

impl Trial {
    /// The text of a bitcoin.conf with the lines added.
    pub(super) fn edit(&self, text: &str) -> String {
        let lines = self.lines.join("\n");
        let header = || text.lines().position(|line| parse::section_header(line) == Some(self.section));
        match self.place {
            ConfPlace::CommandLine => text.to_owned(),
            ConfPlace::Top => format!("{lines}\n{text}"),
            ConfPlace::End => format!("{text}\n{lines}\n"),
            ConfPlace::Section => match header() {
                Some(header) => {
                    let mut edited: Vec<&str> = text.lines().collect();
                    edited.insert(header + 1, &lines);
                    edited.join("\n")
                }
                None => format!("{text}\n[{}]\n{lines}\n", self.section),
            },
        }
    }

    /// The command line with the lines added.
    pub(super) fn extend(&self, args: &[String]) -> Vec<String> {
        let added: Vec<_> = match self.place {
            ConfPlace::CommandLine => self.lines.iter().map(|line| format!("-{line}")).collect(),
            _ => Vec::new(),
        };
        // What comes after a word that is no option is ignored.
        let options = args.iter().take_while(|arg| arg.starts_with('-')).cloned();
        options.chain(added).collect()
    }
}

impl Settings {
    /// The place that counts most among those that set an option; none if nothing sets it.
    pub(crate) fn strongest(&self, name: &str) -> Option<Strongest> {
        let set = |span: &super::Span<'_>| span.negated || !span.values.is_empty();
        let (source, _) = self.sources(self.chain.name(), name).into_iter().find(|(_, span)| set(span))?;
        Some(match source {
            Source::CommandLine => Strongest::CommandLine,
            Source::ReadWrite => Strongest::WrittenByNode(self.read_write_file.clone()?),
            Source::SettingsJson => Strongest::WrittenByNode(self.net_path("settings", "settings.json")?),
            Source::Section | Source::Default => Strongest::Conf,
        })
    }
}
