# A host with a node that is observed: the node, its networks, its bans and its log, and peer-observer, which sends events to a hub if there is one.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    literalExpression
    mapAttrsToList
    mkEnableOption
    mkIf
    mkMerge
    mkOption
    optional
    optionals
    types
    ;
  cfg = config.peer-observer.node;
  common = import ./common.nix { inherit lib pkgs; };
  user = "bitcoind-${cfg.name}";
  unit = "bitcoind-${cfg.name}";
  chainFolder =
    {
      main = "";
      test = "testnet3/";
      testnet4 = "testnet4/";
      signet = "signet/";
      regtest = "regtest/";
    }
    .${cfg.chain};
  debugLog = "${cfg.dataDir}/${chainFolder}debug.log";
  has = network: cfg.net.${network}.enable;

  # Only bitcoin-node has IPC. The unit of services.bitcoind starts bin/bitcoind.
  program = if cfg.ipc then "${cfg.bitcoind}/libexec/bitcoin-node" else lib.getExe' cfg.bitcoind "bitcoind";
  package =
    if cfg.ipc then
      pkgs.symlinkJoin {
        name = "bitcoind-with-ipc";
        paths = [ cfg.bitcoind ];
        postBuild = "ln -sf ${program} $out/bin/bitcoind";
      }
    else
      cfg.bitcoind;

  bitcoinConf = lib.concatStringsSep "\n" (
    [
      "chain=${cfg.chain}"
      "server=1"
      # Options below are those of this chain, whichever it is.
      "[${cfg.chain}]"
      # peer-observer has a connection of its own to the node.
      "addnode=127.0.0.2:28333"
      "whitelist=noban,relay,out@127.0.0.2"
    ]
    ++ optional (cfg.ipc) "ipcbind=unix"
    ++ optional (cfg.net.asmap != null) "asmap=${cfg.net.asmap}"
    ++ optionals (has "tor") [
      "onion=127.0.0.1:9050"
      "listenonion=1"
      "torcontrol=127.0.0.1:9051"
    ]
    ++ optionals (has "i2p") [
      "i2psam=127.0.0.1:7656"
      "i2pacceptincoming=1"
    ]
    ++ optional (has "cjdns") "cjdnsreachable=1"
    ++ optionals cfg.detailedLogging.enable (
      [
        "logips=1"
        "logthreadnames=1"
        "logtimemicros=1"
        "logsourcelocations=0"
      ]
      ++ map (category: "debug=${category}") cfg.detailedLogging.categories
    )
    ++ [ cfg.extraConfig ]
  );

  settings = lib.recursiveUpdate {
    node = [
      {
        inherit (cfg) name chain;
        datadir = cfg.dataDir;
      }
    ];
    bus.nats = "nats://127.0.0.1:4222";
    p2p.listen = "127.0.0.2:28333";
  } cfg.settings;
  configuration = common.settingsFile "peer-observer.toml" settings;

  observer = {
    wantedBy = [ "multi-user.target" ];
    after = [
      "nats.service"
      "${unit}.service"
    ];
    serviceConfig = common.hardening // {
      Type = "notify";
      # Bitcoin Core lets nobody but its own user read its log, its cookie and its socket.
      User = user;
      Group = user;
      LoadCredential = mapAttrsToList (credential: file: "${credential}:${file}") cfg.credentials;
      Restart = "on-failure";
      RestartSec = 10;
      WatchdogSec = 60;
    };
  };
