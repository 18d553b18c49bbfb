//! The manual's page of the API, made from the same table as the API itself.

use std::fmt::Write;

use serde_json::Value;

use super::{ENDPOINTS, document};

const HEAD: &str = "\
<!-- Made from crates/tools/web/src/api. After a change there: UPDATE=1 cargo test -p web manual -->

# JSON API of `web`

`web` answers questions about what is known now, and for the last day, under `api/` of its address: `curl http://127.0.0.1:8080/api/peers`. Live
events are another thing: see [web.md](web.md). A program can read all of this as OpenAPI 3.1: `api/openapi.json`.

- Only GET. Answers are JSON, packed with gzip for those who take it; the same question within half a second gets the same answer.
- Points in time are RFC 3339 text in UTC. Durations are seconds, their names end in `_seconds`. Sizes are bytes, rates are per second.
  Hashes are as explorers show them. What is not known is null.
- `node=NAME` asks for one node; without it, all are told of.
- Time series have `start` and `step_seconds`, then lists: oldest first, null where nothing is known. `minutes=1` to `1440` tells how long (60 by
  default): steps of 10 s up to 120 minutes, of 60 s beyond. What is kept is in memory: it begins anew with the program.
- What is wrong with a question is told with a status of 4xx and `{\"error\":\"...\"}`.
- In the public mode all of it is without what would tell where a node is: see [public.md](public.md).
";

/// The page.
pub fn manual() -> String {
    let document: Value = serde_json::from_str(&document()).unwrap_or_default();
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let mut page = HEAD.to_owned();
    for row in ENDPOINTS {
        // Writing to memory does not fail.
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
    }
    page.push_str("\n## Structures\n");
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        structure(&mut page, name, schema);
    }
    page
}

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

fn name_of(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)?.rsplit('/').next()
}

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
