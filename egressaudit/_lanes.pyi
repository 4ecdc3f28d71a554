# The fast lanes, which are written in Rust: native/src/lib.rs.

from collections.abc import Sequence
from typing import TypeAlias

from typing_extensions import Buffer

PADDING: int

_Column: TypeAlias = tuple[int, Buffer | None, list[Buffer]]

class Lanes:
    def __init__(
        self,
        formats: Sequence[tuple[Sequence[tuple[bytes, str, int | None]], bytes]],
        envoy: tuple[Sequence[tuple[bytes, int, str]], Sequence[int]],
        ztunnel: tuple[Sequence[tuple[bytes, int, str]], Sequence[int]],
        message: tuple[int, Sequence[bytes]],
        forged: Sequence[int],
        raw: int,
    ) -> None: ...
    def take(
        self,
        data: bytes | bytearray,
        length: int,
        barred: Sequence[int],
        dialects: tuple[bool, bool],
        wanted: Sequence[tuple[int, str]],
    ) -> tuple[Buffer, list[tuple[int, Buffer, Buffer, list[_Column]]]]: ...