in
{
  options.peer-observer.node = {
    enable = mkEnableOption "a Bitcoin node and its observation";

    name = mkOption {
      type = types.strMatching "[A-Za-z0-9_-]{1,64}";
      default = config.networking.hostName;
      defaultText = literalExpression "config.networking.hostName";
      description = "The name of the node in events.";
    };

    package = mkOption {
      type = types.package;
      default = pkgs.peer-observer;
      defaultText = literalExpression "pkgs.peer-observer";
      description = "The package of peer-observer.";
    };

    bitcoind = mkOption {
      type = types.package;
      default = pkgs.callPackage ../bitcoind.nix { };
      defaultText = literalExpression "pkgs.callPackage ../bitcoind.nix { }";
      example = literalExpression ''
        inputs.peer-observer.packages.${pkgs.system}.bitcoind.override {
          version = "30.2";
          hash = "sha256-...";
          sanitizers = [ "address" "undefined" ];
        }
      '';
      description = "The node: its version, its patches and its sanitizers are arguments of bitcoind.nix.";
    };

    chain = mkOption {
      type = types.enum [
        "main"
        "test"
        "testnet4"
        "signet"
        "regtest"
      ];
      default = "main";
      description = "The chain of the node.";
    };

    dataDir = mkOption {
      type = types.path;
      default = "/var/lib/bitcoind-${cfg.name}";
      defaultText = literalExpression ''"/var/lib/bitcoind-''${name}"'';
      description = "The data directory of the node.";
    };

    prune = mkOption {
      type = types.ints.unsigned;
      default = 4000;
      description = "How many MiB of blocks the node keeps; 0 for all.";
    };

    ipc = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the node has its IPC interface: then it is bitcoin-node that runs (Bitcoin Core 30 and later).";
    };

    restart = mkOption {
      type = types.enum [
        "no"
        "on-failure"
      ];
      default = "no";
      description = "Whether a node that crashed is started again. By default it is not: a crash is to be looked into.";
    };

    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Lines of bitcoin.conf, of the section of the chain.";
    };

    net = {
      tor.enable = mkEnableOption "Tor: the node connects to onion services, and is one";
      i2p.enable = mkEnableOption "I2P: the node connects to destinations, and is one";
      cjdns.enable = mkEnableOption "CJDNS, whose peers are those of services.cjdns";
      asmap = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = "A map of autonomous systems, for the node and for peer-observer.";
      };
    };

    banlist = {
      sets = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "linkinglion" ];
        description = "Sets of networks that the node bans: built-in ones, and those of settings.networks.sets.";
      };
      interval = mkOption {
        type = types.str;
        default = "1h";
        description = "How often the bans are brought up to date.";
      };
    };

    detailedLogging = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the node logs what peer-observer can use.";
      };
      categories = mkOption {
        type = types.listOf types.str;
        default = [
          "net"
          "addrman"
          "cmpctblock"
          "mempool"
          "mempoolrej"
          "txpackages"
          "validation"
          "bench"
        ];
        description = "Categories of -debug.";
      };
      logsToKeep = mkOption {
        type = types.ints.unsigned;
        default = 4;
        description = "How many days of debug.log are kept, compressed.";
      };
    };

    tracepoints = mkOption {
      type = types.bool;
      default = true;
      description = "Whether tracepoints are followed, for which a unit of its own has two capabilities.";
    };

    settings = mkOption {
      inherit (pkgs.formats.toml { }) type;
      default = { };
      example = literalExpression "{ rpc.interval.getpeerinfo = \"5s\"; }";
      description = "What else is in peer-observer.toml. Secrets are in files: see credentials.";
    };

    credentials = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = literalExpression "{ nats = \"/run/secrets/nats\"; }";
      description = "Files with secrets, which are not copied to the store, by the names that settings use: `bus.nats_password_file = \"nats\"`.";
    };

    natsConfig = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/run/secrets/nats.conf";
      description = ''
        A configuration of nats-server in place of the one of this module, which the user nats can read, and which is not copied to the store:
        one that leads to a hub, as `peer-observer fleet` writes it for this host. Without it, events stay on this host.
      '';
    };
  };

  config = mkIf cfg.enable (mkMerge [
    {
      services.bitcoind.${cfg.name} = {
        enable = true;
        inherit (cfg) dataDir prune;
        inherit package user;
        group = user;
        extraConfig = bitcoinConf;
      };
      systemd.services.${unit}.serviceConfig.Restart = lib.mkForce cfg.restart;

      services.nats = {
        enable = true;
        serverName = cfg.name;
        settings = {
          host = "127.0.0.1";
          # The tables of an address manager have 6 MB.
          max_payload = 8 * 1024 * 1024;
        };
      };

      # Everything but tracepoints.
      systemd.services.peer-observer = lib.recursiveUpdate observer {
        description = "peer-observer: RPC, debug.log, P2P and IPC of the node ${cfg.name}";
        serviceConfig = {
          ExecStart = "${lib.getExe cfg.package} run --config ${configuration} --extract ${
            lib.concatStringsSep "," (
              [
                "rpc"
                "log"
                "process"
                "p2p"
              ]
              ++ optional cfg.ipc "ipc"
            )
          }";
          StateDirectory = "peer-observer";
        };
      };

      services.logrotate.settings.${unit} = mkIf cfg.detailedLogging.enable {
        files = debugLog;
        frequency = "daily";
        rotate = cfg.detailedLogging.logsToKeep;
        # The node goes on with the file that it has open.
        copytruncate = true;
        compress = true;
        missingok = true;
        notifempty = true;
        dateext = true;
        su = "${user} ${user}";
      };
    }

    (mkIf cfg.tracepoints {
      systemd.services.peer-observer-tracepoints = lib.recursiveUpdate observer {
        description = "peer-observer: tracepoints of the node ${cfg.name}";
        serviceConfig = {
          ExecStart = "${lib.getExe cfg.package} extract ebpf --config ${configuration} --binary ${program}";
          # It gives both up when it has attached.
          AmbientCapabilities = [
            "CAP_BPF"
            "CAP_PERFMON"
          ];
          CapabilityBoundingSet = [
            "CAP_BPF"
            "CAP_PERFMON"
          ];
          SystemCallFilter = common.hardening.SystemCallFilter ++ [
            "bpf capset perf_event_open landlock_create_ruleset landlock_add_rule landlock_restrict_self"
          ];
        };
      };
    })

    (mkIf (cfg.natsConfig != null) {
      systemd.services.nats.serviceConfig.ExecStart = lib.mkForce "${lib.getExe pkgs.nats-server} -c ${cfg.natsConfig}";
    })

    (mkIf (cfg.banlist.sets != [ ]) {
      systemd.services.peer-observer-banlist = {
        description = "peer-observer: bans of the node ${cfg.name}";
        after = [ "${unit}.service" ];
        serviceConfig = common.hardening // {
          Type = "oneshot";
          User = user;
          Group = user;
          LoadCredential = observer.serviceConfig.LoadCredential;
          StateDirectory = "peer-observer";
          ExecStart = "${lib.getExe cfg.package} banlist apply --config ${configuration} --banlist-sets ${lib.concatStringsSep "," cfg.banlist.sets}";
        };
      };
      systemd.timers.peer-observer-banlist = {
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnActiveSec = "1min";
          OnUnitInactiveSec = cfg.banlist.interval;
        };
      };
    })

    (mkIf cfg.net.tor.enable {
      services.tor = {
        enable = true;
        client.enable = true;
        settings = {
          ControlPort = 9051;
          CookieAuthentication = true;
          CookieAuthFileGroupReadable = true;
          DataDirectoryGroupReadable = true;
        };
      };
      users.users.${user}.extraGroups = [ "tor" ];
      systemd.services.${unit} = {
        wants = [ "tor.service" ];
        after = [ "tor.service" ];
      };
    })

    (mkIf cfg.net.i2p.enable {
      services.i2pd = {
        enable = true;
        proto.sam.enable = true;
      };
      systemd.services.${unit} = {
        wants = [ "i2pd.service" ];
        after = [ "i2pd.service" ];
      };
    })

    (mkIf cfg.net.cjdns.enable {
      services.cjdns.enable = true;
      systemd.services.${unit} = {
        wants = [ "cjdns.service" ];
        after = [ "cjdns.service" ];
      };
    })

    (mkIf (cfg.net.asmap != null) {
      peer-observer.node.settings.networks.asmap = lib.mkDefault "${cfg.net.asmap}";
    })
  ]);
}
