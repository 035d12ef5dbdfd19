"""Words of headlines about crypto assets, and what they tend to say of a price. Written by hand, fitted to nothing."""

from typing import Final

WEIGHTS: Final[dict[str, float]] = {
    # Law, regulators, courts.
    "lawsuit": -1.5, "sues": -1.5, "sued": -1.5, "charged": -1.5, "charges": -1.0, "indicted": -2.0, "fraud": -2.0,
    "probe": -1.2, "investigation": -1.2, "subpoena": -1.2, "fined": -1.2, "penalty": -1.0, "ban": -2.0, "bans": -2.0,
    "banned": -2.0, "crackdown": -1.8, "sanctions": -1.2, "sanctioned": -1.5, "restrict": -1.0, "restricts": -1.0,
    "approval": 1.8, "approves": 2.0, "approved": 2.0, "legalizes": 1.8, "legalises": 1.8, "acquitted": 1.5,
    "dismissed": 1.0, "dismisses": 1.0, "pardon": 1.0, "rejects": -1.5, "rejected": -1.5, "delays": -1.0,
    "delayed": -1.0, "postpones": -0.8,
    # Security and solvency.
    "hack": -2.5, "hacked": -2.5, "hackers": -2.0, "exploit": -2.2, "exploited": -2.2, "stolen": -2.0, "theft": -1.8,
    "drained": -2.0, "breach": -1.8, "vulnerability": -1.2, "attack": -1.5, "scam": -1.5, "rugpull": -2.0,
    "phishing": -1.0, "bankruptcy": -2.2, "bankrupt": -2.2, "insolvent": -2.5, "insolvency": -2.5, "collapse": -2.2,
    "collapses": -2.2, "halts": -1.5, "halted": -1.5, "suspends": -1.5, "suspended": -1.5, "outage": -1.5,
    "depeg": -2.2, "depegs": -2.2, "recovered": 0.8,
    # Exchanges, issuers, buyers.
    "listing": 1.2, "lists": 1.0, "listed": 0.8, "delist": -2.0, "delists": -2.0, "delisting": -2.0, "delisted": -2.0,
    "inflow": 1.2, "inflows": 1.2, "outflow": -1.2, "outflows": -1.2, "buys": 1.0, "bought": 0.8, "purchase": 0.8,
    "purchases": 0.8, "acquires": 1.0, "accumulate": 0.8, "accumulates": 0.8, "accumulation": 0.8, "accumulating": 0.8,
    "reserve": 0.6, "adopts": 1.2, "adoption": 1.0, "adopting": 1.0, "partnership": 1.0, "partners": 0.8,
    "integrates": 0.7, "integration": 0.6, "launches": 0.5, "unveils": 0.4, "invests": 0.8, "investment": 0.5,
    "sells": -0.8, "sold": -0.6, "selling": -0.8, "dumps": -1.5, "dumped": -1.5, "dumping": -1.5, "unlock": -0.8,
    "unlocks": -0.8, "burn": 0.5, "burned": 0.5, "burns": 0.5,
    # Network.
    "upgrade": 0.7, "upgrades": 0.7, "mainnet": 0.5, "milestone": 0.5, "bug": -0.8,
    # Money and trade in general.
    "tariff": -0.8, "tariffs": -0.8, "recession": -1.2, "hawkish": -1.0, "dovish": 1.0, "stimulus": 0.8, "war": -0.8,
    # The price itself: it has moved already, so little weight.
    "surge": 0.7, "surges": 0.7, "surged": 0.7, "soar": 0.7, "soars": 0.7, "soared": 0.7, "rally": 0.7, "rallies": 0.7,
    "rallied": 0.7, "jumps": 0.6, "jumped": 0.6, "gains": 0.5, "rises": 0.4, "climbs": 0.4, "rebound": 0.5,
    "rebounds": 0.5, "recovers": 0.4, "breakout": 0.5, "bullish": 0.6, "bull": 0.3, "ath": 0.6, "plunge": -0.8,
    "plunges": -0.8, "plunged": -0.8, "crash": -0.9, "crashes": -0.9, "crashed": -0.9, "tumbles": -0.7,
    "tumbled": -0.7, "slumps": -0.6, "slump": -0.6, "drops": -0.4, "dropped": -0.4, "falls": -0.4, "fell": -0.4,
    "dips": -0.3, "slides": -0.4, "declines": -0.4, "bearish": -0.6, "bear": -0.3, "selloff": -0.8,
    "liquidations": -0.7, "liquidated": -0.7, "capitulation": -0.7, "fear": -0.3,
}  # fmt: skip
"""How a word of a headline tends to bear on a price: sign is direction, 2.5 the strongest."""

PHRASES: Final[dict[tuple[str, ...], float]] = {
    ("record", "high"): 0.8, ("record", "low"): -0.8, ("all", "time", "high"): 0.7, ("rate", "cut"): 1.0,
    ("rate", "cuts"): 1.0, ("rate", "hike"): -1.0, ("rate", "hikes"): -1.0, ("strategic", "reserve"): 1.5,
    ("drops", "lawsuit"): 1.8, ("drops", "case"): 1.5, ("drops", "charges"): 1.5, ("drops", "investigation"): 1.5,
    ("drops", "probe"): 1.5, ("ends", "investigation"): 1.5, ("closes", "investigation"): 1.5,
    ("wins", "lawsuit"): 1.8, ("lifts", "ban"): 1.8, ("sell", "off"): -0.8, ("rug", "pull"): -2.0,
    ("money", "laundering"): -1.5, ("short", "squeeze"): 0.6, ("death", "cross"): -0.4, ("golden", "cross"): 0.4,
    ("files", "for", "bankruptcy"): -2.5, ("security", "breach"): -2.0, ("resumes", "withdrawals"): 1.2,
    ("halts", "withdrawals"): -2.5, ("suspends", "withdrawals"): -2.5, ("bear", "market"): -0.4,
    ("bull", "market"): 0.4, ("bull", "run"): 0.4, ("burn", "rate"): 0.3, ("price", "prediction"): 0.0,
}  # fmt: skip
"""Words in a row; where one begins, its words do not count for themselves."""

NEGATIONS: Final = frozenset({
    "no", "not", "never", "without", "denies", "deny", "denied", "unlikely", "avoids", "avoid", "prevents", "isn't",
    "won't", "doesn't", "didn't", "can't", "cannot", "fails", "failed", "despite", "refutes", "debunks", "fake",
})  # fmt: skip
"""Turn what the next words say, and weaken it."""

DOUBTS: Final = frozenset({
    "could", "may", "might", "if", "whether", "rumor", "rumour", "rumors", "rumours", "prediction", "predicts",
    "forecast", "analyst", "analysts", "opinion", "possible", "possibly", "hopes", "reportedly",
})  # fmt: skip
"""Make a headline a guess."""
