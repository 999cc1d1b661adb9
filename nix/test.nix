# A test on real NixOS, in virtual machines: two hosts of one validator and a third server of Consul. NEVER RUN: it was
# written where no nixpkgs and no virtual machine could be had. On a NixOS, in a checkout:
#   nix-build nix/test.nix --arg pkgs 'import <nixpkgs> { }' --argstr neard /path/to/neard --argstr hash SHA256 \
#     --argstr file "$(python3 tools/pack.py daemon --out near-supervisor.pyz)"
{ pkgs, neard, hash, file }:

let
  account = "my.pool.near";
  # What the roles put in place on a host, and Nix does not.
  consulJson = name: pkgs.writeText "consul.json" (builtins.toJSON {
    node_name = name;
    server = true;
    bootstrap_expect = 3;
    data_dir = "/var/lib/consul";
    bind_addr = "{{ GetInterfaceIP \"eth1\" }}";
    retry_join = [ "one" "two" "witness" ];
    leave_on_terminate = false;
  });
  host = name: {
    imports = [ ./module.nix ];
    # Consul is under a licence that nixpkgs calls unfree.
    nixpkgs.config.allowUnfree = true;
    networking.firewall.allowedTCPPorts = [ 8300 8301 ];
    networking.firewall.allowedUDPPorts = [ 8301 ];
    services.near-validator = {
      enable = true;
      binary = neard;
      binaryHash = hash;
      supervisorFile = /. + file;
      openFirewall = true;
    };
    systemd.tmpfiles.rules = [ "C /etc/consul.d/consul.json 0640 root consul - ${consulJson name}" ];
  };
in
pkgs.testers.runNixOSTest {
  name = "near-validator";
  node.pkgsReadOnly = false;
  nodes = {
    one = { imports = [ (host "one") ]; services.near-validator.validators.${account} = { }; };
    two = { imports = [ (host "two") ]; services.near-validator.validators.${account} = { }; };
    witness = host "witness";
  };
  testScript = ''
    start_all()
    for machine in (one, two, witness):
        machine.wait_for_unit("consul.service")
    one.wait_until_succeeds("curl --fail --silent 127.0.0.1:8500/v1/status/leader | grep :")

    with subtest("nothing fails while there are no keys yet"):
        for machine in (one, two):
            machine.wait_for_unit("multi-user.target")
            machine.fail("systemctl is-failed near-supervisor@${account}.service")
            machine.fail("systemctl is-active near-supervisor@${account}.service")

    with subtest("the template's instances are drop-ins of it"):
        shown = one.succeed("systemctl cat near-supervisor@${account}.service")
        assert "overrides.conf" in shown and "ExecStop=" in shown, shown

    with subtest("neard starts, and so does the daemon"):
        one.succeed("/etc/near/bin/neard --version")
        one.succeed("/etc/near/bin/near-supervisor guard --help")

    with subtest("a collection of garbage takes nothing from under a guard"):
        for machine in (one, two):
            machine.succeed("install -d -o near -g near /var/lib/near/neard")
            machine.succeed("sudo -u near /etc/near/bin/neard --home /var/lib/near/neard init --chain-id localnet")
            machine.succeed("systemctl start near-guard@${account}.service")
        pid = one.succeed("systemctl show -P MainPID near-guard@${account}.service").strip()
        one.succeed("grep -z NEAR_PROGRAM=/nix/store/ /proc/" + pid + "/environ")
        one.succeed("nix-store --gc")
        one.succeed("kill -0 " + pid)
  '';
}
