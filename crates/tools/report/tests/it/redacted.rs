//! What may be shared does not say where the node is, nor who its peers are.

use redact::{Names, Redactor};
use report::Tlp;

use crate::scene::{OWN, fixed};

#[test]
fn what_is_shared_names_neither_the_node_nor_its_peers() {
    let report = fixed(Some(Redactor::new([7; 32])));
    let outputs = [report.html(), report.markdown(), report.ocsf()];
    for output in &outputs {
        for hidden in [OWN, "8.8.4.", "8.8.5.", "evil.example", "mallory", "maintenance", "python-bitcoinlib"] {
            assert!(!output.contains(hidden), "{hidden}: {output}");
        }
    }
    // Who gets it learns what it has and what not, and can do nobody harm with it.
    assert!(outputs[1].contains("This report is redacted") && outputs[1].contains("8.8.0.0/16"), "{}", outputs[1]);
    assert!(report.stix(Tlp::White).is_none() && report.bans().is_none());
    assert!(!outputs[2].contains("observables") && !outputs[2].contains("src_endpoint"));
    // The same key gives the same pseudonyms, and another one others.
    let again = fixed(Some(Redactor::new([7; 32])));
    assert_eq!(again.markdown(), outputs[1]);
    assert_ne!(fixed(Some(Redactor::random().unwrap())).markdown(), outputs[1]);
    insta::assert_snapshot!("redacted", outputs[1]);
}

/// For a recipient, a node has the name that it is given.
#[test]
fn nodes_have_the_names_that_others_have_for_them() {
    let names = Names::Given([("alice".to_owned(), "op.n1".to_owned())].into());
    let report = fixed(Some(Redactor::new([7; 32]).with_names(names)));
    for output in [report.html(), report.markdown(), report.ocsf()] {
        assert!(output.contains("op.n1") && !output.contains("alice"), "{output}");
    }
}

#[test]
fn no_form_for_machines_names_the_node() {
    let report = fixed(None);
    let bans = report.bans().unwrap().networks(&report.heading());
    for output in [report.stix(Tlp::Amber).unwrap(), report.ocsf(), bans] {
        assert!(!output.contains(OWN), "{output}");
    }
}
