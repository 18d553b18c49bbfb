//! Under the names of the original peer-observer's programs, this program takes their options: links to it with these names take their place.
//!
//! An option becomes one of ours ([`table`]), and what is run is one of our commands. What a node publishes goes to flat subjects, in the form
//! that the original's programs read. No configuration file is read, unless PEER_OBSERVER_CONFIG names one.

pub mod table;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, Error};
use event::similar::instead;
use rustix::fs::{Access, access};

use self::table::{Flag, Means, PROGRAMS, Program};
use crate::logging::filter;
use crate::values::NatsUrl;

/// The name of the files of a program that takes any.
const FILES: &str = "files";

/// What was given under one of the original's names, as our own command line.
pub struct Translated {
    /// The program's name.
    pub name: &'static str,
    /// Our command line, with a name in front.
    pub arguments: Vec<OsString>,
    /// What people should know.
    pub notes: Vec<String>,
}

/// Our command line for what was given, whose first argument is the name that this program was started by. None if that is none of the
/// original's. `ours` are our commands.
///
/// # Errors
/// The program has no such option, or help was asked for.
pub fn translate(ours: &Command, given: &[OsString]) -> Result<Option<Translated>, Error> {
    let name = given.first().and_then(|name| Path::new(name).file_name());
    let Some(program) = PROGRAMS.iter().find(|program| Some(OsStr::new(program.name)) == name) else {
        return Ok(None);
    };
    // The name of an extractor is no command, but a value of one.
    let ours = program.command.iter().fold(ours, |command, name| command.find_subcommand(name).unwrap_or(command));
    let matches = command(program).try_get_matches_from(given).map_err(|error| explain(program, ours, error))?;
    Translation { program, ours, matches: &matches, arguments: Vec::new(), notes: Vec::new() }.finish().map(Some)
}

/// The command line of a program.
fn command(program: &Program) -> Command {
    let arg = |flag: &Flag| {
        let help = flag.default.map_or_else(|| flag.help(), |default| format!("{} [default: {default}]", flag.help()));
        let arg = Arg::new(flag.long).long(flag.long).short(flag.short).help(help);
        if flag.has_value() {
            arg.value_parser(ValueParser::os_string()).value_name("VALUE")
        } else {
            arg.action(ArgAction::SetTrue)
        }
    };
    let files = Arg::new(FILES).value_name("FILE").num_args(0..).value_parser(ValueParser::os_string());
    let is_ours = format!(
        "This is `peer-observer {}` under the name and with the options of the original peer-observer. Each option is shown with what it is \
         there.",
        program.command.join(" ")
    );
    Command::new(program.name)
        .version(env!("VERSION"))
        .max_term_width(110)
        .about(program.about)
        .after_help(is_ours)
        .args(program.all_flags().map(arg))
        .args(program.takes_files.then_some(files))
}

/// What stands in place of an option that the program does not have.
fn explain(program: &Program, ours: &Command, error: Error) -> Error {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else { return error };
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let (name, command) = (program.name, program.command.join(" "));
    let option = unknown.split('=').next().unwrap_or_default();
    let advice = match find(ours, option).map(|arg| arg.get_env().map(OsStr::to_string_lossy)) {
        Some(Some(variable)) => {
            format!("it is one of `peer-observer {command}`: under this name, set it by {variable}")
        }
        Some(None) => format!("it is one of `peer-observer {command}`: run that in place of {name}"),
        None => {
            let known: Vec<String> = program.all_flags().map(|flag| format!("--{}", flag.long)).collect();
            let instead = instead(option, known.iter().map(String::as_str));
            format!("{instead}; `peer-observer {command} --help` shows what else there is here")
        }
    };
    Error::raw(ErrorKind::UnknownArgument, format!("{name}: there is no option {option}; {advice}\n"))
}

/// An option of a command of ours.
fn find<'a>(command: &'a Command, option: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long().is_some() && arg.get_long() == option.strip_prefix("--"))
}

/// The work of [`translate`].
struct Translation<'a> {
    program: &'static Program,
    ours: &'a Command,
    matches: &'a ArgMatches,
    arguments: Vec<OsString>,
    notes: Vec<String>,
}

