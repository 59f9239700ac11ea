"""``carbonize analyze --graph``: the pore network of each frame in a file of its own."""

from __future__ import annotations

from pathlib import Path

__all__ = ["GraphFiles"]


class GraphFiles:
    """Writes one graph under the given name, or several under numbered ones.

    The first text is kept until it is known whether it is the only one.

    Parameters
    ----------
    path
        Where one graph goes; frame 12 of several to ``name-000012.graphml``.
    source
        The file with the frames, which is never written over.

    Raises
    ------
    InputError
        If nothing can be written there.
    """

    def __init__(self, path: Path, source: Path | None = None) -> None:
        from carbonize.io.files import check_target

        check_target(path, source)
        self._path = path
        self._kept: tuple[int, str] | None = None
        self._several = False
        self.written: list[Path] = []

    def add(self, index: int, text: str) -> None:
        """Take the graph of frame ``index``."""
        if self._kept is None and not self._several:
            self._kept = (index, text)
            return
        if self._kept is not None:
            self._write(self._numbered(self._kept[0]), self._kept[1])
            self._kept, self._several = None, True
        self._write(self._numbered(index), text)

    def close(self) -> None:
        """Write what is left."""
        if self._kept is not None:
            self._write(self._path, self._kept[1])
            self._kept = None

    def _numbered(self, index: int) -> Path:
        return self._path.with_name(f"{self._path.stem}-{index:06d}{self._path.suffix}")

    def _write(self, path: Path, text: str) -> None:
        from carbonize.io.files import write_atomic

        write_atomic(path, text)
        self.written.append(path)
