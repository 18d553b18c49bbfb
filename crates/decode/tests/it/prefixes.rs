//! What stands before the message: every form, before every message.

use decode::log::Decoder;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{Log, LogDebugCategory, LogLevel};

use crate::lines::{decode, entries};

fn text(log: &Log) -> &str {
    match log.log_event.as_ref().unwrap() {
        LogEvent::UnknownLogMessage(message) => &message.raw_message,
        event => panic!("{event:?}"),
    }
}

/// An entry as with -loglevelalways.
fn with_level(entry: &str) -> String {
    const LEVELS: [&str; 2] = ["warning", "error"];
    match entry.strip_prefix('[').and_then(|entry| entry.split_once("] ")) {
        Some((level, message)) if LEVELS.contains(&level) => format!("[all:{level}] {message}"),
        Some((category, message)) if category.contains(':') => format!("[{category}] {message}"),
        Some((category, message)) if !["snapshot", "default wallet", "background validation"].contains(&category) => {
            format!("[{category}:debug] {message}")
        }
        _ => format!("[all:info] {entry}"),
    }
}

/// The beginning of an entry, and the fields that it sets.
#[derive(Clone, Default)]
struct Form {
    text: String,
    sets: Log,
}

/// Each form continued in each way.
fn continued<T: Copy>(forms: &[Form], ways: &[T], go_on: impl Fn(&mut Form, T)) -> Vec<Form> {
    let pairs = forms.iter().flat_map(|form| ways.iter().map(move |way| (form.clone(), *way)));
    pairs
        .map(|(mut form, way)| {
            go_on(&mut form, way);
            form
        })
        .collect()
}

/// All that may stand before category and level.
fn forms() -> Vec<Form> {
    let times = [
        ("", 5, None),
        ("2026-06-23T16:19:13Z ", 1_782_231_553_000_000, None),
        ("2026-06-23T16:19:13.123456Z ", 1_782_231_553_123_456, None),
        ("2026-06-23T16:19:13Z (mocktime: 2020-01-01T00:00:00Z) ", 1_782_231_553_000_000, Some(1_577_836_800)),
    ];
    let threads = ["", "msghand", "scriptch.12", "basic block filter index"];
    let places = [
        None,
        Some(("net.cpp:12", "ProcessMessage")),
        Some(("src/net.cpp:12", "void f(const T (&)[3]) [with T = std::vector<int>]")),
    ];
    let forms = continued(&[Form::default()], &["", "[*] "], |form, star| {
        form.text.push_str(star);
        form.sets.suppressing = (!star.is_empty()).then_some(true);
    });
    let forms = continued(&forms, &times, |form, (time, time_us, mocktime)| {
        form.text.push_str(time);
        form.sets.log_timestamp = time_us;
        form.sets.mocktime = mocktime;
    });
    let forms = continued(&forms, &threads, |form, thread| {
        if !thread.is_empty() {
            form.text.push_str(&format!("[{thread}] "));
        }
        form.sets.threadname = thread.to_owned();
    });
    continued(&forms, &places, |form, place| {
        if let Some((location, function)) = place {
            form.text.push_str(&format!("[{location}] [{function}] "));
        }
        form.sets.source_location = place.map(|(location, _)| location.to_owned());
        form.sets.source_function = place.map(|(_, function)| function.to_owned());
    })
}

#[test]
fn messages_mean_the_same_after_every_prefix() {
    let forms = forms();
    assert_eq!(forms.len(), 2 * 4 * 4 * 3);
    for entry in entries().flat_map(|entry| [with_level(&entry), entry]) {
        let alone = decode(&entry);
        // Without a time it is given no type.
        let untimed = Decoder::default().entry(entry.as_bytes(), 5).log_event;
        assert!(matches!(untimed, Some(LogEvent::UnknownLogMessage(_))));
        for form in &forms {
            let line = format!("{}{entry}", form.text);
            let expected = Log {
                category: alone.category,
                category_name: alone.category_name.clone(),
                log_level: alone.log_level,
                log_line_bytes: line.len() as u64,
                log_event: if form.sets.log_timestamp == 5 { untimed.clone() } else { alone.log_event.clone() },
                raw_message: alone.raw_message.clone().filter(|_| form.sets.log_timestamp != 5),
                ..form.sets.clone()
            };
            let decoded = Decoder::default().entry(format!("{line}\r\n").as_bytes(), 5);
            assert_eq!(decoded, expected, "{line}");
        }
    }
}

