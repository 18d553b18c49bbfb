//! The page of the manual on the API, made from the table of endpoints.

use std::fmt::Write;

use serde_json::Value;

use super::{ENDPOINTS, document};

/// The beginning of the page, up to the first endpoint.
const HEAD: &str = "\
<!-- Made from crates/tools/web/src/api. After a change there: UPDATE=1 cargo test -p web manual -->

# JSON API of `web`

`web` answers requests under `api/` of its address: `curl http://127.0.0.1:8080/api/peers`. Answers
show the present state and the last day. Live events are served elsewhere: see [web.md](web.md). A
machine-readable description, OpenAPI 3.1, is at `api/openapi.json`.

- Only GET is allowed, and POST for `api/replay` and `api/alerts`. Answers are JSON, compressed with gzip if the client accepts that. The same
  request within half a second gets the same answer.
- Times are RFC 3339 text in UTC. Durations are in seconds, and their names end in `_seconds`. Sizes
  are in bytes, rates per second. Hashes are written as block explorers write them. Unknown values are
  null.
- `node=NAME` limits the answer to one node. Without it, the answer is about all nodes.
- A time series has `start`, `step_seconds` and lists with one value for each step: the oldest first,
  null where the value is unknown. `minutes=1` to `minutes=1440` sets the length, 60 by default. Steps are
  10 s up to 120 minutes, and 60 s beyond. Series are kept in memory: they begin when the program starts, or with
  what it reads of an archive then.
- An invalid request gets a status of 4xx and `{\"error\":\"...\"}` with the reason and what would be
  right.
- In the public mode, answers contain nothing that would reveal where the node is: see
  [public.md](public.md).
";

/// The whole page, in Markdown.
pub fn manual() -> String {
    let document: Value = serde_json::from_str(&document()).unwrap_or_default();
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let mut page = HEAD.to_owned();
    for row in ENDPOINTS {
        // Writing to a string does not fail.
        let _ = write!(page, "\n## `api/{}`\n\n{}.", row.path, row.title);
        if !row.about.is_empty() {
            let _ = write!(page, " {}", row.about);
        }
        page.push('\n');
        if !row.parameters.is_empty() {
            page.push('\n');
        }
        for parameter in row.parameters {
            let _ = writeln!(page, "- `{}`: {}", parameter.name, parameter.about);
        }
        let path =
            format!("/paths/~1{}/get/responses/200/content/application~1json/schema", row.path.replace('/', "~1"));
        let answer = document.pointer(&path).cloned().unwrap_or_default();
        let (list, name) = match answer.get("items") {
            Some(items) => ("A list of ", name_of(items)),
            None => ("", name_of(&answer)),
        };
        let _ = writeln!(page, "\nAnswer: {list}`{}`.", name.unwrap_or_default());
        if let Some(command) = &row.command {
            let path = format!("/paths/~1{}/post/requestBody/content/application~1json/schema", row.path);
            let body = document.pointer(&path).and_then(name_of).unwrap_or_default();
            let _ = writeln!(page, "\n{} The object: `{body}`.", command.about);
        }
    }
    page.push_str("\n## Structures\n");
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        structure(&mut page, name, schema);
    }
    page
}

/// Writes the table of a structure's fields.
fn structure(page: &mut String, name: &str, schema: &Value) {
    let about = schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
    let _ = write!(page, "\n### {name}\n\n{about}\n");
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    page.push_str("\n| Field | Type | Meaning |\n|---|---|---|\n");
    for (field, of) in properties {
        let about =
            of.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(page, "| `{field}` | {} | {about} |", type_of(of));
    }
}

/// The name of a structure that a schema refers to.
fn name_of(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)?.rsplit('/').next()
}

/// The type of a field, in words.
fn type_of(schema: &Value) -> String {
    if let Some(name) = name_of(schema) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let all: Vec<String> = any.iter().map(type_of).collect();
        return all.join(" or ");
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", type_of(items));
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        return format!("map of {}", type_of(values));
    }
    match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}
