//! How well the detectors of `alerts` find attacks, and how often they are wrong: labelled cases, played on real nodes (`testbed::cases`) and
//! recorded as archives. Prints a line of JSON for each detector and attack, and for each false alert.
//!
//! ```text
//! detect                           # records what is not recorded yet, in target/detect, and measures all of it
//! detect record FOLDER [CASE...]   # records cases, or all, again
//! detect measure FOLDER [--table]  # measures the recordings in a folder; with --table as a table
//! ```
//!
//! `--seed N`, `--lead SECONDS` (ordinary life before an attack, at most), `--lasts SECONDS` (for which an attack is played at most), `--at-once N`
//! (cases that are played at the same time) and `--form weak|strong` are for recording; `--set DETECTOR.PARAMETER=VALUE` is for measuring. It takes root, for an internet of its own and for
//! the tracepoints.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use bench::detect::{label, measure, record, report};
use testbed::Strength;
use testbed::cases::ALL;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The command line.
struct Arguments {
    words: Vec<String>,
    options: Vec<(String, String)>,
    table: bool,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut read = Self { words: Vec::new(), options: Vec::new(), table: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some("table") => read.table = true,
                Some(name) => {
                    let value = arguments.next().with_context(|| format!("--{name} needs a value"))?;
                    read.options.push((name.to_owned(), value));
                }
                None => read.words.push(argument),
            }
        }
        Ok(read)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str, default: u64) -> Result<u64> {
        self.all(name).last().map_or(Ok(default), |value| value.parse().with_context(|| format!("--{name} {value}")))
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let (command, words) =
        arguments.words.split_first().map_or(("all", &[][..]), |(first, rest)| (first.as_str(), rest));
    let (folder, names) = words.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
    let usual = std::env::current_exe()?.with_file_name("../detect");
    let folder = folder.map_or(usual, PathBuf::from);
    if matches!(command, "all" | "record") {
        testbed::internet::enter_internet()?;
        let mut plan = plan(&arguments, folder.clone(), names)?;
        if command == "all" {
            plan.cases.retain(|case| !is_recorded(&folder, case.name()));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(record::record(&plan))?;
    }
    match command {
        "record" => Ok(()),
        "all" | "measure" => print(&arguments, &folder),
        other => bail!("{other}: write record or measure"),
    }
}

/// Whether there is a recording of a case.
fn is_recorded(folder: &std::path::Path, case: &str) -> bool {
    let known = label::recordings(folder).unwrap_or_default();
    known.iter().filter_map(|folder| label::Label::read(folder).ok()).any(|label| label.case.name() == case)
}

fn plan(arguments: &Arguments, folder: PathBuf, names: &[String]) -> Result<record::Plan> {
    for name in names {
        ALL.iter().find(|case| case.name() == name).with_context(|| format!("there is no case {name}"))?;
    }
    let form = |name: &str| match name {
        "weak" => Ok(Strength::Weak),
        "strong" => Ok(Strength::Strong),
        other => bail!("--form {other}: write weak or strong"),
    };
    let mut forms = arguments.all("form").map(form).collect::<Result<Vec<_>>>()?;
    if forms.is_empty() {
        forms = vec![Strength::Strong, Strength::Weak];
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    Ok(record::Plan {
        cases: ALL.iter().filter(|case| wanted(case.name())).copied().collect(),
        forms,
        seed: arguments.number("seed", 1)?,
        lasts: arguments.number("lasts", u64::MAX)?,
        lead: arguments.number("lead", u64::MAX)?,
        at_once: usize::try_from(arguments.number("at-once", 24)?)?,
        folder,
    })
}

fn print(arguments: &Arguments, folder: &std::path::Path) -> Result<()> {
    let settings: Vec<String> = arguments.all("set").map(str::to_owned).collect();
    let measured = label::recordings(folder)?.into_iter().map(|folder| {
        measure::measure(&folder, &settings).with_context(|| format!("cannot measure {}", folder.display()))
    });
    let outcomes = measured.collect::<Result<Vec<_>>>()?;
    if arguments.table {
        print!("{}", report::table(&outcomes));
    } else {
        report::lines(&outcomes).iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}
