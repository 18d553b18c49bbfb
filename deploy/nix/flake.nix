{
  description = "peer-observer: watches Bitcoin nodes for attacks and anomalies";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEach = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = forEach (pkgs: rec {
        peer-observer = pkgs.callPackage ./package.nix { };
        default = peer-observer;
        # Bitcoin Core with tracepoints and IPC; `.override { sanitizers = [ "address" ]; }` and others are in bitcoind.nix.
        bitcoind = pkgs.callPackage ./bitcoind.nix { };
      });

      overlays.default = final: _: {
        peer-observer = final.callPackage ./package.nix { };
      };

      nixosModules = {
        # For a host with a node that is observed.
        node = {
          imports = [ ./modules/node.nix ];
          nixpkgs.overlays = [ self.overlays.default ];
        };
        # For the host that shows all nodes.
        web = {
          imports = [ ./modules/web.nix ];
          nixpkgs.overlays = [ self.overlays.default ];
        };
      };

      formatter = forEach (pkgs: pkgs.nixfmt-rfc-style);
    };
}
