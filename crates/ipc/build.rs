//! Makes Rust of the schema, by the compiler of Cap'n Proto.

fn main() {
    println!("cargo::rerun-if-changed=schema/node.capnp");
    if let Err(error) = capnpc::CompilerCommand::new().src_prefix("schema").file("schema/node.capnp").run() {
        eprintln!(
            "cannot compile schema/node.capnp: {error}; install the package capnproto (Debian's name), or run scripts/install"
        );
        std::process::exit(1);
    }
}
