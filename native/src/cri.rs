//! Lines without what CRI or `kubectl --timestamps` puts before each.
//!
//! In: `2026-11-23T00:42:56.837123456Z stdout F [2026-...`. Out: `[2026-...`. A line is taken only if each byte before
//! its own first one stands as the usual writers put it. Every other line is left to `sources/unwrapping.py`, and so is
//! each that may end a line which came in parts.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;

use crate::marks::line_end;
use crate::memory::Memory;
use crate::values::has_form;

/// So many lines are unwrapped at once: several times as many as a block has of any proxy. What is kept of each line
/// is more than an empty line has.
const LINES: usize = 50_000;

const SECONDS: &[u8] = b"0000-00-00T00:00:00";
const STREAMS: [&[u8]; 2] = [b" stdout F ", b" stderr F "];

/// A line that is left: its number (from 0), where it starts and ends, and where it belongs in the bare bytes.
type Left = (usize, usize, usize, usize);

struct Bare {
    /// From where to where the lines that are taken stand, their line ends included.
    pieces: Vec<(usize, usize)>,
    length: usize,
    lines: Vec<i64>,
    left: Vec<Left>,
    /// Where the next line starts.
    end: usize,
}

/// Up to `LINES` lines from `start` on, of those that end at `length`: the bare bytes of those that are taken, which
/// lines these are (from 0), those that are left, and where the next line starts.
///
/// There are `marks::PADDING` bytes behind the lines, and `padding` bytes behind the bare ones. `barred` are lines that must
/// be left, in ascending order. `is_cri` is false for `kubectl --timestamps`. `waiting`: parts of lines came before.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn bare_lines<'py>(
    py: Python<'py>,
    data: PyBuffer<u8>,
    start: usize,
    length: usize,
    barred: Vec<usize>,
    is_cri: bool,
    waiting: bool,
    padding: usize,
) -> PyResult<(Bound<'py, PyByteArray>, Memory, Vec<Left>, usize)> {
    let text = crate::padded(&data, length)?;
    let Bare { pieces, length, lines, left, end } =
        crate::guarded(py, || taken(text, start, length, &barred, is_cri, waiting))?;
    let bare = PyByteArray::new_with(py, length + padding, |to| {
        let mut at = 0;
        for &(from, next) in &pieces {
            to[at..at + next - from].copy_from_slice(&text[from..next]);
            at += next - from;
        }
        Ok(())
    })?;
    Ok((bare, Memory::new(lines), left, end))
}

fn taken(text: &[u8], start: usize, length: usize, barred: &[usize], is_cri: bool, waiting: bool) -> Bare {
    let most = (length / 128).min(LINES);
    let mut bare = Bare {
        pieces: Vec::with_capacity(most),
        length: 0,
        lines: Vec::with_capacity(most),
        left: Vec::new(),
        end: start,
    };
    let mut barred = barred.iter().peekable();
    // A part waits for the next whole line of its stream and for no other. So behind a line that is left, which may be
    // a part of either, the first line of each stream is left too.
    let mut may_end_parts = [waiting; STREAMS.len()];
    for line in 0..LINES {
        if bare.end >= length {
            break;
        }
        let (begin, end) = (bare.end, line_end(text, bare.end));
        bare.end = end + 1;
        let is_barred = barred.next_if_eq(&&line).is_some();
        let found = if is_barred { None } else { before(&text[begin..end], is_cri) };
        match found {
            Some((stream, size)) if !(is_cri && std::mem::take(&mut may_end_parts[stream])) => {
                bare.pieces.push((begin + size, bare.end));
                bare.length += bare.end - begin - size;
                bare.lines.push(line as i64);
            }
            _ => {
                if found.is_none() {
                    may_end_parts = [true; STREAMS.len()];
                }
                bare.left.push((line, begin, end, bare.length));
            }
        }
    }
    bare
}

/// The stream that a line comes from, by its number, and how many bytes are before its own.
#[inline]
fn before(line: &[u8], is_cri: bool) -> Option<(usize, usize)> {
    let rest = behind_time(line)?;
    let at = line.len() - rest.len();
    if is_cri {
        let stream = STREAMS.iter().position(|stream| rest.starts_with(stream))?;
        return Some((stream, at + STREAMS[stream].len()));
    }
    // Behind a time a word may be the agent's level, and then the time is its own. A proxy's lines begin like this.
    matches!(rest, [b' ', b'[' | b'{' | b'0'..=b'9', ..]).then_some((0, at + 1))
}

/// What is behind a time of RFC 3339 that begins the line.
///
/// Of 0 to 9 digits behind the second, for Go's RFC3339Nano leaves out zeros at the end (containerd); Z or an offset,
/// which CRI-O writes (containers/conmon src/ctr_logging.c, set_k8s_timestamp).
#[inline]
fn behind_time(line: &[u8]) -> Option<&[u8]> {
    let (seconds, mut rest) = line.split_at_checked(SECONDS.len())?;
    has_form(seconds, SECONDS).then_some(())?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (1..=9).contains(&digits).then_some(())?;
        rest = &fraction[digits..];
    }
    if let Some(utc) = rest.strip_prefix(b"Z") {
        return Some(utc);
    }
    let (zone, rest) = rest.split_at_checked(6)?;
    (has_form(zone, b"+00:00") || has_form(zone, b"-00:00")).then_some(rest)
}
