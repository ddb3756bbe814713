"""Millions of damaged frames and requests against a running daemon."""
