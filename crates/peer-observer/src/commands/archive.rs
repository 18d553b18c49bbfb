//! `archive info`, `archive check` and what else is done with files that are there. `archive` alone is the tool.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use archive::{Choice, Info, Rewritten};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use store::archive::{Archive, Options};

use super::import::ImportArgs;
use crate::config::raw::{config_file, read_s3};
use crate::config::s3::S3Options;
use crate::filter::FilterArgs;
use crate::output::{Form, print};
use crate::parts::Parts;
use crate::public::PublicArgs;
use crate::tools::frame_bytes;
use crate::values::{Bytes, Span};

/// The command that these belong to.
pub const NAME: &str = "archive";

#[derive(Args)]
struct InfoArgs {
    /// Archives, or folders with them, or s3://BUCKET/PREFIX
    #[arg(required = true, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Form,
}

#[derive(Args)]
struct ExportArgs {
    /// Archives, or folders with them, or s3://BUCKET/PREFIX; their events are merged by time
    #[arg(required = true, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// The file to write; NAME.bin.zst, or NAME.bin without compression
    #[arg(long, required = true, value_name = "FILE")]
    to: PathBuf,
    /// Write one zstd frame: for programs that read no more than the first
    #[arg(long, required = true)]
    single_frame: bool,
    /// Level of compression by zstd, from 1 to 22
    #[arg(long, default_value_t = 19, value_parser = clap::value_parser!(i32).range(1..=22), value_name = "LEVEL")]
    level: i32,
}

#[derive(Args)]
struct RewriteArgs {
    /// Archives, or folders with them, or s3://BUCKET/PREFIX
    #[arg(required = true, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// The folder to write to, which is made if it is not there
    #[arg(long, required = true, value_name = "DIR")]
    to: PathBuf,
    /// Level of compression by zstd, from 1 to 22, or 0 for none
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(0..=22), value_name = "LEVEL")]
    level: i32,
    /// Size of the parts of a file that are compressed each by itself, up to 64MiB [default: 8MiB, or 16MiB from level 10 on]
    #[arg(long, value_name = "SIZE")]
    frame_size: Option<Bytes>,
}

#[derive(Args)]
struct SplitArgs {
    #[command(flatten)]
    rewrite: RewriteArgs,
    /// A file for each span of this length, such as 1h
    #[arg(long, required_unless_present = "size", value_name = "DURATION")]
    every: Option<Span>,
    /// A file for each so many bytes
    #[arg(long, value_name = "SIZE")]
    size: Option<Bytes>,
}

/// Adds the commands to that of the tool.
pub fn add_commands(command: Command) -> Command {
    let with_filter = |command: Command| PublicArgs::augment_args(FilterArgs::augment_args(command));
    let commands = [
        InfoArgs::augment_args(Command::new("info"))
            .about("Tell what archives have: events, sizes, times, nodes, runs, gaps"),
        InfoArgs::augment_args(Command::new("check"))
            .about("Read archives to their end, and tell what is damaged or missing (exit code 1)"),
        with_filter(ExportArgs::augment_args(Command::new("export")))
            .about("Write one file that other programs can read"),
        with_filter(RewriteArgs::augment_args(Command::new("merge")))
            .about("Write the events of archives to one, by time"),
        with_filter(RewriteArgs::augment_args(Command::new("filter")))
            .about("Write some of the events of each archive to one of its own"),
        SplitArgs::augment_args(Command::new("split")).about("Write an archive as several"),
    ];
    let import = ImportArgs::augment_args(Command::new("import"))
        .about("Write archives of debug.log files, and of other programs' archives");
    // A group of options leaves its own description there.
    let with_store = |command: Command| {
        let about = command.get_about().cloned();
        S3Options::augment(command).about(about.unwrap_or_default())
    };
    command.args_conflicts_with_subcommands(true).subcommands(commands.map(with_store)).subcommand(import)
}

