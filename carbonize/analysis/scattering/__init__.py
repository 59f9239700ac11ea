"""X-ray scattering of a structure: RDF, S(q), powder pattern, small angles."""
