"""Servers of tools that speak the Model Context Protocol, each held up by a task of its own.

Nothing here loads the protocol's library before a server is to be reached.
"""
