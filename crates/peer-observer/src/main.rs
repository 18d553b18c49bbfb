//! The program `peer-observer`.

use std::process::ExitCode;

use peer_observer::Parts;

fn main() -> ExitCode {
    peer_observer::main(&Parts::all())
}
