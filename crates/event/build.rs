//! Compiles `proto/` to Rust, with the serde attributes that give the JSON form (see `src/json`), and the numbers of
//! the fields for those who read and write the wire format without the structures, and the JSON form of other programs.

#[path = "build/original_json.rs"]
mod original_json;

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Byte fields with these names hold hashes, which people write in reverse.
const HASHES: [&str; 26] = [
    "block",
    "block_hash",
    "block_hashes",
    "common_ancestor",
    "compact_block",
    "filter_hashes",
    "filter_headers",
    "fork_point",
    "hash",
    "hashes",
    "locator_hashes",
    "merkle_root",
    "new_hash",
    "old_hash",
    "prev_blockhash",
    "previous_filter_header",
    "replaced_txid",
    "replacement_id",
    "stop_hash",
    "transaction",
    "txid",
    "witness_block",
    "witness_transaction",
    "wtx",
    "wtxid",
    "wtxids",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../../proto");
    println!("cargo:rerun-if-changed=build");
    let descriptors = protox::compile(["event.proto"], ["../../proto"])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptor.bin"), prost::Message::encode_to_vec(&descriptors))?;

    let mut config = prost_build::Config::new();
    config
        .bytes(["."])
        .btree_map(["."])
        .message_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .message_attribute(".", "#[serde(default)]")
        .enum_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .enum_attribute(".", "#[serde(rename_all = \"snake_case\")]")
        .include_file("pb.rs");
    annotate(&mut config, &descriptors);
    std::fs::write(out.join("fields.rs"), field_numbers(&descriptors).to_string())?;
    std::fs::write(out.join("original_json.rs"), original_json::code(&descriptors))?;
    config.compile_fds(descriptors)?;
    flatten_oneofs(&out)?;
    Ok(())
}

/// Lets the arm of a oneof stand among the other fields of its message, as in protobuf's own JSON form.
/// prost-build cannot give an attribute to the field alone, its path also matches the arms.
fn flatten_oneofs(out: &std::path::Path) -> std::io::Result<()> {
    for file in std::fs::read_dir(out)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let code = std::fs::read_to_string(&path)?;
            // Short ones stand on one line, long ones on several.
            let code = ["#[prost(oneof", "#[prost(\n        oneof"].iter().fold(code, |code, oneof| {
                let flat = "#[serde(flatten, skip_serializing_if = \"Option::is_none\")]\n    ";
                code.replace(oneof, &format!("{flat}{oneof}"))
            });
            std::fs::write(&path, code)?;
        }
    }
    Ok(())
}

/// Gives each field the serde attribute that its type needs.
fn annotate(config: &mut prost_build::Config, descriptors: &FileDescriptorSet) {
    for file in &descriptors.file {
        for message in &file.message_type {
            for field in &message.field {
                let path = field_path(file.package(), message, field);
                if let Some(attribute) = field_attribute(message, field) {
                    config.field_attribute(path, attribute);
                }
            }
        }
    }
}

fn field_path(package: &str, message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let oneof = field.oneof_index.and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?));
    let oneof = oneof.map_or(String::new(), |oneof| format!("{}.", oneof.name()));
    format!(".{package}.{}.{oneof}{}", message.name(), field.name())
}

fn field_attribute(message: &DescriptorProto, field: &FieldDescriptorProto) -> Option<String> {
    if (message.name(), field.name()) == ("log", "raw_message") {
        return Some("#[serde(skip)]".to_owned());
    }
    let entry = map_entry(message, field);
    let field_type = entry.map_or(field, |(_, value)| value);
    let form = match field_type.r#type() {
        Type::Bytes if HASHES.contains(&field_type.name()) => "crate::json::Hash".to_owned(),
        Type::Bytes => "crate::json::Bytes".to_owned(),
        Type::Uint64 | Type::Int64 | Type::Sint64 | Type::Fixed64 => "crate::json::Integer".to_owned(),
        Type::Double => "crate::json::Float".to_owned(),
        Type::Enum => {
            let path = field_type.type_name().trim_start_matches('.');
            format!("crate::json::Name<crate::pb::{}>", rust_path(path))
        }
        _ => "serde_with::Same".to_owned(),
    };
    let optional = field.oneof_index.is_none() && field.label() == Label::Optional;
    let shape = if let Some((key, _)) = entry {
        // Keys are text in JSON, and stay text while a flattened message is read.
        let key = if key.r#type() == Type::String { "Same" } else { "DisplayFromStr" };
        format!("std::collections::BTreeMap<serde_with::{key}, {form}>")
    } else if field.label() == Label::Repeated {
        format!("Vec<{form}>")
    } else if optional {
        format!("Option<{form}>")
    } else {
        form.clone()
    };
    let with = (form != "serde_with::Same" || entry.is_some()).then(|| format!("with = \"serde_with::As::<{shape}>\""));
    let skip = optional.then(|| "skip_serializing_if = \"Option::is_none\"".to_owned());
    let parts: Vec<String> = with.into_iter().chain(skip).collect();
    (!parts.is_empty()).then(|| format!("#[serde({})]", parts.join(", ")))
}

/// Key and value of a map field.
fn map_entry<'a>(
    message: &'a DescriptorProto,
    field: &FieldDescriptorProto,
) -> Option<(&'a FieldDescriptorProto, &'a FieldDescriptorProto)> {
    let name = field.type_name.as_deref()?.rsplit('.').next()?;
    let entry = message.nested_type.iter().find(|nested| {
        nested.name() == name && nested.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
    })?;
    let part = |name: &str| entry.field.iter().find(|f| f.name() == name);
    Some((part("key")?, part("value")?))
}

/// `a.b.SomeMessage.Enum` as prost names it: `a::b::some_message::Enum`.
fn rust_path(path: &str) -> String {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let parents = parents.split('.').map(|parent| snake_case(parent) + "::");
    parents.collect::<String>() + last
}

/// `GetCFHeaders` as `get_cf_headers`.
fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let is = |at: Option<usize>, is: fn(&char) -> bool| at.and_then(|at| chars.get(at)).is_some_and(is);
    let mut snake = String::new();
    for (index, c) in chars.iter().enumerate() {
        let before = index.checked_sub(1);
        let begins_a_word = is(before, |c| !c.is_ascii_uppercase()) || is(Some(index + 1), char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && before.is_some() && begins_a_word {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// A module of Rust constants.
#[derive(Default)]
struct Module {
    modules: BTreeMap<String, Module>,
    constants: Vec<(String, i32)>,
}

impl Module {
    /// The module of this path inside of this one.
    fn at(&mut self, path: &str) -> &mut Self {
        path.split('.').fold(self, |module, name| module.modules.entry(snake_case(name)).or_default())
    }
}

impl Display for Module {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        for (name, number) in &self.constants {
            writeln!(f, "pub const {}: u32 = {number};", name.to_ascii_uppercase())?;
        }
        self.modules.iter().try_for_each(|(name, module)| writeln!(f, "pub mod {name} {{\n{module}}}"))
    }
}

/// The numbers of the fields of all messages: `package::message::FIELD`.
fn field_numbers(descriptors: &FileDescriptorSet) -> Module {
    let mut numbers = Module::default();
    for file in &descriptors.file {
        for message in &file.message_type {
            let module = numbers.at(&format!("{}.{}", file.package(), message.name()));
            module.constants = message.field.iter().map(|field| (field.name().to_owned(), field.number())).collect();
        }
    }
    numbers
}
