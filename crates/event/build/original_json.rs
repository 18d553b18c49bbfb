//! Writes the code that shows messages in JSON as the original peer-observer's websocket does: `Theirs(&message)`, for each message.
//!
//! A message is an object of its fields by their names; a oneof is one, too, with its arm by the name of its variant. Bytes are lists of
//! numbers, enums are numbers, what is absent is null. Fields and arms of our own are left out.

use std::collections::BTreeSet;
use std::fmt::Write;

use heck::ToUpperCamelCase;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::{map_entry, snake_case};

/// The lowest number of a field of our own.
const OURS: i32 = 100;

/// Fields of others with such numbers.
const THEIRS: [(&str, &str); 1] = [("PeerInfo", "cpu_load")];

/// Fields that only we have, whatever their numbers.
fn is_ours(message: &DescriptorProto, field: &FieldDescriptorProto) -> bool {
    field.number() >= OURS && !THEIRS.contains(&(message.name(), field.name()))
}

/// The code for all messages that others know.
pub fn code(descriptors: &FileDescriptorSet) -> String {
    let mut code = String::new();
    let (mut waiting, mut seen) = (vec![".event.Event".to_owned()], BTreeSet::new());
    while let Some(name) = waiting.pop() {
        let Some((package, message)) = find(descriptors, &name).filter(|_| seen.insert(name.clone())) else { continue };
        let theirs = message.field.iter().filter(|field| !is_ours(message, field));
        for field in theirs {
            let value = map_entry(message, field).map_or(field, |(_, value)| value);
            waiting.extend((value.r#type() == Type::Message).then(|| value.type_name().to_owned()));
        }
        let package: String = package.split('.').map(|name| format!("{}::", snake_case(name))).collect();
        code += &message_code(&format!("crate::pb::{package}"), message);
    }
    code
}

/// The package and the message of a name such as `.event.Event`.
fn find<'a>(descriptors: &'a FileDescriptorSet, name: &str) -> Option<(&'a str, &'a DescriptorProto)> {
    let (package, name) = name.strip_prefix('.')?.rsplit_once('.')?;
    let mut files = descriptors.file.iter().filter(|file| file.package() == package);
    files.find_map(|file| Some((file.package(), file.message_type.iter().find(|message| message.name() == name)?)))
}

fn message_code(package: &str, message: &DescriptorProto) -> String {
    let in_oneof = |field: &FieldDescriptorProto, index: usize| field.oneof_index == i32::try_from(index).ok();
    let mut entries = String::new();
    for field in message.field.iter().filter(|field| field.oneof_index.is_none() && !is_ours(message, field)) {
        let name = field.name();
        let _ = writeln!(entries, "object.serialize_entry(\"{name}\", &{})?;", value(message, field));
    }
    let mut code = String::new();
    for (index, oneof) in message.oneof_decl.iter().enumerate() {
        let name = oneof.name();
        let _ = writeln!(entries, "object.serialize_entry(\"{name}\", &self.0.{name}.as_ref().map(Theirs))?;");
        let path = format!("{package}{}::{}", snake_case(message.name()), name.to_upper_camel_case());
        let mut arms = String::new();
        for field in message.field.iter().filter(|field| in_oneof(field, index) && !is_ours(message, field)) {
            let arm = field.name().to_upper_camel_case();
            let value = required(field, "value");
            let _ = writeln!(arms, "{path}::{arm}(value) => object.serialize_entry(\"{arm}\", &{value})?,");
        }
        code += &serialize(
            &path,
            &format!("#[allow(unreachable_patterns)]\nmatch self.0 {{\n{arms}_ => return Err(ours()),\n}}\n"),
        );
    }
    code + &serialize(&format!("{package}{}", message.name().to_upper_camel_case()), &entries)
}

fn serialize(path: &str, entries: &str) -> String {
    format!(
        "impl serde::Serialize for Theirs<'_, {path}> {{
            #[allow(unused_mut, unused_variables)]
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {{
                let mut object = serializer.serialize_map(None)?;
                {entries}
                object.end()
            }}
        }}\n"
    )
}

/// What shows the value of a field.
fn value(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let place = format!("self.0.{}", field.name());
    let (is_message, is_bytes) = (field.r#type() == Type::Message, field.r#type() == Type::Bytes);
    match field.label() {
        Label::Repeated => match map_entry(message, field) {
            Some((_, value)) if value.r#type() == Type::Message => format!("Map(&{place})"),
            Some(_) => place,
            None if is_message => format!("List(&{place})"),
            None if is_bytes => format!("{place}.iter().map(|bytes| Numbers(bytes)).collect::<Vec<_>>()"),
            None => place,
        },
        Label::Optional if is_message => format!("{place}.as_ref().map(Theirs)"),
        Label::Optional if is_bytes => format!("{place}.as_deref().map(Numbers)"),
        Label::Optional => place,
        Label::Required => required(field, &format!("&{place}")),
    }
}

/// What shows a value that is there, of which `place` is a reference.
fn required(field: &FieldDescriptorProto, place: &str) -> String {
    match field.r#type() {
        Type::Message => format!("Theirs({place})"),
        Type::Bytes => format!("Numbers({place})"),
        _ => format!("*{place}"),
    }
}
