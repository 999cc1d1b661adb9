# What a host with these modules is told, as plain data. Three ways: with our own stand-in for nixpkgs' lib; with the lib
# of a tree that has nothing else (NixOS's options then take anything); with a whole nixpkgs and the options of NixOS.
{ modules, nixpkgs ? null }:

let
  whole = nixpkgs != null && builtins.pathExists (nixpkgs + "/nixos/lib/eval-config.nix");
  lib = if nixpkgs == null then import ./lib.nix else import (nixpkgs + "/lib");

  # Programs of which only the names of their places are wanted.
  program = name: attrs: { type = "derivation"; inherit name; outPath = "/nix/store/${name}"; } // attrs;
  pkgs = {
    coreutils = program "coreutils" { };
    util-linux = program "util-linux" { };
    consul = program "consul" { };
    python3 = program "python3" { pythonVersion = "3.12.8"; };
    openssl = program "openssl" { };
    zlib = program "zlib" { };
    autoPatchelfHook = program "auto-patchelf-hook" { };
    stdenv = {
      cc.cc.lib = program "cc-lib" { };
      mkDerivation = attrs: program "built-${attrs.name}" { inherit attrs; };
    };
    runCommand = name: attrs: text: program "ran-${name}" { inherit attrs text; };
    fetchPypi = attrs: program "wheel-${attrs.pname}" { inherit attrs; };
  };
  # What NixOS has by itself, and the module reads.
  rest = {
    networking.hostName = lib.mkDefault "nix-a";
    systemd.package = lib.mkDefault (program "systemd" { });
    services.consul.enable = lib.mkDefault false;
  };
  anything = { lib, ... }: {
    options.services.consul.enable = lib.mkOption { type = lib.types.bool; };
    options.assertions = lib.mkOption { type = lib.types.listOf lib.types.unspecified; };
    config._module.freeformType = lib.types.lazyAttrsOf lib.types.raw;
  };
  # anything would do for all, but for lists: it takes one definition of them only.
  free = name: { lib, ... }: {
    options.${name} = lib.mkOption { type = lib.types.lazyAttrsOf lib.types.anything; default = { }; };
  };

  evaluated =
    if whole then import (nixpkgs + "/nixos/lib/eval-config.nix") { inherit modules; system = "x86_64-linux"; }
    else lib.evalModules {
      modules = modules ++ [ rest ]
        ++ (if nixpkgs == null then [ ] else [ anything ] ++ map free [ "systemd" "environment" "users" "boot" "networking" ]);
      specialArgs = { inherit pkgs; } // (if nixpkgs == null then { inherit lib; } else { });
    };
  inherit (evaluated) config;
  ours = name: builtins.match "(near-(guard|supervisor)@.*|consul)([.]service)?" name != null;
  pick = set: builtins.listToAttrs (map (name: { inherit name; value = set.${name}; }) (builtins.filter ours (builtins.attrNames set)));
in
{
  wrong = map (entry: entry.message) (builtins.filter (entry: !entry.assertion) config.assertions);
  services = if whole then { } else pick config.systemd.services;
  units = if whole then builtins.mapAttrs (_name: unit: { inherit (unit) text wantedBy; overrideStrategy = unit.overrideStrategy or ""; }) (pick config.systemd.units) else { };
  etc = builtins.mapAttrs (_name: entry: { text = entry.text or null; source = if entry.text or null == null then "${entry.source}" else ""; })
    (builtins.listToAttrs (map (name: { inherit name; value = config.environment.etc.${name}; })
      (builtins.filter (name: builtins.substring 0 5 name == "near/") (builtins.attrNames config.environment.etc))));
  tmpfiles = builtins.filter (rule: builtins.match "d /(etc/near|etc/consul[.]d|var/lib|home/near|srv)/?.*" rule != null) config.systemd.tmpfiles.rules;
  sysctl = builtins.mapAttrs (_name: toString) config.boot.kernel.sysctl;
  ports = config.networking.firewall.allowedTCPPorts;
  users = builtins.mapAttrs (_name: user: { inherit (user) isSystemUser group home; })
    (builtins.listToAttrs (map (name: { inherit name; value = config.users.users.${name}; })
      (builtins.filter (name: builtins.elem name [ config.services.near-validator.user config.services.near-validator.consul.user ]) (builtins.attrNames config.users.users))));
  inherit (config.services.near-validator) validators;
}
