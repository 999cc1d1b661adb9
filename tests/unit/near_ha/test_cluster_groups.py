"""Which hosts of an inventory are members, and what each of them does now."""

from __future__ import annotations

from typing import Any

import pytest

from near_ha.operator.cluster_groups import Host, Place, places

ACCOUNT = "my.pool.near"


def member(node_id: str, hostname: str = "", **changes: Any) -> dict[str, Any]:
    base = {"member_id": node_id, "node_id": node_id, "hostname": hostname or f"host-{node_id}", "alive": True}
    base |= {"validator": False, "ready": True, "reason": "", "state": "Voting"}
    return base | changes


def cluster(*members: dict[str, Any], leader: Any = None) -> dict[str, Any]:
    return {"account_id": ACCOUNT, "members": list(members), "leader": leader}


def groups(document: dict[str, Any], *hosts: Host) -> dict[str, str]:
    return {name: place.group for name, place in places(document, hosts).hosts.items()}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"validator": True, "state": "Validating"}, Place("near_active", "", "Validating")),
        ({"validator": True, "ready": False, "state": "Validating"}, Place("near_active", "", "Validating")),
        ({}, Place("near_standby", "", "Voting")),
        ({"ready": False, "reason": "120 blocks behind"}, Place("near_unready", "120 blocks behind", "Voting")),
        ({"alive": False, "ready": False, "reason": "its Consul session has ended"},
         Place("near_unready", "its Consul session has ended", "Voting")),
        ({"validator": True, "alive": False, "ready": False, "reason": "its Consul session has ended"},
         Place("near_unready", "its Consul session has ended", "Voting")),
        ({"state": None, "ready": False, "reason": "its record cannot be read"},
         Place("near_unready", "its record cannot be read", "")),
    ],
)  # fmt: skip
def test_a_member_is_in_the_group_of_what_it_does(changes: dict[str, Any], place: Place) -> None:
    assert places(cluster(member("v1", **changes)), [Host("v1")]).hosts == {"v1": place}


@pytest.mark.parametrize(
    "host",
    [Host("v1"), Host("x", node_id="v1"), Host("host-v1.example.com"), Host("x", "host-v1"), Host("host-v1")],
)
def test_a_member_is_known_by_its_node_id_its_name_or_its_machines_name(host: Host) -> None:
    assert groups(cluster(member("v1")), host, Host("other")) == {host.name: "near_standby"}


def test_the_node_id_of_the_inventory_counts_before_any_name() -> None:
    """Two entries may be one machine, and a name may be another one's node id."""
    hosts = (Host("v1", "host-v1", node_id="v2"), Host("v2", "host-v2", node_id="v1"))
    document = cluster(member("v1", validator=True), member("v2"))
    assert groups(document, *hosts) == {"v2": "near_active", "v1": "near_standby"}


def test_a_host_of_another_account_is_no_member_whatever_its_name() -> None:
    document = cluster(member("v1"))
    found = places(document, [Host("v1", account_id="other.near"), Host("plain")])
    assert not found.hosts
    assert found.warnings == ("member v1 of my.pool.near (host host-v1) is no host of this inventory",)


def test_a_host_of_the_account_that_is_no_member_is_unready() -> None:
    found = places(cluster(member("v1")), [Host("v1", account_id=ACCOUNT), Host("v2", account_id=ACCOUNT)])
    assert found.hosts["v2"] == Place("near_unready", "it is no member of the cluster of account my.pool.near")


def test_a_member_that_could_be_two_hosts_is_neither() -> None:
    found = places(cluster(member("v1", "10-0-0-1")), [Host("a", "10-0-0-1"), Host("b", "10-0-0-1")])
    assert not found.hosts
    assert found.warnings == ("member v1 of my.pool.near could be a or b: give each its supervisor_node_id",)


def test_addresses_have_no_first_label() -> None:
    document = cluster(member("v1", "192"))
    assert not groups(document, Host("192.0.2.11"), Host("x", "192.0.2.12"))


def test_a_stranger_that_holds_the_lease_is_told() -> None:
    leader = {"node_id": "kuutamod-1", "member_id": None, "alive": True}
    found = places(cluster(member("v1"), leader=leader), [Host("v1")])
    assert found.hosts["v1"].group == "near_standby"
    assert found.warnings == ("kuutamod-1 holds the lease of my.pool.near and is no member of its cluster",)
    assert not places(cluster(leader={**leader, "alive": False}), []).warnings
