"""Unit files as systemd reads them: which of them something starts, and what a unit's settings are in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from near_ha.host import unit_files


class Host:
    """Directories of units, as a host has them."""

    def __init__(self, root: Path) -> None:
        self.etc, self.run, self.lib = (root / name for name in ("etc", "run", "lib"))
        for directory in (self.etc, self.run, self.lib):
            directory.mkdir()
        self.units = unit_files.Units((self.etc, self.run, self.lib))

    def write(self, place: Path, name: str, text: str) -> Path:
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
        return place / name

    def enable(self, name: str, target: Path, by: str = "multi-user.target.wants") -> None:
        (self.etc / by).mkdir(exist_ok=True)
        (self.etc / by / name).symlink_to(target)

    def started(self) -> dict[str, str]:
        return {name: cause for name, (_unit, cause) in self.units.started().items()}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_only_what_is_enabled_is_started(host: Host) -> None:
    host.write(host.etc, "not.service", "[Service]\nExecStart=/bin/a\n")
    host.enable("a.service", host.write(host.lib, "a.service", "[Service]\nExecStart=/bin/a\n"))
    host.enable("b@x-y.service", host.write(host.etc, "b@.service", "[Service]\nExecStart=/bin/b %i %I %n %p %N %%\n"))
    assert host.started() == {"a.service": "multi-user.target", "b@x-y.service": "multi-user.target"}
    unit, _cause = host.units.started()["b@x-y.service"]
    assert unit.file == str(host.etc / "b@.service")
    assert unit.expanded(unit.value("ExecStart")) == "/bin/b x-y x/y b@x-y.service b b@x-y %"


def test_what_a_started_unit_starts_is_started(host: Host) -> None:
    """Timers, sockets and paths, targets of somebody's own, and dependencies of any kind that starts."""
    host.enable("t.timer", host.write(host.etc, "t.timer", "[Timer]\nOnBootSec=1\n"), "timers.target.wants")
    host.write(host.lib, "t.service", "[Service]\nExecStart=/bin/t\n[Unit]\nOnFailure=f@%n.service\n")
    host.write(host.lib, "f@.service", "[Service]\nExecStart=/bin/f\n")
    host.enable(
        "s.socket", host.write(host.etc, "s.socket", "[Socket]\nService=other.service\n"), "sockets.target.wants"
    )
    host.write(host.etc, "other.service", "[Service]\nExecStart=/bin/o\n")
    host.enable(
        "mine.target", host.write(host.etc, "mine.target", "[Unit]\nRequires=r.service w.service\nUpholds=u.service\n")
    )
    for name in ("r", "w", "u"):
        host.write(host.lib, f"{name}.service", "[Service]\nExecStart=/bin/x\n")
    host.write(host.etc, "r.service.wants/deep.service", "")
    assert host.started() == {
        "t.timer": "timers.target",
        "t.service": "t.timer",
        "f@t.service.service": "t.service",
        "s.socket": "sockets.target",
        "other.service": "s.socket",
        "mine.target": "multi-user.target",
        "r.service": "mine.target",
        "w.service": "mine.target",
        "u.service": "mine.target",
    }


def test_what_a_target_of_the_system_wants_in_a_drop_in_is_started(host: Host) -> None:
    host.write(host.lib, "graphical.target", "[Unit]\nRequires=multi-user.target\n")
    (host.lib / "default.target").symlink_to("graphical.target")
    host.write(host.lib, "multi-user.target", "[Unit]\nAfter=basic.target\n")
    host.write(host.etc, "multi-user.target.d/mine.conf", "[Unit]\nWants=a.service\n")
    host.write(host.etc, "a.service", "[Service]\nExecStart=/bin/a\n")
    assert host.started() == {
        "default.target": "boot",
        "multi-user.target": "default.target",
        "a.service": "multi-user.target",
    }


def test_what_is_masked_is_not_started(host: Host) -> None:
    for name in ("a.service", "b.service", "c@.service"):
        host.write(host.lib, name, "[Service]\nExecStart=/bin/a\n")
    host.enable("a.service", host.lib / "a.service")
    host.enable("b.service", host.lib / "b.service")
    host.enable("c@1.service", host.lib / "c@.service")
    host.enable("gone.service", host.lib / "gone.service")
    (host.etc / "a.service").symlink_to("/dev/null")
    host.write(host.run, "b.service", "")
    (host.etc / "c@1.service").symlink_to("/dev/null")
    assert host.started() == {}


def test_drop_ins_add_to_a_setting_and_an_empty_value_resets_it(host: Host) -> None:
    host.enable("a-b@1.service", host.write(host.lib, "a-b@.service", "[Service]\nExecStart=/bin/old\nType=simple\n"))
    host.write(host.lib, "a-b@.service.d/10.conf", "[Service]\nExecStart=\nExecStart=/bin/new \\\n  --home /x\n")
    host.write(host.etc, "a-b@1.service.d/20.conf", "[Service]\n# no\n; no\nEnvironment=A=1\nType=notify\n")
    host.write(host.etc, "a-.service.d/30.conf", "[Service]\nEnvironment=B=2\n")
    host.write(host.lib, "service.d/40.conf", "[Service]\nEnvironment=C=3\n")
    (host.etc / "service.d").mkdir()
    (host.etc / "service.d" / "40.conf").symlink_to("/dev/null")
    unit, _cause = host.units.started()["a-b@1.service"]
    assert unit.values("ExecStart") == ["/bin/new    --home /x"]
    assert unit.values("Environment") == ["A=1", "B=2"]
    assert unit.value("Type") == "notify"
