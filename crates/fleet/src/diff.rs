//! What changed between two texts, line by line, without secrets.

/// Lines around a change that are shown, too.
const AROUND: usize = 1;
/// Longer files are compared as a whole.
const MAX_LINES: usize = 4000;

/// Lines with `-`, `+` or a space before them, as diff has them. Secrets are hidden.
pub(crate) fn diff(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()).saturating_sub(same_start);
    let same_end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let middle = |end: usize| same_start..end.saturating_sub(same_end);
    let mut shown = Vec::new();
    let before = same_start.saturating_sub(AROUND);
    shown.extend(old.get(before..same_start).unwrap_or_default().iter().map(|line| format!(" {}", hide(line))));
    shown.extend(changed(
        old.get(middle(old.len())).unwrap_or_default(),
        new.get(middle(new.len())).unwrap_or_default(),
    ));
    let after = old.len().saturating_sub(same_end);
    shown.extend(old.iter().skip(after).take(AROUND).map(|line| format!(" {}", hide(line))));
    shown
}

/// By the longest common subsequence; equal lines in between are left out, but for those beside a change.
fn changed(old: &[&str], new: &[&str]) -> Vec<String> {
    if old.len().max(new.len()) > MAX_LINES {
        return vec![format!("-({} lines)", old.len()), format!("+({} lines)", new.len())];
    }
    // lengths[i][j]: of the longest subsequence that old[i..] and new[j..] have in common.
    let mut lengths = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let length = if a == b {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j, mut shown) = (0, 0, Vec::new());
    loop {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                (i, j) = (i + 1, j + 1);
                shown.push(format!(" {}", hide(a)));
            }
            (Some(a), b) if b.is_none() || at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) => {
                i += 1;
                shown.push(format!("-{}", hide(a)));
            }
            (_, Some(b)) => {
                j += 1;
                shown.push(format!("+{}", hide(b)));
            }
            (None | Some(_), None) => break,
        }
    }
    let is_change = |line: Option<&String>| line.is_some_and(|line| !line.starts_with(' '));
    let beside = |at: usize| (at.saturating_sub(AROUND)..=at + AROUND).any(|index| is_change(shown.get(index)));
    (0..shown.len()).filter(|index| beside(*index)).filter_map(|index| shown.get(index).cloned()).collect()
}

fn at(lengths: &[Vec<u16>], i: usize, j: usize) -> u16 {
    lengths.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default()
}

/// What names of secret values have in them, in configurations of ours and of others.
const SECRETS: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "token", "key", "credential", "authorization", "webhook"];
/// What is shown in the place of a secret.
const HIDDEN: &str = "(secret)";

/// A line without secrets: those that are named so, passwords in addresses, and those that we make, which have 64 hexadecimal digits.
fn hide(line: &str) -> String {
    hide_digits(&hide_in_addresses(&hide_named(line)))
}

/// Without the values of `password = "..."` and the like, in TOML, JSON, and the forms of nats-server and bitcoin.conf.
fn hide_named(line: &str) -> String {
    let (mut shown, mut rest) = (String::new(), line);
    while let Some((before, after)) = around_named(rest) {
        shown += before;
        shown += HIDDEN;
        rest = after;
    }
    shown + rest
}

/// What is before the first value with the name of a secret, and what is after it. Quotes are not of the value.
fn around_named(line: &str) -> Option<(&str, &str)> {
    let lower = line.to_ascii_lowercase();
    let mut named = SECRETS.iter().flat_map(|secret| lower.match_indices(secret)).collect::<Vec<_>>();
    named.sort_unstable();
    named.into_iter().find_map(|(at, name)| {
        let after_name = line.get(at + name.len()..)?;
        let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '"' | '\'' | ' ' | '\t');
        let value = after_name.trim_start_matches(of_name).strip_prefix(['=', ':'])?.trim_start();
        let (value, end) = match value.chars().next()? {
            quote @ ('"' | '\'') => {
                let quoted = value.get(1..)?;
                (quoted, end_of_quoted(quoted, quote))
            }
            '[' | '{' => (value, value.len()),
            ',' | '}' | ']' => return None,
            _ => (value, value.find([' ', '\t', ',', '}', ']']).unwrap_or(value.len())),
        };
        Some((line.get(..line.len() - value.len())?, value.get(end..)?))
    })
}

/// Where a text ends whose opening quote is before it; the end of the line if it is not closed.
fn end_of_quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Without the user and the password in `nats://user:password@host`.
fn hide_in_addresses(line: &str) -> String {
    let (mut shown, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once("://") {
        let host = after.find(['/', ' ', '"', '\'', ',']).unwrap_or(after.len());
        let login = after.get(..host).and_then(|authority| authority.rfind('@')).unwrap_or(0);
        shown += before;
        shown += "://";
        shown += if login > 0 { HIDDEN } else { "" };
        rest = after.get(login..).unwrap_or_default();
    }
    shown + rest
}

fn hide_digits(line: &str) -> String {
    let is_digit = |c: char| c.is_ascii_hexdigit();
    let (mut shown, mut rest) = (String::new(), line);
    while let Some(start) = rest.find(is_digit) {
        let (before, from) = rest.split_at(start);
        let (digits, after) = from.split_at(from.find(|c| !is_digit(c)).unwrap_or(from.len()));
        shown += before;
        shown += if digits.len() == 64 { HIDDEN } else { digits };
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_shown_and_no_secret() {
        let secret = "0123456789abcdef".repeat(4);
        let old = format!("a\nb\nc\nd\ne\npassword: \"{secret}\"\nf\n");
        let new = old.replace("c\n", "c2\n").replace("\ne\n", "\ne\nx\n").replace(&secret[..4], "9999");
        let hidden = ["-password: \"(secret)\"", "+password: \"(secret)\""];
        let lines = diff(&old, &new);
        assert_eq!(lines, [" b", "-c", "+c2", " d", " e", hidden[0], "+x", hidden[1], " f"]);
        assert!(diff("same\n", "same\n").iter().all(|line| line.starts_with(' ')));
        assert_eq!(diff("", "new\n"), ["+new"]);
        assert_eq!(diff("old\n", ""), ["-old"]);
    }

    #[test]
    fn what_people_write_into_a_configuration_is_hidden_too() {
        let lines = [
            ("rpc_password = \"hunter2\" # a comment", "rpc_password = \"(secret)\" # a comment"),
            ("rpcpassword=hunter2", "rpcpassword=(secret)"),
            (
                "matrix = { room = \"a\", access_token = 'hunter2', n = 1 }",
                "matrix = { room = \"a\", access_token = '(secret)', n = 1 }",
            ),
            ("\"Authorization\": \"Bearer \\\"hunter2\\\" x\", y", "\"Authorization\": \"(secret)\", y"),
            ("tokens = [\"hunter2\", \"hunter3\"]", "tokens = (secret)"),
            ("secret-key: hunter2, b: 1 }", "secret-key: (secret), b: 1 }"),
            ("password = \"hunter2", "password = \"(secret)"),
            (
                "nats = \"nats://me:hunter2@host:4222,nats://you:hunter2@b\"",
                "nats = \"nats://(secret)@host:4222,nats://(secret)@b\"",
            ),
            ("keys are not values; é = 1", "keys are not values; é = 1"),
            ("address = \"nats://host:4222/a@b\"", "address = \"nats://host:4222/a@b\""),
        ];
        for (line, shown) in lines {
            assert_eq!(hide(line), shown);
        }
    }
}
