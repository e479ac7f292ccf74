"""The four outcomes in the order of the keys 1 to 4. Knows no component."""

from __future__ import annotations

from arena.types import Winner

CHOICES = (Winner.MODEL_A, Winner.MODEL_B, Winner.TIE, Winner.BOTH_BAD)
