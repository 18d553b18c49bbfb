//! Text of a fixed form; what does not have the form is dropped.

/// File and line in the node's source, without folders; "" if it does not look so.
pub(super) fn location(text: &str) -> &str {
    let file = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let name_and_line = file.split_once(".cpp:").or_else(|| file.split_once(".h:"));
    let fits = name_and_line.is_some_and(|(name, line)| {
        (1..=32).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '-')
            && line.len() <= 6
            && line.parse::<u32>().is_ok()
    });
    if fits { file } else { "" }
}

/// A point in time as Bitcoin Core writes it; "" if it is none.
pub(super) fn date(text: &str) -> &str {
    let shape =
        |text: &str| text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect::<Vec<_>>();
    if [&b"0000-00-00T00:00:00Z"[..], b"0000-00-00 00:00:00"].contains(&shape(text).as_slice()) { text } else { "" }
}

/// The name and number of a version of Bitcoin Core without what else identifies the build.
pub(super) fn release(text: &str) -> String {
    const START: &str = "Bitcoin Core version v";
    let number = text.strip_prefix(START).unwrap_or_default();
    let number: String = number.chars().take_while(|c| c.is_ascii_digit() || *c == '.').take(8).collect();
    if number.is_empty() { "other".to_owned() } else { format!("{START}{number}") }
}

/// A name that this program gave, like "rpc_calls" or "p2p": lower case letters and at most one digit; "other" if it is none.
pub(super) fn identifier(text: &str) -> &str {
    let fits = text.len() <= 40
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-:".contains(c))
        && text.chars().filter(char::is_ascii_digit).count() <= 1;
    if fits { text } else { "other" }
}
