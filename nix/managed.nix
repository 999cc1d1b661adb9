# What a host imports that Ansible manages: `imports = [ ./validator-ha ];` in its configuration.nix, where this file is
# default.nix. settings.json is services.near-validator as the inventory has it; whatever configuration.nix says itself
# goes before that. No secret is in it: secrets are put in place by the roles, as files.
{ lib, ... }:

let
  inherit (builtins) hashFile isAttrs mapAttrs match readFile;
  settings = builtins.fromJSON (readFile ./settings.json);
  # Values, not sets: so a host's owner can replace one of them and keep the others.
  defaults = value: if isAttrs value then mapAttrs (_name: defaults) value else lib.mkDefault value;

  # The packed daemon lies beside this file, and is named by its contents.
  file = ./. + "/${settings.supervisorFile}";
  named = match "near-supervisor-([0-9a-f]{64})" settings.supervisorFile;
  # The role of Consul comes first, and has no daemon yet.
  packed = settings ? supervisorFile;
in
{
  imports = [ ./module.nix ];
  services.near-validator = defaults (settings // (if packed then { supervisorFile = file; } else { }));
  assertions = lib.optional packed
    {
      assertion = named == [ (hashFile "sha256" file) ];
      message =
        "${toString file} is not what its name says: near-supervisor-SHA256. It was changed on this host, or its copy "
        + "was broken off; run the playbook again.";
    };
}
