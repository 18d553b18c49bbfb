//! `name=value` for whatever has no line of its own.

use std::fmt::{self, Formatter};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::quote::{Plain, Quoted};

/// Characters of a nested value that are shown.
const NESTED_CHARS: usize = 100;

/// ` name=value` for each field of a message. Empty fields ("" and null) are left out.
pub(super) fn fields(f: &mut Formatter, message: &impl Serialize) -> fmt::Result {
    match serde_json::to_value(message) {
        Ok(Value::Object(fields)) => all(f, &fields),
        _ => Ok(()),
    }
}

/// The same for the message inside the arm of a oneof.
pub(super) fn arm_fields(f: &mut Formatter, oneof: &impl Serialize) -> fmt::Result {
    let arm = serde_json::to_value(oneof).unwrap_or_default();
    match arm.as_object().and_then(|arm| arm.values().next()) {
        Some(Value::Object(fields)) => all(f, fields),
        _ => Ok(()),
    }
}

fn all(f: &mut Formatter, fields: &Map<String, Value>) -> fmt::Result {
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) if is_word(text) => write!(f, " {}={text}", Plain(name))?,
            Value::String(text) => write!(f, " {}={}", Plain(name), Quoted(text))?,
            Value::Array(_) | Value::Object(_) => {
                let nested = value.to_string();
                let short: String = nested.chars().take(NESTED_CHARS).collect();
                let more = if short.len() < nested.len() { "…" } else { "" };
                write!(f, " {}={}{more}", Plain(name), Plain(&short))?;
            }
            value => write!(f, " {}={value}", Plain(name))?,
        }
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/[]".contains(c))
}
