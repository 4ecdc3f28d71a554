# The compiled lane, which is written in Rust: native/src/lib.rs.

from collections.abc import Sequence
from typing import TypeAlias

from typing_extensions import Buffer

PADDING: int

def line_ends(data: Buffer) -> int: ...
def leaf_hashes(lines: Buffer, first: int) -> bytes: ...
def root_of(leaves: Buffer) -> bytes: ...
def bare_lines(
    data: bytes | bytearray,
    start: int,
    length: int,
    barred: Sequence[int],
    is_cri: bool,
    waiting: bool,
    padding: int,
) -> tuple[bytearray, Buffer, list[tuple[int, int, int, int]], int]: ...

_Column: TypeAlias = tuple[int, Buffer | None, list[Buffer]]
_Hops: TypeAlias = tuple[Buffer, Buffer, list[Buffer]]

class Lanes:
    def __init__(
        self,
        formats: Sequence[tuple[Sequence[tuple[bytes, str, int | None]], bytes]],
        envoy: tuple[Sequence[tuple[bytes, int, str]], Sequence[int]],
        ztunnel: tuple[Sequence[tuple[bytes, int, str]], Sequence[int]],
        message: tuple[int, Sequence[bytes]],
        forged: Sequence[int],
        levels: Sequence[bytes],
        raw: int,
    ) -> None: ...
    def take(
        self,
        data: bytes | bytearray,
        length: int,
        barred: Sequence[int],
        dialects: tuple[bool, bool],
        wanted: Sequence[tuple[int, str]],
        log: tuple[Fingerprints, tuple[int, str]] | None,
    ) -> tuple[Buffer, Buffer, list[tuple[int, Buffer, Buffer, list[_Column], _Hops | None]]]: ...

class Fingerprints:
    def __init__(self, columns: Sequence[str], signature: Sequence[str]) -> None: ...
    def of(self, log: tuple[int, str], columns: Sequence[int], lines: Sequence[Sequence[bytes | None]]) -> _Hops: ...
    def new_signatures(self) -> tuple[int, list[_Column]]: ...
    def new_senders(self) -> tuple[int, list[_Column]]: ...
