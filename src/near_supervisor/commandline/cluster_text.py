"""A cluster's document (``near_ha.operator.cluster_report``) as tables for people.

Whatever comes from Consul is printed without the characters that a terminal would obey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from near_ha.operator import report

Document = Mapping[str, Any]
Paint = Callable[[str, str], str]
Row = tuple[tuple[str, str], ...]

GOOD, BAD, WARN, DIM = "32", "31", "33", "2"
_GAP = "  "
_LABEL = 11
_CRASH_IS_NEWS_MS = 600_000


def plain(text: str, _colour: str) -> str:
    """Without colours, as for a file."""
    return text


def coloured(text: str, colour: str) -> str:
    """For a terminal."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def own_text(status: Document) -> str:
    """What the supervisor of this host says of itself (``GET /status``)."""
    neard, sync = _object(status.get("neard")), _object(status.get("sync"))
    lease, left = _seconds(status.get("lease_ms"), 3), _seconds(status.get("lease_left_ms"), 1)
    reason = _word(status.get("reason"))
    in_sync = "in sync" if sync.get("synced") else _word(sync.get("reason"))
    text = _labelled(
        {
            "this host": f"{_word(status.get('node_id'))} on {_word(status.get('hostname'))}",
            "state": _word(status.get("state")) + (f" ({reason})" if reason else ""),
            "lease": (lease or "-") + (f", {left} left" if left else ""),
            "neard": f"pid {_word(neard.get('pid')) or '-'}, {'may sign' if neard.get('armed') else 'without the key'}",
            "chain": f"height {_word(sync.get('height'))}, {in_sync}",
        }
    )
    if wait := waits_text(status):
        text += _labelled({"waits for": wait})
    if crash := crash_text(status):
        text += _labelled({"crashed": crash})
    if back := _seconds(status.get("holds_back_ms") or None, 0):
        text += _labelled({"holds back": f"for {back}, because its last leaderships ended early"})
    known = _object(status.get("leader_before_silence"))
    if known:
        silent = _seconds(_object(status.get("consul")).get("silent_ms"), 1)
        text += _labelled({"validator": f"not known; {silent} ago it was {_word(known.get('node_id'))}"})
    for found in _objects(status.get("readiness")):
        # The first that blocks is said beside the state.
        if _word(found.get("text")) != reason:
            text += _labelled({"readiness": f"{_word(found.get('name'))}: {_word(found.get('text'))}"})
    return text


def waits_text(status: Document) -> str:
    """What this node waits for, with the seconds that are left of it; "" where nothing is missing."""
    wait = _object(status.get("waits"))
    what, left, then = _word(wait.get("for")), _seconds(wait.get("left_ms"), 0), _word(wait.get("then"))
    return f"{what}; {f'{then} in {left}' if then else f'{left} left'}" if left else what


def crash_text(status: Document) -> str:
    """How its neard ended by itself, as long as that is news: until another one answers, and a while longer."""
    neard = _object(status.get("neard"))
    crash = _object(neard.get("crash"))
    ago, how = crash.get("ago_ms"), f"with {_word(crash.get('how'))}"
    if not isinstance(ago, int) or (neard.get("answers") is True and ago > _CRASH_IS_NEWS_MS):
        return ""
    if how in _word(status.get("reason")):
        # It is said there.
        return ""
    words = _word(crash.get("last_words"))
    said = f"; it said last: {words}" if words else "; it said nothing that tells why"
    return f"neard ended by itself {_seconds(ago, 0)} ago {how}{said}"


def cluster_text(document: Document, paint: Paint = plain, columns: int | None = None) -> str:
    """Who validates, what is under way, and a row for each member; a paragraph each on a terminal with few columns."""
    paused, request = _object(document.get("paused")), _object(document.get("request"))
    lines = {
        "account": _word(document.get("account_id")),
        "validator": paint(_validator(document), GOOD if report.leader(document) and not _is_mute(document) else BAD),
        "failover": paint(f"paused{_by(paused)}", BAD) if report.paused(document) else "by itself",
    }
    if request:
        lines["switchover"] = _request(document, request)
    text = _labelled(lines)
    if failed := _failed_lately(document):
        text += _labelled({"failed": paint(failed, WARN)})
    for warning in document.get("warnings") or []:
        text += _labelled({"warning": paint(_word(warning), WARN)})
    for problem in document.get("problems") or []:
        text += _labelled({"problem": paint(_word(problem), BAD)})
    members = [_member(document, member) for member in _objects(document.get("members"))]
    heads = ("", "node", "host", "state", "height", "priority", "version", "ready")
    return f"{text}\n{_table(heads, members, paint, columns)}"


def history_text(document: Document, last: int, paint: Paint = plain, columns: int | None = None) -> str:
    """The ``last`` changes of validator, the newest at the end."""
    changes = _objects(document.get("history"))[-last:]
    if not changes:
        return f"Nobody has validated for {_word(document.get('account_id'))} yet.\n"
    heads = ("when (UTC)", "term", "validator", "after", "how", "nobody signed for", "why")
    return _table(heads, [_change(change) for change in changes], paint, columns)


