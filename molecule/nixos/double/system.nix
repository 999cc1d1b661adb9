# Stands in for NixOS: the system that a configuration.nix describes, with as much of it as the scenario needs.
{ configuration ? /etc/nixos/configuration.nix }:

let
  lib = import ./lib.nix;
  userland = builtins.storePath (builtins.readFile ./userland);
  pkgs = import ./pkgs.nix { inherit userland; };

  # What a NixOS has by itself, and a configuration may add to.
  base = {
    networking.hostName = lib.mkDefault "nixos";
    networking.firewall.allowedTCPPorts = [ ];
    systemd.package = lib.mkDefault pkgs.systemd;
    systemd.services = { };
    systemd.tmpfiles.rules = [ ];
    services.consul.enable = lib.mkDefault false;
    system.activationScripts = { };
    environment.etc = { };
    environment.systemPackages = [ ];
    users.users = { };
    users.groups = { };
    assertions = [ ];
  };
  inherit (lib.evalModules { modules = [ base configuration ]; specialArgs = { inherit lib pkgs; }; }) config;

  fileOf = file:
    if file ? text && file.text != null then { inherit (file) text; } else { source = "${file.source}"; };
  failed = map (entry: "- ${entry.message}") (builtins.filter (entry: !entry.assertion) config.assertions);
  spec = builtins.toJSON {
    inherit userland;
    inherit (config.systemd) services;
    tmpfiles = config.systemd.tmpfiles.rules;
    etc = builtins.mapAttrs (_name: fileOf) config.environment.etc;
    packages = map (package: "${package}") config.environment.systemPackages;
    users = config.users.users;
    groups = builtins.attrNames config.users.groups;
    scripts = config.system.activationScripts;
  };
in
if failed != [ ] then throw "\nFailed assertions:\n${builtins.concatStringsSep "\n" failed}"
else derivation {
  name = "nixos-system";
  system = builtins.currentSystem;
  builder = "${userland}/bin/python3";
  args = [ ./make_system.py ];
  switch = ./switch_to_configuration.py;
  rebuild = ./nixos-rebuild;
  passAsFile = [ "spec" ];
  inherit spec;
}
