"""Compares small products of compiled kernels with floats: a compiler's mistake must not change a model's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import normalize, rms_norm, silu, softplus

from backends.packed.kernel_build import NoKernels
from backends.packed.residual import residual_floats
from backends.packed.scheme import BLOCK, pack4, round4, round8
from backends.packed.structures import HEAD, TAPS, Delta

if TYPE_CHECKING:
    from backends.packed.kernels import Kernels

BF16 = torch.bfloat16
_CLOSE = 0.02
# Shapes of a weight, its bias, and the inputs.
_TESTED = ((BLOCK, 128), (BLOCK,), (5, 128))


def try_out(kernels: Kernels) -> None:
    """Raises NoKernels if one is off."""
    random = torch.Generator().manual_seed(1)
    weight, bias, x = (torch.randn(*shape, generator=random, dtype=torch.float32) for shape in _TESTED)
    x = x.to(BF16)
    four, eight = round4(weight, 32), round8(weight)
    packed = pack4(four)
    by4, by8 = x.float() @ four.floats().T + bias, x.float() @ eight.floats().T + bias
    query, keys, values = x[None, :1, :BLOCK].contiguous(), x[None, 1:, :BLOCK].contiguous(), x[None, 1:, -BLOCK:]
    attended = (query.float() @ keys.float().mT * 0.1).softmax(-1) @ values.float()
    results = {
        "few4": (kernels.few4(x, packed, bias), by4),
        "one4": (kernels.few4(x[:1], packed, bias), by4[:1]),
        "three4": (kernels.few4(x[:3], packed, bias), by4[:3]),
        "few8": (kernels.few8(x, eight.q, eight.scale, bias), by8),
        "attend": (kernels.attend(query, [keys], [values.contiguous()], 0.1), attended),
        "rms_norm": (kernels.rms_norm(x, x[0], 1e-6), rms_norm(x.float(), (128,), x[0].float(), 1e-6)),
        "wide rms_norm": (kernels.rms_norm(x, weight[0], 1e-6), rms_norm(x.float(), (128,), weight[0], 1e-6)),
        "score_best": _try_best(kernels, x, weight),
        "delta": _try_delta(kernels, random),
    }
    if kernels.tiles:
        results["many4"] = kernels.many4(x, packed, bias), by4
    for name, (result, wanted) in results.items():
        # Also true for NaN.
        if not (result.float() - wanted).norm() <= _CLOSE * wanted.norm():
            raise NoKernels(f"the compiled {name} gives wrong results")


def _try_best(kernels: Kernels, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The three best of 64 scores of two rows, with a residual of their own; and the same by torch."""
    scale = weight.abs().amax(-1)
    residual = torch.arange(64 * 64, dtype=torch.int32).mul_(37).to(torch.uint8).view(64, 64)
    scores = (x[:2].float() @ weight.T).to(BF16)
    wanted, best = scores.float(), scores.topk(3).indices
    more = x[:2].float() @ residual_floats(residual, scale).T
    wanted.scatter_add_(1, best, more.gather(1, best))
    kernels.score_best(x[:2], residual, scale, scores, 3)
    return scores, wanted


def _try_delta(kernels: Kernels, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two value heads that share a key head, for two tokens of one conversation; and the same by torch."""
    shapes = (2, 4 * HEAD), (2, 2 * HEAD), (2, 2), (2, 2), (TAPS, 4 * HEAD), (2,), (2,), (HEAD,)
    qkv, z, b, a, taps, rate, bias, norm = (torch.randn(*shape, generator=random) for shape in shapes)
    qkv, z, b, a = (part.to(BF16) for part in (qkv, z, b, a))
    rate = rate.exp()
    conv, memory = torch.zeros(TAPS - 1, 4 * HEAD), torch.zeros(2, HEAD, HEAD)
    mixed = silu(torch.stack([qkv[0] * taps[3], qkv[0] * taps[2] + qkv[1] * taps[3]])).view(2, 4, HEAD)
    query, key, values = normalize(mixed[:, 0], dim=-1) / HEAD**0.5, normalize(mixed[:, 1], dim=-1), mixed[:, 2:]
    decay, beta = (-rate * softplus(a + bias)).exp(), b.float().sigmoid()
    first = key[0, None, :, None] * (beta[0, :, None] * values[0])[:, None]
    kept = first * decay[1, :, None, None]
    change = beta[1, :, None] * (values[1] - (kept * key[1, None, :, None]).sum(1))
    second = kept + key[1, None, :, None] * change[:, None]
    read = torch.stack([(state * query[t, None, :, None]).sum(1) for t, state in enumerate((first, second))])
    wanted = rms_norm(read, (HEAD,), norm, 1e-6) * silu(z.float()).view(read.shape)
    layer = Delta(*(part.data_ptr() for part in (taps, rate, bias, norm)), 1, 2, 1e-6)
    return kernels.delta(layer, [(conv, memory)], [2], (qkv, z, b, a)), wanted.view(z.shape)
