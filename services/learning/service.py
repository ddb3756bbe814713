"""The learning service: knows the jobs, keeps the models, decides which one answers.

Interface:
    LearningService     implements `Learning`
"""

from __future__ import annotations

from ...syscalls.learning import Learning


class LearningService(Learning):
    """Owns nothing that learns: jobs are processes of their own."""
