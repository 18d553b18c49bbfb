//! Values of labels: text from untrusted peers is cleaned and shortened before it becomes the value of a label.

use std::borrow::Cow;

use event::message_types::is_tracked;

use crate::store::OTHER;
use crate::table::Family;

/// The maximum length of a value that an untrusted peer chose, in characters.
const MAX_CHARS: usize = 96;

/// Separates the values in a key. It occurs in no cleaned value: control characters are replaced.
const SEPARATOR: char = '\u{1f}';

/// Whether all values that untrusted peers could have chosen are message types that nodes know.
pub(crate) fn is_known<L: AsRef<str>>(labels: &[L], family: &Family) -> bool {
    family.untrusted.iter().all(|at| {
        family.labels.get(*at) == Some(&"message") && labels.get(*at).is_some_and(|value| is_tracked(value.as_ref()))
    })
}

/// Whether a value can be used as it is: printable ASCII, and not too long.
fn is_clean(value: &str) -> bool {
    value.len() <= MAX_CHARS && value.bytes().all(|byte| (b' '..0x7f).contains(&byte))
}

/// The labels with all untrusted values shortened and their control characters replaced. `None` if all can be used as they are.
pub(crate) fn cleaned(labels: &[&str], untrusted: &[usize]) -> Option<Vec<String>> {
    if untrusted.iter().all(|at| labels.get(*at).is_none_or(|value| is_clean(value))) {
        return None;
    }
    let clean = |(at, value): (usize, &&str)| {
        if !untrusted.contains(&at) || is_clean(value) {
            return (*value).to_owned();
        }
        let mut clean: String = value
            .chars()
            .take(MAX_CHARS)
            .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
            .collect();
        if value.chars().nth(MAX_CHARS).is_some() {
            clean.push('…');
        }
        clean
    };
    Some(labels.iter().enumerate().map(clean).collect())
}

/// The values that untrusted peers chose, as one key for the cardinality limit.
pub(crate) fn key<'a, L: AsRef<str>>(labels: &'a [L], untrusted: &[usize]) -> Cow<'a, str> {
    let mut values = untrusted.iter().filter_map(|at| labels.get(*at)).map(AsRef::as_ref);
    match (values.next(), untrusted.len()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), 1) => Cow::Borrowed(only),
        (Some(first), _) => Cow::Owned(values.fold(first.to_owned(), |mut key, value| {
            key.push(SEPARATOR);
            key.push_str(value);
            key
        })),
    }
}

/// The labels of the series `other`, to which values without a series of their own are added.
pub(crate) fn folded<'a>(labels: &[&'a str], untrusted: &[usize]) -> Vec<&'a str> {
    labels.iter().enumerate().map(|(at, value)| if untrusted.contains(&at) { OTHER } else { value }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_values_are_cleaned() {
        assert_eq!(cleaned(&["inbound", "/Satoshi:31.0.0/"], &[1]), None);
        assert_eq!(cleaned(&["a\nb", "c\u{1f}\n\u{1b}[0m"], &[1]).unwrap(), ["a\nb", "c\u{fffd}\u{fffd}\u{fffd}[0m"]);
        let long = "é".repeat(500);
        assert_eq!(cleaned(&[&long], &[0]).unwrap().concat().chars().count(), MAX_CHARS + 1);
        assert_eq!(key(&["a", "b", "c"], &[0, 2]), "a\u{1f}c");
        assert_eq!(folded(&["a", "b", "c"], &[0, 2]), ["other", "b", "other"]);
    }
}
