"""The head of a language model, `hidden @ weight.T`, a chunk of rows at a time into memory that is allocated once."""

import torch
from torch import Tensor

__all__ = ["Head"]


class Head:
    """The products of one head; none of them is rounded below fp32.

    Rows of logits begin at multiples of 256 bytes, whatever the vocabulary's size: otherwise tensor cores don't load
    them at full speed, and a CPU's product takes a third longer. The columns beyond the vocabulary have the logit −∞.
    On a GPU the weights get as many rows, so that the product itself has the aligned size.

    Args:
        weight: `[V, D]`.
        hidden: whose type the operands of the products take, unless autocast has another; on a CPU, which has no
            product of bf16 into fp32, at least fp32.

    Attributes:
        width: columns of the logits: the next multiple of 64 from V.
        accumulator: type of logits and gradients: fp32, or float64 for float64.
    """

    def __init__(self, weight: Tensor, hidden: Tensor) -> None:
        self._operand = _operand_type(hidden)
        self.accumulator = torch.promote_types(self._operand, torch.float32)
        self._vocabulary = len(weight)
        self.width = aligned_width(len(weight))
        self._weight = self.operand(weight)
        if weight.is_cuda and self.width != len(weight):
            self._weight = torch.nn.functional.pad(self._weight, (0, 0, 0, self.width - len(weight)))

    def buffer(self, rows: int) -> Tensor:
        """Memory for the logits of at most `rows` rows."""
        return torch.empty(rows, self.width, dtype=self.accumulator, device=self._weight.device)

    def operand(self, tensor: Tensor) -> Tensor:
        """Hidden states, or a gradient of logits, in the type that products take."""
        return tensor.to(self._operand)

    def logits(self, hidden: Tensor, buffer: Tensor) -> Tensor:
        """`[C, D]` -> `[C, width]`, written into the buffer."""
        logits = buffer[: len(hidden)]
        _product(self.operand(hidden), self._weight.T, out=logits[:, : len(self._weight)])
        logits[:, self._vocabulary :] = -torch.inf
        return logits

    def hidden_gradient(self, gradient: Tensor) -> Tensor:
        """`[C, width]` with respect to logits, an operand -> `[C, D]` with respect to hidden states."""
        return _product(gradient[:, : len(self._weight)], self._weight)

    def weight_gradient(self) -> Tensor:
        """`[V or width, D]` zeros to add the gradients of chunks to."""
        return torch.zeros_like(self._weight, dtype=self.accumulator)

    def add_weight_gradient_(self, total: Tensor, gradient: Tensor, hidden: Tensor) -> None:
        """`total += gradient.T @ hidden`."""
        gradient = gradient[:, : len(total)]
        if self._operand == self.accumulator:
            total.addmm_(gradient.T, self.operand(hidden))
        else:
            torch.addmm(total, gradient.T, self.operand(hidden), out_dtype=self.accumulator, out=total)


def aligned_width(vocabulary: int) -> int:
    """Columns that logits are computed in."""
    return -(-vocabulary // 64) * 64


def _operand_type(hidden: Tensor) -> torch.dtype:
    if not hidden.is_cuda:
        return torch.promote_types(hidden.dtype, torch.float32)
    return torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else hidden.dtype


def _product(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """`left @ right`, never rounded below fp32: rounded logits make KL gradients 4–23 % wrong."""
    if left.dtype in (torch.float32, torch.float64):
        return torch.mm(left, right, out=out)
    return torch.mm(left, right, out_dtype=torch.float32, out=out)
