# Stands in for nixpkgs where a scenario evaluates the module: the userland of the image, and what runs a script in it.
{ userland }:

let
  runCommand = name: attrs: text: derivation (removeAttrs attrs [ "meta" ] // {
    inherit name;
    system = builtins.currentSystem;
    builder = "${userland}/bin/dash";
    args = [ "-eu" "-c" text ];
    PATH = "${userland}/bin";
  }) // { meta = attrs.meta or { }; };
  placed = runCommand "userland" { } "ln -s ${userland} $out";
in
{
  inherit runCommand userland;
  coreutils = placed;
  util-linux = placed;
  systemd = placed;
  python3 = placed // { pythonVersion = "3.11"; };
  # A program that the image brings, as a package.
  program = name: file: runCommand name { } ''
    mkdir -p $out/bin
    cp ${file} $out/bin/${name}
    chmod 0755 $out/bin/${name}
  '';
  consul = runCommand "consul" { } ''
    echo 'this nixpkgs has no Consul: set services.near-validator.consul.package'
    exit 1
  '';
}
