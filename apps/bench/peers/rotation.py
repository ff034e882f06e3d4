"""How far the value of vector-quantize-pytorch's rotate_to is from the code that it stands for: the largest |y - q| of an element over
200,000 tokens, codes of standard deviation 1.

Needs a Python with torch and vector-quantize-pytorch 1.31.0.
usage: python rotation.py
"""

import torch

from vector_quantize_pytorch.vector_quantize_pytorch import rotate_to

TOKENS = 200_000

torch.manual_seed(0)
for dim in (8, 32, 128, 512):
    x = torch.randn(TOKENS, dim)
    cases = {
        "any direction": torch.randn(TOKENS, dim),
        "near its code": x + 0.1 * torch.randn(TOKENS, dim),
        "nearly opposite": -x + 0.01 * torch.randn(TOKENS, dim),
    }
    print(dim, ", ".join(f"{name} {(rotate_to(x, q) - q).abs().max().item():.1e}" for name, q in cases.items()))
