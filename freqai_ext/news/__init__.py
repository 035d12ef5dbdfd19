"""News for a trading decision: searched, judged by a language model, remembered, shared, replayed without look-ahead.

Knows nothing of Freqtrade. Every verdict has the time at which it was available; nothing is used before it.
"""
