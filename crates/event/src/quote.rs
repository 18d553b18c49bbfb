//! How untrusted text and bytes are shown: quoted, bounded, and without control of the terminal.

use std::fmt::{self, Display, Formatter, Write};

/// A hash as explorers show it: hexadecimal, last byte first.
#[derive(Clone, Copy)]
pub struct HashText<'a>(pub &'a [u8]);

impl Display for HashText<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Bytes as hexadecimal, at most `max` of them, with the number of those left out.
#[derive(Clone, Copy)]
pub struct HexText<'a> {
    /// What is shown.
    pub bytes: &'a [u8],
    /// How many bytes are shown at most.
    pub max: usize,
}

impl Display for HexText<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        self.bytes.iter().take(self.max).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        match self.bytes.len().checked_sub(self.max) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "…(+{more} B)"),
        }
    }
}

/// Characters of a text that are shown at most.
const MAX_CHARS: usize = 1000;

/// Text in double quotes; what could act on a terminal or hide itself is escaped, what is too long is cut.
#[derive(Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_char('"')?;
        escaped(f, self.0, true)?;
        f.write_char('"')
    }
}

/// Text without quotes, as log lines and addresses are shown; what could act on a terminal or hide itself is escaped.
#[derive(Clone, Copy)]
pub struct Plain<'a>(pub &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        escaped(f, self.0, false)
    }
}

/// Text in HTML or XML, between tags or in double quotes: what has a meaning there is escaped.
#[derive(Clone, Copy)]
pub struct Markup<'a>(pub &'a str);

impl Display for Markup<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            c => f.write_char(c),
        })
    }
}

fn escaped(f: &mut Formatter, text: &str, quotes: bool) -> fmt::Result {
    let mut chars = text.chars();
    for c in chars.by_ref().take(MAX_CHARS) {
        match c {
            '"' | '\\' if quotes => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if is_safe(c) => f.write_char(c)?,
            c => write!(f, "{}", c.escape_unicode())?,
        }
    }
    match chars.count() {
        0 => Ok(()),
        more => write!(f, "…(+{more} characters)"),
    }
}

/// Whether a character shows as itself: no control character (C0, C1), nothing that changes the direction
/// of the text around it, joins or hides, no private use, no line separator.
fn is_safe(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\u{0}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' => false,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => false,
        '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' => false,
        '\u{e0000}'..='\u{10ffff}' => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn untrusted_text_is_shown_harmless() {
        let table = [
            ("/Satoshi:29.0.0/", r#""/Satoshi:29.0.0/""#),
            ("\x1b]0;owned\x07", r#""\u{1b}]0;owned\u{7}""#),
            ("a\"b\\c\nd", r#""a\"b\\c\nd""#),
            ("abc\u{202e}txt", r#""abc\u{202e}txt""#),
            ("\u{9b}31m", r#""\u{9b}31m""#),
            ("₿ über", r#""₿ über""#),
        ];
        for (text, shown) in table {
            assert_eq!(Quoted(text).to_string(), shown);
        }
        assert!(Quoted(&"x".repeat(10_000)).to_string().ends_with("…(+9000 characters)\""));
        assert_eq!(HexText { bytes: &[1, 2, 3], max: 2 }.to_string(), "0102…(+1 B)");
        assert_eq!(HashText(&[1, 2]).to_string(), "0201");
    }

    proptest! {
        #[test]
        fn no_control_character_gets_through(text in "\\PC*|[\\x00-\\x{ff}]*") {
            let shown = format!("{} {}", Quoted(&text), Plain(&text));
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
