//! A program that is linked statically and can be loaded at any address, as Bitcoin Core's releases may be from 2026 on.

use std::path::Path;
use std::process::{Child, Command};

use event::Kind;
use node::Target;
use object::Endianness;
use object::elf::{ET_DYN, FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};
use serde_json::Value;

use super::{Rig, in_full, require_ebpf};

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Compiles the program. None if it cannot be compiled here, which is reported.
fn compile(to: &Path) -> Option<()> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/static_pie.c");
    match Command::new("cc").args(["-static-pie", "-O2", "-o"]).arg(to).arg(source).output() {
        Ok(output) if output.status.success() => Some(()),
        Ok(output) => {
            testbed::skipped(&format!("cc links no static PIE here: {}", String::from_utf8_lossy(&output.stderr)));
            None
        }
        Err(error) => {
            testbed::skipped(&format!("there is no cc: {error}"));
            None
        }
    }
}

/// Whether it is loaded at any address, and by itself.
fn is_static_pie(path: &Path) -> bool {
    let data = std::fs::read(path).unwrap();
    let header = FileHeader64::<Endianness>::parse(&*data).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, &*data).unwrap();
    header.e_type(endian) == ET_DYN && segments.iter().all(|segment| segment.p_type(endian) != PT_INTERP)
}

/// It is traced wherever it is loaded, from before it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_static_pie_is_traced() {
    if !require_ebpf() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bitcoind");
    if compile(&program).is_none() {
        return;
    }
    assert!(is_static_pie(&program));
    assert!(extractor_ebpf::tracepoints_of(&program).unwrap().contains("net:misbehaving_connection"));
    let mut rig = Rig::start(&program, Target { binary: Some(program.clone()), ..Target::default() }, &in_full());
    for peer in 1..=3 {
        let reason = format!("headers message size = 200{peer}");
        let process = Running(Command::new(&program).args([&peer.to_string(), &reason]).spawn().unwrap());
        let is_of = |body: &Value| body["id"].as_u64() == Some(peer) && body["message"] == *reason;
        rig.wait_for(|record| {
            let json = || serde_json::from_str::<Value>(&event::json::to_json(record)).unwrap();
            record.envelope().kind == Kind::MisbehavingConnection && is_of(&json()["body"])
        })
        .await;
        drop(process);
    }
    let (_, counts) = rig.finish().await;
    counts.assert_balanced();
}
