# What a host with these modules is told, as plain data. Three ways: with our own stand-in for nixpkgs' lib; with the
# lib of a tree that has nothing else (NixOS's options then take anything); with a whole nixpkgs, and NixOS's options.
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
  ofNixos = [ "systemd" "environment" "users" "boot" "networking" ];
  free = name: { lib, ... }: {
    options.${name} = lib.mkOption { type = lib.types.lazyAttrsOf lib.types.anything; default = { }; };
  };

  evaluated =
    if whole then import (nixpkgs + "/nixos/lib/eval-config.nix") { inherit modules; system = "x86_64-linux"; }
    else lib.evalModules {
      modules = modules ++ [ rest ]
        ++ (if nixpkgs == null then [ ] else [ anything ] ++ map free ofNixos);
      specialArgs = { inherit pkgs; } // (if nixpkgs == null then { inherit lib; } else { });
    };
  inherit (evaluated) config;

  pick = wanted: set: builtins.listToAttrs (map (name: { inherit name; value = set.${name}; })
    (builtins.filter wanted (builtins.attrNames set)));
  ours = pick (name: builtins.match "(near-(guard|supervisor)@.*|consul)([.]service)?" name != null);
  cfg = config.services.near-validator;
  isText = entry: entry.text or null != null;
in
{
  wrong = map (entry: entry.message) (builtins.filter (entry: !entry.assertion) config.assertions);
  # Of NixOS itself the text, else what a NixOS would make the text of.
  services = if whole then { } else ours (config.systemd.services or { });
  units = if !whole then { } else builtins.mapAttrs (_name: unit: {
    inherit (unit) text wantedBy;
    overrideStrategy = unit.overrideStrategy or "";
  }) (ours config.systemd.units);
  etc = builtins.mapAttrs (_name: entry: {
    text = if isText entry then entry.text else "";
    source = if isText entry then "" else "${entry.source}";
  }) (pick (name: builtins.substring 0 5 name == "near/") (config.environment.etc or { }));
  tmpfiles = builtins.filter (rule: builtins.match "d /(etc|var/lib|home|srv)/(near|consul).*" rule != null)
    config.systemd.tmpfiles.rules;
  sysctl = builtins.mapAttrs (_name: toString) (config.boot.kernel.sysctl or { });
  ports = config.networking.firewall.allowedTCPPorts;
  users = builtins.mapAttrs (_name: user: { inherit (user) isSystemUser group home; })
    (pick (name: name == cfg.user || name == cfg.consul.user) (config.users.users or { }));
  inherit (cfg) validators;
}
