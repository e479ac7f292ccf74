"""How rounded weights lie in files and in memory, so that they are read from end to end. Knows no files, no kernels.

Rows come in blocks of 64, filled up with zeros. It is the layout that torch's own kernel wants where there is AVX512:
[blocks, columns, 32 bytes], the low half of byte j for row j of the block, the high half for row j + 32. The scales lie
by block as well, [blocks, groups, 64, (scale, zero)]: in any other order reading them costs up to a third more.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from backends.packed.scheme import Rounded4

BLOCK = 64
# Columns of an int8 weight that the kernel takes at once.
CHUNK = 64


def pack4(weight: Rounded4) -> tuple[torch.Tensor, torch.Tensor]:
    """`packed` uint8 [blocks, columns, 32] and `scales` bfloat16 [blocks, groups, 64, 2]."""
    rows, columns = weight.q.shape
    blocks, missing = -(-rows // BLOCK), -rows % BLOCK
    q = pad(weight.q, (0, 0, 0, missing)).view(blocks, 2, BLOCK // 2, columns)
    packed = (q[:, 0] | (q[:, 1] << 4)).transpose(1, 2).contiguous()
    pairs = pad(torch.stack([weight.scale, weight.zero], -1), (0, 0, 0, 0, 0, missing))
    return packed, pairs.view(blocks, BLOCK, -1, 2).transpose(1, 2).contiguous()


def unpack4(packed: torch.Tensor, scales: torch.Tensor, rows: int) -> Rounded4:
    """What `pack4` was given."""
    blocks, columns, _ = packed.shape
    q = torch.cat([packed & 15, packed >> 4], -1).transpose(1, 2).reshape(blocks * BLOCK, columns)
    pairs = scales.transpose(1, 2).reshape(blocks * BLOCK, -1, 2)
    return Rounded4(q[:rows], pairs[:rows, :, 0], pairs[:rows, :, 1])


def floats4(packed: torch.Tensor, scales: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The weight of some blocks, [columns, rows of the blocks]."""
    blocks, columns, _ = packed.shape
    groups = scales.shape[1]
    q = torch.cat([packed & 15, packed >> 4], -1).to(dtype).sub_(8).view(blocks, groups, -1, BLOCK)
    scale, zero = scales.to(dtype).unbind(-1)
    values = q.mul_(scale[:, :, None]).add_(zero[:, :, None])
    return values.view(blocks, columns, BLOCK).transpose(0, 1).reshape(columns, blocks * BLOCK)


def for_torch4(packed: torch.Tensor, scales: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and scales as torch's own kernel takes them on this processor: the weight as it lies if that has AVX512.

    Rows are those of the blocks.
    """
    blocks, columns, _ = packed.shape
    in_order = scales.permute(1, 0, 2, 3).reshape(scales.shape[1], blocks * BLOCK, 2).contiguous()
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        return packed.view(blocks * BLOCK, columns // 2), in_order
    q = unpack4(packed, scales, blocks * BLOCK).q
    return torch.ops.aten._convert_weight_to_int4pack_for_cpu(q.to(torch.int32), 1), in_order
