"""X-ray form factors of neutral atoms.

Sums of four Gaussians and a constant, f = sum a_i exp(-b_i s^2) + c with s = q / (4 pi):
International Tables for Crystallography C (2004), table 6.1.1.4, after Cromer and Mann,
Acta Cryst. A24 (1968) 321. Good for s up to 2 1/A, q up to 25 1/A. Dispersion corrections
(f', f'') are left out: for light elements and Cu K-alpha they are below 2 % of f.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from carbonize.errors import InputError

__all__ = ["FORM_FACTORS", "check_elements", "form_factor"]

# a1 b1 a2 b2 a3 b3 a4 b4 c
FORM_FACTORS: dict[str, tuple[float, ...]] = {
    "H": (0.489918, 20.6593, 0.262003, 7.74039, 0.196767, 49.5519, 0.049879, 2.20159, 0.001305),
    "He": (0.8734, 9.1037, 0.6309, 3.3568, 0.3112, 22.9276, 0.178, 0.9821, 0.0064),
    "Li": (1.1282, 3.9546, 0.7508, 1.0524, 0.6175, 85.3905, 0.4653, 168.261, 0.0377),
    "Be": (1.5919, 43.6427, 1.1278, 1.8623, 0.5391, 103.483, 0.7029, 0.542, 0.0385),
    "B": (2.0545, 23.2185, 1.3326, 1.021, 1.0979, 60.3498, 0.7068, 0.1403, -0.1932),
    "C": (2.31, 20.8439, 1.02, 10.2075, 1.5886, 0.5687, 0.865, 51.6512, 0.2156),
    "N": (12.2126, 0.0057, 3.1322, 9.8933, 2.0125, 28.9975, 1.1663, 0.5826, -11.529),
    "O": (3.0485, 13.2771, 2.2868, 5.7011, 1.5463, 0.3239, 0.867, 32.9089, 0.2508),
    "F": (3.5392, 10.2825, 2.6412, 4.2944, 1.517, 0.2615, 1.0243, 26.1476, 0.2776),
    "Ne": (3.9553, 8.4042, 3.1125, 3.4262, 1.4546, 0.2306, 1.1251, 21.7184, 0.3515),
    "Na": (4.7626, 3.285, 3.1736, 8.8422, 1.2674, 0.3136, 1.1128, 129.424, 0.676),
    "Mg": (5.4204, 2.8275, 2.1735, 79.2611, 1.2269, 0.3808, 2.3073, 7.1937, 0.8584),
    "Al": (6.4202, 3.0387, 1.9002, 0.7426, 1.5936, 31.5472, 1.9646, 85.0886, 1.1151),
    "Si": (6.2915, 2.4386, 3.0353, 32.3337, 1.9891, 0.6785, 1.541, 81.6937, 1.1407),
    "P": (6.4345, 1.9067, 4.1791, 27.157, 1.78, 0.526, 1.4908, 68.1645, 1.1149),
    "S": (6.9053, 1.4679, 5.2034, 22.2151, 1.4379, 0.2536, 1.5863, 56.172, 0.8669),
    "Cl": (11.4604, 0.0104, 7.1964, 1.1662, 6.2556, 18.5194, 1.6455, 47.7784, -9.5574),
    "K": (8.2186, 12.7949, 7.4398, 0.7748, 1.0519, 213.187, 0.8659, 41.6841, 1.4228),
    "Ca": (8.6266, 10.4421, 7.3873, 0.6599, 1.5899, 85.7484, 1.0211, 178.437, 1.3751),
    "Fe": (11.7695, 4.7611, 7.3573, 0.3072, 3.5222, 15.3535, 2.3045, 76.8805, 1.0369),
    "Ni": (12.8376, 3.8785, 7.292, 0.2565, 4.4438, 12.1763, 2.38, 66.3421, 1.0341),
    "Zn": (14.0743, 3.2655, 7.0318, 0.2333, 5.1652, 10.3163, 2.41, 58.7097, 1.3041),
}
"""Coefficients by element."""


def check_elements(symbols: Iterable[str]) -> None:
    """Refuse elements without form factor.

    Raises
    ------
    InputError
        Naming the first of them and the known ones.
    """
    for symbol in dict.fromkeys(symbols):
        if symbol not in FORM_FACTORS:
            raise InputError(
                f"there is no X-ray form factor for {symbol} (known: {', '.join(FORM_FACTORS)}); "
                "leave scattering out, or take these atoms out of the structure"
            )


def form_factor(symbol: str, q: Float[np.ndarray, " q"]) -> Float[np.ndarray, " q"]:
    """Form factor (electrons) of a neutral atom.

    Parameters
    ----------
    symbol
        Chemical symbol.
    q
        4 pi sin(theta) / lambda, in 1/A.

    Raises
    ------
    InputError
        For an element that is not in the table.

    >>> round(float(form_factor("C", np.array([0.0]))[0]), 2)
    6.0
    """
    check_elements([symbol])
    *pairs, constant = FORM_FACTORS[symbol]
    s2 = (np.asarray(q, float) / (4 * np.pi)) ** 2
    total = np.full_like(s2, constant)
    for a, b in zip(pairs[::2], pairs[1::2], strict=True):
        total += a * np.exp(-b * s2)
    return total
