//! The programs of the original peer-observer, and what each of their options is here.

/// A program.
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// What it does, for `--help`.
    pub about: &'static str,
    /// Our command for it.
    pub command: &'static [&'static str],
    /// Options that it has without being given them.
    pub always: &'static [&'static str],
    /// Its options, besides those of [`NATS`] and [`LOG`].
    pub flags: &'static [Flag],
    /// It takes the paths of files.
    pub takes_files: bool,
}

/// An option.
pub struct Flag {
    /// Its name, without the hyphens.
    pub long: &'static str,
    /// Its letter, if it has one.
    pub short: Option<char>,
    /// What it is here.
    pub means: Means,
    /// Its value where it is not given; none if it is left out then.
    pub default: Option<&'static str>,
}

/// What an option is here.
pub enum Means {
    /// This option of ours, with the same value.
    Option(&'static str),
    /// This option of ours, with a value that has another name here.
    Named(&'static str, &'static [(&'static str, &'static str)]),
    /// This option of ours, with the value followed by this.
    With(&'static str, &'static str),
    /// Our option for where NATS is.
    Nats,
    /// A name for this value of our option.
    Switch(&'static str, &'static str),
    /// Our option that has no value.
    Bare(&'static str),
    /// A setting of a detector.
    Setting(&'static str),
    /// The same, where the original acts above the value, and we from the value on.
    SettingAbove(&'static str),
    /// The log level.
    LogLevel,
    /// More in the log, of this module of ours.
    LogModule(&'static str),
    /// Nothing, and why. It has a value.
    Nothing(&'static str),
    /// The same without a value.
    NothingBare(&'static str),
}

const fn flag(long: &'static str, means: Means) -> Flag {
    Flag { long, short: None, means, default: None }
}

const fn with_default(long: &'static str, means: Means, default: &'static str) -> Flag {
    Flag { long, short: None, means, default: Some(default) }
}

impl Flag {
    const fn letter(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    /// Whether it has a value.
    pub fn has_value(&self) -> bool {
        !matches!(self.means, Means::Switch(..) | Means::Bare(_) | Means::LogModule(_) | Means::NothingBare(_))
    }

    /// The option of ours that it is; none if it is none by itself.
    pub fn ours(&self) -> Option<&'static str> {
        match &self.means {
            Means::Option(ours) | Means::Named(ours, _) | Means::With(ours, _) => Some(ours),
            Means::Nats => Some("--nats"),
            Means::Bare(ours) | Means::Switch(ours, _) => Some(ours),
            _ => None,
        }
    }

    /// What it is here, for `--help`.
    pub fn help(&self) -> String {
        match &self.means {
            Means::Switch(ours, value) => format!("{ours} {value}"),
            Means::Setting(setting) | Means::SettingAbove(setting) => format!("--alerts-set {setting}=…"),
            Means::LogLevel | Means::LogModule(_) => "--log".to_owned(),
            Means::Nothing(why) | Means::NothingBare(why) => format!("It does nothing: {why}"),
            _ => self.ours().unwrap_or_default().to_owned(),
        }
    }
}

/// What all programs have that use NATS.
const NATS: &[Flag] = &[
    with_default("nats-address", Means::Nats, "127.0.0.1:4222").letter('a'),
    flag("nats-username", Means::Option("--nats-user")).letter('u'),
    flag("nats-password", Means::Option("--nats-password")).letter('p'),
    flag("nats-password-file", Means::Option("--nats-password-file")).letter('f'),
];

/// What all programs have.
const LOG: &[Flag] = &[flag("log-level", Means::LogLevel).letter('l')];

impl Program {
    /// All of its options.
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        let nats: &'static [Flag] = if self.takes_files { &[] } else { NATS };
        self.flags.iter().chain(nats).chain(LOG)
    }
}

/// The original's names of chains.
const CHAINS: &[(&str, &str)] = &[("mainnet", "main"), ("testnet3", "test")];

const NOT_SEPARATE: &str = "all that the connection shows is published";
const OF_THE_NODE: &str = "the detector address_flood counts as the node's own limit does";

/// The subjects that the original's programs know.
const FLAT: &[&str] = &["--subjects", "flat"];

/// All of them.
pub const PROGRAMS: &[Program] = &[
    Program {
        name: "ebpf-extractor",
        about: "Publishes what tracepoints show",
        command: &["extract", "ebpf"],
        always: FLAT,
        flags: &[
            flag("bitcoind-path", Means::Option("--binary")),
            flag("bitcoind-pid-file", Means::Option("--pid-file")),
            flag("libbpf-debug", Means::LogModule("extractor_ebpf")),
        ],
        takes_files: false,
    },
    Program {
        name: "rpc-extractor",
        about: "Publishes the results of polled RPCs",
        command: &["extract", "rpc"],
        always: FLAT,
        flags: &[
            with_default("rpc-host", Means::Option("--rpc"), "127.0.0.1:8332"),
            flag("rpc-user", Means::Option("--rpc-user")),
            flag("rpc-password", Means::Option("--rpc-password")),
            flag("prometheus-address", Means::Option("--metrics-listen")),
        ],
        takes_files: false,
    },
    Program {
        name: "p2p-extractor",
        about: "Publishes what a P2P connection from the node shows",
        command: &["extract", "p2p"],
        always: FLAT,
        flags: &[
            with_default("p2p-network", Means::Named("--chain", CHAINS), "mainnet"),
            with_default("p2p-address", Means::Option("--p2p-listen"), "127.0.0.1:9333"),
            with_default("ping-interval", Means::With("--p2p-ping-interval", "s"), "10"),
            flag("disable-ping", Means::NothingBare(NOT_SEPARATE)),
            flag("disable-addrv2", Means::NothingBare(NOT_SEPARATE)),
            flag("disable-invs", Means::NothingBare(NOT_SEPARATE)),
            flag("disable-feefilter", Means::NothingBare(NOT_SEPARATE)),
        ],
        takes_files: false,
    },
    Program {
        name: "log-extractor",
        about: "Publishes the entries of debug.log, which come through a FIFO",
        command: &["extract", "log"],
        always: FLAT,
        flags: &[flag("bitcoind-pipe", Means::Option("--debug-log"))],
        takes_files: false,
    },
    Program {
        name: "ipc-extractor",
        about: "Publishes the tips that the node's IPC interface shows",
        command: &["extract", "ipc"],
        always: FLAT,
        flags: &[
            flag("ipc-socket-path", Means::Option("--ipc")).letter('i'),
            with_default("query-interval", Means::With("--ipc-query-interval", "s"), "10"),
            flag("prometheus-address", Means::Option("--metrics-listen")),
        ],
        takes_files: false,
    },
    Program {
        name: "metrics",
        about: "Serves numbers for Prometheus",
        command: &["metrics"],
        always: &["--subjects", "flat", "--metrics-host", "*"],
        flags: &[flag("metrics-address", Means::Option("--metrics-listen"))],
        takes_files: false,
    },
    Program {
        name: "connectivity-check",
        about: "Connects to the addresses that peers gossip",
        command: &["connectivity"],
        always: &["--subjects", "flat", "--tools", "metrics", "--kind", "connectivity", "--metrics-host", "*"],
        flags: &[with_default("metrics-address", Means::Option("--metrics-listen"), "127.0.0.1:18282")],
        takes_files: false,
    },
    Program {
        name: "websocket",
        about: "Serves events for pages and other programs",
        command: &["websocket"],
        always: &["--subjects", "flat", "--websocket-host", "*"],
        flags: &[flag("websocket-address", Means::Option("--websocket-listen"))],
        takes_files: false,
    },
    Program {
        name: "alerts",
        about: "Prints attacks and anomalies",
        command: &["alerts"],
        always: &["--subjects", "flat", "--alerts-print", "text"],
        flags: &[
            flag("ping-threshold", Means::SettingAbove("ping_spam.limit")),
            flag("ping-window-secs", Means::Setting("ping_spam.window")),
            flag("addr-threshold", Means::Nothing(OF_THE_NODE)),
            flag("addr-window-secs", Means::Nothing(OF_THE_NODE)),
            flag("addr-entries-threshold", Means::Setting("address_flood.refused")),
            flag("addr-entries-initial-tokens", Means::Nothing(OF_THE_NODE)),
            flag("addr-entries-bucket-capacity", Means::Nothing(OF_THE_NODE)),
            flag("addr-entries-rate-per-sec", Means::Nothing(OF_THE_NODE)),
            flag("peer-stale-secs", Means::Nothing("a peer is known until its connection ends")),
        ],
        takes_files: false,
    },
    Program {
        name: "archiver",
        about: "Writes events to files",
        command: &["archive"],
        always: FLAT,
        flags: &[
            flag("output-dir", Means::Option("--archive-directory")).letter('o'),
            flag("base-name", Means::Option("--archive-name")).letter('b'),
            flag("max-file-size", Means::Option("--archive-file-size")),
            with_default("compression-level", Means::Option("--archive-level"), "22"),
            flag("low-data", Means::Bare("--archive-low-data")),
            flag("messages", Means::Switch("--archive-only", "netmsg")),
            flag("connections", Means::Switch("--archive-only", "netconn")),
            flag("mempool", Means::Switch("--archive-only", "mempool")),
            flag("validation", Means::Switch("--archive-only", "validation")),
            flag("rpc", Means::Switch("--archive-only", "rpc")),
            flag("p2p-extractor", Means::Switch("--archive-only", "p2p")),
            flag("log-extractor", Means::Switch("--archive-only", "log")),
            flag("ipc-extractor", Means::Switch("--archive-only", "ipc")),
            flag("addr-relay", Means::Switch("--archive-only", "addr-relay")),
            flag("connections-with-handshakes", Means::Switch("--archive-only", "connections-with-handshakes")),
        ],
        takes_files: false,
    },
    Program {
        name: "logger",
        about: "Prints events",
        command: &["watch"],
        always: FLAT,
        flags: &[],
        takes_files: false,
    },
    Program {
        name: "replayer",
        about: "Prints the events of archives",
        command: &["watch"],
        always: &[],
        flags: &[],
        takes_files: true,
    },
    Program {
        name: "archiveinfo",
        about: "Describes archives",
        command: &["archive", "info"],
        always: &[],
        flags: &[
            flag("message-directions", Means::NothingBare("all that is known is printed")),
            flag("show-unknown-commands", Means::NothingBare("all that is known is printed")),
        ],
        takes_files: true,
    },
];
