//! Numbers, ages and untrusted text as they are shown. What is not known is a dash, never a zero.

use event::quote::Plain;

/// What stands for a value that is not known.
pub const ABSENT: &str = "-";

/// A value, or a dash.
pub fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| ABSENT.to_owned(), text)
}

/// Seconds in at most four characters: `14s`, `3m`, `2h`, `5d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A number with a unit of a thousand from 100,000 on: `99999`, `123k`, `4.5M`.
pub fn count(value: u64) -> String {
    if value < 100_000 { value.to_string() } else { scaled(value as f64, 1_000.0, ["k", "M", "G", "T", "P", "E"]) }
}

/// Bytes: `512 B`, `1.4 KiB`, `45 MiB`.
pub fn bytes(value: u64) -> String {
    if value < 1_024 {
        format!("{value} B")
    } else {
        scaled(value as f64, 1_024.0, [" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"])
    }
}

/// A rate per second: `0.3`, `12.0`, `345`.
pub fn rate(value: f64) -> String {
    if value < 99.95 { format!("{value:.1}") } else { count(value.round() as u64) }
}

fn scaled(value: f64, step: f64, units: [&str; 6]) -> String {
    let [first, rest @ ..] = units;
    let (mut value, mut unit) = (value / step, first);
    for next in rest {
        if value < step {
            break;
        }
        (value, unit) = (value / step, next);
    }
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$}{unit}")
}

/// Untrusted text without control of the terminal, at most so many characters.
pub fn plain(text: &str, most: usize) -> String {
    cut(&Plain(text).to_string(), most)
}

/// A text of at most so many characters. Where some are left out stands "…".
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    if most > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        assert_eq!([0, 119, 120, 7_200, 172_800].map(age), ["0s", "119s", "2m", "2h", "2d"]);
        assert_eq!([0, 99_999, 123_456, 4_500_000, u64::MAX].map(count), ["0", "99999", "123k", "4.5M", "18E"]);
        assert_eq!([0, 1_023, 1_434, 47_185_920].map(bytes), ["0 B", "1023 B", "1.4 KiB", "45 MiB"]);
        assert_eq!([0.0, 0.31, 99.94, 99.96, 345.4, 1e6].map(rate), ["0.0", "0.3", "99.9", "100", "345", "1.0M"]);
        assert_eq!((cut("abc", 3), cut("abcd", 3), cut("abcd", 0)), ("abc".into(), "ab…".into(), String::new()));
        assert_eq!(plain("a\x1b[2Jb", 40), "a\\u{1b}[2Jb");
        assert_eq!(or_dash(None, count), "-");
    }
}
