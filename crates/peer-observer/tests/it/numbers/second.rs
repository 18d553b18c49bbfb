//! The second source of numbers: the node's RPCs, the messages that it captures, its debug.log, and /proc.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use testbed::Captured;

use super::scene::Scene;

/// RPCs with their parameters.
const METHODS: [(&str, &str); 13] = [
    ("uptime", "[]"),
    ("getblockchaininfo", "[]"),
    ("getblockstats", "[]"),
    ("getnetworkinfo", "[]"),
    ("getnettotals", "[]"),
    ("getpeerinfo", "[]"),
    ("getmempoolinfo", "[]"),
    ("getmemoryinfo", "[]"),
    ("getorphantxs", "[1]"),
    ("getaddrmaninfo", "[]"),
    ("getchaintxstats", "[]"),
    ("logging", "[]"),
    ("getblockcount", "[]"),
];

/// Types of entries of inv and getdata messages that are transactions: MSG_TX, MSG_WTX, MSG_WITNESS_TX (little endian).
const TX_TYPES: [[u8; 4]; 3] = [[1, 0, 0, 0], [5, 0, 0, 0], [1, 0, 0, 0x40]];

/// What was read at one moment.
pub struct Second {
    answers: BTreeMap<&'static str, Value>,
    captured: BTreeMap<(String, bool), Vec<Captured>>,
    log: String,
    process: BTreeMap<&'static str, f64>,
    filesystem: BTreeMap<&'static str, f64>,
    first: String,
}

impl Second {
    pub async fn read(scene: &Scene) -> Self {
        let node = &scene.node;
        let mut answers = BTreeMap::new();
        for (method, parameters) in METHODS {
            let parameters = match method {
                "getblockstats" => json!([node.tip().await.unwrap().0]),
                _ => serde_json::from_str(parameters).unwrap(),
            };
            // Older nodes lack some.
            if let Ok(answer) = node.rpc(method, parameters).await {
                answers.insert(method, answer);
            }
        }
        let statistics = rustix::fs::statvfs(node.datadir()).unwrap();
        let unit = statistics.f_frsize as f64;
        let filesystem = [("size", statistics.f_blocks), ("available", statistics.f_bavail)];
        Self {
            answers,
            captured: testbed::captured(node.datadir()).unwrap(),
            log: fs::read_to_string(node.debug_log()).unwrap(),
            process: process(node.pid().unwrap()),
            filesystem: filesystem.map(|(name, blocks)| (name, blocks as f64 * unit)).into(),
            first: scene.first.clone(),
        }
    }

