"""Readers of archives of news: what a file is, which vendor's, and which of its fields is what."""
