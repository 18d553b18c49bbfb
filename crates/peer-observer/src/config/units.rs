//! Durations and sizes as people write them.

use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Reads `500ms`, `10s`, `5min`, `1h`.
pub fn duration(text: &str) -> Result<Duration> {
    let (number, unit) = split(text);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => bail!("write a duration like 500ms, 10s, 5min or 1h"),
    };
    let number: u64 = number.parse().context("write a duration like 500ms, 10s, 5min or 1h")?;
    let millis = number.checked_mul(millis).context("that duration is too long")?;
    if millis == 0 {
        bail!("a duration must be longer than 0");
    }
    Ok(Duration::from_millis(millis))
}

/// Reads `1000`, `64KiB`, `64MiB`, `1GiB`. `64MB` is the same as `64MiB`: it is always memory that is meant.
pub fn bytes(text: &str) -> Result<usize> {
    let (number, unit) = split(text);
    let factor: usize = match unit {
        "" | "B" => 1,
        "KiB" | "KB" => 1 << 10,
        "MiB" | "MB" => 1 << 20,
        "GiB" | "GB" => 1 << 30,
        _ => bail!("write a size like 64MiB or 1GiB"),
    };
    let number: usize = number.parse().context("write a size like 64MiB or 1GiB")?;
    number.checked_mul(factor).context("that size is too large")
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_people_write_them() {
        for (text, millis) in [("500ms", 500), ("10s", 10_000), ("5 min", 300_000), ("5m", 300_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "10", "s", "0s", "-1s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for (text, size) in [("1000", 1000), ("64KiB", 65_536), ("64 MiB", 64 << 20), ("2MB", 2 << 20)] {
            assert_eq!(bytes(text).unwrap(), size, "{text}");
        }
        for text in ["", "MiB", "1TB", "99999999999999999999"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
