//! An entry that was read, before its event has copies of its texts.

use std::borrow::Cow;

use event::field::log_extractor::log;
use event::pb::log_extractor::Log;

use super::scan::lossy;
use crate::proto::{delimited, number, put_number, varint};

/// The event of an entry, and the texts of the entry that it lacks: they are many and long, and most often only encoded.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// The event, without `threadname` and `raw_message`.
    pub log: Log,
    pub(super) threadname: &'a [u8],
    pub(super) raw_message: Option<&'a [u8]>,
}

impl Parsed<'_> {
    /// The whole event.
    pub fn into_log(self) -> Log {
        Log { threadname: lossy(self.threadname), raw_message: self.raw_message.map(lossy), ..self.log }
    }

    /// Appends the whole event in its encoded form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Log { log_timestamp, category, log_level, log_line_bytes, log_event, .. } = &self.log;
        put_number(out, number(log::LOG_TIMESTAMP), *log_timestamp);
        put_number(out, number(log::CATEGORY), i64::from(*category).cast_unsigned());
        put_text(out, u64::from(delimited(log::THREADNAME)), self.threadname);
        if let Some(event) = log_event {
            // A slice takes each byte in fewer steps than a vector, which may have to grow.
            let start = out.len();
            out.resize(start + event.encoded_len(), 0);
            event.encode(&mut out.get_mut(start..).unwrap_or_default());
        }
        put_number(out, number(log::LOG_LEVEL), i64::from(*log_level).cast_unsigned());
        put_number(out, number(log::LOG_LINE_BYTES), *log_line_bytes);
        self.encode_rest(out);
    }

    /// The fields with numbers from 100 on, whose keys take two bytes.
    fn encode_rest(&self, out: &mut Vec<u8>) {
        let Log { category_name, source_location, source_function, mocktime, suppressing, .. } = &self.log;
        let text = |field| u64::from(field) << 3 | 2;
        for (field, value) in [
            (log::CATEGORY_NAME, category_name),
            (log::SOURCE_LOCATION, source_location),
            (log::SOURCE_FUNCTION, source_function),
        ] {
            if let Some(value) = value {
                put_text(out, text(field), value.as_bytes());
            }
        }
        let numbers =
            [(log::MOCKTIME, mocktime.map(i64::cast_unsigned)), (log::SUPPRESSING, suppressing.map(u64::from))];
        for (field, value) in numbers {
            if let Some(value) = value {
                varint(out, u64::from(field) << 3);
                varint(out, value);
            }
        }
        if let Some(message) = self.raw_message {
            put_text(out, text(log::RAW_MESSAGE), message);
        }
    }
}

/// Appends a text; what is not UTF-8 is replaced.
fn put_text(out: &mut Vec<u8>, key: u64, text: &[u8]) {
    let text = match std::str::from_utf8(text) {
        // This is faster than what follows, as nearly all text is valid.
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(text),
    };
    varint(out, key);
    varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}
