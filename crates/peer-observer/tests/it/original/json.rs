//! The JSON form of the original's websocket: what a program of the original really sent (`websocket.jsonl`), and the rule by which it makes
//! JSON of all other messages.

use event::json::from_json;
use event::{NodeNames, Record, original};
use prost::Message;
use protox::prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, OneofDescriptor, ReflectMessage, Value,
};
use serde_json::{Map, Value as Json, json};

use super::{ORIGINAL, read};

/// `feefilter_announcement` as `FeefilterAnnouncement`.
fn upper_camel(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn plain_fields(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> {
    message.fields().filter(|field| field.containing_oneof().is_none())
}

fn scalar_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::I32(value) | Value::EnumNumber(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::U64(value) => json!(value),
        Value::F64(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Bytes(bytes) => json!(bytes.to_vec()),
        Value::Message(message) => json_of(message),
        Value::List(list) => list.iter().map(scalar_json).collect(),
        Value::Map(map) => {
            let key = |key: &MapKey| match key {
                MapKey::String(key) => key.clone(),
                MapKey::U32(key) => key.to_string(),
                key => panic!("there are none: {key:?}"),
            };
            map.iter().map(|(name, value)| (key(name), scalar_json(value))).collect()
        }
        Value::F32(_) => panic!("there are none"),
    }
}

/// A message by the rule.
fn json_of(message: &DynamicMessage) -> Json {
    let descriptor = message.descriptor();
    let mut object = Map::new();
    for field in plain_fields(&descriptor) {
        let is_absent = field.supports_presence() && !message.has_field(&field);
        let is_optional = field.cardinality() == protox::prost_reflect::Cardinality::Optional;
        let value = if is_absent && is_optional { Json::Null } else { scalar_json(&message.get_field(&field)) };
        object.insert(field.name().to_owned(), value);
    }
    for oneof in descriptor.oneofs() {
        let arm = |oneof: &OneofDescriptor| oneof.fields().find(|arm| message.has_field(arm));
        let value = arm(&oneof)
            .map_or(Json::Null, |arm| json!({ upper_camel(arm.name()): scalar_json(&message.get_field(&arm)) }));
        object.insert(oneof.name().to_owned(), value);
    }
    Json::Object(object)
}

/// The message that the rule makes such JSON of.
fn message_of(descriptor: MessageDescriptor, json: &Json) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in plain_fields(&descriptor) {
        match &json[field.name()] {
            Json::Null => assert!(field.cardinality() == protox::prost_reflect::Cardinality::Optional, "{json}"),
            value => message.set_field(&field, value_of(&field, value)),
        }
    }
    for oneof in descriptor.oneofs() {
        let (name, value) = json[oneof.name()].as_object().unwrap().iter().next().unwrap();
        let arm = oneof.fields().find(|arm| upper_camel(arm.name()) == *name).expect(name);
        message.set_field(&arm, value_of(&arm, value));
    }
    message
}

fn value_of(field: &FieldDescriptor, json: &Json) -> Value {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { panic!("{json}") };
        let entry_of = |(key, value): (&String, &Json)| {
            (MapKey::String(key.clone()), value_of(&entry.map_entry_value_field(), value))
        };
        return Value::Map(json.as_object().unwrap().iter().map(entry_of).collect());
    }
    if field.is_list() {
        return Value::List(json.as_array().unwrap().iter().map(|one| one_of(field, one)).collect());
    }
    one_of(field, json)
}

fn one_of(field: &FieldDescriptor, json: &Json) -> Value {
    let number = || json.as_u64().unwrap();
    match field.kind() {
        Kind::Message(descriptor) => Value::Message(message_of(descriptor, json)),
        Kind::Bool => Value::Bool(json.as_bool().unwrap()),
        Kind::String => Value::String(json.as_str().unwrap().to_owned()),
        Kind::Bytes => Value::Bytes(json.as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8).collect()),
        Kind::Double => Value::F64(json.as_f64().unwrap()),
        Kind::Enum(_) => Value::EnumNumber(number() as i32),
        Kind::Uint32 => Value::U32(number() as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number()),
        Kind::Int32 | Kind::Sint32 => Value::I32(json.as_i64().unwrap() as i32),
        Kind::Int64 | Kind::Sint64 => Value::I64(json.as_i64().unwrap()),
        kind => panic!("there are none: {kind:?}"),
    }
}

#[test]
fn events_look_as_the_original_sends_them() {
    let descriptor = ORIGINAL.get_message_by_name("event.Event").unwrap();
    for line in include_str!("websocket.jsonl").lines() {
        let event = json!({ "timestamp": 0, "peer_observer_event": serde_json::from_str::<Json>(line).unwrap() });
        let bytes = message_of(descriptor.clone(), &event).encode_to_vec();
        let record = Record::from_bytes(bytes.into(), &mut NodeNames::default()).unwrap();
        let made = original::to_json(&record).unwrap();
        // The order of a map's entries is any.
        if line.contains("\"networks\":{") {
            assert_eq!(serde_json::from_str::<Json>(&made).unwrap(), event["peer_observer_event"], "{line}");
        } else {
            assert_eq!(made, line);
        }
    }
}

#[test]
fn every_kind_follows_the_rule() {
    let mut names = NodeNames::default();
    let mut count = 0;
    for line in include_str!("../../../../event/tests/it/samples.jsonl").lines() {
        let record = from_json(line, &mut names).unwrap();
        let made = original::to_json(&record).map(|json| serde_json::from_str::<Json>(&json).unwrap());
        let theirs = original::encode(&record, 0).map(|bytes| json_of(&read(&bytes).unwrap()));
        assert_eq!(made.as_ref(), theirs.as_ref().map(|event| &event["peer_observer_event"]), "{line}");
        count += usize::from(made.is_some());
    }
    assert!(count > 100, "{count}");
}
