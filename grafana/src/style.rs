//! Colours and units. The colours are those of Okabe and Ito, which people of any colour vision tell apart.

/// All is well.
pub const GOOD: &str = "#56B4E9";
/// Have a look.
pub const WARN: &str = "#E69F00";
/// Do something.
pub const BAD: &str = "#D55E00";
/// Neither good nor bad.
pub const NEUTRAL: &str = "#999999";

/// Colours of series, in this order.
pub const SERIES: [&str; 8] = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999"];

/// The values of labels that have the same colours wherever they occur, in the order of [`SERIES`].
const VALUES: &[(&str, &[&str])] = &[
    ("direction", &["inbound", "outbound", "read", "write"]),
    ("connection_type", &["inbound", "outbound-full-relay", "block-relay-only", "manual", "feeler", "addr-fetch"]),
    ("table", &["new", "tried"]),
    ("network", &["ipv4", "ipv6", "onion", "i2p", "cjdns", "not_publicly_routable"]),
    ("network", &["IPv4", "IPv6", "TorV3", "I2P", "CJDNS", "TorV2"]),
    ("origin", &["mempool", "extra_pool", "prefilled", "requested"]),
    ("result", &["complete", "extra_pool", "full", "requested"]),
    ("result", &["mempool"]),
    ("order", &["first", "later"]),
    ("kind", &["new", "duplicate", "unsolicited"]),
    ("kind", &["resident", "anonymous", "virtual", "swap"]),
    ("mode", &["user", "system"]),
    ("message", &["inv", "tx", "getdata", "addrv2", "headers", "ping", "pong"]),
    ("level", &["info", "warning", "debug", "trace", "", "error"]),
    ("rank", &["1", "3", "10"]),
    ("flow", &["in", "out"]),
];

/// The colours that values of a label have wherever they occur.
pub fn of_values(label: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let rows = VALUES.iter().filter(move |(name, _)| *name == label);
    let values = rows.flat_map(|(_, values)| values.iter().copied().zip(SERIES)).filter(|(value, _)| !value.is_empty());
    values.chain([("other", NEUTRAL)])
}

/// The colour of a value, of whatever label.
pub fn of_value(value: &str) -> Option<&'static str> {
    let all = VALUES.iter().flat_map(|(_, values)| values.iter().copied().zip(SERIES));
    all.into_iter().find(|(known, _)| *known == value).map(|(_, colour)| colour)
}

/// The units in which Grafana writes numbers.
pub mod unit {
    /// Counts of things for which nothing else fits.
    pub const COUNT: &str = "short";
    /// Values that are shown as words, or have no dimension.
    pub const NONE: &str = "none";
    /// A share, 0 to 1.
    pub const SHARE: &str = "percentunit";
    /// Seconds.
    pub const SECONDS: &str = "s";
    /// Milliseconds.
    pub const MILLISECONDS: &str = "ms";
    /// Microseconds.
    pub const MICROSECONDS: &str = "µs";
    /// Nanoseconds.
    pub const NANOSECONDS: &str = "ns";
    /// A time, in milliseconds since the UNIX epoch.
    pub const TIME: &str = "dateTimeAsIso";
    /// Bytes, in powers of 1024.
    pub const BYTES: &str = "bytes";
    /// Bytes a second.
    pub const BYTES_RATE: &str = "binBps";
    /// Things a second.
    pub const RATE: &str = "cps";
    /// Messages a second.
    pub const MESSAGES: &str = "mps";
    /// Events a second.
    pub const EVENTS: &str = "eps";
    /// Things a minute.
    pub const PER_MINUTE: &str = "cpm";
    /// Things an hour.
    pub const PER_HOUR: &str = "suffix:/h";
    /// Fee rates.
    pub const FEERATE: &str = "suffix: sat/vB";
    /// Bitcoins.
    pub const BTC: &str = "suffix: BTC";
    /// Virtual bytes.
    pub const VBYTES: &str = "si:vB";
    /// Virtual bytes a second.
    pub const VBYTES_RATE: &str = "si:vB/s";
    /// Block heights: whole numbers, not shortened.
    pub const HEIGHT: &str = "none";
    /// CPUs kept busy.
    pub const CPU: &str = "percentunit";
}