def _validator(document: Document) -> str:
    name, leader = report.leader(document), _object(document.get("leader"))
    term = report.term(document)
    if name:
        host = _word(leader.get("hostname"))
        mute = ", SIGNS NOTHING" if _is_mute(document) else ""
        return f"{_word(name)}{f' on {host}' if host else ''}, term {term}, height {_word(leader.get('height'))}{mute}"
    silent = _word(leader.get("node_id"))
    return f"nobody; {silent} fell silent in term {term}" if silent else "nobody"


def _failed_lately(document: Document) -> str:
    """Of the last two leaderships the newest whose neard ended by itself: what it said; "" where there is none."""
    for change in reversed(_objects(document.get("history"))[-2:]):
        if words := _word(change.get("last_words")):
            name, term = _word(change.get("node_id")), _word(change.get("term"))
            return f"{name} in term {term}: neard ended by itself; it said last: {words}"
    return ""


def _is_mute(document: Document) -> bool:
    return _object(document.get("leader")).get("signs_nothing") is True


def _by(found: Document) -> str:
    by, reason = _word(found.get("by")), _word(found.get("reason"))
    since = moment(found.get("at_ms"))
    words = [f" by {by}" if by else "", f" since {since}" if since else "", f": {reason}" if reason else ""]
    return "".join(words)


def _request(document: Document, request: Document) -> str:
    target = request.get("target")
    whom = f" {_word(report.name(document, target))}" if isinstance(target, str) and target else ""
    asked = f", asked by {_word(request.get('asked_by'))}" if request.get("asked_by") else ""
    outcome = f": {_word(request.get('outcome'))}" if request.get("outcome") else ""
    return f"{_word(request.get('action'))}{whom}{asked}, {_word(request.get('phase'))}{outcome}"


def _member(document: Document, member: Document) -> Row:
    validates, ready = member.get("validator") is True, member.get("ready") is True
    reason = _word(member.get("reason"))
    against = ", ".join(map(_word, report.against(member)))
    if validates or ready:
        word = "validates" if validates else "yes"
        verdict = (f"{word}, but: {against}", WARN) if against else (word, GOOD)
    elif member.get("starting") is True:
        verdict = (f"not yet: {reason}", WARN)
    else:
        verdict = (f"no: {reason}" if reason else "no", BAD)
    words = [_word(member.get(name)) for name in ("node_id", "hostname", "state", "height", "priority", "version")]
    return (("*" if validates else "", GOOD), *((word, "") for word in words), verdict)


def _change(change: Document) -> Row:
    gap, last = change.get("gap_ms"), _word(change.get("last_words"))
    words = [
        moment(change.get("at_ms")),
        _word(change.get("term")),
        _word(change.get("node_id")),
        _word(change.get("predecessor")) or "-",
        _word(change.get("kind")),
        f"{gap / 1000:.2f} s" if isinstance(gap, int) else "-",
        _word(change.get("reason")) + (f"; its neard ended by itself and said last: {last}" if last else ""),
    ]
    return tuple((word, "") for word in words)


def moment(at_ms: object) -> str:
    """``2026-11-25 20:17:46`` in UTC; "" for what is no moment."""
    if not isinstance(at_ms, int) or at_ms <= 0:
        return ""
    try:
        return datetime.fromtimestamp(at_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return ""


def _table(heads: Sequence[str], rows: Sequence[Row], paint: Paint, columns: int | None) -> str:
    """Columns as wide as their widest word; the last one is not filled up, and may go on in the next line."""
    widths = [max([len(head), *(len(row[at][0]) for row in rows)]) for at, head in enumerate(heads)]
    if columns is not None and sum(widths[:-1]) + len(_GAP) * len(widths[:-1]) + len(heads[-1]) > columns:
        return "\n".join(_paragraph(heads, row, paint) for row in rows)
    lines = [_line([(head, DIM) for head in heads], widths, paint)]
    lines += [_line(row, widths, paint) for row in rows]
    return "".join(lines)


def _paragraph(heads: Sequence[str], row: Row, paint: Paint) -> str:
    """A line for each cell that says something, with the head of its column."""
    shown = [(head, word, colour) for head, (word, colour) in zip(heads, row, strict=True) if head and word]
    return "".join(f"{paint(head, DIM)}: {paint(word, colour)}\n" for head, word, colour in shown)


def _line(cells: Sequence[tuple[str, str]], widths: Sequence[int], paint: Paint) -> str:
    filled = [(word.ljust(width), colour) for (word, colour), width in zip(cells[:-1], widths, strict=False)]
    return _GAP.join(paint(word, colour) for word, colour in [*filled, cells[-1]]).rstrip() + "\n"


def _labelled(lines: Mapping[str, str]) -> str:
    return "".join(f"{f'{name}:':<{_LABEL + 1}}{text}\n" for name, text in lines.items())


def _seconds(ms: object, digits: int) -> str:
    """Milliseconds as ``10 s``; "" for what is no number."""
    return f"{round(ms / 1000, digits):g} s" if isinstance(ms, int) else ""


def _word(value: object) -> str:
    """A value for people; "" where there is none."""
    return "" if value is None else "".join(sign for sign in str(value) if sign.isprintable())


def _object(value: object) -> Document:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Document]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
