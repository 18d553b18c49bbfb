# peer-observer, with what modules look for in its package. `services.peer-observer.package` of 0xB10C/nix may be this.
{
  lib,
  rustPlatform,
  capnproto,
  elfutils,
  installShellFiles,
  llvmPackages,
  pkg-config,
  runCommand,
  zlib,
}:

let
  root = ../..;
  version = (lib.importTOML (root + "/Cargo.toml")).workspace.package.version;
  # A folder of the source as a package of its own.
  folder = name: path: runCommand "peer-observer-${name}-${version}" { } "cp -r ${path} $out";
in
rustPlatform.buildRustPackage {
  pname = "peer-observer";
  inherit version;

  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions (
      map (path: root + "/${path}") [
        "Cargo.lock"
        "Cargo.toml"
        "LICENSE"
        "bench"
        "crates"
        "docs"
        "grafana"
        "prometheus"
        "proto"
      ]
    );
  };
  cargoLock.lockFile = root + "/Cargo.lock";

  # The program that runs in the kernel is compiled by a clang without Nix's wrapper, whose flags are for this machine.
  env.CLANG = lib.getExe llvmPackages.clang-unwrapped;
  nativeBuildInputs = [
    capnproto
    installShellFiles
    pkg-config
  ];
  buildInputs = [
    elfutils
    zlib
  ];

  cargoBuildFlags = [
    "-p"
    "peer-observer"
  ];
  # They want nodes, servers, browsers and privileges; CI runs them.
  doCheck = false;

  postInstall = ''
    $out/bin/peer-observer links --to $out/bin/peer-observer $out/bin
    $out/bin/peer-observer man man
    installManPage man/*
    for shell in bash zsh fish; do
      $out/bin/peer-observer completions $shell > peer-observer.$shell
    done
    installShellCompletion peer-observer.{bash,zsh,fish}
    # Where infra-library looks.
    ln -s ${folder "dashboards" (root + "/grafana/dashboards")} $out/dashboards
    ln -s ${folder "websocket-www" (root + "/crates/tools/websocket/pages")} $out/websocket-www
  '';

  # Where 0xB10C/nix looks.
  passthru = {
    metrics-dashboards = folder "dashboards" (root + "/grafana/dashboards");
    metrics-prometheus-rules = folder "prometheus-rules" (root + "/prometheus/rules");
    websocket-www-pages = folder "websocket-www" (root + "/crates/tools/websocket/pages");
  };

  meta = {
    description = "Watches Bitcoin nodes for attacks and anomalies";
    license = lib.licenses.mit;
    mainProgram = "peer-observer";
    platforms = lib.platforms.linux;
  };
}
