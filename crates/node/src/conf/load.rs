//! Collects a node's options in the order in which the node does.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::parse::{self, Value};
use super::{ConfFile, Settings, Span, Trial, normal};
use crate::Chain;
use crate::files::{self, MAX_BYTES, View};

/// The most `includeconf` lines that are followed.
const MAX_INCLUDES: usize = 64;

/// How a node was started, or would be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    /// The command line without the program's name.
    pub(crate) args: Vec<String>,
    /// What relative data directories are relative to.
    pub(crate) cwd: PathBuf,
    /// Where the default data directory is.
    pub(crate) home: PathBuf,
    /// The file system that the node sees.
    pub(crate) view: View,
    /// The program file, as we see it; none if it is not known.
    pub(crate) program: Option<PathBuf>,
    /// Lines that are tried in addition to what is there.
    pub(crate) trial: Option<Trial>,
}

/// Whether a program reads bitcoin_rw.conf.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadsWritten {
    Yes,
    No,
    /// It is not known what program it is.
    Perhaps,
}

impl Launch {
    /// Reads the configuration files. What can't be read or understood becomes a note.
    pub(crate) fn settings(&self) -> Settings {
        let command_line = match &self.trial {
            Some(trial) => parse::command_line(&trial.extend(&self.args)),
            None => parse::command_line(&self.args),
        };
        let mut settings = Settings {
            command_line,
            read_write: BTreeMap::new(),
            settings_json: BTreeMap::new(),
            sections: BTreeMap::new(),
            chain: Chain::Main,
            datadir: self.home.join(".bitcoin"),
            main_file: None,
            files: Vec::new(),
            read_write_file: None,
            notes: Vec::new(),
        };
        let at_start = self.datadir(&settings);
        settings.datadir.clone_from(&at_start);
        let conf = Path::new(settings.text("conf").unwrap_or("bitcoin.conf")).to_owned();
        if !settings.is_negated("conf") {
            // Without -conf there may be no file.
            let required = settings.text("conf").is_some();
            let path = normal(&at_start.join(&conf));
            settings.main_file = Some(ConfFile { path: path.clone(), has_sections: false });
            self.read_config(&mut settings, &path, required);
        }
        self.choose_chain(&mut settings);
        // Where the node looks for included files: if it already needed its data directory to find the first one, then there,
        // whatever data directory that file sets.
        let base = if conf.is_absolute() { self.datadir(&settings) } else { at_start };
        self.read_included(&mut settings, &base);
        settings.datadir = self.datadir(&settings);
        self.read_written(&mut settings);
        self.read_settings_json(&mut settings);
        settings
    }

    /// The data directory, as the options that are known so far have it.
    fn datadir(&self, settings: &Settings) -> PathBuf {
        match settings.text("datadir") {
            Some(datadir) => normal(&self.cwd.join(datadir)),
            None => normal(&self.home.join(".bitcoin")),
        }
    }

    fn choose_chain(&self, settings: &mut Settings) {
        match settings.chosen_chain() {
            Ok(chain) => settings.chain = chain,
            Err(what) => {
                let note = format!("{what}; taken to be {}", settings.chain);
                if !settings.notes.contains(&note) {
                    settings.notes.push(note);
                }
            }
        }
    }

    fn read_config(&self, settings: &mut Settings, path: &Path, required: bool) {
        let path = normal(path);
        let ours = self.view.ours(&path);
        let is_main = settings.main_file.as_ref().is_some_and(|main| main.path == path) && settings.files.is_empty();
        let mut read = files::read_text(&ours, MAX_BYTES);
        if let (true, Some(trial)) = (is_main, &self.trial) {
            read = match read {
                Ok(text) => Ok(trial.edit(&text)),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(trial.edit("")),
                Err(e) => Err(e),
            };
        }
        match read {
            Ok(text) => {
                if let (true, Some(main)) = (is_main, &mut settings.main_file) {
                    main.has_sections = text.lines().any(|line| parse::section_header(line).is_some());
                }
                let problems = parse::config_file(&text, &mut settings.sections);
                let notes = problems.into_iter().map(|p| format!("{}:{}: {}", ours.display(), p.line, p.what));
                settings.notes.extend(notes);
                settings.files.push(path);
            }
            Err(e) if e.kind() == ErrorKind::NotFound && !required => {}
            Err(e) => settings.notes.push(format!(
                "cannot read the configuration {}: {}; what it says is not known",
                ours.display(),
                files::reason(&e)
            )),
        }
    }

