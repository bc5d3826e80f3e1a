"""The head of a language model, `hidden @ weight.T`, a chunk of rows at a time into a buffer that is allocated once."""

import torch
from torch import Tensor

__all__ = ["Head"]


class Head:
    """The matrix products of one head; no result is rounded below fp32.

    Rows of logits are aligned to 256 bytes, whatever the vocabulary's size: otherwise tensor cores do not load them at
    full speed, and a product on a CPU takes a third longer. The columns beyond the vocabulary have the logit −∞. On a
    GPU the weights are padded with as many rows, so that the product itself has the aligned size.

    Args:
        weight: `[V, D]`.
        hidden: Hidden states, whose dtype the operands of the products take unless autocast is on; on a CPU, which
            cannot accumulate bf16 products in fp32, at least fp32.

    Attributes:
        width: Columns of the logits: V rounded up to a multiple of 64.
        accumulator: Dtype of logits and gradients: fp32, or float64 for float64.
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
        """`[rows, width]` memory for logits, not initialised."""
        return torch.empty(rows, self.width, dtype=self.accumulator, device=self._weight.device)

    def operand(self, tensor: Tensor) -> Tensor:
        """Hidden states, or a gradient of logits, in the dtype of the products' operands."""
        return tensor.to(self._operand)

    def logits(self, hidden: Tensor, buffer: Tensor) -> Tensor:
        """`[C, D]` hidden states -> `[C, width]` logits, written into the buffer."""
        logits = buffer[: len(hidden)]
        _product(self.operand(hidden), self._weight.T, out=logits[:, : len(self._weight)])
        logits[:, self._vocabulary :] = -torch.inf
        return logits

    def hidden_gradient(self, gradient: Tensor) -> Tensor:
        """`[C, width]` gradient of the logits, as an operand -> `[C, D]` gradient of the hidden states."""
        return _product(gradient[:, : len(self._weight)], self._weight)

    def weight_gradient(self) -> Tensor:
        """`[V or width, D]` zeros to accumulate the gradients of the chunks in."""
        return torch.zeros_like(self._weight, dtype=self.accumulator)

    def add_weight_gradient_(self, total: Tensor, gradient: Tensor, hidden: Tensor) -> None:
        """`total += gradient.T @ hidden`."""
        gradient = gradient[:, : len(total)]
        if self._operand == self.accumulator:
            total.addmm_(gradient.T, self.operand(hidden))
        else:
            torch.addmm(total, gradient.T, self.operand(hidden), out_dtype=self.accumulator, out=total)


def aligned_width(vocabulary: int) -> int:
    """Columns of the logits, for a vocabulary of this size."""
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
