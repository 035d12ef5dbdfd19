"""Shows how far an evaluation is."""

from threading import Event, Thread
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from freqai_ext.evaluation import Entrant
from freqai_ext.evaluation.progress import WindowCount
from freqai_ext.walkforward import WalkforwardReport

POLL_INTERVAL_S = 0.5


class EvaluationProgress:
    """A bar of windows for each model on a terminal, a line for each elsewhere."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._console = console
        self._bars = Progress(*columns, console=console)
        self._ended = Event()
        self._follower = Thread(target=self._follow, daemon=True)
        self._current: tuple[TaskID, WindowCount] | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
            self._follower.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._console.is_terminal:
            self._follower.join()
            self._bars.stop()

    def training(self, entrant: Entrant, number: int, total: int) -> None:
        """Begin the bar of a model."""
        name = f"{number}/{total} {entrant.contender.label}"
        if not self._console.is_terminal:
            self._console.print(f"{name}: training", highlight=False, markup=False)
            return
        windows = WindowCount(entrant)
        self._current = (self._bars.add_task(escape(name), total=windows.total), windows)

    def trained(self, entrant: Entrant, report: WalkforwardReport) -> None:
        """End the bar of a model."""
        if self._current is not None:
            task, windows = self._current
            self._current = None
            self._bars.update(task, completed=windows.done())
            self._bars.stop_task(task)
        self._console.print(
            f"{entrant.contender.label}: {report.trained} windows trained, {report.skipped} there already, "
            f"{len(report.failures)} failed; {report.seconds:.1f} s",
            highlight=False,
            markup=False,
        )

    def scoring(self) -> None:
        """Say that the forecasts are being scored."""
        self._console.print("scoring", highlight=False)

    def _follow(self) -> None:
        while not self._ended.wait(POLL_INTERVAL_S):
            if (current := self._current) is not None:
                task, windows = current
                self._bars.update(task, completed=windows.done())
