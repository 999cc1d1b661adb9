# Stands in for nixpkgs' lib where that cannot be had: what nix/module.nix uses of it, and nothing else. It merges
# definitions as a NixOS does (mkIf, mkMerge, mkDefault, mkForce, submodules, imports), so wiring is tried with it. It
# does not know NixOS's own options: what is defined outside of the options of the modules at hand is merged as it is,
# sets key by key and lists one after the other, and checked against no type.
let
  inherit (builtins)
    all attrNames concatLists concatMap elem filter foldl' hasAttr head isAttrs isBool isFloat isFunction isInt isList
    isPath isString length listToAttrs map mapAttrs stringLength substring tail;

  # --- Priorities

  override = priority: content: { _type = "override"; inherit priority content; };
  plain = 100;
  optionDefault = 1500;
  typeOf = value: if isAttrs value then value._type or "" else "";

  # A definition as a list of {priority, value}: without mkIf, mkMerge and mkOverride.
  unwrap = priority: value:
    if typeOf value == "if" then (if value.condition then unwrap priority value.content else [ ])
    else if typeOf value == "merge" then concatMap (unwrap priority) value.contents
    else if typeOf value == "override" then unwrap value.priority value.content
    else [ { inherit priority value; } ];
  strongest = found:
    let best = foldl' (lowest: entry: if entry.priority < lowest then entry.priority else lowest) 9999 found;
    in map (entry: entry.value) (filter (entry: entry.priority == best) found);

  # A definition as a list of sets, with what mkIf, mkMerge and mkOverride say of it said of each of their values: so
  # one may ask which options are defined before it is known whether they are.
  pushed = value:
    if typeOf value == "if" then each (content: value // { inherit content; }) value.content
    else if typeOf value == "merge" then concatMap pushed value.contents
    else if typeOf value == "override" then each (override value.priority) value.content
    else [ value ];
  each = word: content: map (mapAttrs (_name: word)) (pushed content);

  # --- Types: a name, what passes, and how several definitions become one value

  single = place: values:
    if all (value: value == head values) values then head values
    else throw "${place} is defined more than once, with different values";
  type = name: check: { inherit name check; merge = single; };
  types = rec {
    bool = type "bool" isBool;
    str = type "str" isString;
    int = type "int" isInt;
    number = type "number" (value: isInt value || isFloat value);
    port = type "port" (value: isInt value && value >= 0 && value <= 65535);
    path = type "path" (value: isPath value || (isString (toString value) && substring 0 1 (toString value) == "/"));
    package = type "package" (value: isAttrs value && value ? outPath);
    nullOr = inner: inner // {
      name = "nullOr ${inner.name}";
      check = value: value == null || inner.check value;
      merge = place: values: if elem null values then single place values else inner.merge place values;
    };
    listOf = inner: {
      name = "listOf ${inner.name}";
      check = value: isList value && all inner.check value;
      merge = _place: concatLists;
    };
    attrsOf = inner: {
      name = "attrsOf ${inner.name}";
      inherit inner;
      check = isAttrs;
      merge = place: sets: mapAttrs (name: merged "${place}.${name}" inner) (grouped sets);
    };
    submodule = module: {
      name = "submodule";
      inherit (module) options;
      check = value: isAttrs value || isFunction value;
      merge = place: sets: (evaluated place ([ module ] ++ map (config: { inherit config; }) sets) { }).config;
    };
  };

  # {a = [..all definitions of a..]; ...}
  grouped = sets:
    mapAttrs (name: _last: concatMap (set: if hasAttr name set then [ set.${name} ] else [ ]) sets)
      (foldl' (a: b: a // b) { } sets);

  merged = place: wanted: definitions:
    let values = strongest (concatMap (unwrap plain) definitions);
    in
    if values == [ ] then throw "${place} is used, and not defined"
    else if !all wanted.check values then throw "${place} is not of type ${wanted.name}"
    else wanted.merge place values;

  # --- What no option describes

  free = definitions:
    let values = strongest (concatMap (unwrap plain) definitions);
    in
    if all isList values then concatLists values
    else if all (value: isAttrs value && !(value ? outPath)) values then mapAttrs (_name: free) (grouped values)
    else single "a value outside of the options" values;

  # --- Modules

  evaluated = place: modules: specialArgs:
    let
      isModule = set: set ? config || set ? options || set ? imports;
      load = module:
        let
          file = if isPath module || isString module then import module else module;
          set = if isFunction file then file ({ inherit config; } // specialArgs) else file;
          whole = if isModule set then set else { config = set; };
          # What a module says at its top beside imports and options is config.
          rest = removeAttrs whole [ "config" "options" "imports" "_file" "key" ];
        in
        concatMap load (whole.imports or [ ])
        ++ [ { options = whole.options or { }; config = mkMerge [ rest (whole.config or { }) ]; } ];
      loaded = concatMap load modules;
      options = foldl' deep { } (map (module: module.options) loaded);
      config = within place options (map (module: module.config) loaded);
    in
    { inherit options config; };

  deep = a: b:
    a // mapAttrs (name: value: if hasAttr name a && typeOf value != "option" then deep a.${name} value else value) b;

  defaultOf = option: if option ? default then [ (override optionDefault option.default) ] else [ ];

  # The options below here by their definitions; the rest as it is.
  within = place: options: definitions:
    let
      sets = grouped (concatMap pushed definitions);
      known = mapAttrs (name: option:
        let found = sets.${name} or [ ]; at = "${place}.${name}"; in
        if typeOf option != "option" then within at option found
        else merged at option.type (found ++ defaultOf option)
      ) options;
    in
    mapAttrs (_name: free) (removeAttrs sets (attrNames options)) // known;

  mkMerge = contents: { _type = "merge"; inherit contents; };
in
{
  inherit types mkMerge;
  inherit (builtins) concatLists concatStringsSep filter length listToAttrs map mapAttrs;
  mkOption = attrs: attrs // { _type = "option"; };
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkDefault = override 1000;
  mkForce = override 50;
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  mapAttrsToList = f: attrs: map (name: f name attrs.${name}) (attrNames attrs);
  nameValuePair = name: value: { inherit name value; };
  optional = condition: value: if condition then [ value ] else [ ];
  unique = foldl' (found: value: if elem value found then found else found ++ [ value ]) [ ];
  versionAtLeast = a: b: builtins.compareVersions a b >= 0;

  # {options, config} of these modules, as a NixOS would have them.
  evalModules = { modules, specialArgs ? { } }: evaluated "config" modules specialArgs;
}
