//! What nodes see us as (BIP 14).

/// Our user agent with comments in parentheses: `/peer-observer:0.1.0(one; two)/`.
#[must_use]
pub fn user_agent(comments: &[&str]) -> String {
    let name = concat!("/peer-observer:", env!("CARGO_PKG_VERSION"));
    match comments {
        [] => format!("{name}/"),
        comments => format!("{name}({})/", comments.join("; ")),
    }
}

/// Whether a text of at most so many bytes may be a comment (`SAFE_CHARS_UA_COMMENT` of Bitcoin Core).
#[must_use]
pub fn is_comment(text: &str, most: usize) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || " .,;-_?@".contains(c);
    (1..=most).contains(&text.len()) && text.chars().all(is_safe)
}
