"""The referee's reading half: ``python -m neard_sim.referee LOG``. It only reads; nodes write (referee_log.py)."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from .verdict import DoubleSignature, Gap, Overlap, Referee, Signer, Verdict, to_json

__all__ = ["DoubleSignature", "Follower", "Gap", "Overlap", "Referee", "Signer", "Verdict", "gaps", "judge", "main"]

_OFFENCES_SHOWN = 20
_FOLLOW_S = 1.0
_CLEAN, _GUILTY, _UNREADABLE = 0, 1, 2

_DESCRIPTION = """\
Judge a log of signatures written by simulated neards (knob referee_log).

Each line of LOG is one signature (block, chunk, approval, endorsement) written before it was sent, or a
sign of life of a process that holds a validator key. The referee looks for two offences:

  double signature  one account signed one height twice, for one kind of signature: from two home
                    directories, or from one with different content
  overlap           two processes with different home directories held the key of one account at the
                    same time, as their lines show

and lists every change of signer with its gap: the time from the last signature of the old signer to the
first of the new one, and the heights in between that the account did not approve.
"""
_EPILOG = """\
exit status:
  0  no offence
  1  at least one double signature or overlap
  2  wrong usage, LOG cannot be read, or it holds lines that are no entries (a torn last line is no fault)

notes:
  Times are CLOCK_BOOTTIME, which all processes of one host share. A process that is killed holds its key
  until its last line; a stopped one (SIGSTOP) writes nothing, so its leadership is seen again when it goes on.

examples:
  python -m neard_sim.referee referee.log
  python -m neard_sim.referee referee.log --account node3 --json
  python -m neard_sim.referee referee.log --follow
"""


class Follower:
    """A referee that keeps up with a growing log; ``poll()`` costs only what is new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.referee = Referee()

    def poll(self) -> Referee:
        """Take in what was appended since the last call; OSError if the log cannot be read."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        self.referee.feed(data)
        return self.referee


def judge(path: Path, account: str | None = None) -> Verdict:
    """The verdict on a whole log; OSError if it cannot be read."""
    return Follower(path).poll().verdict(account)


def gaps(path: Path, account: str, *, restarts: bool = False) -> list[Gap]:
    """The changes of signer of ``account`` in a whole log; OSError if it cannot be read."""
    return Follower(path).poll().gaps(account, restarts=restarts)


def report(referee: Referee, account: str | None) -> str:
    """The findings for people."""
    verdict = referee.verdict(account)
    lines = []
    for name, count in sorted(verdict.signatures.items()):
        lines.append(f"{name}: {count} signatures, highest height {verdict.heights[name]}")
        lines += [f"  {_show_gap(gap)}" for gap in referee.gaps(name, restarts=True)]
    if verdict.unreadable:
        lines.append(f"WARNING: {verdict.unreadable} of {verdict.lines} lines are no entries")
    offences = [_show_double(item) for item in verdict.double_signatures]
    offences += [_show_overlap(item) for item in verdict.overlaps]
    lines += offences[:_OFFENCES_SHOWN]
    if len(offences) > _OFFENCES_SHOWN:
        lines.append(f"... and {len(offences) - _OFFENCES_SHOWN} more offences")
    doubles, overlaps = len(verdict.double_signatures), len(verdict.overlaps)
    lines.append(
        "CLEAN: no double signature, no two holders at one time"
        if verdict.clean
        else f"GUILTY: {doubles} double signature{'s' * (doubles != 1)}, {overlaps} overlap{'s' * (overlaps != 1)}"
    )
    return "\n".join(lines)


def _show_gap(gap: Gap) -> str:
    missed = "" if gap.heights_missed is None else f", {gap.heights_missed} heights missed"
    if gap.is_restart:
        return f"restart of {gap.new.home}: pid {gap.old.pid} -> {gap.new.pid}, gap {gap.gap_ms:.0f} ms{missed}"
    return f"change {gap.old} -> {gap.new}, gap {gap.gap_ms:.0f} ms{missed}"


def _show_overlap(item: Overlap) -> str:
    return f"OVERLAP {item.account}: {item.first} and {item.second} held the key together for {item.overlap_ms:.0f} ms"


def _show_double(item: DoubleSignature) -> str:
    content = "same" if item.same_content else "different"
    return (
        f"DOUBLE SIGNATURE {item.account}: {item.kind} at height {item.height} by {item.first} and, "
        f"{(item.second_boot_ns - item.first_boot_ns) / 1e6:.0f} ms later, by {item.second}; {content} content"
    )


def _show_json(referee: Referee, account: str | None) -> str:
    verdict = referee.verdict(account)
    found = [gap for name in verdict.signatures for gap in referee.gaps(name, restarts=True)]
    return json.dumps(to_json(verdict, found))


def _follow(follower: Follower, account: str | None) -> None:
    """Print the findings whenever they change, until interrupted."""
    shown = ""
    while True:
        referee = follower.poll()
        verdict = referee.verdict(account)
        state = repr((verdict.double_signatures, [referee.gaps(name, restarts=True) for name in verdict.signatures]))
        state += repr([(item.first, item.second) for item in verdict.overlaps])
        if state != shown:
            print(report(referee, account), flush=True)
            shown = state
        time.sleep(_FOLLOW_S)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m neard_sim.referee",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("log", type=Path, metavar="LOG", help="the common log of all nodes")
    parser.add_argument("--account", metavar="A", help="judge only this account")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--follow", action="store_true", help="go on reading; print again whenever a finding is new")
    args = parser.parse_args(argv)
    if args.follow and args.json:
        parser.error("--follow and --json exclude each other")
    follower = Follower(args.log)
    try:
        follower.poll()
        if args.follow:
            _follow(follower, args.account)
    except OSError as error:
        print(f"referee: {args.log} cannot be read: {error.strerror}", file=sys.stderr)
        return _UNREADABLE
    except KeyboardInterrupt:
        pass
    else:
        show = _show_json if args.json else report
        print(show(follower.referee, args.account))
    verdict = follower.referee.verdict(args.account)
    if not verdict.clean:
        return _GUILTY
    return _UNREADABLE if verdict.unreadable else _CLEAN


if __name__ == "__main__":
    sys.exit(main())
