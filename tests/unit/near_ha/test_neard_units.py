"""Units that would start a neard beside the guard: each way to write one, and what only looks like it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from near_ha.host import neard_units
from support import near_keys

ACCOUNT = "v.near"


class Host:
    """A host with a home of ours, another home, and unit files."""

    def __init__(self, root: Path) -> None:
        self.root, self.units = root, root / "units"
        self.home, self.other = root / "var" / "neard", root / "var" / "other"
        for directory in (self.units, self.home, self.other, root / "bin", root / "etc"):
            directory.mkdir(parents=True)
        (self.home / "config.json").write_text("{}")
        self.public, _secret = near_keys.pair("ours")

    def service(self, text: str, name: str = "neard.service", *, enabled: bool = True) -> None:
        here = {"HOME": str(self.home), "OTHER": str(self.other), "ROOT": str(self.root)}
        for word, value in here.items():
            text = text.replace(f"<{word}>", value)
        template = f"{name.partition('@')[0]}@.service" if "@" in name else name
        (self.units / template).write_text(text)
        if enabled:
            (self.units / "multi-user.target.wants").mkdir(exist_ok=True)
            (self.units / "multi-user.target.wants" / name).symlink_to(self.units / template)

    def script(self, name: str, text: str) -> None:
        file = self.root / name
        file.write_text(text.replace("<HOME>", str(self.home)).replace("<ROOT>", str(self.root)))
        file.chmod(0o755)

    def found(self, *known: str) -> list[neard_units.Starter]:
        validator = neard_units.Validator(self.home, ACCOUNT, [self.public])
        return neard_units.found(validator, known, (self.units,))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(neard_units, "LINGER", tmp_path / "linger")
    monkeypatch.setattr(neard_units, "CRON", tuple(tmp_path / name for name in ("crontab", "cron.d", "crontabs")))
    for name in ("cron.d", "crontabs"):
        (tmp_path / name).mkdir()
    return Host(tmp_path)


WITH_OUR_HOME = {
    "as everybody has it": "ExecStart=/usr/local/bin/neard --home <HOME> run",
    "with an equals sign": "ExecStart=/usr/local/bin/neard --home=<HOME> run",
    "of a version": "ExecStart=/opt/neard-2.10.0 --home <HOME>/ run",
    "under another name": "ExecStart=/opt/node --home <HOME> run",
    "by its PATH": "ExecStart=neard --home <HOME> run",
    "with a prefix": "ExecStart=-@/usr/bin/neard neard --home <HOME> run",
    "by a variable": "Environment=NEAR_HOME=<HOME>\nExecStart=/usr/bin/neard --home ${NEAR_HOME} run",
    "in a working directory": "WorkingDirectory=<HOME>\nExecStart=/usr/bin/neard --home . run",
    "kuutamod": "Environment=KUUTAMO_NEARD_HOME=<HOME>\nExecStart=/usr/bin/kuutamod",
    "a shell": "ExecStart=/bin/sh -c 'exec neard --home <HOME> run'",
    "a wrapper that says when it is ready": "Type=notify\nExecStart=/opt/wrapper --near-home <HOME>",
    "a container": "ExecStart=/usr/bin/docker run -v <HOME>:/srv/near nearprotocol/nearcore:2.10.0",
    "before another program": "ExecStartPre=/usr/bin/neard --home <HOME> run\nExecStart=/bin/true",
}


@pytest.mark.parametrize("lines", WITH_OUR_HOME.values(), ids=list(WITH_OUR_HOME))
def test_a_unit_with_our_home_is_found(lines: str, host: Host) -> None:
    host.service(f"[Service]\n{lines}\n", "any-name.service")
    (starter,) = host.found()
    assert (starter.unit, starter.started_by) == ("any-name.service", "multi-user.target")
    assert str(starter) == (
        f"any-name.service ({host.units}/any-name.service, started by multi-user.target) "
        f"would run neard with the home {host.home}, beside the guard"
    )
    assert host.found("any-name.service") == []


@pytest.mark.parametrize("lines", WITH_OUR_HOME.values(), ids=list(WITH_OUR_HOME))
def test_one_that_nothing_starts_is_not(lines: str, host: Host) -> None:
    host.service(f"[Service]\n{lines}\n", enabled=False)
    assert host.found() == []


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\nexec /usr/bin/neard --home <HOME> run\n",
        "#!/bin/sh\n. <ROOT>/etc/settings\nexec neard --home $DIR run\n",
        "#!/bin/bash\nexec <ROOT>/bin/inner\n",
    ],
)
def test_a_script_that_names_the_home_is_read(script: str, host: Host) -> None:
    host.script("bin/begin", script)
    host.script("bin/inner", "#!/bin/sh\nHOME_OF_NODE=<HOME>\nexec neard --home $HOME_OF_NODE run\n")
    host.script("etc/settings", "DIR=<HOME>\n")
    host.service("[Service]\nExecStart=<ROOT>/bin/begin\n")
    assert [starter.unit for starter in host.found()] == ["neard.service"]


def test_a_file_of_variables_is_read(host: Host) -> None:
    host.script("etc/neard.env", "DIR=<HOME>\n")
    host.service("[Service]\nEnvironmentFile=-<ROOT>/etc/*.env\nExecStart=/usr/bin/neard --home ${DIR} run\n")
    assert len(host.found()) == 1


def test_an_instance_of_a_template_and_a_timers_service_are_found(host: Host) -> None:
    (host.root / "var" / "x").symlink_to(host.home)
    host.service("[Service]\nExecStart=/usr/bin/neard --home <ROOT>/var/%i run\n", "node@x.service")
    host.service("[Service]\nType=oneshot\nExecStart=/usr/bin/neard --home <HOME> run\n", "t.service", enabled=False)
    host.service("[Timer]\nOnBootSec=1min\n", "t.timer")
    assert {starter.unit: starter.started_by for starter in host.found()} == {
        "node@x.service": "multi-user.target",
        "t.service": "t.timer",
    }


def test_a_unit_that_a_script_starts_is_found(host: Host) -> None:
    host.service("[Service]\nExecStart=/usr/bin/neard --home <HOME> run\n", "old.service", enabled=False)
    host.service("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'sleep 60; systemctl start old'\n", "late.service")
    assert [(starter.unit, starter.started_by) for starter in host.found()] == [("old.service", "late.service")]


def test_a_unit_with_the_key_elsewhere_is_found(host: Host) -> None:
    host.service("[Service]\nExecStart=/usr/bin/neard --home <OTHER> run\n")
    assert host.found() == []
    key = near_keys.write(host.other / "validator_key.json", "old one", account_id=ACCOUNT)
    (starter,) = host.found()
    assert starter.why == f"would run neard with the key of {ACCOUNT} in {key}"
    near_keys.write(host.other / "validator_key.json", "theirs", account_id="other.near")
    assert host.found() == []
    # The same key under another account's name, where the configuration says.
    near_keys.write(host.other / "mine.json", "ours", account_id="other.near")
    (host.other / "config.json").write_text(json.dumps({"validator_key_file": "mine.json"}))
    assert len(host.found()) == 1


def test_a_home_that_is_not_named_is_the_users(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neard_units, "_home_of", lambda user: host.root / user)
    host.service("[Service]\nUser=op\nExecStart=/usr/bin/neard run\n")
    assert host.found() == []
    (host.root / "op").mkdir()
    (host.root / "op" / ".near").symlink_to(host.home)
    assert len(host.found()) == 1
    for text in ("~/.near", "$HOME/.near", "%h/.near"):
        host.service(f"[Service]\nUser=op\nExecStart=/usr/bin/neard --home {text} run\n", enabled=False)
        assert len(host.found()) == 1, text


def test_what_a_lingering_users_manager_starts_is_found(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neard_units, "_home_of", lambda user: host.root / user)
    place = host.root / "op" / ".config" / "systemd" / "user"
    (place / "default.target.wants").mkdir(parents=True)
    (place / "neard.service").write_text(f"[Service]\nExecStart=/usr/bin/neard --home {host.home} run\n")
    (place / "default.target.wants" / "neard.service").symlink_to(place / "neard.service")
    assert host.found() == []
    (host.root / "linger").mkdir()
    (host.root / "linger" / "op").touch()
    (starter,) = host.found()
    assert str(starter).startswith(f"neard.service ({place}/neard.service, started by default.target)")
    assert starter.elsewhere == "user op disables it: systemctl --user disable neard.service"


def test_a_line_of_crons_for_the_boot_is_found(host: Host) -> None:
    run = f"/usr/bin/neard --home {host.home} run"
    (host.root / "crontabs" / "op").write_text(f"# a\n@reboot sleep 5 && {run}\n0 1 * * * {run} --version\n")
    (host.root / "cron.d" / "x").write_text(f"0 1 * * * op {run}\n@reboot op {run.replace(str(host.home), '/other')}\n")
    (starter,) = host.found()
    assert str(starter).startswith(f"cron ({host.root}/crontabs/op, started by @reboot) would run neard with the home")
    assert starter.elsewhere == f"take the line out of {host.root}/crontabs/op"
    (host.root / "cron.d" / "x").write_text(f"@reboot op {run}\n")
    assert len(host.found()) == 2


OTHERS = {
    "another neard": "ExecStart=/usr/bin/neard --home <OTHER> run",
    "a backup": "Type=oneshot\nExecStart=/usr/bin/restic backup --tag neard <HOME>",
    "a backup that stops a neard": "Type=oneshot\nExecStart=/bin/sh -c 'systemctl stop neard; rsync -a <HOME> /b'",
    "what sets the owner": "Type=oneshot\nExecStart=/bin/chown -R near:near <HOME>",
    "what reads its log": "ExecStart=/usr/bin/promtail -f <HOME>/neard.log",
    "nothing of it": "ExecStart=/usr/sbin/sshd -D",
}


@pytest.mark.parametrize("lines", OTHERS.values(), ids=list(OTHERS))
def test_other_units_are_left_alone(lines: str, host: Host) -> None:
    host.service(f"[Service]\n{lines}\n")
    assert host.found() == []


def test_our_own_units_are_left_alone(host: Host) -> None:
    host.service("[Service]\nExecStart=/bin/x guard --home <HOME> run\n", "near-guard@v.near.service")
    host.service(
        "[Service]\nEnvironment=KUUTAMO_NEARD_HOME=<HOME>\nExecStart=/bin/neard run\n", "near-supervisor@v.near.service"
    )
    assert host.found() == []


def test_no_secret_and_no_script_is_told(host: Host) -> None:
    near_keys.write(host.other / "validator_key.json", "ours", account_id=ACCOUNT)
    host.script("bin/begin", "#!/bin/sh\nTOKEN=hush\nexec neard --home <ROOT>/var/other run\n")
    host.service("[Service]\nExecStart=<ROOT>/bin/begin\n")
    (starter,) = host.found()
    _public, secret = near_keys.pair("ours")
    assert secret not in str(starter.facts())
    assert "hush" not in str(starter.facts())