    /// The files of `includeconf` in the chain's section, then in the default one. Those included don't include others, and the
    /// option counts in files only.
    fn read_included(&self, settings: &mut Settings, base: &Path) {
        if settings.command_line.contains_key("includeconf") {
            return;
        }
        let mut paths = Vec::new();
        for section in [settings.chain.name(), ""] {
            let span = Span::of(settings.sections.get(section), "includeconf");
            paths.extend(span.values.iter().filter_map(|v| match v {
                Value::Text(path) => Some(base.join(path)),
                Value::Negated => None,
            }));
        }
        if paths.len() > MAX_INCLUDES {
            settings.notes.push(format!("of {} includeconf lines the first {MAX_INCLUDES} are followed", paths.len()));
        }
        for path in paths.iter().take(MAX_INCLUDES) {
            self.read_config(settings, path, true);
        }
        // An included file may have chosen the chain.
        self.choose_chain(settings);
    }

    /// Bitcoin Knots' bitcoin_rw.conf, which its GUI writes. Bitcoin Core leaves such a file alone.
    fn read_written(&self, settings: &mut Settings) {
        let configured = settings.text("confrw").is_some();
        let Some(path) = settings.net_path("confrw", "bitcoin_rw.conf") else { return };
        let ours = self.view.ours(&path);
        // Most nodes have no such file, and their programs need not be looked into.
        let is_absent = std::fs::metadata(&ours).is_err_and(|e| e.kind() == ErrorKind::NotFound);
        let reads = match (configured, is_absent) {
            (true, _) => ReadsWritten::Yes,
            (false, true) => return,
            (false, false) => self.reads_written(),
        };
        if reads == ReadsWritten::No {
            return;
        }
        match files::read_text(&ours, MAX_BYTES) {
            Ok(text) => {
                let (values, problems) = parse::read_write_file(&text);
                settings.read_write = values;
                let notes = problems.into_iter().map(|p| format!("{}:{}: {}", ours.display(), p.line, p.what));
                settings.notes.extend(notes);
                settings.files.push(path.clone());
                settings.read_write_file = Some(path);
            }
            // The program may be Bitcoin Core, and all of the directory closed to us.
            Err(_) if reads == ReadsWritten::Perhaps => {}
            Err(e) => settings.notes.push(format!(
                "cannot read the configuration {}: {}; what it sets is not known",
                ours.display(),
                files::reason(&e)
            )),
        }
    }

    /// Whether the program has the option `-confrw`.
    fn reads_written(&self) -> ReadsWritten {
        match self.program.as_deref().map(|program| files::contains(program, "-confrw")) {
            Some(Ok(true)) => ReadsWritten::Yes,
            Some(Ok(false)) => ReadsWritten::No,
            Some(Err(_)) | None => ReadsWritten::Perhaps,
        }
    }

    fn read_settings_json(&self, settings: &mut Settings) {
        let Some(path) = settings.net_path("settings", "settings.json") else { return };
        let ours = self.view.ours(&path);
        let problem = match files::read_text(&ours, MAX_BYTES) {
            Ok(text) => match parse::settings_json(&text) {
                Ok(values) => {
                    settings.settings_json = values;
                    return;
                }
                Err(e) => e.to_string(),
            },
            // It seldom sets an option that matters here, so it is not worth a note that only the node may read it.
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => return,
            Err(e) => files::reason(&e),
        };
        settings.notes.push(format!("cannot read {}: {problem}; what it says is not known", ours.display()));
    }
}
