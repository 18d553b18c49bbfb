//! Text of a fixed form; what does not have the form is dropped.

/// File in the node's source, without folders, and without the line, which differs from version to version; "" if it does not look so.
pub(super) fn location(text: &str) -> &str {
    let file = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let name_and_line = file.split_once(".cpp:").or_else(|| file.split_once(".h:"));
    let fits = name_and_line.is_some_and(|(name, line)| {
        (1..=32).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '-')
            && line.len() <= 6
            && line.parse::<u32>().is_ok()
    });
    if fits { file.split(':').next().unwrap_or_default() } else { "" }
}

/// A point in time as Bitcoin Core writes it; "" if it is none.
pub(super) fn date(text: &str) -> &str {
    let shape =
        |text: &str| text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect::<Vec<_>>();
    if [&b"0000-00-00T00:00:00Z"[..], b"0000-00-00 00:00:00"].contains(&shape(text).as_slice()) { text } else { "" }
}

/// A name that this program gave, like "rpc_calls" or "p2p": lower case letters and at most one digit; "other" if it is none.
pub(super) fn identifier(text: &str) -> &str {
    let fits = text.len() <= 40
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-:".contains(c))
        && text.chars().filter(char::is_ascii_digit).count() <= 1;
    if fits { text } else { "other" }
}

/// A name of a few words, like that of a mining pool: letters and at most one digit; "other" if it could be an address or a host's.
pub(super) fn plain_name(text: &str) -> &str {
    let fits = (1..=40).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " -_()".contains(c))
        && text.chars().filter(char::is_ascii_digit).count() <= 1;
    if fits { text } else { "other" }
}

/// "AS64500"; "" if it is no number of an autonomous system.
pub(super) fn asn(text: &str) -> &str {
    let number = text.strip_prefix("AS").unwrap_or_default();
    if number.len() <= 10 && number.parse::<u32>().is_ok() { text } else { "" }
}

/// The unit of a number: "s", "1/min"; "other" if it is none.
pub(super) fn unit(text: &str) -> &str {
    let unit = text.strip_prefix("1/").unwrap_or(text);
    if unit == identifier(unit) { text } else { "other" }
}

/// Words with a digit that sentences of this program have.
const WITH_DIGITS: [&str; 7] = ["addrv2", "IPv4", "IPv6", "I2P", "v1", "v2", "P2P"];

/// A sentence that this program wrote, without values: "{subject} sent {addresses} addresses."; "" of anything that could hold a
/// name or an address of others.
pub(super) fn sentence(text: &str) -> &str {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| ",.;:()'".contains(c));
        let name = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
        name.is_some_and(|name| name.len() <= 40 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            || WITH_DIGITS.contains(&word)
            || word.len() <= 20 && word.chars().all(|c| c.is_ascii_alphabetic() || "-'".contains(c))
    };
    if text.len() <= 400 && text.split(' ').all(is_word) { text } else { "" }
}
