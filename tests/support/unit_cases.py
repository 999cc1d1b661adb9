"""Hosts to compare: the variables of an inventory, and the settings of nix/module.nix that say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ACCOUNT = "my.pool.near"
BOOT_NODES = ["ed25519:one@192.0.2.1:24567", "ed25519:two@192.0.2.2:24567"]
NOTIFY = "/usr/local/bin/tell --to 'me and you' \\$HOME \"x\""
HOSTILE = "near=debug, 100% of \"it\", C:\\n $HOME ${HOME} 'all'"


@dataclass(frozen=True)
class Case:
    """One account on one host, said twice."""

    inventory: dict[str, Any]
    validator: dict[str, Any]
    host: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """Of services.near-validator; another account on the host changes nothing for the first."""
        other = {"home": "/srv/other", "networkPort": 24999, "exporterAddress": "127.0.0.1:2999", "nodeId": "other"}
        return {**self.host, "validators": {ACCOUNT: self.validator, "other.near": other}}


CASES = {
    "nothing but defaults": Case({}, {}, {}),
    "everything set": Case(
        {
            "supervisor_service_user": "signer",
            "supervisor_service_group": "signers",
            "neard_home": "/home/near/mainnet",
            "neard_network_port": 24600,
            "supervisor_node_id": "b",
            "supervisor_lease": 12.5,
            "supervisor_strategy": "restart",
            "supervisor_exporter_address": "0.0.0.0:2244",
            "supervisor_boot_nodes": BOOT_NODES,
            "supervisor_neard_environment": {"RUST_LOG": HOSTILE, "A": "1"},
            "supervisor_neard_write_paths": ["/srv/near/a"],
            "neard_config": {"store": {"path": "/srv/near/b"}},
            "supervisor_neard_open_files": 70000,
            "supervisor_extra_environment": {"NEAR_SUPERVISOR_OTHER_LOCKS": 'a "b" \\c'},
            "supervisor_startup_timeout": 300,
            "supervisor_startup_limit": 7200,
            "supervisor_stop_timeout": 90,
            "supervisor_height_patience": 30,
            "supervisor_chain_may_stand_still": True,
            "supervisor_node_keys_dir": "/run/secrets/near",
            "supervisor_consul_acl": True,
            "supervisor_consul_cert_file": "/etc/near/consul.pem",
            "supervisor_consul_key_file": "/etc/near/consul-key.pem",
            "supervisor_record_key": "0" * 64,
            "supervisor_unsigned_records": "accept",
            "supervisor_notify_command": NOTIFY,
            "supervisor_notify_url": "https://example.org/hooks/secret",
            "supervisor_notify_token": "secret",
            "supervisor_notify_ca_file": "/etc/ssl/hook.pem",
            "supervisor_notify_timeout": 5,
            "supervisor_notify_again": 60,
            "supervisor_pre_takeover": "/usr/local/bin/may-i",
            "supervisor_pre_takeover_timeout": 20,
            "consul_tls": True,
            "consul_acl": True,
            "consul_user": "agent",
            "consul_group": "agents",
            "consul_config_dir": "/srv/consul.d",
            "consul_data_dir": "/srv/consul",
        },
        {
            "home": "/home/near/mainnet",
            "networkPort": 24600,
            "nodeId": "b",
            "lease": 12.5,
            "strategy": "restart",
            "exporterAddress": "0.0.0.0:2244",
            "bootNodes": BOOT_NODES,
            "environment": {"RUST_LOG": HOSTILE, "A": "1"},
            "writePaths": ["/srv/near/a", "/srv/near/b"],
            "openFiles": 70000,
            "supervisorEnvironment": {"NEAR_SUPERVISOR_OTHER_LOCKS": 'a "b" \\c'},
            "startupTimeout": 300,
            "startupLimit": 7200,
            "stopTimeout": 90,
            "heightPatience": 30,
            "chainMayStandStill": True,
            "nodeKeysDir": "/run/secrets/near",
            "consulUrl": "https://127.0.0.1:8501",
            "consulTokenFile": f"/etc/near/supervisor/{ACCOUNT}/consul_token",
            "consulCaFile": "/srv/consul.d/tls/ca.pem",
            "consulCertFile": "/etc/near/consul.pem",
            "consulKeyFile": "/etc/near/consul-key.pem",
            "recordKeyFile": f"/etc/near/supervisor/{ACCOUNT}/record_key",
            "unsignedRecords": "accept",
            "notifyCommand": NOTIFY,
            "notifyUrlFile": f"/etc/near/supervisor/{ACCOUNT}/notify_url",
            "notifyTokenFile": f"/etc/near/supervisor/{ACCOUNT}/notify_token",
            "notifyCaFile": "/etc/ssl/hook.pem",
            "notifyTimeout": 5,
            "notifyAgain": 60,
            "preTakeover": "/usr/local/bin/may-i",
            "preTakeoverTimeout": 20,
        },
        {
            "user": "signer",
            "group": "signers",
            "consul": {
                "user": "agent",
                "group": "agents",
                "configDir": "/srv/consul.d",
                "dataDir": "/srv/consul",
                "secretNames": ["tls/ca.pem", "tls/agent.pem", "tls/agent-key.pem", "secrets.json"],
            },
        },
    ),
}
