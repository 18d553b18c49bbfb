//! Entries of debug.log.

use std::fmt::{self, Display, Formatter};

use super::fields::arm_fields;
use super::{DIM, Look, RED, YELLOW};
use crate::Kind;
use crate::pb::log_extractor::log::LogEvent;
use crate::pb::log_extractor::{Log, LogDebugCategory, LogLevel};
use crate::quote::Plain;

pub(super) fn line(f: &mut Formatter, look: Look, log: &Log, kind: Kind) -> fmt::Result {
    let level = LogLevel::try_from(log.log_level).unwrap_or_default();
    let style = match level {
        LogLevel::Error => RED,
        LogLevel::Warning => YELLOW,
        LogLevel::Info | LogLevel::Debug | LogLevel::Trace => DIM,
    };
    write!(f, "{} [{}", look.mark(style, "log"), log_category(log))?;
    match level {
        LogLevel::Debug => {}
        level => write!(f, ":{}", level.as_str_name().to_ascii_lowercase())?,
    }
    f.write_str("]")?;
    if log.suppressing.unwrap_or_default() {
        write!(f, " {}", look.paint(RED, "[the node limits its log]"))?;
    }
    write!(f, " {}", LogText { log, kind })
}

/// The text of an entry of debug.log, without its time, category and level.
pub struct LogText<'a> {
    /// The entry.
    pub log: &'a Log,
    /// Its kind.
    pub kind: Kind,
}

impl Display for LogText<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match &self.log.log_event {
            Some(LogEvent::UnknownLogMessage(message)) => write!(f, "{}", Plain(&message.raw_message)),
            Some(event) => {
                f.write_str(self.kind.name())?;
                arm_fields(f, event)
            }
            None => f.write_str("of a kind that this version does not know"),
        }
    }
}

/// The node's name of the category of an entry; "all" without one.
pub fn log_category(log: &Log) -> String {
    match (&log.category_name, LogDebugCategory::try_from(log.category)) {
        (Some(name), _) => Plain(name).to_string(),
        (None, Ok(LogDebugCategory::Unknown) | Err(_)) => "all".to_owned(),
        (None, Ok(category)) => category.as_str_name().to_ascii_lowercase(),
    }
}
