"""What the unit of guard and neard lets neard write to follows what neard's configuration says."""

from __future__ import annotations

from typing import Any

import pytest

from support.debian_units import DebianHost

HOME = "/var/lib/near/neard"


def host(elsewhere: dict[str, Any] | None = None, **given: Any) -> DebianHost:
    return DebianHost(
        supervisor_account_id="my.pool.near",
        ansible_check_mode=False,
        _supervisor_before_neard=True,
        __supervisor_before={
            "neard": {"pid": 0, "elsewhere": elsewhere or {}},
            "keys": {
                f"{HOME}/validator_key.json": {"exists": False},
                "/etc/near/supervisor/my.pool.near/validator_key.json": {},
            },
        },
        **given,
    )


def at(path: str, named: str = "", fault: str = "") -> dict[str, str]:
    return {"named": named or path, "path": path, "fault": fault}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": ({}, {}, [HOME]),
    "a database on another disk, by the inventory": (
        {},
        {"neard_config": {"store": {"path": "/srv/near"}}},
        [HOME, "/srv/near"],
    ),
    "one in the home": ({}, {"neard_config": {"store": {"path": "db/hot"}}}, [HOME]),
    "one beside the home": ({}, {"neard_config": {"store": {"path": "../db"}}}, [HOME, "/var/lib/near/db"]),
    "one that the host's file names": ({"store.path": at("/srv/near")}, {}, [HOME, "/srv/near"]),
    "one behind a link": ({"store.path": at("/srv/near", f"{HOME}/data")}, {}, [HOME, "/srv/near"]),
    "one that the inventory moves": (
        {"store.path": at("/srv/old")},
        {"neard_config": {"store": {"path": "/srv/new"}}},
        [HOME, "/srv/new"],
    ),
    "one that the inventory names, behind a link": (
        {"store.path": at("/srv/near", f"{HOME}/db")},
        {"neard_config": {"store": {"path": "db"}}},
        [HOME, "/srv/near"],
    ),
    "all that neard fills": (
        {},
        {
            "neard_config": {
                "store": {"path": "/srv/hot"},
                "cold_store": {"path": "/srv/cold"},
                "contract_cache_path": "/srv/contracts",
                "state_sync": {"dump": {"location": {"Filesystem": {"root_dir": "/srv/dump"}}}},
            },
            "supervisor_neard_write_paths": ["/var/log/near", "/srv/cold"],
        },
        [HOME, "/var/log/near", "/srv/cold", "/srv/hot", "/srv/contracts", "/srv/dump"],
    ),
}


@pytest.mark.parametrize(("elsewhere", "given", "paths"), CASES.values(), ids=list(CASES))
def test_neard_may_write_where_it_does(elsewhere: dict[str, Any], given: dict[str, Any], paths: list[str]) -> None:
    there = host(elsewhere, **given)
    rendered = there.rendered("supervisor", "guard.conf.j2")
    assert f"ReadWritePaths={' '.join(paths)}\n" in rendered
    assert "ProtectHome=no" not in rendered
    assert there.value("{{ _supervisor_nixos_texts.writePaths }}") == paths[1:]


def test_role_neard_makes_what_the_inventory_names_elsewhere() -> None:
    there = host(neard_config={"store": {"path": "/srv/hot"}, "contract_cache_path": "cache"}, neard_user="signer")
    entry = {"path": "/srv/hot", "state": "directory", "mode": "0750", "owner": "signer", "group": "near"}
    assert entry in there.value("{{ _neard_files }}")
    assert there.value("{{ _neard_directories_elsewhere }}") == ["/srv/hot"]


def test_a_database_in_somebodys_home_is_reached() -> None:
    """By neard, which writes, and by the supervisor, which reads how far a dead signer came."""
    assert "ProtectHome=read-only" in host({"store.path": at("/home/near/db")}).rendered(
        "supervisor", "supervisor.conf.j2"
    )
    assert "ProtectHome=no" in host({"store.path": at("/home/near/db")}).rendered("supervisor", "guard.conf.j2")


def test_what_neard_could_not_write_to_is_refused_before_the_first_change() -> None:
    def faults(there: DebianHost) -> list[str]:
        found = there.value("{{ _supervisor_wrong_paths }}")
        return [str(found)] if found else []

    (fault,) = faults(host({"store.path": at("/srv/near", fault="is root's")}))
    assert "store.path of /var/lib/near/neard/config.json on nix-a leads to /srv/near, which is root's" in fault
    assert "chown --recursive --no-dereference near:near /srv/near" in fault
    assert faults(host({"store.path": at("/srv/near")})) == []
    # The role makes what the inventory names.
    assert faults(host({"store.path": at("/srv/near", fault="x")}, neard_config={"store": {"path": "/srv/near"}})) == []
