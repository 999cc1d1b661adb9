{
  description = "Failover for NEAR validators: exactly one host signs";

  # No inputs: the module takes its packages from the nixpkgs of the host that imports it.
  outputs = { self }: {
    nixosModules.default = { lib, pkgs, config, ... }: {
      imports = [ ./nix/module.nix ];
      # The sources are here, so the daemon is packed from them.
      services.near-validator.supervisorFile = lib.mkDefault (
        (import ./nix/package.nix { inherit pkgs; }).packed {
          source = self;
          inherit (config.services.near-validator) python;
        }
      );
    };
  };
}
