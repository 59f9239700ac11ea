"""Random NEP files of any kind, for tests: the header of GPUMD, then one number a line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a random file holds; small sizes unless asked for."""

    tag: str = "nep4"
    elements: tuple[str, ...] = ("C",)
    cutoff: str = "4.2 3.5 80 47"
    l_max: str = "4 2 1"
    zbl: str = ""
    n_max: tuple[int, int] = (3, 2)
    basis_size: tuple[int, int] = (4, 3)
    neurons: int = 6
    seed: int = 1

    def sizes(self) -> tuple[int, int, int, int]:
        """Numbers of network and of descriptor parameters, descriptors, and flexible ZBL entries."""
        types = len(self.elements)
        three, four, five = (int(w) for w in self.l_max.split()[:3])
        descriptors = self.n_max[0] + 1 + (self.n_max[1] + 1) * (three + (four > 0) + (five > 0))
        networks = types if self.tag.startswith("nep4") else 1
        pairs = sum((n + 1) * (k + 1) for n, k in zip(self.n_max, self.basis_size, strict=True))
        flexible = 10 * types * (types + 1) // 2 if self.zbl == "0 0" else 0
        return networks * self.neurons * (descriptors + 2) + 1, types**2 * pairs, descriptors, flexible

    def header(self) -> list[str]:
        """The lines before the numbers."""
        return [
            f"{self.tag} {len(self.elements)} {' '.join(self.elements)}",
            *([f"zbl {self.zbl}"] if self.zbl else []),
            f"cutoff {self.cutoff}",
            f"n_max {self.n_max[0]} {self.n_max[1]}",
            f"basis_size {self.basis_size[0]} {self.basis_size[1]}",
            f"l_max {self.l_max}",
            f"ANN {self.neurons} 0",
        ]

    def text(self) -> str:
        """The whole file."""
        rng = np.random.default_rng(self.seed)
        network, coefficients, descriptors, flexible = self.sizes()
        numbers = [
            *rng.normal(scale=0.4, size=network),
            *rng.normal(scale=0.5, size=coefficients),
            *rng.uniform(0.1, 0.4, size=descriptors),
        ]
        for _ in range(flexible // 10):
            inner = rng.uniform(0.5, 0.9)
            terms = zip(rng.uniform(0.02, 0.5, 4), rng.uniform(0.2, 3.2, 4), strict=True)
            numbers += [inner, inner + rng.uniform(0.5, 1.0), *(v for term in terms for v in term)]
        return "\n".join([*self.header(), *(f"{value:15.7e}" for value in numbers)]) + "\n"

    def write(self, path: Path) -> Path:
        """Write the file and say where."""
        path.write_text(self.text())
        return path
