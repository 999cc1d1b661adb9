# The options of nix/module.nix as a page shows them: those of a host, and those of one of its validators.
let
  lib = import ./lib.nix;
  found = (lib.evalModules {
    modules = [ ../../nix/module.nix ];
    # Only names of packages are shown.
    specialArgs = { inherit lib; pkgs = { }; };
  }).options.services.near-validator;

  shown = default:
    if default == null then ""
    else if builtins.isString default then default
    else builtins.toJSON default;
  row = name: option: {
    inherit name;
    type = option.type.name;
    default = option.defaultText or (shown option.default);
    inherit (option) description;
  };
  rows = prefix: options: builtins.concatLists (map (name:
    let option = options.${name}; in
    if option._type or "" == "option" then [ (row (prefix + name) option) ] else rows "${prefix}${name}." option
  ) (builtins.attrNames options));
in
{
  host = rows "" found;
  validator = rows "" found.validators.type.inner.options;
}
