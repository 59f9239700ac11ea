"""Files are data: whatever is in one, a reader reads it or refuses it with one line.

The property is in :func:`fuzz.mutation.reads_or_refuses`, the files are in :mod:`fuzz.readers`.
"""

from __future__ import annotations

import pytest
from fuzz.mutation import MANY, QUICK
from fuzz.readers import READERS, try_one
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("name", READERS)
def test_a_spoiled_file_is_read_or_refused(name: str) -> None:
    @QUICK
    @given(READERS[name].cases)
    def check(case: object) -> None:
        try_one(name, case)

    check()


@pytest.mark.slow
def test_of_a_thousand_spoiled_files_for_every_reader_each_is_read_or_refused() -> None:
    for name in READERS:

        @MANY
        @given(st.just(name), READERS[name].cases)
        def check(reader: str, case: object) -> None:
            try_one(reader, case)

        check()
