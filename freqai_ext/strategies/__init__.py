"""Freqtrade strategies, one file each, named as the class. Nothing is loaded here."""
