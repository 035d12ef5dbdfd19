"""How much of the capital a bet deserves."""

from math import log, sqrt


def kelly_share(
    ev_bps: float,
    *,
    interval_bps: tuple[float, float] | None,
    odds: tuple[float, float] | None,
    coverage: float = 0.8,
) -> float:
    r"""Return the share of the capital, from 0 to 1, that the Kelly criterion puts on a position.

    It is the smaller of two, so that neither a narrow interval nor a lucky probability alone makes a large bet:

    - **of the return**: :math:`\mu / (\sigma^2 + \mu^2)`, which maximises the expected logarithm of the capital to
      second order in the net return. :math:`\sigma` is that of a Laplace distribution whose central interval has the
      given width. Returns over minutes to hours have its pointed middle and long tails; a normal one would give a
      variance smaller by a fifth, and so larger bets.
    - **of the odds**: :math:`(p - q) / (p + q)`, for a bet at even money that pays with probability :math:`p`, loses
      with :math:`q`, and is returned otherwise. Taking the whole stake to be at risk, it is the cautious one, and
      mostly the smaller: returns over hours are so small that the first asks for many times the capital.

    Bet a fraction of it: forecasts have errors of their own, and a Kelly bettor who overestimates them is ruined.

    Parameters
    ----------
    ev_bps
        Expected return of the position less its costs, in basis points. Where it is not above 0 the share is 0.
    interval_bps
        Ends of the interval of the return; ``None`` where there is none.
    odds
        Probability of a gain beyond the costs, and of a loss beyond them; ``None`` where they are not known.
    coverage
        Probability with which the interval holds the return.

    Raises
    ------
    ValueError
        Where neither interval nor odds are given: there is nothing to judge the risk by.

    References
    ----------
    .. [1] J. L. Kelly (1956), A new interpretation of information rate.
    .. [2] E. O. Thorp (2006), The Kelly criterion in blackjack, sports betting and the stock market.
    .. [3] R. D. Baker, I. G. McHale (2013), Optimal betting under parameter uncertainty.

    Examples
    --------
    >>> round(kelly_share(10.0, interval_bps=(-90.0, 110.0), odds=(0.40, 0.25)), 3)
    0.231
    """
    if interval_bps is None and odds is None:
        raise ValueError("kelly_share: neither interval_bps nor odds are given; give at least one")
    if not ev_bps > 0.0:
        return 0.0
    shares = [1.0]
    if interval_bps is not None:
        low, high = interval_bps
        if not high > low:
            return 0.0
        mean = ev_bps / 1e4
        deviation = sqrt(2.0) * (high - low) / 2e4 / -log(1.0 - coverage)
        second_moment = deviation**2 + mean**2
        shares.append(mean / second_moment if second_moment > 0.0 else 0.0)
    if odds is not None:
        win, lose = odds
        if not win > lose:
            return 0.0
        shares.append((win - lose) / (win + lose))
    return min(shares)
