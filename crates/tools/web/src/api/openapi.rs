//! The OpenAPI document of the API, made from the table of endpoints.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::ENDPOINTS;
use super::endpoint::{Command, Row};
use super::parameters::{Parameter, ParameterKind};

/// The document: OpenAPI 3.1, as JSON text.
pub fn document() -> String {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let paths: Map<String, Value> = ENDPOINTS
        .iter()
        .map(|row| {
            let mut operations = Map::from_iter([("get".to_owned(), operation(row, &mut generator))]);
            if let Some(command) = &row.command {
                operations.insert("post".to_owned(), posted(row, command, &mut generator));
            }
            (format!("/{}", row.path), operations.into())
        })
        .collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "peer-observer web",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The present state of Bitcoin nodes and their peers, and time series of the last day.",
        },
        "servers": [{ "url": "." }],
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    });
    // Writing fails only for maps whose keys are not text, and the document has none.
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

/// The operation GET of an endpoint.
fn operation(row: &Row, generator: &mut SchemaGenerator) -> Value {
    let schema = (row.schema)(generator);
    let segments = || row.path.split('/').filter(|segment| !segment.is_empty());
    let in_path = segments().filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let parameters: Vec<Value> = in_path.chain(row.parameters.iter().map(parameter)).collect();
    let id = segments().map(|segment| segment.trim_matches(['{', '}'])).collect::<Vec<_>>().join("_");
    let mut operation = json!({
        "operationId": id,
        "summary": row.title,
        "parameters": parameters,
        "responses": {
            "200": { "description": row.title, "content": { "application/json": { "schema": schema } } },
            "4XX": {
                "description": "The reason why the request was refused, and what would be right.",
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

/// The operation POST of an endpoint.
fn posted(row: &Row, command: &Command, generator: &mut SchemaGenerator) -> Value {
    let schema = (command.schema)(generator);
    let mut operation = operation(row, generator);
    if let Some(operation) = operation.as_object_mut() {
        operation.insert("operationId".to_owned(), format!("control_{}", row.path).into());
        operation.insert("description".to_owned(), command.about.into());
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        ParameterKind::Text => json!({ "type": "string" }),
        ParameterKind::Flag => json!({ "type": "integer", "enum": [0, 1], "default": 0 }),
        ParameterKind::Number(min, max, default) => {
            json!({ "type": "integer", "minimum": min, "maximum": max, "default": default })
        }
    };
    json!({ "name": parameter.name, "in": "query", "required": false, "description": parameter.about, "schema": schema })
}
