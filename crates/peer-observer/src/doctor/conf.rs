//! Advice on the node's configuration. Each piece is tried first on what the node has, since lines at the wrong place do nothing, and the
//! node does not report it: those below the section of another chain, or those that a file of more weight contradicts.

use std::path::Path;

use node::{ConfPlace, Located, Strongest};

use super::report::Remedy;

/// Where to put lines so that `works` holds of the node after a restart. `lines` are `name=value`, and may have comments.
pub fn remedy<L: Into<String>>(
    located: &Located,
    lines: impl IntoIterator<Item = L>,
    works: impl Fn(&Located) -> bool,
) -> Remedy {
    let lines: Vec<String> = lines.into_iter().map(Into::into).collect();
    let plain: Vec<_> = lines.iter().map(|line| uncommented(line).to_owned()).collect();
    let tried = |place: ConfPlace| located.with_conf_lines(place, &plain).is_some_and(|located| works(&located));
    let default = || located.datadir.as_ref().map(|datadir| datadir.join("bitcoin.conf"));
    let main = located.main_conf.as_ref();
    let path = main.map(|main| main.path.clone()).or_else(|| located.conf_files.first().cloned()).or_else(default);
    let file = path.map_or_else(|| "the node's bitcoin.conf".to_owned(), |path| path.display().to_string());
    let Some(main) = main else {
        if tried(ConfPlace::CommandLine) {
            return command_line(&plain, "the node reads no bitcoin.conf");
        }
        return Remedy { advice: format!("put at the top of {file} and restart the node:"), lines };
    };
    let places: &[ConfPlace] = if main.has_sections {
        &[ConfPlace::Top, ConfPlace::Section, ConfPlace::End]
    } else {
        &[ConfPlace::End, ConfPlace::Top, ConfPlace::Section]
    };
    let section = located.chain.map_or("main", node::Chain::name);
    let place = match places.iter().find(|place| tried(**place)) {
        Some(ConfPlace::Top) if main.has_sections => format!("at the top of {file}, before the first [section],"),
        Some(ConfPlace::Top) => format!("at the top of {file}"),
        Some(ConfPlace::End) if main.has_sections => format!("at the end of {file}"),
        Some(ConfPlace::End) => format!("into {file}"),
        Some(ConfPlace::Section | ConfPlace::CommandLine) => {
            format!("into {file}, directly below the first line [{section}] (add it at the end if there is none),")
        }
        None => return contradicted(located, &file, lines, &plain, tried(ConfPlace::CommandLine)),
    };
    Remedy { advice: format!("put {place} and restart the node:"), lines }
}

/// The advice where no place in bitcoin.conf helps.
fn contradicted(
    located: &Located,
    file: &str,
    lines: Vec<String>,
    plain: &[String],
    command_line_works: bool,
) -> Remedy {
    let names: Vec<&str> = plain.iter().filter_map(|line| line.split('=').next()).collect();
    let sources: Vec<_> = names.iter().filter_map(|name| Some((*name, located.strongest(name)?))).collect();
    if sources.iter().any(|(_, source)| *source == Strongest::CommandLine) && command_line_works {
        return command_line(plain, &format!("it contradicts {file}, and counts more"));
    }
    let written = sources.iter().find_map(|(name, source)| match source {
        Strongest::WrittenByNode(path) => Some((*name, path.as_path())),
        Strongest::CommandLine | Strongest::Conf => None,
    });
    let advice = match written {
        Some((name, path)) => written_by_node(name, path, file),
        None => format!(
            "other lines of {file}, or of files that it includes, contradict these (as nodebug=1, debug=0 or debugexclude do): remove \
             them, put these at its top, before any [section], and restart the node:"
        ),
    };
    Remedy { advice, lines }
}

fn written_by_node(name: &str, path: &Path, file: &str) -> String {
    format!(
        "{} contradicts {file}, and counts more: stop the node, remove {name} from that, put these at the top of {file}, before any \
         [section], and start the node:",
        path.display()
    )
}

fn command_line(plain: &[String], why: &str) -> Remedy {
    let advice = format!("put at the end of the node's command line ({why}) and restart the node:");
    Remedy { advice, lines: plain.iter().map(|line| format!("-{line}")).collect() }
}

