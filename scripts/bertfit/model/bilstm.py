"""A biLSTM with self-attention on the states of a frozen encoder: the classifier of BERT-Feat (section 5.4.3).

Lin et al. 2017 (arXiv 1703.03130), one hop: H = biLSTM(states), a = softmax(w2 tanh(W1 H')), m = a H, then a linear
layer. With one hop their penalty on equal hops has nothing to act on. The LSTM is torch's, on a `PackedSequence` made
straight from the packed row, so no padded step is computed; on a CPU its steps are written out here (see `recur`).
Shapes: N packed tokens, B documents, T tokens of the longest, W width of the states, U units per direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from bertfit.batching.packing import Batch
from bertfit.batching.transfer import moved
from bertfit.config.hyperparameters import Finetune
from bertfit.model.dropout import Dropout, Noise


@dataclass(frozen=True)
class Steps:
    """A packed row in the order of a recurrent layer: all first tokens, all second ones ..., longest document first."""

    order: Tensor
    """(N,) which token of the row stands at each place"""
    documents: Tensor
    """(N,) document of the batch at each place"""
    times: Tensor
    """(N,) its token, from 0"""
    sizes: Tensor
    """(T,) documents that have a token at each time; on the CPU, as torch wants it"""
    shape: tuple[int, int]
    """(B, T)"""

    @classmethod
    def of(cls, batch: Batch, device: torch.device) -> Steps:
        """Of a batch with one piece a document."""
        longest_first = np.argsort(-batch.lengths, kind="stable")
        lengths, starts = batch.lengths[longest_first], batch.starts[longest_first]
        times, ranks = np.nonzero(np.arange(lengths[0])[:, None] < lengths)  # row by row: time after time
        found = starts[ranks] + times, batch.documents[longest_first][ranks], times
        order, documents, times_ = (moved(each.astype(np.int64), device) for each in found)
        return cls(order, documents, times_, torch.from_numpy(np.bincount(times)), (len(lengths), int(lengths[0])))


class BiLSTM(nn.Module):
    """Dropout -> biLSTM -> self-attention -> dropout -> linear.

    All weights are drawn from ``seed``: the LSTM's as torch does, from +-1/sqrt(U); the others like a new head's, with
    standard deviation ``recipe.head_init``. The attention has no biases (Lin et al.).
    """

    def __init__(self, width: int, labels: int, recipe: Finetune, seed: int) -> None:
        super().__init__()
        self.noise = Noise()
        self.dropout = Dropout(recipe.dropout, self.noise)
        self.lstm = nn.LSTM(width, recipe.lstm, bidirectional=True)
        self.hidden = nn.Linear(2 * recipe.lstm, recipe.lstm_attention, bias=False)
        self.score = nn.Linear(recipe.lstm_attention, 1, bias=False)
        self.output = nn.Linear(2 * recipe.lstm, labels)
        draw = torch.Generator().manual_seed(seed)
        bound = recipe.lstm**-0.5
        for weight in self.lstm.parameters():
            nn.init.uniform_(weight, -bound, bound, generator=draw)
        for linear in (self.hidden, self.score, self.output):
            nn.init.normal_(linear.weight, std=recipe.head_init, generator=draw)
        nn.init.zeros_(self.output.bias)

    def forward(self, states: Tensor, batch: Batch) -> Tensor:
        """(B, labels) float32: logits in the order of ``batch.labels``, from the states (N, W) of its tokens."""
        steps = Steps.of(batch, states.device)
        with torch.autocast(states.device.type, enabled=False):  # hundreds of steps add up: not in half precision
            ordered = self.dropout(states.float()).index_select(0, steps.order)
            found = (
                self.lstm(PackedSequence(ordered, steps.sizes))[0].data
                if states.is_cuda
                else recur(self.lstm, ordered, steps.sizes.tolist())
            )
            weighted = self.attend(found, steps)[:, None] * found
            pooled = weighted.new_zeros(steps.shape[0], weighted.shape[1]).index_add(0, steps.documents, weighted)
            return self.output(self.dropout(pooled))

    def attend(self, found: Tensor, steps: Steps) -> Tensor:
        """(N,): weight of each place in its document, from the LSTM's states (N, 2U)."""
        scores = self.score(torch.tanh(self.hidden(found)))[:, 0]
        documents, longest = steps.shape
        places = steps.documents * longest + steps.times
        table = scores.new_full((documents * longest,), float("-inf")).index_copy(0, places, scores)
        return table.view(documents, longest).softmax(1).view(-1).index_select(0, places)


def recur(lstm: nn.LSTM, ordered: Tensor, sizes: list[int]) -> Tensor:
    """(N, 2U): both directions of a one-layer LSTM on rows (N, W) in the order of `Steps`; what torch gives, on a CPU.

    On a CPU torch's way back makes a zero tensor of all N rows for each step of a packed sequence, so that its cost is
    quadratic in the batch: measured 1.4 times this one's at 500 tokens of a batch, 4.4 times at 4,300.
    """
    named = dict(lstm.named_parameters())
    ways = []
    for end, times in (("", range(len(sizes))), ("_reverse", range(len(sizes) - 1, -1, -1))):
        into, again, bias, more = (
            named[f"{kind}_l0{end}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        gates = functional.linear(ordered, into, bias + more).split(sizes)
        found = list(gates)
        hidden = cell = ordered.new_zeros(0, lstm.hidden_size)
        for time in times:
            hidden, cell = _resized(hidden, sizes[time]), _resized(cell, sizes[time])
            inward, forget, new, outward = torch.addmm(gates[time], hidden, again.t()).chunk(4, 1)
            cell = forget.sigmoid() * cell + inward.sigmoid() * new.tanh()
            hidden = found[time] = outward.sigmoid() * cell.tanh()
        ways.append(torch.cat(found))
    return torch.cat(ways, 1)


def _resized(rows: Tensor, size: int) -> Tensor:
    """The first ``size`` rows, zeros behind them where there are fewer: documents end, or begin on the way back."""
    if size <= len(rows):
        return rows[:size] if size < len(rows) else rows
    return torch.cat([rows, rows.new_zeros(size - len(rows), rows.shape[1])])
