"""Says something that happens again and again without filling the log."""


class Throttle:
    """Lets the first occurrence through, then the second, fourth, eighth and so on.

    Examples
    --------
    >>> throttle = Throttle()
    >>> [throttle.passes() for _ in range(8)]
    [True, True, False, True, False, False, False, True]
    """

    def __init__(self) -> None:
        self.count = 0

    def passes(self) -> bool:
        """Count one more and return whether to speak of it."""
        self.count += 1
        return self.count & (self.count - 1) == 0

    def reset(self) -> None:
        """Forget all: it is over."""
        self.count = 0
