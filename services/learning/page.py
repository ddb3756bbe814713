"""A job as a page of HTML that stands by itself: no script, no font, nothing from elsewhere.

Interface:
    render          the page
"""

from __future__ import annotations

from html import escape

from ...syscalls.learning import JobInfo, ModelCard, Point


def render(job: JobInfo, points: list[Point], cards: list[ModelCard]) -> str:
    """Return the page; everything in it that a recipe or a model has written is text."""
    return f"<!doctype html><title>Job {job.id}</title><h1>{escape(job.name)}</h1>"
