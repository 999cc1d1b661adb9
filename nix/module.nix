# Options of a NixOS host of the cluster, and the wiring. What a host gets is in units.nix, which knows no NixOS.
{ config, lib, pkgs, ... }:

let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.services.near-validator;
  package = import ./package.nix { inherit pkgs; };

  neard =
    if cfg.package != null then "${cfg.package}/bin/neard"
    else if cfg.binary == null then cfg.neardProgram
    else "${package.neard { inherit (cfg) binary; hash = cfg.binaryHash; }}/bin/neard";

  host = import ./units.nix {
    settings = cfg;
    programs = {
      # NixOS has this and /usr/bin/env; everything else is named by its place in the store. A unit's PATH would not do:
      # each drop-in brings its own.
      sh = "/bin/sh";
      readlink = "${pkgs.coreutils}/bin/readlink";
      seq = "${pkgs.coreutils}/bin/seq";
      sleep = "${pkgs.coreutils}/bin/sleep";
      stat = "${pkgs.coreutils}/bin/stat";
      sha256sum = "${pkgs.coreutils}/bin/sha256sum";
      kill = "${pkgs.coreutils}/bin/kill";
      chrt = "${pkgs.util-linux}/bin/chrt";
      renice = "${pkgs.util-linux}/bin/renice";
      systemctl = "${config.systemd.package}/bin/systemctl";
      consul = "${cfg.consul.package}/bin/consul";
      supervisor = "${cfg.supervisorPackage}/bin/near-supervisor";
      kuutamoctl = "${cfg.supervisorPackage}/bin/kuutamoctl";
      inherit neard;
    };
  };

  # --- Options

  option = type: default: description: mkOption { inherit type default description; };
  text = option types.str;
  texts = option (types.listOf types.str) [ ];
  variables = option (types.attrsOf types.str) { };
  maybe = type: option (types.nullOr type) null;
  # Of what has a default that pages can show only by its name.
  named = type: default: defaultText: description: mkOption { inherit type default defaultText description; };
  packaged = named types.package;
  # A string and never a path: a path of Nix is copied to the store, where everybody can read it.
  secret = option types.str "";

  validator.options = {
    home = text "/var/lib/near/neard" "neard's home; another one for each validator of the host";
    lease = option types.number 10 "seconds, 4 to 600; the same on all hosts of the account";
    nodeId = named types.str config.networking.hostName "`networking.hostName`" "the name of this host in the cluster";
    strategy = text "auto" "how a standby gets the key: `auto`, `hot`, `restart` or `kuutamod`";
    consulUrl = text "http://127.0.0.1:8500" "Consul's HTTP API; several with commas";
    exporterAddress = text "127.0.0.1:2233" "where the supervisor's metrics are";
    networkPort = option types.port 24567 "neard's network port, as in its `config.json`";
    bootNodes = texts "neard's boot nodes; none: those of `config.json`";
    environment = variables "variables of neard";
    writePaths = texts "directories beside its home that neard writes to";
    openFiles = option types.int 65535 "how many files neard may have open";
    supervisorEnvironment = variables "more variables of the supervisor";
    startupTimeout = option types.number 120 "seconds that neard may take until its RPC answers";
    startupLimit = option types.number 21600 "seconds that a neard may take that works on its start (migration)";
    stopTimeout = option types.int 60 "seconds that neard may take to end";
    heightPatience = option types.number 60 "seconds to wait for a height above all that may be signed";
    chainMayStandStill = option types.bool false "whether no block may come without this validator (a chain of one)";
    validatorKeyFile = secret "the validator key; empty: `/etc/near/supervisor/ACCOUNT/validator_key.json`";
    nodeKeysDir = secret "the directory of the node keys; empty: `/etc/near/` and the last part of `home`";
    consulTokenFile = secret "the supervisor's token for Consul; empty: none";
    consulCaFile = text "" "the authority of Consul's certificate; empty: those that the host trusts";
    consulCertFile = text "" "the supervisor's certificate for Consul, if that wants one";
    consulKeyFile = secret "the key of that certificate";
    recordKeyFile = secret "what records in Consul are signed with; empty: they are not signed";
    unsignedRecords = text "refuse" "what becomes of records without a signature: `refuse` or `accept`";
    notifyCommand = text "" "program and arguments that get each notification, without a shell; empty: none";
    notifyUrlFile = secret "a file with the URL that each notification is posted to; empty: none";
    notifyTokenFile = secret "a file with the token or the header that the URL wants; empty: none";
    notifyCaFile = text "" "the authority of the URL's certificate; empty: those that the host trusts";
    notifyTimeout = option types.number 10 "seconds, 60 at most, after which command and post are given up";
    notifyAgain = option types.number 600 "seconds after which the same reason may be told again";
    preTakeover = text "" "program and arguments that may veto a planned takeover by this host; empty: none";
    preTakeoverTimeout = option types.number 10 "seconds, 60 at most, after which that is killed, which is a veto";
  };

  # --- What cannot work

  prefix = "services.near-validator";
  require = assertion: message: { inherit assertion; message = "${prefix}.${message}"; };
  isAccount = name: builtins.match "[a-z0-9]+([-_.][a-z0-9]+)*" name != null
    && builtins.stringLength name >= 2 && builtins.stringLength name <= 64;
  absolute = command: command == "" || lib.hasPrefix "/" command;
  bounded = seconds: seconds > 0 && seconds <= 60;
  inStore = path: lib.hasPrefix builtins.storeDir path || builtins.hasContext path;
  all = f: lib.mapAttrsToList f cfg.validators;
  sources = lib.filter (value: value != null) [ cfg.package cfg.binary cfg.neardProgram ];
  differ = name:
    let found = all (_account: validator: toString validator.${name});
    in require (lib.length (lib.unique found) == lib.length found)
      "validators: of the values ${lib.concatStringsSep ", " found} of ${name} two are the same. Give each its own.";

  ofHost = [
    (require (cfg.validators == { } || lib.length sources == 1)
      ("package, binary, neardProgram: ${toString (lib.length sources)} of these three are set. "
      + "Set exactly one: it is neard."))
    (require (cfg.binary == null || cfg.binaryHash != null)
      "binary is ${toString cfg.binary}, and binaryHash is not set. Set it to what sha256sum prints of that file.")
    (require (lib.versionAtLeast cfg.python.pythonVersion "3.10")
      "python is ${cfg.python.pythonVersion}. The supervisor needs 3.10 or later.")
    (require (!(cfg.consul.enable && config.services.consul.enable))
      "consul.enable and services.consul.enable are true: two agents on one host. Set one of them to false.")
    (require (!(config.system.etc.overlay.enable or false) || (config.system.etc.overlay.mutable or true))
      "enable: system.etc.overlay.mutable is false, so no key can be put below /etc/near. Set it to true.")
    (differ "home")
    (differ "networkPort")
    (differ "exporterAddress")
  ];
  ofValidators = lib.concatLists (all (account: validator: [
    (require (isAccount account)
      ("validators: ${account} is no NEAR account: 2 to 64 lower case letters, digits, and single '-', '_' or '.' "
      + "between them."))
    (require (validator.lease >= 4 && validator.lease <= 600)
      ("validators.${account}.lease is ${toString validator.lease}, and not between 4 and 600 seconds; 10 suits a "
      + "network."))
    (require (lib.hasPrefix "/" validator.home)
      "validators.${account}.home is ${validator.home}. It has to begin with '/'.")
    (require (absolute validator.notifyCommand && absolute validator.preTakeover)
      ("validators.${account}.notifyCommand is \"${validator.notifyCommand}\" and preTakeover is "
      + "\"${validator.preTakeover}\". Each has to be empty, or to begin with a program's absolute path."))
    (require (builtins.all bounded [ validator.notifyTimeout validator.preTakeoverTimeout ])
      ("validators.${account}.notifyTimeout is ${toString validator.notifyTimeout} and preTakeoverTimeout is "
      + "${toString validator.preTakeoverTimeout}. Each has to be above 0 and at most 60 seconds."))
    (require (validator.notifyUrlFile != "" || validator.notifyTokenFile == "" && validator.notifyCaFile == "")
      ("validators.${account}.notifyTokenFile or notifyCaFile is set, and notifyUrlFile is not. Set it, or take them "
      + "out."))
  ]));
  ofSecrets = map (entry: require (lib.hasPrefix "/" entry.path && !inStore entry.path)
    ("${entry.name} is ${entry.path}. It has to be the absolute path of a file outside ${builtins.storeDir}, as a "
    + "string: everybody can read what is in the store. A secret that is there already is known; replace it.")
  ) host.secrets;
