# What a host gets: systemd's units, files below /etc, directories, accounts and kernel settings. A pure function of the
# settings (services.near-validator of module.nix, as plain data) and of where programs are; builtins only, so that it
# is evaluated and compared with the units of Debian's templates wherever there is a Nix (tests/nix).
{ settings, programs }:

let
  inherit (builtins)
    any attrNames concatLists concatStringsSep elem elemAt filter hashString isBool isString listToAttrs map
    mapAttrs match removeAttrs replaceStrings substring toJSON toString;

  # --- Small words

  # A number as one writes it: toString makes 10.000000 of 10.0.
  text = value: if isBool value then (if value then "1" else "") else if isString value then value else toJSON value;
  quoted = value: "\"${replaceStrings [ "\\" "\"" ] [ "\\\\" "\\\"" ] (text value)}\"";
  # systemd expands % in Environment=; NixOS writes the quotes and backslashes itself.
  literal = value: replaceStrings [ "%" ] [ "%%" ] (text value);
  larger = a: b: if a > b then a else b;
  given = value: value != null && value != "" && value != [ ];
  optionals = condition: list: if condition then list else [ ];
  optional = condition: attrs: if condition then attrs else { };
  accounts = attrNames settings.validators;
  forAccounts = f: listToAttrs (concatLists (map f accounts));
  values = f: map (account: f account settings.validators.${account}) accounts;
  isBelowHome = path: match "(/home|/root|/run/user)(/.*)?" path != null;

  # --- Names that both kinds of host share

  settingsDir = "/etc/near/supervisor";
  runDir = "/run/near-supervisor";
  # Links that stay where they are, so that what is started next is the newest. What runs keeps what it was started
  # with.
  programLink = "/etc/near/bin/near-supervisor";
  neardLink = "/etc/near/bin/neard";

  keyOf = account: validator:
    if given validator.validatorKeyFile then validator.validatorKeyFile
    else "${settingsDir}/${account}/validator_key.json";
  nodeKeysOf = validator:
    if given validator.nodeKeysDir then validator.nodeKeysDir
    else "/etc/near/${elemAt (match ".*/([^/]+)/*" validator.home) 0}";

  # --- What NixOS has to be told for each of these units

  # Its default is to stop a changed unit and to start it again, and to stop one that is gone. Either is a failover, and
  # none of it is the business of an activation: whoever activates orders the restarts, standbys first.
  untouched = unit: unit // {
    restartIfChanged = false;
    stopIfChanged = false;
    unitConfig = { X-StopOnRemoval = false; } // (unit.unitConfig or { });
  };

  # Whether a process is older than its unit: all files of a store have one time, so the unit itself says what it is,
  # and a process has that in its environment. Without programs: their places change with each release of NixOS, and
  # what runs needs no restart for that. Consul's own is what its agent is, and counts.
  marked = program: units: unit: unit // {
    environment = (unit.environment or { }) // {
      NEAR_UNIT = substring 0 16 (hashString "sha256" (toJSON [ program (map settingsOf units) ]));
    };
  };
  settingsOf = unit: [
    (unit.environment or { })
    (removeAttrs unit.serviceConfig
      [ "ExecStartPre" "ExecStart" "ExecStartPost" "ExecStop" "ExecStopPost" "ExecReload" ])
  ];

  # The version, not the link to it: a program whose file is exchanged while it runs could not load its own parts. The
  # garbage collector looks at environments and open files, not at arguments: without the variable it would take the
  # file from under a process that runs.
  started = arguments:
    "${programs.sh} -c 'NEAR_PROGRAM=\"$$(${programs.readlink} -f ${programLink})\"; export NEAR_PROGRAM; "
    + "exec \"$$NEAR_PROGRAM\" ${arguments}'";

  sandbox = {
    UMask = "0077";
    NoNewPrivileges = "yes";
    CapabilityBoundingSet = "";
    AmbientCapabilities = "";
    ProtectSystem = "strict";
    ProtectHome = "yes";
    PrivateTmp = "yes";
    PrivateDevices = "yes";
    DevicePolicy = "closed";
    PrivateIPC = "yes";
    ProtectProc = "invisible";
    ProtectHostname = "yes";
    ProtectClock = "yes";
    ProtectKernelLogs = "yes";
    ProtectKernelModules = "yes";
    ProtectKernelTunables = "yes";
    ProtectControlGroups = "yes";
    LockPersonality = "yes";
    KeyringMode = "private";
    RestrictNamespaces = "yes";
    RestrictRealtime = "yes";
    RestrictSUIDSGID = "yes";
    SystemCallArchitectures = "native";
    SystemCallErrorNumber = "EPERM";
  };

  # What guard and supervisor have in common, beside the sandbox.
  process = {
    Type = "notify";
    NotifyAccess = "main";
    User = settings.user;
    Group = settings.group;
    RuntimeDirectory = "near-supervisor/%i";
    RuntimeDirectoryMode = "0750";
    RuntimeDirectoryPreserve = "yes";
    Restart = "always";
    RestartSec = "100ms";
    KillMode = "mixed";
    LimitCORE = 0;
  };

  # --- The templates; why each line is as it is: roles/supervisor/templates

  guard = {
    description = "Guard and neard of %i";
    documentation = [ "https://github.com/near/nearcore" ];
    after = [ "network-online.target" ];
    wants = [ "network-online.target" ];
    unitConfig.ConditionPathExists = [ "${settingsDir}/%i.env" ];
    unitConfig.StartLimitIntervalSec = 0;
    serviceConfig = sandbox // process // {
      ExecStart = started (
        "guard --run-dir \"$$RUNTIME_DIRECTORY\" --home \"$$NEAR_GUARD_HOME\" "
        + "--key-link \"$$NEAR_GUARD_HOME/validator_key.json\" --linger 0"
      );
      ExecStartPost =
        "-+${programs.sh} -c '${programs.chrt} --fifo --reset-on-fork --pid 1 \"$$MAINPID\" && exit; "
        + "${programs.chrt} --other --reset-on-fork --pid 0 \"$$MAINPID\" && "
        + "${programs.renice} --priority -20 --pid \"$$MAINPID\"'";
      SyslogIdentifier = "near-guard";
      TimeoutStopSec = 60;
      WatchdogSec = 10;
      OOMPolicy = "continue";
      LimitNOFILE = 65535;
      TasksMax = "infinity";
      RestrictAddressFamilies = "AF_UNIX AF_INET AF_INET6 AF_NETLINK";
      SystemCallFilter = [ "@system-service" "~@privileged" ];
    };
  };

  supervisor = {
    description = "Supervisor of NEAR validator %i";
    after = [ "near-guard@%i.service" "consul.service" "network-online.target" ];
    wants = [ "near-guard@%i.service" "network-online.target" ];
    unitConfig.ConditionPathExists = [ "${settingsDir}/%i.env" ];
    unitConfig.StartLimitIntervalSec = 0;
    serviceConfig = sandbox // process // {
      EnvironmentFile = "${settingsDir}/%i.env";
      ExecStart = started "run";
      ExecStop =
        "${programs.sh} -c 'case \"$$(${programs.systemctl} list-jobs --full --no-legend --plain %n)\" in "
        + "*\" restart \"*) ;; *) exit 0 ;; esac; "
        + "${programLink} detach --run-dir \"$$RUNTIME_DIRECTORY\"; "
        + "for _ in $$(${programs.seq} 100); do kill -0 \"$$MAINPID\" 2>/dev/null || exit 0; "
        + "${programs.sleep} 0.05; done'";
      ExecStopPost = "${programs.sh} -c 'test \"$$EXIT_CODE:$$EXIT_STATUS\" != exited:1 || ${programs.sleep} 1'";
      SyslogIdentifier = "near-supervisor";
      OOMScoreAdjust = -500;
      CPUWeight = 1000;
      ProcSubset = "pid";
      MemoryDenyWriteExecute = "yes";
      RestrictAddressFamilies = "AF_UNIX AF_INET AF_INET6";
      SystemCallFilter = [ "@system-service" "~@privileged @resources" ];
    };
  };

  # --- What differs from account to account. Instances are drop-ins of the template: without overrideStrategy NixOS
  # would make units of their own of them, with nothing but these lines.

  # What has to be there for a first start: an activation may come before neard's home and what is secret. Whoever puts
  # the last of them there starts the supervisor. Nothing of it is asked of a guard beyond the home: one that has ended
  # starts again, and goes on with a standby, whatever has become of the keys.
  homeOf = validator: [ "${validator.home}/config.json" ];
  neededBy = account: validator:
    homeOf validator
    ++ map (name: "${nodeKeysOf validator}/${name}") [ "voter_node_key.json" "validator_node_key.json" ]
    ++ filter given [ (keyOf account validator) validator.consulTokenFile validator.recordKeyFile ];

  guardOf = validator: let unit = guardSettings validator; in untouched (marked "" [ guard unit ] unit);
  guardSettings = validator: {
    overrideStrategy = "asDropin";
    unitConfig.ConditionPathExists = homeOf validator;
    environment = { NEAR_GUARD_HOME = validator.home; } // mapAttrs (_name: literal) validator.environment;
    serviceConfig = {
      ReadWritePaths = concatStringsSep " " ([ validator.home ] ++ validator.writePaths);
      LimitNOFILE = validator.openFiles;
    } // optional (any isBelowHome ([ validator.home ] ++ validator.writePaths)) { ProtectHome = "no"; };
  };

  supervisorOf = account: validator:
    let unit = supervisorSettings account validator; in untouched (marked "" [ supervisor unit ] unit);
  supervisorSettings = account: validator: {
    overrideStrategy = "asDropin";
    wantedBy = [ "multi-user.target" ];
    unitConfig.ConditionPathExists = neededBy account validator;
    serviceConfig = {
      TimeoutStopSec = validator.stopTimeout + 30;
      WatchdogSec = text (larger (validator.lease * 0.4) 3);
    } // optional (any isBelowHome ([ validator.home ] ++ validator.writePaths)) { ProtectHome = "read-only"; };
  };

  environmentOf = account: validator: {
    KUUTAMO_NEARD_HOME = validator.home;
    KUUTAMO_VOTER_NODE_KEY = "${nodeKeysOf validator}/voter_node_key.json";
    KUUTAMO_VALIDATOR_NODE_KEY = "${nodeKeysOf validator}/validator_node_key.json";
    KUUTAMO_VALIDATOR_KEY = keyOf account validator;
    KUUTAMO_NEARD_BOOTNODES = concatStringsSep "," validator.bootNodes;
    KUUTAMO_EXPORTER_ADDRESS = validator.exporterAddress;
    KUUTAMO_VALIDATOR_NETWORK_ADDR = "0.0.0.0:${toString validator.networkPort}";
    KUUTAMO_VOTER_NETWORK_ADDR = "0.0.0.0:${toString validator.networkPort}";
    KUUTAMO_ACCOUNT_ID = account;
    KUUTAMO_NODE_ID = validator.nodeId;
    KUUTAMO_CONSUL_URL = validator.consulUrl;
    NEAR_SUPERVISOR_LEASE = validator.lease;
    NEAR_SUPERVISOR_RUN_DIR = "${runDir}/${account}";
    NEAR_SUPERVISOR_NEARD = neardLink;
    NEAR_SUPERVISOR_STARTUP_TIMEOUT = validator.startupTimeout;
    NEAR_SUPERVISOR_STARTUP_LIMIT = validator.startupLimit;
    NEAR_SUPERVISOR_STOP_TIMEOUT = validator.stopTimeout;
    NEAR_SUPERVISOR_HEIGHT_PATIENCE = validator.heightPatience;
    NEAR_SUPERVISOR_CHAIN_MAY_STAND_STILL = validator.chainMayStandStill;
    NEAR_SUPERVISOR_STRATEGY = validator.strategy;
    NEAR_SUPERVISOR_GUARD = "service";
    NEAR_SUPERVISOR_CONSUL_TOKEN_FILE = validator.consulTokenFile;
    NEAR_SUPERVISOR_CONSUL_CA_FILE = validator.consulCaFile;
    NEAR_SUPERVISOR_CONSUL_CERT_FILE = validator.consulCertFile;
    NEAR_SUPERVISOR_CONSUL_KEY_FILE = validator.consulKeyFile;
    NEAR_SUPERVISOR_RECORD_KEY = validator.recordKeyFile;
    NEAR_SUPERVISOR_UNSIGNED_RECORDS = validator.unsignedRecords;
    NEAR_SUPERVISOR_NOTIFY_COMMAND = validator.notifyCommand;
    NEAR_SUPERVISOR_NOTIFY_URL_FILE = validator.notifyUrlFile;
    NEAR_SUPERVISOR_NOTIFY_TOKEN_FILE = validator.notifyTokenFile;
    NEAR_SUPERVISOR_NOTIFY_CA_FILE = validator.notifyCaFile;
    NEAR_SUPERVISOR_NOTIFY_TIMEOUT = validator.notifyTimeout;
    NEAR_SUPERVISOR_NOTIFY_AGAIN = validator.notifyAgain;
    NEAR_SUPERVISOR_PRE_TAKEOVER = validator.preTakeover;
    NEAR_SUPERVISOR_PRE_TAKEOVER_TIMEOUT = validator.preTakeoverTimeout;
  } // validator.supervisorEnvironment;

  environmentText = environment:
    concatStringsSep "" (map (name: "${name}=${quoted environment.${name}}\n")
      (filter (name: given environment.${name} && text environment.${name} != "") (attrNames environment)));

  # --- Consul

  consul = settings.consul;
  consulFiles = [ "consul.json" ] ++ consul.secretNames;
  consulUnit = untouched (marked programs.consul [ consulSettings ] consulSettings);
  consulSettings = {
    description = "Consul agent";
    documentation = [ "https://developer.hashicorp.com/consul/docs" ];
    wants = [ "network-online.target" ];
    after = [ "network-online.target" ];
    wantedBy = [ "multi-user.target" ];
    # An activation may come before the files.
    unitConfig.ConditionPathExists = map (name: "${consul.configDir}/${name}") consulFiles;
    unitConfig.StartLimitIntervalSec = 0;
    serviceConfig = {
      Type = "notify";
      User = consul.user;
      Group = consul.group;
      ExecStartPre =
        "${programs.sh} -c 'exec > /run/consul/started-with; "
        + "${programs.stat} -c \"%%i-%%Y-%%s  %%n\" ${programs.consul}; "
        + "echo \"$$NEAR_UNIT  /etc/systemd/system/consul.service\"; ${programs.sha256sum} "
        + concatStringsSep " " (map (name: "${consul.configDir}/${name}") consulFiles) + "'";
      ExecStart =
        "${programs.consul} agent -config-file=${consul.configDir}/consul.json"
        + (if elem "secrets.json" consul.secretNames then " -config-file=${consul.configDir}/secrets.json" else "");
      ExecReload = "${programs.kill} -HUP $MAINPID";
      Restart = "always";
      RestartSec = "100ms";
      TimeoutStartSec = 30;
      TimeoutStopSec = 10;
      RuntimeDirectory = "consul";
      LimitNOFILE = 65536;
      ReadWritePaths = consul.dataDir;
      ProtectSystem = "strict";
      ProtectHome = "true";
      PrivateTmp = "true";
      PrivateDevices = "true";
      ProtectProc = "invisible";
      ProtectClock = "true";
      ProtectHostname = "true";
      ProtectKernelLogs = "true";
      ProtectKernelModules = "true";
      ProtectKernelTunables = "true";
      ProtectControlGroups = "true";
      NoNewPrivileges = "true";
      CapabilityBoundingSet = "";
      RestrictAddressFamilies = "AF_INET AF_INET6 AF_NETLINK AF_UNIX";
      RestrictNamespaces = "true";
      RestrictRealtime = "true";
      RestrictSUIDSGID = "true";
      LockPersonality = "true";
      MemoryDenyWriteExecute = "true";
      RemoveIPC = "true";
      SystemCallArchitectures = "native";
      SystemCallFilter = "@system-service";
      SystemCallErrorNumber = "EPERM";
      UMask = "0077";
    };
  };

  # --- Directories: type, path, mode, owner, group

  directory = path: mode: user: group: "d ${path} ${mode} ${user} ${group} -";
in
{
  services =
    { "near-guard@" = untouched guard; "near-supervisor@" = untouched supervisor; }
    // forAccounts (account: [
      { name = "near-guard@${account}"; value = guardOf settings.validators.${account}; }
      { name = "near-supervisor@${account}"; value = supervisorOf account settings.validators.${account}; }
    ])
    // optional consul.enable { consul = consulUnit; };

  # A host without validators is a server of Consul, and needs none of it. neard comes before its validator: it makes
  # the home.
  etc =
    optional (accounts != [ ]) {
      "near/bin/near-supervisor" = programs.supervisor;
      "near/bin/kuutamoctl" = programs.kuutamoctl;
    }
    // optional (programs.neard != null) { "near/bin/neard" = programs.neard; };

  # No secret is in them, only the names of files: everybody may read what is in the store.
  environments = forAccounts (account: [{
    name = "near/supervisor/${account}.env";
    value = environmentText (environmentOf account settings.validators.${account});
  }]);

  # As the roles make them on Debian.
  tmpfiles =
    [
      (directory "/etc/near" "0755" "root" "root")
      (directory settingsDir "0755" "root" settings.group)
    ]
    ++ concatLists (values (account: validator: [
      (directory "${settingsDir}/${account}" "0700" settings.user settings.group)
    ]))
    ++ concatLists (values (_account: validator:
      [ (directory validator.home "0750" settings.user settings.group) ]
      # Where the host's owner keeps them elsewhere, the place is not ours.
      ++ optionals (!given validator.nodeKeysDir) [ (directory (nodeKeysOf validator) "0750" "root" settings.group) ]
    ))
    ++ optionals consul.enable [
      (directory consul.configDir "0755" "root" consul.group)
      (directory "${consul.configDir}/tls" "0755" "root" consul.group)
      (directory consul.dataDir "0750" consul.user consul.group)
    ];

  # Declared, not made by whoever puts files in place: where mutableUsers is false, others go with the next activation.
  users =
    [{ name = settings.user; inherit (settings) group; home = "/var/lib/near"; }]
    ++ optionals consul.enable [{ name = consul.user; inherit (consul) group; home = consul.dataDir; }];

  # roles/neard/defaults, neard_sysctl
  sysctl = optional settings.tuneKernel {
    "net.core.rmem_max" = 8388608;
    "net.core.wmem_max" = 8388608;
    "net.ipv4.tcp_rmem" = "4096 87380 8388608";
    "net.ipv4.tcp_wmem" = "4096 16384 8388608";
    "net.ipv4.tcp_slow_start_after_idle" = 0;
    "net.ipv4.tcp_mtu_probing" = 1;
    "net.ipv4.tcp_max_syn_backlog" = 8096;
    "net.core.default_qdisc" = "fq";
    "net.ipv4.tcp_congestion_control" = "bbr";
  };

  # neard's own port. Consul's are for its cluster only, which only the host's owner knows.
  ports = optionals settings.openFirewall (values (_account: validator: validator.networkPort));

  # What must not be in the store, where everybody can read it: what it is called, and where it is.
  secrets = concatLists (values (account: validator: filter (entry: given entry.path) [
    { name = "validators.${account}.validatorKeyFile"; path = keyOf account validator; }
    { name = "validators.${account}.nodeKeysDir"; path = nodeKeysOf validator; }
    { name = "validators.${account}.consulTokenFile"; path = validator.consulTokenFile; }
    { name = "validators.${account}.consulKeyFile"; path = validator.consulKeyFile; }
    { name = "validators.${account}.recordKeyFile"; path = validator.recordKeyFile; }
    { name = "validators.${account}.notifyUrlFile"; path = validator.notifyUrlFile; }
    { name = "validators.${account}.notifyTokenFile"; path = validator.notifyTokenFile; }
  ]));
}
