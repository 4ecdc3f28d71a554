"""Paths to lines: every log that is found, one after the other, with an account of what was not read.

In: paths, e.g. `logs`. Out: each log with its lines, e.g. `logs/shop/cart-1/istio-proxy.log` under the name
`shop/cart-1/istio-proxy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import BinaryIO

from egressaudit.compiled_module import missing
from egressaudit.errors import BadLogs
from egressaudit.model import PROXY_CONTAINER, LogLine, LogSource, Reporter
from egressaudit.sources.archives import members
from egressaudit.sources.blocks import BLOCK, LineBlock, split_blocks
from egressaudit.sources.layouts import place, reporter_of
from egressaudit.sources.line_split import split_lines
from egressaudit.sources.locations import Account, Found, Source, check_there, source_of
from egressaudit.sources.shown_paths import ShownPaths, as_named
from egressaudit.sources.streams import Fill, Stream, Watch, filling
from egressaudit.sources.unwrapping import Numbered, told_wrapper, unwrapped
from egressaudit.sources.wrappers import Wrapper, unwrap

_IN_BLOCKS = (Wrapper.CRI, Wrapper.TIMESTAMPS)
"""The wrappers that can be taken off whole blocks: they say nothing of whose line it is."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One log: the path it was found at (in an archive: `ARCHIVE!MEMBER`), and whose log the path says it is.

    `name` is what its lines are called: `namespace/pod/container` where the path tells, with `@PATH` behind it for
    any further log of the same container (an older one, a copy); else the path. `inner` is the part of the path that
    tells: the member's in an archive.
    """

    path: str
    name: str
    source: LogSource | None
    reporter: Reporter | None
    member: str = ""
    """Its name in an archive, '' if it is in none."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line and everything that is known of who wrote it.

    `reporter` is None if nothing tells it but the line itself. With a `fault` the line must not be parsed; with
    `foreign` it is known to be no proxy's: another container's, between those of a proxy.
    """

    origin: Origin
    name: str
    line: LogLine
    reporter: Reporter | None
    fault: str = ""
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """One log without what is around its lines: in `blocks`, or as `lines` where each is to be unwrapped by itself.

    Whoever has read it to its end says so with `ended`, and how many lines it had: it may have ended in a break.
    """

    origin: Origin
    blocks: Iterator[LineBlock] | None
    lines: Iterator[SourceLine] | None
    ended: Callable[[int], None]


class Sources:
    """The logs at some paths. Iterating reads them once; what was passed over or broke is known afterwards.

    `skipped` counts files by the reason why they were not read; `broken` has a sentence for each that broke on the
    way; `origins` counts the logs that were read; `bytes_read` grows with what was read of the files themselves, of
    `bytes_total` (None with standard input). What `watch` gives for a log is shown its bytes, without compression, as
    they are read. With `relative`, logs are called as in reports (`ShownPaths`), else as they were named. `kept_at`
    says what kind of place a path names.
    """

    def __init__(
        self,
        paths: Iterable[str],
        *,
        reporter: Reporter | None = None,
        containers: frozenset[str] = frozenset({PROXY_CONTAINER}),
        watch: Callable[[Origin], Watch] | None = None,
        relative: bool = False,
        kept_at: Callable[[str], Source] = source_of,
    ) -> None:
        self._paths = tuple(paths)
        self._shown = ShownPaths(self._paths).within if relative else as_named
        self._kept_at = kept_at
        self._reporter = reporter
        self._containers = containers
        self._watch = watch
        self._named: dict[str, str] = {}
        self._account = Account()
        self.skipped, self.broken = self._account.skipped, self._account.broken
        self.origins = 0
        self.bytes_read = 0
        check_there(self._paths, "Name files, folders, archives, or - for standard input.", kept_at)

    @cached_property
    def bytes_total(self) -> int | None:
        """How many bytes there are to read, None if that cannot be known."""
        sizes = [self._kept_at(path).size(path, self._containers) for path in self._paths]
        return None if None in sizes else sum(filter(None, sizes))

    def __iter__(self) -> Iterator[tuple[Origin, Iterator[SourceLine]]]:
        """Each log with its lines, which must be taken before the next log is."""
        for origin, stream in self._logs():
            if self._watch is not None:
                stream.watched(self._watch(origin))
            yield origin, self._lines(split_lines(stream.buffered), stream, origin)

    def contents(self) -> Iterator[tuple[Origin, BinaryIO]]:
        """Each log's bytes, without compression, which must be taken before the next log is."""
        for origin, stream in self._logs():
            yield origin, stream.buffered

    def logs(self, block_size: int = BLOCK) -> Iterator[Log]:
        """Each log in blocks of lines, which must be taken before the next log is."""
        for origin, stream in self._logs():
            watch = None if self._watch is None else self._watch(origin)
            blocks = split_blocks(stream.buffered, block_size, watch)
            first: list[LineBlock] = []
            _, wrapper = told_wrapper(each for block in _kept(blocks, first) for each in block.lines())
            again = chain(first, blocks)
            if wrapper is Wrapper.NONE:
                yield Log(origin, blocks=again, lines=None, ended=partial(self._note_break, stream, origin))
            elif wrapper in _IN_BLOCKS and not missing():
                # This imports the compiled module.
                from egressaudit.sources.bare_blocks import bare_blocks

                bare = self._bare(bare_blocks(again, wrapper), stream, origin)
                yield Log(origin, blocks=bare, lines=None, ended=lambda _: None)
            else:
                lines = self._lines((each for block in again for each in block.lines()), stream, origin)
                yield Log(origin, blocks=None, lines=lines, ended=lambda _: None)

    def _logs(self) -> Iterator[tuple[Origin, Stream]]:
        for path in self._paths:
            self._account.shown = shown = self._shown(path)
            for each in self._kept_at(path).found(path, self._containers, self._account):
                yield from self._stream(each, shown(each.path))

    def _stream(self, found: Found, shown: str) -> Iterator[tuple[Origin, Stream]]:
        raw, path = found.raw, found.path
        readinto: Fill = raw.readinto1 if hasattr(raw, "readinto1") else raw.readinto  # type: ignore[attr-defined]

        def fill(buffer: memoryview) -> int:
            count = readinto(buffer) or 0
            self.bytes_read += count
            return count

        if found.kept is not None:
            yield self._log(Stream(fill, shown, unpacked=True), shown, found.kept.source, found.kept.member)
            return
        stream = self._opened(fill, shown)
        if stream is None:
            return
        if stream.is_tar:
            yield from self._archive(stream, shown)
        else:
            yield self._log(stream, shown, place(path, self._containers).source)

    def _archive(self, archive: Stream, path: str) -> Iterator[tuple[Origin, Stream]]:
        before = len(self.broken)
        try:
            for name, data in members(archive.buffered, path, self.skipped):
                found = place(name, self._containers)
                if found.skip:
                    self.skipped[found.skip] += 1
                    continue
                member = self._opened(filling(data.read), f"{path}!{name}")
                if member is not None and member.is_tar:
                    self.skipped["archives inside archives"] += 1
                elif member is not None:
                    yield self._log(member, f"{path}!{name}", found.source, name)
        except BadLogs as error:
            # A break within a member is known already, and is the same one.
            if len(self.broken) == before:
                self.broken.append(error.message)
            if archive.fault:
                self.broken[-1] += f" ({archive.fault})"

    def _opened(self, fill: Fill, path: str) -> Stream | None:
        try:
            return Stream(fill, path)
        except BadLogs as error:
            self.broken.append(error.message)
            return None

    def _log(self, stream: Stream, path: str, source: LogSource | None, member: str = "") -> tuple[Origin, Stream]:
        name = path
        if source is not None:
            name = str(source) if self._named.setdefault(str(source), path) == path else f"{source}@{path}"
        reporter = self._reporter or (None if source is None else reporter_of(source.pod))
        self.origins += 1
        stream.of_lines()
        return Origin(path, name, source, reporter, member), stream

    def _lines(self, lines: Iterable[tuple[str, str]], stream: Stream, origin: Origin) -> Iterator[SourceLine]:
        number = 0
        for each in unwrapped(lines):
            number = each.number
            yield self._line(each, origin)
        self._note_break(stream, origin, number)

    def _bare(self, blocks: Iterator[LineBlock], stream: Stream, origin: Origin) -> Iterator[LineBlock]:
        number = 0
        for block in blocks:
            if block.numbers is not None:
                number = int(block.numbers[-1])
            yield block
        self._note_break(stream, origin, number)

    def _note_break(self, stream: Stream, origin: Origin, number: int) -> None:
        if stream.fault:
            self.broken.append(f"{origin.path} is broken after line {number}: {stream.fault}")

    def _line(self, each: Numbered, origin: Origin) -> SourceLine:
        line, source, name, reporter = each.line, origin.source or LogSource("", "", ""), origin.name, origin.reporter
        foreign = False
        if line.pod:
            source = LogSource(line.namespace or source.namespace, line.pod, line.container)
            name = f"{'/'.join(filter(None, (source.namespace, source.pod, source.container)))}@{origin.path}"
            reporter = self._reporter or reporter_of(line.pod)
            foreign = line.container not in self._containers
        return SourceLine(
            origin=origin,
            name=name,
            line=LogLine(source, each.number, line.text),
            reporter=reporter,
            fault=each.fault,
            foreign=foreign,
        )


def plain_line(origin: Origin, number: int, text: str, fault: str = "", *, was_wrapped: bool = False) -> SourceLine:
    """A line of a block; where it `was_wrapped`, everything that is left of it is its own."""
    if not was_wrapped:
        fault = fault or unwrap(text, Wrapper.NONE).fault
    line = LogLine(origin.source or LogSource("", "", ""), number, text)
    return SourceLine(origin=origin, name=origin.name, line=line, reporter=origin.reporter, fault=fault)


def _kept(blocks: Iterator[LineBlock], kept: list[LineBlock]) -> Iterator[LineBlock]:
    for block in blocks:
        kept.append(block)
        yield block
