"""From logits to the next token.

Interface:
    Sampler         one reply's settings, what it has written, and its own random source
    logprob         a token's natural log-probability
    top             the likeliest tokens with theirs
"""

from __future__ import annotations

import copy
import random
from collections import Counter

import torch
from torch import Tensor

from ..contract import Sampling
from .matcher import Matcher

#: Below it chance has no say: a smaller divisor only takes the logits out of a float's range.
COLDEST = 1e-4
#: The log-probability of what cannot come: JSON has no infinity. OpenAI's value.
LEAST = -9999.0
_LARGEST = torch.finfo(torch.float32).max


class Sampler:
    """Greedy when cold; else top-k, top-p (nucleus; Holtzman et al. 2020), min-p (Nguyen et al.
    2024) and chance.

    Nothing of it depends on other requests: it looks at one row of logits and draws from a source
    of its own, one number for each token.
    """

    def __init__(
        self, sampling: Sampling, prompt: list[int], matcher: Matcher | None = None
    ) -> None:
        self._sampling = sampling
        self._matcher = matcher
        self._random = random.Random(sampling.seed)
        self._cold = sampling.temperature < COLDEST
        penalties = (sampling.presence_penalty, sampling.frequency_penalty)
        self._penalised = any(penalties) or sampling.repetition_penalty != 1
        self._plain = self._cold and not self._penalised
        self._written: Counter[int] = Counter()
        #: What the repetition penalty is for: all tokens of prompt and reply, each once.
        self._repeated = torch.tensor(
            list(dict.fromkeys(prompt)) if sampling.repetition_penalty != 1 else [],
            dtype=torch.long,
        )
        self._known = frozenset(self._repeated.tolist())

    @property
    def done(self) -> bool:
        """Whether the grammar allows nothing but the reply's end."""
        return self._matcher is not None and self._matcher.ended

    def pick(self, logits: Tensor, likeliest: int) -> int:
        """Choose and note the next token of logits [vocabulary], whose largest, a finite one, is
        that of `likeliest`. Raises `InvalidArgument` where the grammar leads nowhere."""
        token = likeliest
        matcher = self._matcher
        if not self._plain or not (matcher is None or matcher.allows(likeliest)):
            token = self._choose(logits, likeliest)
        if matcher is not None:
            matcher.accept(token)
        if self._penalised:
            self._note(token)
        return token

    def copy(self) -> Sampler:
        """Return another one that goes on from here, with the same chances to come."""
        other = copy.copy(self)
        other._random = copy.copy(self._random)
        other._written = self._written.copy()
        other._matcher = self._matcher and self._matcher.copy()
        return other

    def _choose(self, logits: Tensor, likeliest: int) -> int:
        scores = logits.to("cpu", torch.float32, copy=True)
        if self._penalised:
            self._penalise(scores)
        # What the model itself rules out still comes before what the grammar does.
        scores.clamp_(-_LARGEST, _LARGEST)
        if self._matcher is not None:
            self._matcher.mask(scores)
        best = int(scores.argmax())
        if scores[best] == float("-inf"):
            return likeliest  # an ended grammar of a model whose replies have no end token
        return best if self._cold else self._draw(scores)

    def _note(self, token: int) -> None:
        fresh = token not in self._written and token not in self._known
        if fresh and self._sampling.repetition_penalty != 1:
            self._repeated = torch.cat((self._repeated, torch.tensor([token])))
        self._written[token] += 1

    def _penalise(self, scores: Tensor) -> None:
        """Repetition: CTRL (Keskar et al. 2019), section 4.1, over prompt and reply; frequency and
        presence: OpenAI's, over the reply."""
        given = self._sampling
        if (penalty := given.repetition_penalty) != 1:
            those = scores[self._repeated]
            scores[self._repeated] = torch.where(those > 0, those / penalty, those * penalty)
        if self._written:
            tokens = torch.tensor(list(self._written))
            counts = torch.tensor(list(self._written.values()))
            scores[tokens] -= given.presence_penalty + given.frequency_penalty * counts

    def _draw(self, scores: Tensor) -> int:
        """Draw a token by scores [vocabulary], of which the largest is finite."""
        given = self._sampling
        tokens: Tensor | None = None
        if 0 < given.top_k < len(scores):
            scores, tokens = scores.topk(given.top_k)
        chances = ((scores - scores.max()) / given.temperature).softmax(0)
        if given.top_p < 1:
            # Only what may lie within the border has to be sorted: that which reaches it together,
            # at the latest what remains without all that comes to less than 1 - top_p.
            for least in (1e-4, 1e-5, 1e-6, (1 - given.top_p) / (2 * len(chances))):
                places = (chances >= least).nonzero().squeeze(1)
                if chances[places].sum() >= given.top_p:
                    break
            ordered, order = chances[places].sort(descending=True, stable=True)
            # The token that crosses the border still belongs, so the first one always does.
            count = max(int((ordered.cumsum(0) - ordered < given.top_p).sum()), 1)
            chances, places = ordered[:count], places[order[:count]]
            tokens = places if tokens is None else tokens[places]
        if given.min_p:
            chances = chances.where(chances >= given.min_p * chances.max(), 0.0)
        bounds = chances.double().cumsum(0)
        place = int(torch.searchsorted(bounds, bounds[-1] * self._random.random(), right=True))
        if place == len(bounds):  # by rounding
            place = int(chances.argmax())
        return place if tokens is None else int(tokens[place])


def logprob(logits: Tensor, token: int) -> float:
    """Return the model's own log-probability of a token, before temperature, penalties, cuts and
    grammar; at least `LEAST`."""
    logits = logits.float()
    return max(float(logits[token] - logits.logsumexp(0)), LEAST)


def top(logits: Tensor, count: int) -> list[tuple[int, float]]:
    """Return the model's own `count` likeliest tokens with their log-probabilities, the likeliest
    first; fewer where the vocabulary is smaller."""
    logits = logits.float()
    values, tokens = logits.topk(min(count, len(logits)))
    chances = (values - logits.logsumexp(0)).clamp(min=LEAST)
    return list(zip(tokens.tolist(), chances.tolist(), strict=True))