/// A line without its comment.
fn uncommented(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use node::{Chain, Target};

    use super::*;

    /// A copy of a folder of inputs that a test may change, and the node in it, which is not running.
    struct Case {
        folder: tempfile::TempDir,
        chain: Chain,
    }

    impl Case {
        fn new(conf: &str, chain: Chain) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("regtest")).unwrap();
            let case = Self { folder, chain };
            fs::write(case.conf(), conf).unwrap();
            case
        }

        fn conf(&self) -> PathBuf {
            self.folder.path().join("bitcoin.conf")
        }

        fn located(&self) -> Located {
            let datadir = Some(self.folder.path().to_owned());
            Target { datadir, chain: Some(self.chain), ..Target::default() }.locate().unwrap()
        }

        fn remedy(&self) -> Remedy {
            remedy(&self.located(), ["debug=net         # connections", "logips=1"], works)
        }
    }

    fn works(located: &Located) -> bool {
        located.log_options.as_ref().is_some_and(|options| options.has("net") && options.logips)
    }

    /// The case conf-02: a configuration that ends in sections, as contrib/devtools/gen-bitcoin-conf.sh of Bitcoin Core writes it.
    const SECTIONS: &str = include_str!("../../tests/cases/conf-02/bitcoin.conf");

    #[test]
    fn lines_are_put_where_they_work() {
        for (conf, chain, place) in [
            ("regtest=1\n", Chain::Regtest, "put into FILE and restart the node:"),
            (SECTIONS, Chain::Regtest, "put at the top of FILE, before the first [section], and restart the node:"),
            ("[regtest]\n", Chain::Main, "put at the top of FILE, before the first [section], and restart the node:"),
            ("logips=0\n", Chain::Regtest, "put at the top of FILE and restart the node:"),
            ("debug=0\nlogips=1\n", Chain::Main, "put into FILE and restart the node:"),
            ("[regtest]\nlogips=0\n", Chain::Regtest, "put into FILE, directly below the first line [regtest] "),
            ("debugexclude=net\n", Chain::Main, "other lines of FILE, or of files that it includes, contradict these "),
            ("[main]\nnodebug=1\n", Chain::Main, "put at the end of FILE and restart the node:"),
            (
                "[main]\nnodebug=1\n[test]\n",
                Chain::Main,
                "other lines of FILE, or of files that it includes, contradict ",
            ),
        ] {
            let case = Case::new(conf, chain);
            let remedy = case.remedy();
            let advice = remedy.advice.replace(&case.conf().display().to_string(), "FILE");
            assert!(advice.starts_with(place), "{conf:?}: {advice}");
            assert_eq!(remedy.lines, ["debug=net         # connections", "logips=1"], "{conf:?}");
        }
    }

    #[test]
    fn advice_that_is_followed_helps() {
        let case = Case::new(SECTIONS, Chain::Regtest);
        assert!(!works(&case.located()));
        let lines = case.remedy().lines.join("\n");
        // What people do who do not read where: it has no effect.
        fs::write(case.conf(), format!("{SECTIONS}\n{lines}\n")).unwrap();
        assert!(!works(&case.located()));
        assert!(case.remedy().advice.contains("before the first [section]"));
        fs::write(case.conf(), format!("{lines}\n{SECTIONS}")).unwrap();
        assert!(works(&case.located()));
    }

    #[test]
    fn what_counts_more_than_the_file_is_named() {
        let case = Case::new("", Chain::Regtest);
        for (file, text) in
            [("regtest/settings.json", r#"{"logips": false}"#), ("regtest/bitcoin_rw.conf", "logips=0\n")]
        {
            let path = case.folder.path().join(file);
            fs::write(&path, text).unwrap();
            let advice = case.remedy().advice;
            let start = format!("{} contradicts {}, and counts more: ", path.display(), case.conf().display());
            assert!(advice.starts_with(&start) && advice.contains("remove logips from"), "{advice}");
        }
        // A node of which nothing is known.
        assert_eq!(
            remedy(&Located::default(), ["server=1"], |_| true).advice,
            "put at the top of the node's bitcoin.conf and restart the node:"
        );
    }
}
