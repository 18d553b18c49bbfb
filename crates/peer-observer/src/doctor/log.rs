//! Whether debug.log can be read, and whether what matters is written to it.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use node::rpc::types::Logging;
use node::{Auth, HostPort, Located, LogOptions, LogOutput};

use super::conf;
use super::report::{Check, DEBUG_LOG, Remedy, State};

/// Debug categories whose lines become events, what for, and what the large ones cost: at 7 transactions a second, each peer
/// announces 600,000 a day, and each announcement is a line of 130 bytes (docs/log.md).
const CATEGORIES: [(&str, &str); 8] = [
    ("net", "messages, connections and why they end; about 80 MB a day for each peer"),
    ("validation", "blocks, and the mempool as it changes; about 300 MB a day"),
    ("mempool", "transactions accepted and replaced; about 150 MB a day"),
    ("mempoolrej", "transactions rejected, and why"),
    ("cmpctblock", "compact blocks reconstructed"),
    ("addrman", "addresses added and moved"),
    ("txpackages", "orphan transactions"),
    ("i2p", "connections through I2P that fail"),
];

/// A node that runs writes something at least this often.
const QUIET: Duration = Duration::from_secs(3600);

/// Whether the file is there and can be read.
pub fn file(located: &Located) -> Check {
    let Some(path) = &located.debug_log else {
        return no_file(located.log_output.as_ref());
    };
    if path.as_path() == Path::new("-") {
        return Check::new(DEBUG_LOG, State::Ok, "none; the log is read from standard input");
    }
    let shown = path.display();
    // Only a regular file: opening a pipe would take from its reader what is in it.
    let metadata = std::fs::metadata(path);
    let opened = metadata.and_then(|m| if m.is_file() { File::open(path).map(|_| m) } else { Ok(m) });
    match opened {
        Ok(metadata) => {
            let (state, age) = age(&metadata, located.pid.is_some());
            let mut check = Check::new(DEBUG_LOG, state, format!("{shown}, {age}"));
            if state != State::Ok {
                let advice = Remedy::new("if the node writes another file, say which:");
                check = check.remedy(advice.line("peer-observer run --debug-log /path/to/debug.log"));
            }
            check
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Check::new(DEBUG_LOG, State::Missing, format!("{shown} does not exist"))
                .remedy(Remedy::new("start the node, or say where the file is with --debug-log"))
        }
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            let owner = located.owner.as_deref().unwrap_or("of the node");
            Check::new(DEBUG_LOG, State::Missing, format!("cannot read {shown}: permission denied")).remedy(
                Remedy::new(format!("run as user {owner}, or let this user read it and pass through its folders:"))
                    .line(format!("sudo setfacl -m u:$(id -un):r {shown}")),
            )
        }
        Err(e) => Check::new(DEBUG_LOG, State::Missing, format!("cannot read {shown}: {e}")),
    }
}

/// The check of a node that writes no debug.log, and whose log may go elsewhere.
fn no_file(output: Option<&LogOutput>) -> Check {
    let check = |what: &str| Check::new(DEBUG_LOG, State::Missing, what);
    let stdout = "none; the log is on standard output";
    let piped = |command: &str| format!("{command} | peer-observer run --debug-log -");
    match output {
        Some(LogOutput::Unit { name, of_user }) => {
            let user = if *of_user { "--user " } else { "" };
            check(&format!("{stdout}, which {name} passes to the journal")).remedy(
                Remedy::new("read it from there:").line(piped(&format!("journalctl {user}-u {name} -o cat -f"))),
            )
        }
        Some(LogOutput::Container { program, id }) => check(&format!("{stdout} of a container"))
            .remedy(Remedy::new("read it from there:").line(piped(&format!("{program} logs -f --since 1s {id} 2>&1")))),
        Some(LogOutput::File(path)) => check(&format!("{stdout}, which goes to {}", path.display())).remedy(
            Remedy::new("read it from there:").line(format!("peer-observer run --debug-log {}", path.display())),
        ),
        Some(LogOutput::Nowhere) => check(&format!("{stdout}, which goes to /dev/null")).remedy(
            Remedy::new("start the node as a unit of systemd (here called UNIT), and read its journal:")
                .line(piped("journalctl -u UNIT -o cat -f")),
        ),
        Some(LogOutput::Elsewhere) => check(stdout).remedy(
            Remedy::new("read it from there; if UNIT is the unit of systemd that starts the node:")
                .line(piped("journalctl -u UNIT -o cat -f")),
        ),
        None => check("the node writes none, or it is not known where").remedy(
            Remedy::new("remove nodebuglogfile from bitcoin.conf and restart the node, or pass the path of the file:")
                .line("peer-observer run --debug-log /path/to/debug.log"),
        ),
    }
}

