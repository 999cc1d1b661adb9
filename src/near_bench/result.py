"""What many runs of one event have yielded, as JSON and as lines of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from near_bench.measure import Measure, Values
from near_bench.rows import Row
from near_localnet.options import Options
from near_measure.stage import Missed
from near_measure.stats import Summary

HEADER = ("event", "measured", "bound", "n", "p50", "p95", "max", "met")
NUMBERS = (2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Run:
    """One run: who signed before, its values in seconds, or why it failed."""

    signer: str
    values: Values
    failure: str = ""
    missed: Missed | None = None


@dataclass
class Result:
    """All runs of one row; a failed run counts as such, and its values are in no percentile."""

    row: Row
    options: Options
    wanted: int
    runs: list[Run] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Runs in which something did not happen that had to, or did that must not."""
        return sum(1 for run in self.runs if run.failure)

    @property
    def complete(self) -> bool:
        """Whether every run that was wanted was played, and none failed."""
        return len(self.runs) == self.wanted and not self.failed

    def values(self, measure: Measure) -> list[float]:
        """Every single value, in order of the runs."""
        return [run.values[measure.key] for run in self.runs if not run.failure]

    def met(self, measure: Measure) -> bool | None:
        """Whether p95 keeps the bound; None when there is no bound. A row with failures has not met it."""
        bound, summary = measure.bound_s(self.options), Summary.of(self.values(measure))
        if bound is None:
            return None
        return self.complete and summary is not None and summary.p95 <= bound

    def missed(self) -> str:
        """What the signer owed and did not make, over all runs; "" where the chain did not say."""
        counted = [run.missed for run in self.runs if run.missed is not None]
        if not counted:
            return ""
        blocks, chunks = (sum(getattr(one, kind) for one in counted) for kind in ("blocks", "chunks"))
        clean = sum(1 for one in counted if not one.blocks and not one.chunks)
        return f"{blocks} blocks and {chunks} chunks missed in {len(counted)} runs, nothing in {clean} of them"

    def lines(self) -> list[list[str]]:
        """The row's lines of the table: one for each measure, the event named in the first."""
        return [self._line(measure, number) for number, measure in enumerate(self.row.measures)]

    def _line(self, measure: Measure, number: int) -> list[str]:
        bound, summary, met = measure.bound_s(self.options), Summary.of(self.values(measure)), self.met(measure)
        figures = (summary.p50, summary.p95, summary.max) if summary else ()
        numbers = [shown(value, measure.unit) for value in figures] or ["-"] * 3
        count = f"{summary.n if summary else 0}" + (f" ({self.failed} failed)" if self.failed else "")
        return [
            "" if number else self.row.event,
            measure.text,
            "" if bound is None else shown(bound, measure.unit),
            count,
            *numbers,
            {True: "yes", False: "NO", None: ""}[met],
        ]

    def as_json(self) -> dict[str, Any]:
        """Everything: bounds, percentiles, and each run with its values."""
        return {
            "name": self.row.name,
            "event": self.row.event,
            "note": self.row.note,
            "failed": self.failed,
            "complete": self.complete,
            "measures": [self._measure_json(measure) for measure in self.row.measures],
            "runs": [
                {
                    "signer": run.signer,
                    "values": dict(run.values),
                    "missed": asdict(run.missed) if run.missed else None,
                    "failure": run.failure or None,
                }
                for run in self.runs
            ],
        }

    def _measure_json(self, measure: Measure) -> dict[str, Any]:
        summary = Summary.of(self.values(measure))
        return {
            "key": measure.key,
            "text": measure.text,
            "unit": measure.unit,
            "rule": measure.rule or None,
            "bound_s": measure.bound_s(self.options),
            "n": summary.n if summary else 0,
            "p50": summary.p50 if summary else None,
            "p95": summary.p95 if summary else None,
            "max": summary.max if summary else None,
            "met": self.met(measure),
            "values": self.values(measure),
        }


def shown(value: float, unit: str) -> str:
    """A value in its unit; whole where it is counted."""
    return f"{value:.2f} {unit}" if unit and value else f"{value:g} {unit}".rstrip()


def notes(results: Sequence[Result]) -> list[str]:
    """How each event was played, and what it cost."""
    told = [(result, text) for result in results for text in (result.row.note, result.missed()) if text]
    return [f"{result.row.event}: {text}" for result, text in told]
