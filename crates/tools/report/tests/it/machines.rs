//! Programs of others read the forms for programs: the validator of OASIS for STIX, and the schema of OCSF.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use report::Tlp;

use crate::scene::{self, fixed, incident};

/// Reads a bundle twice: with the library, which makes the ids of observables itself, and with the validator, which reads patterns, too.
const STIX: &str = r#"
import json, sys, stix2, stix2validator
text = sys.stdin.read()
results = stix2validator.validate_string(text, stix2validator.ValidationOptions(version="2.1", disabled=["103"]))
assert results.is_valid, [str(error) for error in results.errors]
bundle = stix2.parse(text)
kinds = {}
for object in bundle.objects:
    kinds[object.type] = kinds.get(object.type, 0) + 1
    if object.type in ("ipv4-addr", "ipv6-addr", "autonomous-system", "network-traffic"):
        given = {key: value for key, value in json.loads(object.serialize()).items() if key != "id"}
        again = stix2.parse(given, version="2.1")
        assert again.id == object.id, (again.id, object.id)
print(json.dumps(kinds, sort_keys=True))
"#;

/// Checks each line against the JSON schema of the class, which is made of OCSF's own.
const OCSF: &str = r#"
import json, sys, jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
findings = [json.loads(line) for line in sys.stdin]
schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=findings[0]["metadata"]["version"]))
schema = schemas.get_class_schema("detection_finding")
for finding in findings:
    assert finding["type_uid"] == finding["class_uid"] * 100 + finding["activity_id"]
    jsonschema.validate(finding, schema)
print(len(findings))
"#;

fn run(python: &Path, program: &str, input: &str) -> String {
    let mut command = Command::new(python);
    let mut child = command.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{input}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn stix_is_valid() {
    let Some(python) = testbed::require_python("incidents") else { return };
    for tlp in [Tlp::White, Tlp::Green, Tlp::Amber, Tlp::Red] {
        let kinds = run(&python, STIX, &fixed(None).stix(tlp).unwrap());
        assert_eq!(
            kinds,
            r#"{"identity": 2, "incident": 1, "indicator": 2, "ipv4-addr": 7, "marking-definition": 1, "network-traffic": 7, "observed-data": 2, "relationship": 2, "sighting": 2}"#
        );
    }
    let kinds = run(&python, STIX, &scene::report(incident(), &[], None).stix(Tlp::Amber).unwrap());
    assert_eq!(kinds, r#"{"identity": 2, "incident": 1, "marking-definition": 1}"#);
}

#[test]
fn ocsf_is_valid() {
    let Some(python) = testbed::require_python("incidents") else { return };
    assert_eq!(run(&python, OCSF, &fixed(None).ocsf()), "2");
}