/// Runs one of them.
///
/// # Errors
/// A file cannot be read or written.
pub fn run(parts: &Parts, name: &str, matches: &ArgMatches) -> Result<ExitCode> {
    if name == "import" {
        return super::import::run(ImportArgs::from_arg_matches(matches)?);
    }
    let s3 = read_s3(parts, matches)?;
    let config = config_file(matches)?;
    match name {
        "info" => info(&s3, &InfoArgs::from_arg_matches(matches)?, false),
        "check" => info(&s3, &InfoArgs::from_arg_matches(matches)?, true),
        "export" => {
            let args = ExportArgs::from_arg_matches(matches)?;
            let level = if args.to.extension().is_some_and(|extension| extension == "zst") { args.level } else { 0 };
            let filter = FilterArgs::from_arg_matches(matches)?.filter();
            let places = s3.archives(&args.file)?;
            let mut public = PublicArgs::from_arg_matches(matches)?.of_archives(parts, config, &places)?;
            report(&archive::export(&places, Choice { filter, public: public.as_mut() }, &args.to, level)?)
        }
        "split" => {
            let args = SplitArgs::from_arg_matches(matches)?;
            let options = args.rewrite.options()?;
            let mut all = Rewritten::default();
            for place in s3.archives(&args.rewrite.file)? {
                let (every, size) = (args.every.map(|every| every.0), args.size.map(|size| size.0 as u64));
                all.add(archive::split(&place, every, size, &options)?);
            }
            report(&all)
        }
        _ => {
            let args = RewriteArgs::from_arg_matches(matches)?;
            let (places, options) = (s3.archives(&args.file)?, args.options()?);
            let filter = FilterArgs::from_arg_matches(matches)?.filter();
            let mut public = PublicArgs::from_arg_matches(matches)?.of_archives(parts, config, &places)?;
            let choice = Choice { filter, public: public.as_mut() };
            report(&if name == "merge" {
                archive::merge(&places, choice, &options)?
            } else {
                archive::filter(&places, choice, &options)?
            })
        }
    }
}

impl RewriteArgs {
    fn options(&self) -> Result<Options> {
        let same = |path: &PathBuf| path.canonicalize().ok() == self.to.canonicalize().ok() && self.to.exists();
        let parent = |path: &PathBuf| path.parent().map(PathBuf::from).is_some_and(|parent| same(&parent));
        ensure!(
            !self.file.iter().any(|path| same(path) || parent(path)),
            "--to {} is where the files are that are read: choose another folder",
            self.to.display()
        );
        let frame_bytes = frame_bytes("--frame-size", self.frame_size)?;
        std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700).create(&self.to)?;
        Ok(Options { level: self.level, frame_bytes, ..Options::new(&self.to) })
    }
}

/// Tells what files have. `check`: after reading all of it, and only what is wrong of those that are read as text.
fn info(s3: &S3Options, args: &InfoArgs, check: bool) -> Result<ExitCode> {
    let mut wrong = false;
    for place in s3.archives(&args.file)? {
        let archive = match Archive::open(place) {
            Ok(archive) => archive,
            Err(error) => {
                tracing::error!("{error}");
                wrong = true;
                continue;
            }
        };
        let info = Info::read(&archive, check);
        wrong |= !info.missing.is_empty();
        print(&match (args.output, check) {
            (Form::Json, _) => serde_json::to_string(&info)? + "\n",
            (Form::Text, false) => info.to_string(),
            (Form::Text, true) => info.verdict(),
        })?;
    }
    Ok(if wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Says what was written, and what could not be read.
fn report(done: &Rewritten) -> Result<ExitCode> {
    for (place, damage) in &done.missing {
        tracing::warn!("{place}: {damage}");
    }
    if done.left_out > 0 {
        tracing::info!("{} events are left out, since other programs do not know their kinds", done.left_out);
    }
    let files: String = done.files.iter().map(|file| format!("{}\n", file.display())).collect();
    print(&files)?;
    tracing::info!("{} events in {} files", done.events, done.files.len());
    Ok(if done.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
