//! The API as an OpenAPI document, made from the table of what can be asked for.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::ENDPOINTS;
use super::asked::{Kind, Parameter};
use super::endpoint::Row;

/// The document: OpenAPI 3.1, JSON.
pub fn document() -> String {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let paths: Map<String, Value> = ENDPOINTS
        .iter()
        .map(|row| (format!("/{}", row.path), json!({ "get": operation(row, &mut generator) })))
        .collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "peer-observer web",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What is known now, and for the last day, of Bitcoin nodes and their peers.",
        },
        "servers": [{ "url": "." }],
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    });
    // It has no keys that are no text.
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn operation(row: &Row, generator: &mut SchemaGenerator) -> Value {
    let schema = (row.schema)(generator);
    let in_path = row.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let parameters: Vec<Value> = in_path.chain(row.parameters.iter().map(parameter)).collect();
    let mut operation = json!({
        "operationId": row.path.split('/').filter(|part| !part.is_empty()).map(|part| part.trim_matches(['{', '}'])).collect::<Vec<_>>().join("_"),
        "summary": row.title,
        "parameters": parameters,
        "responses": {
            "200": { "description": row.title, "content": { "application/json": { "schema": schema } } },
            "4XX": {
                "description": "What is wrong, and what would be right.",
                "content": { "application/json": { "schema": {
                    "type": "object", "required": ["error"], "properties": { "error": { "type": "string" } },
                } } },
            },
        },
    });
    if let (false, Some(operation)) = (row.about.is_empty(), operation.as_object_mut()) {
        operation.insert("description".to_owned(), row.about.into());
    }
    operation
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "integer", "enum": [0, 1], "default": 0 }),
        Kind::Number(least, most, otherwise) => {
            json!({ "type": "integer", "minimum": least, "maximum": most, "default": otherwise })
        }
    };
    json!({ "name": parameter.name, "in": "query", "required": false, "description": parameter.about, "schema": schema })
}