/// How old the last line is, and whether a node that runs would have written since.
fn age(metadata: &Metadata, runs: bool) -> (State, String) {
    if !metadata.is_file() {
        return (State::Ok, "which is no file but a pipe or the like".to_owned());
    }
    let age = metadata.modified().ok().and_then(|m| SystemTime::now().duration_since(m).ok()).unwrap_or_default();
    let seconds = age.as_secs();
    let text = match seconds {
        0..120 => format!("last written {seconds} s ago"),
        120..7200 => format!("last written {} minutes ago", seconds / 60),
        _ => format!("last written {} hours ago", seconds / 3600),
    };
    (if runs && age > QUIET { State::Limited } else { State::Ok }, text)
}

/// Whether the lines that become events are written: `logging` is what the node says now; else its options count.
pub fn categories(located: &Located, logging: Option<&Logging>) -> Check {
    const NAME: &str = "log categories";
    let enabled = |category: &str| match (logging, &located.log_options) {
        // A category that this version does not know can't be missing.
        (Some(Logging(logging)), _) => logging.get(category).copied().unwrap_or(true),
        (None, Some(options)) => options.has(category),
        (None, None) => false,
    };
    let (on, off): (Vec<_>, Vec<_>) = CATEGORIES.iter().partition(|(category, _)| enabled(category));
    let names = |list: &[&(&'static str, &str)]| list.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let on = if on.is_empty() { "none of those that matter".to_owned() } else { names(&on).join(", ") };
    if off.is_empty() {
        return Check::new(NAME, State::Ok, format!("enabled: {on}"));
    }
    let what = format!("enabled: {on}; missing: {}", names(&off).join(", "));
    let lines = off.iter().map(|(category, use_of)| commented(&format!("debug={category}"), use_of));
    let works = |node: &Located| {
        node.log_options.as_ref().is_some_and(|options| off.iter().all(|(category, _)| options.has(category)))
    };
    let check = Check::new(NAME, State::Limited, what).remedy(conf::remedy(located, lines, works));
    match (logging, &located.rpc) {
        (Some(_), Some(rpc)) => {
            let remedy = Remedy::new("or at once, until the node is restarted:");
            check.remedy(remedy.line(logging_call(rpc, &located.auth, &names(&off))))
        }
        _ => check,
    }
}

/// All lines of bitcoin.conf about debug.log that are advised of, for a node of which nothing is known.
pub fn all_lines() -> Vec<String> {
    let options = OPTIONS.iter().map(|(name, use_of)| commented(&format!("{name}=1"), use_of));
    options.chain(CATEGORIES.iter().map(|(name, use_of)| commented(&format!("debug={name}"), use_of))).collect()
}

/// A line of bitcoin.conf and what it is good for.
fn commented(line: &str, comment: &str) -> String {
    format!("{line:17} # {comment}")
}

/// What a person types to enable categories at once. Without a data directory or chain, which may contradict what is in
/// configuration files.
fn logging_call(rpc: &HostPort, auth: &Auth, categories: &[&str]) -> String {
    let login = match auth {
        Auth::Cookie(path) => format!(" -rpccookiefile={}", path.display()),
        Auth::User { user, .. } => format!(" -rpcuser={user} -stdinrpcpass"),
        Auth::Unknown => String::new(),
    };
    let list = categories.iter().map(|category| format!("\"{category}\"")).collect::<Vec<_>>().join(",");
    format!("bitcoin-cli -rpcconnect={} -rpcport={}{login} logging '[{list}]'", rpc.host, rpc.port)
}

/// Options for what is on a line, and what they show.
const OPTIONS: [(&str, &str); 4] = [
    ("logtimemicros", "times in microseconds"),
    ("logthreadnames", "which thread it was"),
    ("logips", "addresses of peers"),
    ("logtimestamps", "times at all"),
];

/// The same, with whether they are on.
fn wanted(options: &LogOptions) -> [(&'static str, bool, &'static str); 4] {
    let LogOptions { logtimemicros, logthreadnames, logips, logtimestamps, .. } = *options;
    let mut wanted = OPTIONS.map(|(name, use_of)| (name, false, use_of));
    let on = [logtimemicros, logthreadnames, logips, logtimestamps];
    wanted.iter_mut().zip(on).for_each(|(wanted, on)| wanted.1 = on);
    wanted
}

/// Whether lines have all that can be on them.
pub fn options(located: &Located, options: &LogOptions) -> Check {
    const NAME: &str = "log options";
    let (on, off): (Vec<_>, Vec<_>) = wanted(options).into_iter().partition(|(_, on, _)| *on);
    let on: Vec<_> = on.iter().map(|(name, ..)| format!("{name}=1")).collect();
    // Under an attack on the disk the limit is what saves the node; the events say when lines are left out.
    let limit = if options.logratelimit { "" } else { ", logratelimit=0 (any peer may fill the disk)" };
    if off.is_empty() {
        return Check::new(NAME, State::Ok, format!("{}{limit}", on.join(", ")));
    }
    let lacking: Vec<_> = off.iter().map(|(name, ..)| *name).collect();
    let on = if on.is_empty() { String::new() } else { format!("{}; ", on.join(", ")) };
    let check = Check::new(NAME, State::Limited, format!("{on}missing: {}{limit}", lacking.join(", ")));
    let lines = off.iter().map(|(name, _, use_of)| commented(&format!("{name}=1"), use_of));
    let works = |node: &Located| {
        let now = node.log_options.as_ref().map(wanted);
        now.is_some_and(|now| now.iter().all(|(_, on, _)| *on))
    };
    check.remedy(conf::remedy(located, lines, works))
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_file() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let located = |path: Option<PathBuf>| Located { pid: Some(1), debug_log: path, ..Located::default() };
        let check = file(&located(Some(path.path().to_owned())));
        assert!(check.state == State::Ok && check.what.contains("last written"), "{check:?}");
        let writer = OpenOptions::new().write(true).open(path.path()).unwrap();
        writer.set_modified(SystemTime::now() - QUIET * 3).unwrap();
        let check = file(&located(Some(path.path().to_owned())));
        assert!(check.state == State::Limited && check.what.contains("3 hours ago"), "{check:?}");
        for (output, what, line) in [
            (
                LogOutput::Unit { name: "bitcoind.service".to_owned(), of_user: false },
                ", which bitcoind.service passes to the journal",
                "journalctl -u bitcoind.service -o cat -f | peer-observer run --debug-log -",
            ),
            (
                LogOutput::Unit { name: "b.service".to_owned(), of_user: true },
                ", which b.service passes to the journal",
                "journalctl --user -u b.service -o cat -f | peer-observer run --debug-log -",
            ),
            (
                LogOutput::Container { program: "podman", id: "c0ffee".to_owned() },
                " of a container",
                "podman logs -f --since 1s c0ffee 2>&1 | peer-observer run --debug-log -",
            ),
            (
                LogOutput::File("/var/log/node".into()),
                ", which goes to /var/log/node",
                "peer-observer run --debug-log /var/log/node",
            ),
            (LogOutput::Elsewhere, "", "journalctl -u UNIT -o cat -f | peer-observer run --debug-log -"),
            (
                LogOutput::Nowhere,
                ", which goes to /dev/null",
                "journalctl -u UNIT -o cat -f | peer-observer run --debug-log -",
            ),
        ] {
            let check = file(&Located { log_output: Some(output), ..located(None) });
            assert_eq!(check.what, format!("none; the log is on standard output{what}"));
            assert_eq!((check.state, &*check.remedies[0].lines), (State::Missing, &[line.to_owned()][..]));
        }
        assert_eq!(file(&located(Some("-".into()))).state, State::Ok);
        for (path, words) in [(None, "the node writes none"), (Some("/no/debug.log".into()), "does not exist")] {
            let check = file(&located(path));
            assert!(check.state == State::Missing && check.what.contains(words), "{check:?}");
            assert_eq!(check.remedies.len(), 1);
        }
    }

    #[test]
    fn what_is_written() {
        let of = |on: &[&str]| {
            let all = CATEGORIES.iter().map(|(name, _)| *name).chain(["rand"]);
            Logging(all.map(|name| (name.to_owned(), on.contains(&name))).collect())
        };
        let located = Located {
            datadir: Some("/d".into()),
            rpc: Some(HostPort::new("127.0.0.1", 8332)),
            auth: Auth::Cookie("/d/.cookie".into()),
            ..Located::default()
        };
        let all: Vec<_> = CATEGORIES.iter().map(|(name, _)| *name).collect();
        assert_eq!(categories(&located, Some(&of(&all))).state, State::Ok);
        let check = categories(&located, Some(&of(&["net", "validation", "mempool", "addrman", "txpackages", "i2p"])));
        assert_eq!(check.state, State::Limited);
        assert_eq!(
            check.remedies[0].lines,
            ["debug=mempoolrej  # transactions rejected, and why", "debug=cmpctblock  # compact blocks reconstructed",]
        );
        assert!(check.remedies[0].advice.contains("/d/bitcoin.conf"), "{check:?}");
        let call = r#"bitcoin-cli -rpcconnect=127.0.0.1 -rpcport=8332 -rpccookiefile=/d/.cookie logging '["mempoolrej","cmpctblock"]'"#;
        assert_eq!(check.remedies[1].lines, [call]);
        // Nothing is known.
        let check = categories(&Located::default(), None);
        assert_eq!((check.state, check.remedies.len(), check.remedies[0].lines.len()), (State::Limited, 1, 8));
        // An older version, without txpackages.
        let mut older = of(&all);
        older.0.remove("txpackages");
        assert_eq!(categories(&located, Some(&older)).state, State::Ok);
    }
}