impl Translation<'_> {
    fn finish(mut self) -> Result<Translated, Error> {
        let Program { command, always, takes_files, .. } = self.program;
        self.arguments.push("peer-observer".into());
        self.arguments.extend(command.iter().chain(*always).map(OsString::from));
        if !takes_files && std::env::var_os("PEER_OBSERVER_CONFIG").is_none() {
            self.push("--config", "/dev/null");
        }
        let flags: Vec<&Flag> = self.program.all_flags().collect();
        flags.iter().try_for_each(|flag| self.add(flag))?;
        self.add_log(&flags);
        self.add_database();
        let files = self.program.takes_files.then(|| self.matches.get_many::<OsString>(FILES)).flatten();
        self.arguments.extend(files.into_iter().flatten().cloned());
        Ok(Translated { name: self.program.name, arguments: self.arguments, notes: self.notes })
    }

    fn push(&mut self, option: &str, value: impl Into<OsString>) {
        self.arguments.extend([option.into(), value.into()]);
    }

    /// The value of an option, or its default unless our option is set by the environment.
    fn value(&self, flag: &Flag) -> Option<OsString> {
        if let Some(given) = self.matches.get_one::<OsString>(flag.long) {
            return Some(given.clone());
        }
        let variable = flag.ours().and_then(|option| find(self.ours, option)?.get_env());
        flag.default.filter(|_| variable.and_then(std::env::var_os).is_none()).map(OsString::from)
    }

    fn add(&mut self, flag: &Flag) -> Result<(), Error> {
        if !flag.has_value() {
            match (&flag.means, self.matches.get_flag(flag.long)) {
                (Means::Switch(option, value), true) => self.push(option, *value),
                (Means::Bare(option), true) => self.arguments.push((*option).into()),
                (Means::NothingBare(why), true) => self.notes.push(format!("--{} does nothing: {why}", flag.long)),
                _ => {}
            }
            return Ok(());
        }
        let Some(value) = self.value(flag) else { return Ok(()) };
        let text = value.to_string_lossy();
        match &flag.means {
            Means::Option(option) => self.push(option, &value),
            Means::With(option, unit) => self.push(option, format!("{text}{unit}")),
            Means::Named(option, names) => {
                let ours = names.iter().find(|(theirs, _)| *theirs == text).map_or(&*text, |(_, ours)| *ours);
                self.push(option, ours);
            }
            Means::Nats if text.contains("://") => self.push("--nats", &value),
            Means::Nats => self.push("--nats", format!("nats://{text}")),
            Means::Setting(setting) => self.push("--alerts-set", format!("{setting}={text}")),
            Means::SettingAbove(setting) => {
                let above = text.parse::<u64>().map(|value| value.saturating_add(1)).map_err(|_| {
                    let error = format!("{}: --{} is a number, not {text:?}\n", self.program.name, flag.long);
                    Error::raw(ErrorKind::InvalidValue, error)
                })?;
                self.push("--alerts-set", format!("{setting}={above}"));
            }
            Means::Nothing(why) => self.notes.push(format!("--{} does nothing: {why}", flag.long)),
            _ => {}
        }
        Ok(())
    }

    /// The level, and modules of which more is logged.
    fn add_log(&mut self, flags: &[&Flag]) {
        let level = self.matches.get_one::<OsString>("log-level").map(|level| level.to_string_lossy().to_lowercase());
        let modules: Vec<String> = flags
            .iter()
            .filter_map(|flag| match flag.means {
                Means::LogModule(module) if self.matches.get_flag(flag.long) => Some(format!(",{module}=debug")),
                _ => None,
            })
            .collect();
        if level.is_some() || !modules.is_empty() {
            let chosen = filter(level.as_deref().unwrap_or("info")) + &modules.concat();
            self.push("--log", chosen);
        }
    }

    /// A place for what the tool keeps, which the original has none of: units for it may let it write nowhere.
    fn add_database(&mut self) {
        let (option, file) = match self.program.name {
            "alerts" => ("--alerts-database", "alerts.db"),
            "connectivity-check" => ("--connectivity-database", "connectivity.db"),
            _ => return,
        };
        let variable = find(self.ours, option).and_then(Arg::get_env);
        let is_set = |name: &OsStr| std::env::var_os(name).is_some();
        if is_set(OsStr::new("STATE_DIRECTORY")) || variable.is_some_and(is_set) {
            return;
        }
        let folder = state_folder().or_else(|| {
            let kept = tempfile::Builder::new().prefix("peer-observer-").tempdir().ok()?.keep();
            self.notes
                .push(format!("what is kept is in {}, and lost with it: set {option} to keep it", kept.display()));
            Some(kept)
        });
        if let Some(folder) = folder {
            self.push(option, folder.join(file));
        }
    }
}

/// A folder of the system or the user for what a tool keeps, in which this process may write.
fn state_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_user = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    let of_user = of_user.map(|folder| folder.join("peer-observer"));
    let of_user = of_user.filter(|folder| std::fs::create_dir_all(folder).is_ok());
    let folders = [Some(PathBuf::from("/var/lib/peer-observer")), of_user];
    folders.into_iter().flatten().find(|folder| access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok())
}

impl Translated {
    /// Our command line for people, without its secrets.
    pub fn shown(&self) -> String {
        let texts: Vec<_> = self.arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        let mut shown = texts.first().map(|first| first.clone().into_owned()).unwrap_or_default();
        for (before, text) in texts.iter().zip(texts.iter().skip(1)) {
            let text = match &**before {
                "--nats" => NatsUrl(text.clone().into_owned()).to_string(),
                option if option.ends_with("-password") => "***".to_owned(),
                _ => text.clone().into_owned(),
            };
            shown.push(' ');
            shown += &if text.contains(['*', ' ', '\'']) { format!("'{}'", text.replace('\'', "'\\''")) } else { text };
        }
        shown
    }
}
