//! Writes the C header with the types that the program in the kernel shares with Rust. The lists of those types are Rust files, which are read here
//! with macros that describe the types instead of making them.

use std::fmt::Write;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Stands for a string in a record.
#[repr(C)]
pub struct Text<const SIZE: usize>([u8; SIZE]);
type Hash = [u8; 32];
type PerTracepoint<T> = [T; records::TRACEPOINTS.len()];

/// A Rust type that C has too.
pub trait CType {
    /// The declaration of a field of this type.
    fn declare(name: &str) -> String;
}

macro_rules! c_types {
    ($($type:ty = $name:literal;)+) => {$(
        impl CType for $type {
            fn declare(name: &str) -> String {
                format!(concat!($name, " {}"), name)
            }
        }
    )+};
}

c_types! {
    u8 = "u8";
    u32 = "u32";
    u64 = "u64";
    i64 = "s64";
    AtomicU32 = "u32";
    AtomicU64 = "u64";
}

impl<const SIZE: usize> CType for Text<SIZE> {
    fn declare(name: &str) -> String {
        format!("char {name}[{SIZE}]")
    }
}

impl<T: CType, const LENGTH: usize> CType for [T; LENGTH] {
    fn declare(name: &str) -> String {
        T::declare(&format!("{name}[{LENGTH}]"))
    }
}

/// A structure of the lists.
pub struct Structure {
    name: &'static str,
    doc: &'static [&'static str],
    fields: Vec<Field>,
    size: usize,
    /// The name of the bytes that follow it.
    rest: Option<&'static str>,
}

/// A field of a structure.
pub struct Field {
    name: &'static str,
    doc: &'static [&'static str],
    declaration: String,
    offset: usize,
}

macro_rules! structures {
    ($list:ident: $(
        $(#[doc = $doc:literal])* $name:ident $size:literal $(+ $rest:ident)? {
            $($(#[doc = $field_doc:literal])* $field:ident: $type:ty,)+
        }
    )+) => {
        $(
            #[allow(dead_code, reason = "only its layout is of use")]
            #[repr(C)]
            pub struct $name {
                $($field: $type,)+
            }

            impl $crate::header::CType for $name {
                fn declare(name: &str) -> String {
                    format!("struct {} {name}", $crate::header::snake_case(stringify!($name)))
                }
            }
        )+

        pub fn $list() -> Vec<$crate::header::Structure> {
            vec![$($crate::header::Structure {
                name: stringify!($name),
                doc: &[$($doc),*],
                fields: vec![$($crate::header::Field {
                    name: stringify!($field),
                    doc: &[$($field_doc),*],
                    declaration: <$type as $crate::header::CType>::declare(stringify!($field)),
                    offset: std::mem::offset_of!($name, $field),
                }),+],
                size: $size,
                rest: [$(stringify!($rest))?].first().copied(),
            }),+]
        }
    };
}

macro_rules! tracepoints {
    ($($name:ident $provider:literal $probe:literal;)+) => {
        pub const TRACEPOINTS: &[&str] = &[$(stringify!($name)),+];
    };
}
macro_rules! records {
    ($($list:tt)+) => { structures! { records: $($list)+ } };
}
macro_rules! shared {
    ($($list:tt)+) => { structures! { shared: $($list)+ } };
}
macro_rules! config {
    ($($list:tt)+) => { structures! { config: $($list)+ } };
}

#[path = "../../../decode/src/tracepoint/layout.rs"]
mod records;
#[path = "../src/shared/layout.rs"]
mod shared;

/// The text of the header.
pub fn header() -> String {
    let mut text = String::from(
        "/* Written by build/header.rs. To change a type, change crates/decode/src/tracepoint/layout.rs or src/shared/layout.rs. */\n#pragma once\n\n",
    );
    let constants = [
        ("MAX_PAYLOAD", shared::MAX_PAYLOAD),
        ("LIMITS", shared::LIMITS as u64),
        ("PROCESSES", shared::PROCESSES as u64),
        ("PROCESS_PROBES", shared::PROCESS_PROBES as u64),
    ];
    for (name, value) in constants {
        text += &format!("#define {name} {value}\n");
    }
    text += "\n/* Which tracepoint; also the index of its counts. */\nenum tracepoint {\n";
    for name in records::TRACEPOINTS {
        text += &format!("\t{},\n", snake_case(name).to_uppercase());
    }
    text += "\tTRACEPOINTS,\n};\n";
    let records = records::records();
    let head = records.first().map_or(0, |head| head.size);
    for (index, record) in records.iter().enumerate() {
        record.write(&mut text, if index == 0 { 0 } else { head });
    }
    for structure in shared::shared().iter().chain(&shared::config()) {
        structure.write(&mut text, 0);
    }
    text
}

impl Structure {
    /// Adds the structure and what it asserts. `head` is the size of the record's head that it begins with; 0 if it has none.
    fn write(&self, text: &mut String, head: usize) {
        let name = snake_case(self.name);
        let mut line = |line: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        };
        line(format!("\n/*{} */\nstruct {name} {{", self.doc.concat()));
        if head > 0 {
            line("\tstruct head head;".to_owned());
        }
        for field in &self.fields {
            line(format!("\t{};\t/*{} */", field.declaration, field.doc.concat()));
        }
        if let Some(rest) = self.rest {
            line(format!("\tu8 {rest}[];"));
        }
        line("};".to_owned());
        for Field { name: field, offset, .. } in &self.fields {
            let offset = head + offset;
            line(format!(
                "_Static_assert(__builtin_offsetof(struct {name}, {field}) == {offset}, \"{name}.{field}\");"
            ));
        }
        line(format!("_Static_assert(sizeof(struct {name}) == {}, \"{name}\");", head + self.size));
    }
}

/// `MempoolAdded` as C has it: `mempool_added`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
