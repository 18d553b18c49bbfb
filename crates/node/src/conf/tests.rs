//! Precedence and files, by tables.

use std::fs;

use super::*;

/// A home directory with the given files, and the settings of a node started there with the given arguments.
fn settings(files: &[(&str, &str)], args: &str) -> (tempfile::TempDir, Settings) {
    let home = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let args = args.replace("HOME", home.path().to_str().unwrap()).split_whitespace().map(str::to_owned).collect();
    let launch = Launch { args, cwd: home.path().join("cwd"), home: home.path().to_owned(), ..Launch::default() };
    let settings = launch.settings();
    (home, settings)
}

#[test]
fn single_values() {
    use Setting::{Negated, Text, Unset};
    let rows: &[(&str, &str, &str, Setting<'static>)] = &[
        // conf, arguments, option, value
        ("rpcuser=a\nrpcuser=b", "", "rpcuser", Text("a")),
        ("rpcuser=a", "-rpcuser=b -rpcuser=c", "rpcuser", Text("c")),
        ("rpcuser=a", "-norpcuser", "rpcuser", Negated),
        ("rpcuser=a\nnorpcuser=1", "", "rpcuser", Negated),
        ("rpcuser=a\nnorpcuser=1\nrpcuser=b", "", "rpcuser", Text("b")),
        ("rpcuser=a\n[regtest]\nrpcuser=b", "-regtest", "rpcuser", Text("b")),
        ("rpcuser=a\n[regtest]\nrpcuser=b", "", "rpcuser", Text("a")),
        ("rpcuser=a\n[main]\nrpcuser=b", "", "rpcuser", Text("b")),
        // Those of a network mean the main chain only.
        ("rpcport=1", "", "rpcport", Text("1")),
        ("rpcport=1", "-regtest", "rpcport", Unset),
        ("norpcport=1", "-regtest", "rpcport", Negated),
        ("regtest=1\nregtest.rpcport=1", "", "rpcport", Text("1")),
        ("rpcport=1", "-regtest -rpcport=2", "rpcport", Text("2")),
        ("[test]\nrpcport=1", "-chain=test", "rpcport", Text("1")),
        ("", "", "rpcport", Unset),
    ];
    for (conf, args, name, value) in rows {
        let (_home, settings) = settings(&[(".bitcoin/bitcoin.conf", conf)], args);
        assert_eq!(settings.get(name), *value, "{conf:?} {args:?} {name}");
        assert_eq!(settings.notes, [""; 0], "{conf:?}");
    }
}

#[test]
fn lists() {
    let rows: &[(&str, &str, &str, &[&str])] = &[
        (
            "debug=net\ndebug=addrman\n[regtest]\ndebug=tor",
            "-regtest -debug=rpc",
            "debug",
            &["rpc", "tor", "net", "addrman"],
        ),
        ("debug=net\nnodebug=1\ndebug=addrman", "", "debug", &["addrman"]),
        ("debug=net", "-nodebug", "debug", &[]),
        // Brought back from the dead.
        ("debug=net", "-debug=a -nodebug -debug=rpc", "debug", &["rpc", "net"]),
        ("[regtest]\nnodebug=1\n[]\n", "-regtest", "debug", &[]),
        ("bind=1.2.3.4\n[signet]\nbind=5.6.7.8", "-signet", "bind", &["5.6.7.8"]),
        ("bind=1.2.3.4", "", "bind", &["1.2.3.4"]),
    ];
    for (conf, args, name, values) in rows {
        let (_home, settings) = settings(&[(".bitcoin/bitcoin.conf", conf)], args);
        assert_eq!(settings.list(name), *values, "{conf:?} {args:?}");
    }
}

#[test]
fn chains() {
    let rows: &[(&str, &str, Chain, bool)] = &[
        // conf, arguments, chain, whether there is a note
        ("", "", Chain::Main, false),
        ("testnet=1", "", Chain::Test, false),
        ("chain=testnet4", "", Chain::Testnet4, false),
        ("regtest=0", "", Chain::Main, false),
        ("regtest=0\nregtest=1", "", Chain::Regtest, false),
        ("regtest=1", "-noregtest", Chain::Regtest, false),
        ("signet=1", "-signet=0", Chain::Main, false),
        ("[regtest]\nregtest=1", "", Chain::Main, false),
        ("chain=foo", "", Chain::Main, true),
        ("testnet=1\nsignet=1", "", Chain::Main, true),
        ("testnet=1", "-chain=signet", Chain::Main, true),
    ];
    for (conf, args, chain, note) in rows {
        let (_home, settings) = settings(&[(".bitcoin/bitcoin.conf", conf)], args);
        assert_eq!(
            (settings.chain, !settings.notes.is_empty()),
            (*chain, *note),
            "{conf:?} {args:?} {:?}",
            settings.notes
        );
    }
}

#[test]
fn data_directories_and_files() {
    let files = [
        (".bitcoin/bitcoin.conf", "datadir=../other/\nincludeconf=more.conf\n[signet]\nincludeconf=signet.conf"),
        (".bitcoin/more.conf", "rpcuser=more\nincludeconf=nested.conf"),
        (".bitcoin/signet.conf", "rpcuser=signet"),
        (".bitcoin/nested.conf", "rpcuser=nested\nrpcpassword=nested"),
        ("other/signet/settings.json", r#"{"logips": true}"#),
        ("cwd/rel/x.conf", "rpcuser=x"),
        ("etc/bitcoin.conf", "datadir=HOME/other\nincludeconf=there.conf"),
        ("cwd/HOME/other/there.conf", "rpcuser=there"),
    ];
    let rows: &[(&str, &str, Option<&str>, &[&str])] = &[
        // arguments, data directory, rpcuser, files read
        ("", "other", Some("more"), &[".bitcoin/bitcoin.conf", ".bitcoin/more.conf"]),
        ("-noincludeconf", "other", None, &[".bitcoin/bitcoin.conf"]),
        ("-signet", "other", Some("signet"), &[".bitcoin/bitcoin.conf", ".bitcoin/signet.conf", ".bitcoin/more.conf"]),
        ("-datadir=rel/./y/.. -conf=x.conf", "cwd/rel", Some("x"), &["cwd/rel/x.conf"]),
        ("-noconf", ".bitcoin", None, &[]),
        // Relative to the data directory that an absolute -conf names.
        (
            "-conf=HOME/etc/bitcoin.conf",
            "cwd/HOME/other",
            Some("there"),
            &["etc/bitcoin.conf", "cwd/HOME/other/there.conf"],
        ),
    ];
    for (args, datadir, user, read) in rows {
        let (home, settings) = settings(&files, args);
        assert_eq!(settings.datadir, home.path().join(datadir), "{args}");
        assert_eq!(settings.text("rpcuser"), *user, "{args}");
        let read: Vec<_> = read.iter().map(|f| home.path().join(f)).collect();
        assert_eq!(settings.files, read, "{args}");
        assert_eq!(settings.flag("logips"), args.contains("signet").then_some(true), "{args}");
        assert_eq!(settings.text("rpcpassword"), None, "an included file includes no other");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    type Files<'a> = &'a [(&'a str, &'a str)];
    let rows: &[(Files<'_>, &str, &str)] = &[
        (&[], "-conf=missing.conf", "missing.conf: it does not exist"),
        (&[(".bitcoin/bitcoin.conf/x", "")], "", "bitcoin.conf: it is"),
        (&[(".bitcoin/bitcoin.conf", "a=1\nb\nserver=1")], "", "bitcoin.conf:2: no name=value: \"b\""),
        (&[(".bitcoin/bitcoin.conf", "includeconf=gone\nserver=1")], "", "gone: it does not exist"),
        (&[(".bitcoin/bitcoin.conf", "server=1"), (".bitcoin/settings.json", "{")], "", "settings.json: EOF"),
        (&[], "-conf=/dev/zero", "/dev/zero: it is not a regular file"),
    ];
    for (files, args, note) in rows {
        let (_home, settings) = settings(files, args);
        assert!(settings.notes.len() == 1 && settings.notes[0].contains(note), "{note:?} {:?}", settings.notes);
        let server = files.first().is_some_and(|f| f.1.contains("server"));
        assert_eq!(settings.flag("server"), server.then_some(true), "the rest is read");
    }
    let (home, _) = settings(&[], "");
    let pipe = home.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let big = home.path().join("big");
    fs::File::create(&big).unwrap().set_len(crate::files::MAX_BYTES + 1).unwrap();
    assert!(crate::files::read_text(&pipe, 1).unwrap_err().to_string().contains("regular file"));
    assert!(crate::files::read_text(&big, crate::files::MAX_BYTES).unwrap_err().to_string().contains("larger than"));
}

/// By Bitcoin Knots 29.5, which was started with each of these.
#[test]
fn what_knots_writes_counts_more_than_other_files() {
    let conf = "regtest=1\ndebug=mempool\n[regtest]\nrpcport=1";
    let rows: &[(&str, &str, &str, i64, &[&str])] = &[
        // bitcoin_rw.conf, settings.json, arguments, rpcport, debug
        ("debug=net\nlogips=1\n[regtest]\nrpcport=2", "{}", "", 2, &["net", "mempool"]),
        // Sections don't matter, the first value counts, and settings.json counts less.
        ("rpcport=2\nrpcport=3", r#"{"rpcport": "4"}"#, "", 2, &["mempool"]),
        ("[main]\nrpcport=2\n[test]\nrpcport=3", "{}", "", 2, &["mempool"]),
        ("[test]\nrpcport=3\n[main]\nrpcport=2", "{}", "", 3, &["mempool"]),
        ("rpcport=2\nnorpcport=1", "{}", "", 0, &["mempool"]),
        ("rpcport=2", "{}", "-rpcport=5", 5, &["mempool"]),
        // Neither the chain nor other files are chosen there.
        ("regtest=0\ntestnet=1\nincludeconf=more.conf\nrpcport=2", "{}", "", 2, &["mempool"]),
        ("nodebug=1\ndebug=net", "{}", "", 1, &["net", "mempool"]),
        ("debug=net", "{}", "-debug=tor -nodebug -debug=rpc", 1, &["rpc", "net", "mempool"]),
        ("debug=net\nnodebug=1", "{}", "", 1, &[]),
        ("debug=net", "{}", "-nodebug", 1, &[]),
        ("rpcport=2", "{}", "-noconfrw", 1, &["mempool"]),
        ("rpcport=2", "{}", "-confrw=other.conf", 6, &["mempool"]),
    ];
    for (read_write, json, args, port, debug) in rows {
        let files = [
            (".bitcoin/bitcoin.conf", conf),
            (".bitcoin/regtest/bitcoin_rw.conf", read_write),
            (".bitcoin/regtest/settings.json", json),
            (".bitcoin/regtest/other.conf", "rpcport=6"),
            (".bitcoin/regtest/more.conf", "rpcport=7"),
            (".bitcoin/more.conf", "rpcport=7"),
        ];
        let (home, settings) = settings(&files, args);
        let got = (settings.number("rpcport").unwrap(), settings.list("debug"), settings.chain);
        assert_eq!(got, (*port, debug.to_vec(), Chain::Regtest), "{read_write:?} {json} {args:?}");
        assert_eq!(settings.notes, [""; 0], "{read_write:?}");
        let read = home.path().join(".bitcoin/regtest/bitcoin_rw.conf");
        assert_eq!(settings.files.contains(&read), !args.contains("confrw"), "{args:?}");
    }
}

#[test]
fn bitcoin_core_leaves_bitcoin_rw_conf_alone() {
    let (home, _) = settings(&[(".bitcoin/bitcoin_rw.conf", "rpcport=2\nbogus"), ("core", "-conf"), ("knots", "")], "");
    let far = format!("{}-confrw=<file>", "x".repeat((1 << 20) - 3));
    fs::write(home.path().join("knots"), far).unwrap();
    for (program, port) in [(Some("core"), None), (Some("knots"), Some(2)), (Some("gone"), Some(2)), (None, Some(2))] {
        let program = program.map(|program| home.path().join(program));
        let launch = Launch { home: home.path().to_owned(), program, ..Launch::default() };
        let settings = launch.settings();
        assert_eq!(settings.number("rpcport"), port, "{:?}", launch.program);
        assert_eq!(settings.notes.len(), usize::from(port.is_some()), "{:?}", settings.notes);
    }
}

#[test]
fn lines_that_are_tried() {
    use ConfPlace::{CommandLine, End, Section, Top};
    type Places<'a> = &'a [(ConfPlace, bool)];
    let rows: &[(&str, &str, Places<'_>)] = &[
        // conf, arguments, where logips=1 would have an effect
        ("", "", &[(Top, true), (End, true), (Section, true), (CommandLine, true)]),
        ("regtest=1\n[main]\n[signet] # x\n", "", &[(Top, true), (End, false), (Section, true), (CommandLine, true)]),
        ("[main]\n[regtest]\n", "-regtest", &[(Top, true), (End, true), (Section, true)]),
        ("[main]\n[regtest]\n", "", &[(Top, true), (End, false), (Section, true)]),
        ("logips=0", "", &[(Top, true), (End, false), (Section, true)]),
        ("[main]\nlogips=0", "", &[(Top, false), (End, false), (Section, true)]),
        ("", "-logips=0", &[(Top, false), (End, false), (Section, false), (CommandLine, true)]),
        ("", "-noconf", &[(Top, false), (CommandLine, true)]),
    ];
    for (conf, args, places) in rows {
        let (home, base) = settings(&[(".bitcoin/bitcoin.conf", conf)], args);
        for (place, works) in *places {
            let args = args.split_whitespace().map(str::to_owned).collect();
            let trial = Some(Trial { place: *place, lines: vec!["logips=1".to_owned()], section: base.chain.name() });
            let launch = Launch { args, home: home.path().to_owned(), trial, ..Launch::default() };
            assert_eq!(
                launch.settings().flag("logips") == Some(true),
                *works,
                "{conf:?} {args:?} {place:?}",
                args = launch.args
            );
        }
        let main = base.main_file;
        assert_eq!(main.is_some_and(|file| file.has_sections), conf.contains('['), "{conf:?}");
    }
}
