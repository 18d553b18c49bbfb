//! Writes the dashboards and the playlist: `cargo run -p dashboards`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let files = match dashboards::files() {
        Ok(files) => files,
        Err(faults) => {
            eprintln!("{}", faults.join("\n"));
            return ExitCode::FAILURE;
        }
    };
    for (path, text) in files {
        if let Err(error) = fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path), text) {
            eprintln!("cannot write {}: {error}", path.display());
            return ExitCode::from(2);
        }
        println!("{}", path.display());
    }
    ExitCode::SUCCESS
}
