//! Compiles the C program that runs in the kernel.

mod header;

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("layout.h"), header::header())?;
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/bpf");
    println!("cargo:rerun-if-env-changed=CLANG");
    let target = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86_64" => "x86",
        "aarch64" => "arm64",
        other => {
            return Err(
                format!("the tracepoint program knows no registers of {other}; build for x86_64 or aarch64").into()
            );
        }
    };
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let status = Command::new(&clang)
        .args([
            "-target",
            "bpf",
            "-mcpu=v3",
            "-O2",
            "-g",
            "-nostdinc",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unused-function",
        ])
        .arg(format!("-D__TARGET_ARCH_{target}"))
        .args(["-I", "src/bpf", "-I"])
        .arg(&out)
        .args(["-isystem", &env::var("DEP_BPF_INCLUDE")?])
        .args(["-c", "src/bpf/tracepoints.bpf.c", "-o"])
        .arg(out.join("tracepoints.bpf.o"))
        .status()
        .map_err(|error| format!("cannot run {clang}: {error}; install it (package clang) or set CLANG"))?;
    if !status.success() {
        return Err(
            format!("{clang} could not compile src/bpf/tracepoints.bpf.c ({status}); its messages are above").into()
        );
    }
    Ok(())
}
