# `<nixpkgs>`, for who asks it for a package by name.
import ./pkgs.nix { userland = builtins.storePath (builtins.readFile ./userland); }
