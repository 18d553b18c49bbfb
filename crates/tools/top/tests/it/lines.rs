//! The summary in lines, as the demo prints it.

use top::lines;

use crate::play::Play;

#[test]
fn a_line_for_each_node() {
    let state = Play::all().state;
    insta::assert_snapshot!("lines", lines(&state, 120, false).join("\n"));
    for width in [0, 10, 80, 200] {
        assert!(lines(&state, width, false).iter().all(|line| line.chars().count() <= width), "{width}");
    }
    assert!(lines(&state, 80, true)[1].contains("\x1b[32mup"));
}