in
{
  options.services.near-validator = {
    enable = option types.bool false "whether this host is one of a cluster that keeps a NEAR validator signing";
    package = maybe types.package "neard as a derivation, with `bin/neard`";
    binary = maybe types.str "a prebuilt neard: a file's absolute path; it is copied to the store and made to run here";
    binaryHash = maybe types.str "its SHA-256, as `sha256sum` prints it";
    neardProgram = maybe types.str "the absolute path of a neard that Nix leaves alone and that runs here as it is";
    supervisorFile = maybe types.path "the packed daemon: what `tools/pack.py daemon` makes";
    supervisorPackage = packaged (
      if cfg.supervisorFile != null then package.supervisor { file = cfg.supervisorFile; inherit (cfg) python; }
      else throw (
        "${prefix}.supervisorFile is not set. Name what tools/pack.py makes, or take nixosModules.default of the "
        + "flake, which makes it."
      )
    ) "`supervisorFile`, compiled for `python`" "the daemon, with `bin/near-supervisor` and `bin/kuutamoctl`";
    python = packaged pkgs.python3 "`pkgs.python3`" "what the daemon runs with: 3.10 or later";
    user = text "near" "the account that neard, guard and supervisor run as";
    group = text "near" "its group";
    validators = option (types.attrsOf (types.submodule validator)) { }
      "one entry for each account that this host validates or stands by for";
    consul = {
      enable = option types.bool true "whether an agent of Consul runs here, configured by the role `consul`";
      package = packaged pkgs.consul "`pkgs.consul`" "Consul, with `bin/consul`";
      user = text "consul" "the account that it runs as";
      group = text "consul" "its group";
      configDir = text "/etc/consul.d" "where its configuration is";
      dataDir = text "/var/lib/consul" "where its data is";
      secretNames = texts "files below `configDir` that it cannot start without, beside `consul.json`";
    };
    openFirewall = option types.bool false "whether neard's network port is open; Consul's ports are not opened";
    tuneKernel = option types.bool true "whether the kernel is set to what neard wants for its connections";
  };

  config = mkIf cfg.enable {
    assertions = ofHost ++ ofValidators ++ ofSecrets;
    systemd.services = host.services;
    systemd.tmpfiles.rules = host.tmpfiles;
    environment.etc =
      lib.mapAttrs (_name: program: { source = program; }) host.etc
      // lib.mapAttrs (_name: text: { inherit text; }) host.environments;
    # Python also for Ansible, which comes back.
    environment.systemPackages =
      [ cfg.python ]
      ++ lib.optional (cfg.validators != { }) cfg.supervisorPackage
      ++ lib.optional cfg.consul.enable cfg.consul.package;
    users.users = lib.listToAttrs (map (user: lib.nameValuePair user.name {
      isSystemUser = true;
      inherit (user) group home;
    }) host.users);
    users.groups = lib.listToAttrs (map (user: lib.nameValuePair user.group { }) host.users);
    # Below what the owner of the host says.
    boot.kernel.sysctl = lib.mapAttrs (_name: mkDefault) host.sysctl;
    networking.firewall.allowedTCPPorts = host.ports;
  };
}