    /// The value of an expression of the tables. None if the source does not have it.
    pub fn get(&self, expression: &str) -> Option<f64> {
        let (source, rest) = expression.split_once(' ').unwrap_or((expression, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        match (source, &words[..]) {
            ("did", [number]) => Some(number.parse().unwrap()),
            ("rpc", [method]) => path(self.answers.get(method)?, ""),
            ("rpc", [method, pointer]) => path(self.answers.get(method)?, pointer),
            // Several peers with the same one are shown as one.
            ("different", [method, pointer]) => {
                let mut numbers = numbers(self.answers.get(method)?, pointer);
                numbers.sort_by(f64::total_cmp);
                numbers.dedup();
                sum(numbers)
            }
            // -1 is what the node writes for what it does not know.
            ("known", [method, pointer]) => path(self.answers.get(method)?, pointer).filter(|value| *value >= 0.0),
            ("rpc", [method, pointer, "*", factor]) => {
                Some(path(self.answers.get(method)?, pointer)? * factor.parse::<f64>().unwrap())
            }
            // What getnettotals has beyond the payloads.
            ("unexplained", [way]) => {
                let total = if *way == "received" { "/totalbytesrecv" } else { "/totalbytessent" };
                Some(path(self.answers.get("getnettotals")?, total)? - self.captured(way, "*", "bytes", None))
            }
            ("captured", [way, kind, what]) => Some(self.captured(way, kind, what, None)),
            ("captured-of-first", [way, kind, what]) => Some(self.captured(way, kind, what, Some(&self.first))),
            ("lines", _) => Some(self.lines(rest).count() as f64),
            ("bytes", _) => Some(self.lines(rest).map(str::len).sum::<usize>() as f64),
            ("file", _) => Some(self.log.len() as f64),
            ("proc", [name]) => self.process.get(name).copied(),
            ("filesystem", [name]) => self.filesystem.get(name).copied(),
            _ => panic!("{expression}"),
        }
    }

    fn lines<'a>(&'a self, quoted: &'a str) -> impl Iterator<Item = &'a str> {
        let text = quoted.trim_matches('"');
        self.log.lines().filter(move |line| line.contains(text))
    }

    /// How many messages, their bytes, the entries in them, or those that are transactions.
    fn captured(&self, way: &str, kind: &str, what: &str, of: Option<&str>) -> f64 {
        let fits =
            |(addr, inbound): &(String, bool)| *inbound == (way == "received") && of.is_none_or(|first| first == addr);
        let files = self.captured.iter().filter(|(key, _)| fits(key));
        let messages = files.flat_map(|(_, messages)| messages);
        let messages = messages.filter(|message| kind == "*" || message.message_type == kind);
        messages
            .map(|message| match what {
                "count" => 1.0,
                "bytes" => message.payload.len() as f64,
                // Lists here are shorter than 253 entries.
                "items" => f64::from(message.payload[0]),
                "txs" => message.payload[1..]
                    .chunks(36)
                    .filter(|entry| TX_TYPES.iter().any(|of| entry.starts_with(of)))
                    .count() as f64,
                _ => panic!("{what}"),
            })
            .sum()
    }
}

/// The sum of the numbers at a place: `/key`, `/0` (`/-1` is the last), `/*` all, `/key=value` those that have it, `/#` how many there are. True is
/// 1. None if there are none.
pub fn path(value: &Value, pointer: &str) -> Option<f64> {
    sum(numbers(value, pointer))
}

fn sum(numbers: Vec<f64>) -> Option<f64> {
    numbers.into_iter().fold(None, |sum, number| Some(sum.unwrap_or(0.0) + number))
}

/// The numbers at a place.
fn numbers(value: &Value, pointer: &str) -> Vec<f64> {
    let mut found = vec![value];
    for step in pointer.split('/').skip(1) {
        let elements = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
        if step == "#" {
            let count = match found[..] {
                [] => 0,
                [one] if one.is_array() => elements(one).len(),
                _ => found.len(),
            };
            return vec![count as f64];
        }
        // After a filter, an index is one of those that it left.
        let index = step.parse::<usize>().ok().filter(|_| found.iter().all(|value| value.is_object()));
        found = match index {
            Some(index) => found.get(index).copied().into_iter().collect(),
            None => found.into_iter().flat_map(|value| stepped(value, step)).collect(),
        };
    }
    let numbers = found.into_iter().filter_map(|value| match value {
        Value::Bool(is) => Some(f64::from(u8::from(*is))),
        value => value.as_f64(),
    });
    numbers.collect()
}

fn stepped<'a>(value: &'a Value, step: &str) -> Vec<&'a Value> {
    if let Some((key, wanted)) = step.split_once('=') {
        let is = |one: &&Value| match &one[key] {
            Value::String(text) => text == wanted,
            other => *other.to_string() == *wanted,
        };
        return match value {
            Value::Array(all) => all.iter().filter(is).collect(),
            one => Some(one).filter(is).into_iter().collect(),
        };
    }
    match (value, step.parse::<i64>()) {
        (Value::Array(all), _) if step == "*" => all.iter().collect(),
        (Value::Object(all), _) if step == "*" => all.values().collect(),
        (Value::Array(all), Ok(-1)) => all.last().into_iter().collect(),
        (Value::Array(all), Ok(index)) => all.get(usize::try_from(index).unwrap()).into_iter().collect(),
        (value, _) => value.get(step).into_iter().collect(),
    }
}

/// What /proc has of a process.
fn process(pid: u32) -> BTreeMap<&'static str, f64> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let entries = |name: &str| fs::read_dir(format!("/proc/{pid}/{name}")).map_or(0, Iterator::count) as f64;
    let field = |text: &str, name: &str, at: usize| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(at).and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
    };
    let (status, io, limits, stat) = (read("status"), read("io"), read("limits"), read("stat"));
    // After the name in parentheses: state is the first.
    let after: Vec<f64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().map(|word| word.parse().unwrap_or(f64::NAN)).collect())
        .unwrap_or_default();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let boot: f64 = field(&fs::read_to_string("/proc/stat").unwrap(), "btime", 1);
    [
        ("resident", field(&status, "VmRSS", 1) * 1024.0),
        ("threads", entries("task")),
        ("files", entries("fd")),
        ("max_files", field(&limits, "Max open files", 3)),
        ("written", field(&io, "write_bytes", 1)),
        ("major_faults", after[9]),
        ("cpu", (after[11] + after[12]) / ticks),
        ("started", boot + after[19] / ticks),
    ]
    .into()
}
