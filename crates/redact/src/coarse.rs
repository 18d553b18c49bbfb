//! Makes numbers coarse that a peer chooses or that reveal a distance, so that they mark no connection.

use super::pseudonym::COMMON_PORTS;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The service flags that Bitcoin Core defines.
const SERVICES: u64 = 1 | 2 | 4 | 8 | 64 | 1024 | 2048;

/// Protocol versions that many programs have.
const VERSIONS: [u32; 15] =
    [31402, 31800, 60001, 60002, 70001, 70002, 70010, 70011, 70012, 70013, 70014, 70015, 70016, 70017, 70018];

/// The service flags without undefined ones.
pub(super) fn services(services: u64) -> u64 {
    services & SERVICES
}

/// The same in hexadecimal, as getpeerinfo writes them; "" stays.
pub(super) fn services_text(text: &str) -> String {
    match u64::from_str_radix(text, 16) {
        Ok(flags) => format!("{:016x}", services(flags)),
        Err(_) => String::new(),
    }
}

/// A protocol version; 0 if it is not a common one.
pub(super) fn version(version: u32) -> u32 {
    if VERSIONS.contains(&version) { version } else { 0 }
}

/// A port, if it is a common one.
pub(super) fn common_port(port: u32) -> u32 {
    if u16::try_from(port).is_ok_and(|port| COMMON_PORTS.contains(&port)) { port } else { 0 }
}

/// The first `digits` digits of a number; the others are 0.
pub(super) fn digits(number: u64, digits: u32) -> u64 {
    let length = number.checked_ilog10().unwrap_or_default() + 1;
    let unit = 10u64.pow(length.saturating_sub(digits));
    number / unit * unit
}

/// The same of a rate or duration, rounded; 0 if it is negative or no number.
pub(super) fn float(number: f64, digits: i32) -> f64 {
    if !number.is_finite() || number <= 0.0 {
        return 0.0;
    }
    let places = digits - 1 - number.log10().floor() as i32;
    // By way of the decimal form, so that the result is the number nearest to it.
    let places = usize::try_from(places.clamp(0, 18)).unwrap_or_default();
    format!("{number:.places$}").parse().unwrap_or_default()
}

/// A fee rate in sat/kvB.
pub(super) fn fee_rate(rate: i64) -> i64 {
    let rate = u64::try_from(rate).unwrap_or_default().min(10_000_000_000);
    i64::try_from(digits(rate, 2)).unwrap_or_default()
}

/// A height that a peer claims: its first digit.
pub(super) fn height(height: i64) -> i64 {
    if height < 0 {
        return -1; // none
    }
    let height = u64::try_from(height).unwrap_or_default().min(10_000_000);
    i64::try_from(digits(height, 1)).unwrap_or_default()
}

/// The order of magnitude of a clock's offset, in seconds, with its sign.
pub(super) fn offset(seconds: i64) -> i64 {
    let size = match i64::try_from(seconds.unsigned_abs()).unwrap_or(i64::MAX) {
        ..MINUTE => 0,
        MINUTE..600 => MINUTE,
        600..HOUR => 10 * MINUTE,
        HOUR..DAY => HOUR,
        _ => DAY,
    };
    size * seconds.signum()
}

/// A time by another clock, with a coarse offset to ours; both are seconds since the UNIX epoch.
pub(super) fn clock(seconds: i64, now: i64) -> i64 {
    now.saturating_add(offset(seconds.saturating_sub(now)))
}

/// When an address was seen: to 10 minutes, later to an hour or day, 60 days ago at most; 0 stays.
pub(super) fn seen(timestamp: u32, now: i64) -> u32 {
    if timestamp == 0 {
        return 0;
    }
    let age = now.saturating_sub(timestamp.into());
    let seen = match age {
        ..0 => clock(timestamp.into(), now),
        age => {
            let unit = match age {
                ..10_800 => 10 * MINUTE,
                10_800..DAY => HOUR,
                _ => DAY,
            };
            let time = now - age.min(60 * DAY);
            time - time.rem_euclid(unit)
        }
    };
    u32::try_from(seen).unwrap_or_default()
}

/// A size in bytes: 2 digits, so that an odd size marks nothing.
pub(super) fn size(size: u64) -> u64 {
    digits(size, 2)
}
