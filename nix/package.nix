# The programs, as derivations: the daemon from its packed file (tools/pack.py), and neard from a prebuilt one.
{ pkgs }:

let
  inherit (builtins) concatMap elemAt filter isString match readFile split;

  # tools/daemon-requirements.txt: PACKAGE==VERSION --hash=sha256:DIGEST
  lines = file: filter isString (split "\n" (readFile file));
  pinned = file: concatMap (line:
    let found = match "([A-Za-z0-9._-]+)==([0-9A-Za-z.]+) --hash=sha256:([0-9a-f]+)" line;
    in if found == null then [ ]
    else [ { name = elemAt found 0; version = elemAt found 1; digest = elemAt found 2; } ]
  ) (lines file);
  # What a wheel's name says of the Pythons that it is for.
  tagOf = name: { six = "py2.py3"; python-consul2 = "py2.py3"; }.${name} or "py3";
  wheel = { name, version, digest }: pkgs.fetchPypi {
    pname = builtins.replaceStrings [ "-" ] [ "_" ] name;
    inherit version;
    format = "wheel";
    dist = tagOf name;
    python = tagOf name;
    sha256 = digest;
  };
in
{
  # The packed file from the sources: the same bytes as tools/pack.py makes anywhere. That looks for wheels by their
  # digest first, and asks pip for those that it does not find.
  packed = { source, python }:
    pkgs.runCommand "near-supervisor.pyz" { } ''
      mkdir -p cache/near-supervisor
      ${builtins.concatStringsSep "\n" (map (pin: "cp ${wheel pin} cache/near-supervisor/${pin.digest}.whl")
        (pinned "${source}/tools/daemon-requirements.txt"))}
      XDG_CACHE_HOME=$PWD/cache ${python}/bin/python3 ${source}/tools/pack.py daemon --out $out
    '';

  # One file, compiled for the host's Python while that can be written: the store is read-only later. The daemon takes
  # what lies beside it under this very name (tools/zip_daemon/__main__.py).
  supervisor = { file, python }:
    pkgs.runCommand "near-supervisor" { meta.mainProgram = "near-supervisor"; } ''
      mkdir -p $out/bin
      # NixOS has no python3 where the file looks for it. A zip is read from its end, so there may be a line more before
      # it; not less, or the places that it names would be before its beginning.
      { echo '#!${python}/bin/python3'; cat ${file}; } > $out/bin/near-supervisor
      chmod 0755 $out/bin/near-supervisor
      $out/bin/near-supervisor compile
      ln -s near-supervisor $out/bin/kuutamoctl
      # What cannot start is noticed here, not on a host that is to take over.
      $out/bin/near-supervisor run --help > /dev/null
      $out/bin/near-supervisor guard --help > /dev/null
    '';

  # A neard that was built elsewhere asks for a loader that NixOS does not have.
  neard = { binary, hash }:
    pkgs.stdenv.mkDerivation {
      name = "neard";
      # Flat: the hash is that of the file, as sha256sum prints it. What does not have it does not get into the store.
      src = builtins.path { path = binary; name = "neard-prebuilt"; recursive = false; sha256 = hash; };
      dontUnpack = true;
      nativeBuildInputs = [ pkgs.autoPatchelfHook ];
      buildInputs = [ pkgs.stdenv.cc.cc.lib pkgs.openssl pkgs.zlib ];
      installPhase = ''
        install -D -m 0755 $src $out/bin/neard
      '';
      meta.mainProgram = "neard";
    };
}