#[test]
fn categories_and_levels() {
    use LogDebugCategory::{Mempool, Net, Unknown, Validation};
    let cases: [(&str, LogDebugCategory, Option<&str>, LogLevel, &str); 20] = [
        ("a", Unknown, None, LogLevel::Info, "a"),
        ("[net] a", Net, None, LogLevel::Debug, "a"),
        ("[net] [a] b", Net, None, LogLevel::Debug, "[a] b"),
        ("[net:trace] a", Net, None, LogLevel::Trace, "a"),
        ("[net:info] a", Net, None, LogLevel::Info, "a"),
        ("[mempool:error] a", Mempool, None, LogLevel::Error, "a"),
        ("[validation:warning] a", Validation, None, LogLevel::Warning, "a"),
        ("[warning] a", Unknown, None, LogLevel::Warning, "a"),
        ("[error] a", Unknown, None, LogLevel::Error, "a"),
        ("[debug] a", Unknown, None, LogLevel::Debug, "a"),
        ("[all:info] a", Unknown, None, LogLevel::Info, "a"),
        ("[kernel] a", Unknown, Some("kernel"), LogLevel::Debug, "a"),
        ("[privatebroadcast:info] a", Unknown, Some("privatebroadcast"), LogLevel::Info, "a"),
        ("[lock] a", Unknown, Some("lock"), LogLevel::Debug, "a"),
        ("[mining] a", Unknown, Some("mining"), LogLevel::Debug, "a"),
        // A category of a later version, where the level shows that it is one.
        ("[quic:debug] a", Unknown, Some("quic"), LogLevel::Debug, "a"),
        ("[quic] a", Unknown, None, LogLevel::Info, "[quic] a"),
        ("[My Wallet:info] a", Unknown, None, LogLevel::Info, "[My Wallet:info] a"),
        ("[net]a", Unknown, None, LogLevel::Info, "[net]a"),
        ("[net", Unknown, None, LogLevel::Info, "[net"),
    ];
    for (entry, category, name, level, message) in cases {
        let log = decode(entry);
        assert_eq!((log.category(), log.category_name.as_deref(), log.log_level()), (category, name, level), "{entry}");
        assert_eq!(text(&log), message, "{entry}");
    }
    // Every category that the wire format has.
    for number in 1.. {
        let Ok(category) = LogDebugCategory::try_from(number) else {
            break;
        };
        let log = decode(&format!("[{}] a", category.as_str_name().to_ascii_lowercase()));
        assert_eq!((log.category(), log.category_name), (category, None));
    }
}

/// net and http are names of threads as well as of categories.
#[test]
fn lone_brackets_are_threads_where_the_log_has_threads() {
    let mut decoder = Decoder::default();
    let mut check = |entry: &str, thread: &str, category: LogDebugCategory, message: &str| {
        let log = decoder.entry(entry.as_bytes(), 0);
        assert_eq!((log.threadname.as_str(), log.category(), text(&log)), (thread, category, message), "{entry}");
    };
    use LogDebugCategory::{Http, Net, Unknown};
    check("[net] a", "", Net, "a");
    check("[http] a", "", Http, "a");
    check("[net] [net] a", "net", Net, "a");
    check("[net] a", "net", Unknown, "a");
    check("[http] a", "http", Unknown, "a");
    check("[http] [http] a", "http", Http, "a");
    check("[newthread] a", "newthread", Unknown, "a");
    check("[init] [default wallet] a", "init", Unknown, "[default wallet] a");
    // The node was started again without thread names.
    check("a", "", Unknown, "a");
    check("[net] a", "", Net, "a");
    check("[scheduler] a", "scheduler", Unknown, "a");
    check("[http] a", "http", Unknown, "a");
    check("[rpc] a", "", LogDebugCategory::Rpc, "a");
    check("[http] a", "", Http, "a");
    check("[snapshot] a", "", Unknown, "[snapshot] a");
}
