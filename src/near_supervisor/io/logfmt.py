"""Log lines as kuutamod printed them, and the time: ``level=info pid=1 message="…" target="…" node_id=node ts=…``."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import datetime, timezone

_WORD = re.compile(r"[\w.:@/+-]+")
_LEVELS = {"WARNING": "warn", "CRITICAL": "error"}


class LogfmtFormatter(logging.Formatter):
    """One line per record, whatever the message holds."""

    def __init__(self, node_id: str) -> None:
        super().__init__()
        self._node_id = node_id if _WORD.fullmatch(node_id) else json.dumps(node_id)

    def format(self, record: logging.LogRecord) -> str:
        """The line for ``record``; a traceback stays on the same line, escaped."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        level = _LEVELS.get(record.levelname, record.levelname.lower())
        quoted = json.dumps(message, ensure_ascii=False)
        stamp = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        return (
            f'level={level} pid={record.process} message={quoted} target="{record.name}" node_id={self._node_id}'
            f" ts={stamp.replace('+00:00', 'Z')}"
        )


def set_up(node_id: str) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogfmtFormatter(node_id))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # The HTTP library warns about each refused connection; the core says once that Consul is silent.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
