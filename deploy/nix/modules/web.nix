# The host that shows all nodes: the NATS server that their events come to, pages, numbers, archives and alerts.
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
    types
    ;
  cfg = config.peer-observer.web;
  common = import ./common.nix { inherit lib pkgs; };

  settings = lib.recursiveUpdate {
    bus.nats = "nats://127.0.0.1:4222";
    web = {
      listen = "127.0.0.1:8080";
      hosts = [ cfg.domain ];
      inherit (cfg) public;
    };
    metrics.listen = "127.0.0.1:8282";
    websocket = {
      listen = "127.0.0.1:47482";
      hosts = [ cfg.domain ];
      prefix = "/websocket";
    };
  } cfg.settings;
  configuration = common.settingsFile "peer-observer.toml" settings;
  needsLogin = section: settings.${section} ? auth_file || settings.${section} ? auth;

  # A unit for each tool, so that one that is restarted disturbs no other.
  tool =
    name:
    lib.nameValuePair "peer-observer-${name}" {
      description = "peer-observer: ${name}";
      wantedBy = [ "multi-user.target" ];
      after = [ "nats.service" ];
      serviceConfig = common.hardening // {
        Type = "notify";
        DynamicUser = true;
        User = "peer-observer";
        Group = "peer-observer";
        # All of them: the pages show what alerts keeps and what archive writes.
        StateDirectory = "peer-observer";
        LoadCredential = mapAttrsToList (credential: file: "${credential}:${file}") cfg.credentials;
        ExecStart = "${lib.getExe cfg.package} ${name} --config ${configuration}";
        Restart = "on-failure";
        RestartSec = 10;
        WatchdogSec = 60;
      };
    };
in
{
  options.peer-observer.web = {
    enable = mkEnableOption "the host that shows what is observed";

    package = mkOption {
      type = types.package;
      default = pkgs.peer-observer;
      defaultText = literalExpression "pkgs.peer-observer";
      description = "The package of peer-observer.";
    };

    domain = mkOption {
      type = types.str;
      example = "observer.example";
      description = "The name under which the pages are reached.";
    };

    public = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the pages are for the public: then they show nothing that would reveal where the nodes are.";
    };

    natsConfig = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/run/secrets/nats.conf";
      description = ''
        The configuration of the hub's nats-server, which the user nats can read, and which is not copied to the store: as
        `peer-observer fleet` writes it for the hub, with port 7422 for the hosts of the nodes. Without it, events come from this host only.
      '';
    };

    tools = mkOption {
      type = types.listOf (
        types.enum [
          "alerts"
          "archive"
          "chain"
          "connectivity"
          "metrics"
          "web"
          "websocket"
        ]
      );
      default = [
        "alerts"
        "archive"
        "metrics"
        "web"
      ];
      description = "The tools that run. `connectivity` connects to other machines.";
    };

    settings = mkOption {
      inherit (pkgs.formats.toml { }) type;
      default = { };
      example = literalExpression "{ web.auth_file = \"web\"; }";
      description = "What else is in peer-observer.toml. Secrets are in files: see credentials.";
    };

    credentials = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = literalExpression "{ web = \"/run/secrets/web\"; }";
      description = "Files with secrets, which are not copied to the store, by the names that settings use: `web.auth_file = \"web\"`.";
    };

    prometheus.retention = mkOption {
      type = types.str;
      default = "30d";
      description = "How long Prometheus keeps numbers.";
    };

    grafana = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether there is a Grafana with the dashboards, at /grafana/.";
      };
      adminPasswordFile = mkOption {
        type = types.str;
        example = "/run/secrets/grafana";
        description = "A file with the password of Grafana's user admin, which the user grafana can read, and which is not copied to the store.";
      };
    };
  };

  config = mkIf cfg.enable (mkMerge [
    {
      assertions = [
        {
          assertion = cfg.public || needsLogin "web";
          message = "peer-observer.web: everybody could read the pages; set settings.web.auth_file, or public.";
        }
        {
          assertion = lib.elem "websocket" cfg.tools -> needsLogin "websocket";
          message = "peer-observer.web: the websocket hides nothing, and everybody could read it; set settings.websocket.auth_file.";
        }
      ];

      services.nats = {
        enable = true;
        serverName = "hub";
        settings = {
          host = "127.0.0.1";
          max_payload = 8 * 1024 * 1024;
        };
      };
      networking.firewall.allowedTCPPorts = [
        80
        443
      ];

      systemd.services = lib.listToAttrs (map tool cfg.tools);

      services.nginx = {
        enable = true;
        recommendedProxySettings = true;
        recommendedTlsSettings = true;
        virtualHosts.${cfg.domain} = {
          forceSSL = true;
          enableACME = true;
          locations."/" = {
            proxyPass = "http://127.0.0.1:8080";
            proxyWebsockets = true;
          };
          locations."/websocket/" = mkIf (lib.elem "websocket" cfg.tools) {
            proxyPass = "http://127.0.0.1:47482";
            proxyWebsockets = true;
          };
        };
      };

      services.prometheus = {
        enable = true;
        listenAddress = "127.0.0.1";
        retentionTime = cfg.prometheus.retention;
        ruleFiles = map (name: "${cfg.package.metrics-prometheus-rules}/${name}") (
          lib.filter (lib.hasSuffix ".yml") (lib.attrNames (builtins.readDir ../../../prometheus/rules))
        );
        scrapeConfigs = [
          {
            job_name = "peer-observer";
            scrape_interval = "15s";
            static_configs = [ { targets = [ "127.0.0.1:8282" ]; } ];
          }
        ];
      };
    }

    (mkIf (cfg.natsConfig != null) {
      systemd.services.nats.serviceConfig.ExecStart = lib.mkForce "${lib.getExe pkgs.nats-server} -c ${cfg.natsConfig}";
      networking.firewall.allowedTCPPorts = [ 7422 ];
    })

    (mkIf cfg.grafana.enable {
      services.grafana = {
        enable = true;
        settings = {
          server = {
            http_addr = "127.0.0.1";
            http_port = 3000;
            root_url = "https://${cfg.domain}/grafana/";
            serve_from_sub_path = true;
          };
          security.admin_password = "$__file{${cfg.grafana.adminPasswordFile}}";
        };
        provision = {
          enable = true;
          datasources.settings.datasources = [
            {
              name = "peer-observer";
              type = "prometheus";
              uid = "peer-observer";
              url = "http://127.0.0.1:9090";
              isDefault = true;
              jsonData.timeInterval = "15s";
            }
          ];
          dashboards.settings.providers = [
            {
              name = "peer-observer";
              folder = "peer-observer";
              options.path = cfg.package.metrics-dashboards;
            }
          ];
        };
      };
      services.nginx.virtualHosts.${cfg.domain}.locations."/grafana/" = {
        proxyPass = "http://127.0.0.1:3000";
        proxyWebsockets = true;
      };
    })
  ]);
}
