"""A biLSTM with self-attention on the hidden states of a frozen encoder: the classifier of BERT-Feat (section 5.4.3).

Lin et al. 2017 (arXiv 1703.03130) with one hop: H = biLSTM(states), a = softmax(w2 tanh(W1 H')), m = a H, then a linear
layer. With one hop their penalty on redundant hops does not apply. On a GPU the LSTM is torch's, on a `PackedSequence`
made from the packed row, so no padded step is computed; on a CPU its steps are computed here (see `lstm_forward`).
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
from bertfit.batching.transfer import to_device
from bertfit.config.hyperparameters import Finetune
from bertfit.model.dropout import Dropout, Noise


@dataclass(frozen=True)
class Steps:
    """A packed row in time-major order: all first tokens, all second tokens ..., the longest document first."""

    order: Tensor
    """(N,) index in the row of the token at each position."""
    documents: Tensor
    """(N,) document of the batch at each position."""
    times: Tensor
    """(N,) index of the token in its document, from 0."""
    sizes: Tensor
    """(T,) number of documents with a token at each time; on the CPU, as torch requires."""
    shape: tuple[int, int]
    """(B, T)."""

    @classmethod
    def of(cls, batch: Batch, device: torch.device) -> Steps:
        """For a batch with one piece per document."""
        longest_first = np.argsort(-batch.lengths, kind="stable")
        lengths, starts = batch.lengths[longest_first], batch.starts[longest_first]
        times, ranks = np.nonzero(np.arange(lengths[0])[:, None] < lengths)  # ordered by time
        arrays = starts[ranks] + times, batch.documents[longest_first][ranks], times
        order, documents, token_times = (to_device(array.astype(np.int64), device) for array in arrays)
        return cls(order, documents, token_times, torch.from_numpy(np.bincount(times)), (len(lengths), int(lengths[0])))


class BiLSTM(nn.Module):
    """Dropout -> biLSTM -> self-attention -> dropout -> linear.

    All weights are drawn from ``seed``: those of the LSTM uniformly from +-1/sqrt(U), as in torch; the others from a
    normal distribution with standard deviation ``recipe.head_init``. The attention has no biases (Lin et al.).
    """

    def __init__(self, width: int, labels: int, recipe: Finetune, seed: int) -> None:
        super().__init__()
        self.noise = Noise()
        self.dropout = Dropout(recipe.dropout, self.noise)
        self.lstm = nn.LSTM(width, recipe.lstm, bidirectional=True)
        self.hidden = nn.Linear(2 * recipe.lstm, recipe.lstm_attention, bias=False)
        self.score = nn.Linear(recipe.lstm_attention, 1, bias=False)
        self.output = nn.Linear(2 * recipe.lstm, labels)
        generator = torch.Generator().manual_seed(seed)
        bound = recipe.lstm**-0.5
        for weight in self.lstm.parameters():
            nn.init.uniform_(weight, -bound, bound, generator=generator)
        for linear in (self.hidden, self.score, self.output):
            nn.init.normal_(linear.weight, std=recipe.head_init, generator=generator)
        nn.init.zeros_(self.output.bias)

    def forward(self, states: Tensor, batch: Batch) -> Tensor:
        """(B, labels) float32: logits in the order of ``batch.labels``, from the states (N, W) of its tokens."""
        steps = Steps.of(batch, states.device)
        with torch.autocast(
            states.device.type, enabled=False
        ):  # rounding errors of half precision would add up over hundreds of steps
            ordered = self.dropout(states.float()).index_select(0, steps.order)
            hidden = (
                self.lstm(PackedSequence(ordered, steps.sizes))[0].data
                if states.is_cuda
                else lstm_forward(self.lstm, ordered, steps.sizes.tolist())
            )
            weighted = self.attend(hidden, steps)[:, None] * hidden
            pooled = weighted.new_zeros(steps.shape[0], weighted.shape[1]).index_add(0, steps.documents, weighted)
            return self.output(self.dropout(pooled))

    def attend(self, hidden: Tensor, steps: Steps) -> Tensor:
        """(N,): attention weight of each position within its document, from the LSTM's states (N, 2U)."""
        scores = self.score(torch.tanh(self.hidden(hidden)))[:, 0]
        documents, longest = steps.shape
        places = steps.documents * longest + steps.times
        table = scores.new_full((documents * longest,), float("-inf")).index_copy(0, places, scores)
        return table.view(documents, longest).softmax(1).view(-1).index_select(0, places)


def lstm_forward(lstm: nn.LSTM, ordered: Tensor, sizes: list[int]) -> Tensor:
    """(N, 2U): states of a one-layer bidirectional LSTM on rows (N, W) in the order of `Steps`; for a CPU.

    torch's backward pass on a CPU allocates a zero tensor of all N rows for each step of a packed sequence, at a cost
    quadratic in the batch: measured 1.4 times the time of this function at 500 tokens of a batch, 4.4 times at 4,300.
    """
    weights = dict(lstm.named_parameters())
    directions = []
    for suffix, times in (("", range(len(sizes))), ("_reverse", range(len(sizes) - 1, -1, -1))):
        weight_ih, weight_hh, bias_ih, bias_hh = (
            weights[f"{kind}_l0{suffix}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        gates = functional.linear(ordered, weight_ih, bias_ih + bias_hh).split(sizes)
        states = list(gates)
        hidden = cell = ordered.new_zeros(0, lstm.hidden_size)
        for time in times:
            hidden, cell = _resized(hidden, sizes[time]), _resized(cell, sizes[time])
            input_gate, forget_gate, candidate, output_gate = torch.addmm(gates[time], hidden, weight_hh.t()).chunk(
                4, 1
            )
            cell = forget_gate.sigmoid() * cell + input_gate.sigmoid() * candidate.tanh()
            hidden = states[time] = output_gate.sigmoid() * cell.tanh()
        directions.append(torch.cat(states))
    return torch.cat(directions, 1)


def _resized(rows: Tensor, size: int) -> Tensor:
    """The first ``size`` rows, padded with zeros: documents end, or begin in the reverse direction."""
    if size <= len(rows):
        return rows[:size] if size < len(rows) else rows
    return torch.cat([rows, rows.new_zeros(size - len(rows), rows.shape[1])])
