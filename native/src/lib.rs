//! The compiled lane: whole blocks of lines to columns as Arrow lays them out.
//!
//! Each line is read once, from left to right, and is taken only if every byte is where its dialect has it; of a text
//! line that is not clean, what no sender can have written. All other lines are left to the dialects in Python,
//! which are the truth that tests hold this lane to.

mod columns;
mod cri;
mod distinct;
mod fingerprints;
mod forged;
mod hops;
mod json;
mod keys;
mod leaves;
mod marks;
mod memory;
mod other;
mod text;
mod values;
mod ztunnel;

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use columns::{Column, Kind, MOST, Row, Taken, Values};
use fingerprints::{Fingerprints, HopParts, LogParts};
use hops::Hops;
use keys::{Key, Keys, Order};
use memory::Memory;

/// What the lanes know of formats and keys; the dialects' own definitions, handed over once.
#[pyclass(frozen)]
struct Lanes {
    formats: Vec<text::Format>,
    envoy: Keys,
    ztunnel: Keys,
    message: ztunnel::Message,
    forged: forged::Columns,
    /// The levels of other lines.
    levels: Vec<Vec<u8>>,
    raw: usize,
}

/// A format: literal text, kind and column of each value, and the literal text behind the last.
type FormatParts = (Vec<(Vec<u8>, String, Option<usize>)>, Vec<u8>);
/// Name, column and kind of each key; which columns must have a value.
type KeysParts = (Vec<(Vec<u8>, usize, String)>, Vec<usize>);
type MessageParts = (usize, Vec<Vec<u8>>);
/// A column's number, its validity (None: all lines have a value), and its values.
type ColumnParts = (usize, Option<Memory>, Vec<Memory>);
/// A dialect's number, its lines and their times, the columns, and what joining needs, if it was asked for.
type TakenParts = (usize, Memory, Memory, Vec<ColumnParts>, Option<HopParts>);

/// What one dialect took of a block.
struct Part {
    taken: Taken,
    hops: Option<Hops>,
}

/// What was read of a block.
struct Read {
    /// Where each line ends.
    ends: Vec<i64>,
    /// The lines that are no access lines.
    others: Vec<i64>,
    parts: Vec<Option<Part>>,
}

#[pymethods]
impl Lanes {
    /// `raw` is the column of the whole line.
    #[new]
    fn new(
        formats: Vec<FormatParts>,
        envoy: KeysParts,
        ztunnel: KeysParts,
        message: MessageParts,
        forged: Vec<usize>,
        levels: Vec<Vec<u8>>,
        raw: usize,
    ) -> PyResult<Self> {
        Ok(Lanes {
            formats: formats.into_iter().map(format).collect::<PyResult<_>>()?,
            envoy: known(envoy)?,
            ztunnel: known(ztunnel)?,
            message: ztunnel::Message { column: column(message.0)?, known: message.1 },
            forged: forged_columns(forged)?,
            levels,
            raw: column(raw)?,
        })
    }

    /// Where the block's lines end, which of them are no access lines, and what each dialect took: the formats in their
    /// order, JSON, ztunnel, and text that is not clean.
    ///
    /// `length` bytes of `data` are whole lines, and PADDING bytes more are behind them. `barred` are lines (from 0)
    /// that must not be parsed, in ascending order. With `log` the hops of clean lines are named as of that log.
    #[allow(clippy::too_many_arguments)]
    fn take(
        &self,
        py: Python<'_>,
        data: PyBuffer<u8>,
        length: usize,
        barred: Vec<usize>,
        dialects: (bool, bool),
        wanted: Vec<(usize, String)>,
        log: Option<(Bound<'_, Fingerprints>, LogParts)>,
    ) -> PyResult<(Memory, Memory, Vec<TakenParts>)> {
        let text = padded(&data, length)?;
        let wanted = wanted
            .into_iter()
            .map(|(number, kind)| Ok((column(number)?, column_kind(&kind)?)))
            .collect::<PyResult<Vec<_>>>()?;
        let log = match &log {
            Some((fingerprints, parts)) => Some((fingerprints.get().fingerprinter(), fingerprints::log(parts)?)),
            None => None,
        };
        let Read { ends, others, parts } = guarded(py, || self.read(text, length, &barred, dialects, &wanted, log))?;
        let parts = parts.into_iter().enumerate().filter_map(|(n, part)| Some(parts_of(n, part?))).collect();
        Ok((Memory::new(ends), Memory::new(others), parts))
    }
}

impl Lanes {
    fn read(
        &self,
        text: &[u8],
        length: usize,
        barred: &[usize],
        (envoy, ztunnel): (bool, bool),
        wanted: &[(usize, Kind)],
        log: Option<(&hops::Fingerprinter, hops::Log)>,
    ) -> Read {
        let mut ends: Vec<i64> = Vec::with_capacity(length / 256);
        let (mut start, mut has_text) = (0, false);
        while start < length {
            has_text |= text[start] == b'[';
            let end = marks::line_end(text, start);
            ends.push(end as i64);
            start = end + 1;
        }
        let (json, tunnels) = (self.formats.len(), self.formats.len() + 1);
        let forged = tunnels + 1;
        let mut parts: Vec<Option<Part>> = (0..=forged).map(|_| None).collect();
        let (mut row, mut json_order, mut tunnel_order) = (Row::new(), Order::default(), Order::default());
        let mut others = Vec::new();
        let mut barred = barred.iter().peekable();
        let mut start = 0;
        for (line, &end) in ends.iter().enumerate() {
            let (begin, end) = (start, end as usize);
            start = end + 1;
            if barred.next_if_eq(&&line).is_some() {
                continue;
            }
            // Beside lines of text what is no text may be the rest of one: only the line parser keeps account of that.
            let dialect = match text[begin] {
                b'[' if envoy => (0..json)
                    .find(|&n| self.formats[n].read(text, begin, end, &mut row))
                    .or_else(|| self.forged.read(text, begin, end, &mut row).then_some(forged)),
                b'{' if envoy && !has_text => {
                    json::read(&self.envoy, &mut json_order, text, begin, end, &mut row).then_some(json)
                }
                b'0'..=b'9' if ztunnel && !has_text => {
                    ztunnel::read(&self.ztunnel, &self.message, &mut tunnel_order, text, begin, end, &mut row)
                        .then_some(tunnels)
                }
                _ => None,
            };
            if let Some(dialect) = dialect {
                row.set_text(self.raw, (begin, end));
                let part = parts[dialect].get_or_insert_with(|| Part {
                    taken: Taken::new(wanted, self.columns(dialect), length / 256),
                    // What is not clean is not joined.
                    hops: (log.is_some() && dialect != forged).then(Hops::default),
                });
                part.taken.push(line, &row, text);
                if let (Some((fingerprinter, log)), Some(hops)) = (log, &mut part.hops) {
                    fingerprinter.push(hops, log, &row, text);
                }
            } else if text[begin].is_ascii_digit() && other::is_other(&self.levels, text, begin, end) {
                others.push(line as i64);
            }
        }
        if let Some((fingerprinter, _)) = log {
            parts
                .iter_mut()
                .flatten()
                .filter_map(|part| part.hops.as_mut())
                .for_each(|hops| fingerprinter.finish(hops));
        }
        Read { ends, others, parts }
    }

    /// The columns that a dialect fills.
    fn columns(&self, dialect: usize) -> u64 {
        let own = match self.formats.get(dialect) {
            Some(format) => format.columns(),
            None if dialect == self.formats.len() => self.envoy.columns(),
            None if dialect == self.formats.len() + 1 => self.ztunnel.columns() | 1 << self.message.column,
            None => self.forged.columns(),
        };
        own | 1 << self.raw
    }
}

/// A block's lines, `length` bytes, and the padding behind them.
fn padded(data: &PyBuffer<u8>, length: usize) -> PyResult<&[u8]> {
    if length > i32::MAX as usize {
        return Err(PyValueError::new_err("the block is too large"));
    }
    let padded = memory::shared(data)?.get(..length + marks::PADDING);
    padded.ok_or_else(|| PyValueError::new_err("the block has no padding"))
}

/// Does some work while the interpreter runs other threads.
fn guarded<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    // Nothing here is to panic; if it does, Python is to have an error that the command line can report.
    py.detach(|| catch_unwind(AssertUnwindSafe(work))).map_err(|_| PyRuntimeError::new_err("the compiled lane failed"))
}

/// How many line ends some bytes have.
#[pyfunction]
fn line_ends(py: Python<'_>, data: PyBuffer<u8>) -> PyResult<usize> {
    let bytes = memory::shared(&data)?;
    guarded(py, || marks::line_ends(bytes))
}

fn format((steps, tail): FormatParts) -> PyResult<text::Format> {
    let steps = steps
        .into_iter()
        .map(|(before, kind, number)| {
            let column = number.map(column).transpose()?;
            let before = text::Literal::new(&before)
                .ok_or_else(|| PyValueError::new_err("a literal is longer than eight bytes"))?;
            Ok(text::Step { before, kind: text_kind(&kind)?, column })
        })
        .collect::<PyResult<_>>()?;
    Ok(text::Format { steps, tail })
}

fn known((keys, required): KeysParts) -> PyResult<Keys> {
    let keys = keys
        .into_iter()
        .map(|(name, number, kind)| Ok(Key { name, column: column(number)?, kind: key_kind(&kind)? }))
        .collect::<PyResult<_>>()?;
    let required = required.into_iter().try_fold(0, |bits, number| PyResult::Ok(bits | 1 << column(number)?))?;
    Ok(Keys { keys, required })
}

fn forged_columns(numbers: Vec<usize>) -> PyResult<forged::Columns> {
    let numbers = numbers.into_iter().map(column).collect::<PyResult<Vec<_>>>()?;
    let [response_code, response_flags, response_code_details, connection_termination_details, rest @ ..] =
        &numbers[..]
    else {
        return Err(PyValueError::new_err("columns are missing"));
    };
    let &[requested_server_name, route_name, ref tail @ ..] = rest else {
        return Err(PyValueError::new_err("columns are missing"));
    };
    Ok(forged::Columns {
        response_code: *response_code,
        response_flags: *response_flags,
        response_code_details: *response_code_details,
        connection_termination_details: *connection_termination_details,
        requested_server_name,
        route_name,
        tail: tail.try_into().map_err(|_| PyValueError::new_err("columns are missing"))?,
    })
}

fn column(number: usize) -> PyResult<usize> {
    if number < MOST { Ok(number) } else { Err(PyValueError::new_err("too many columns")) }
}

fn text_kind(name: &str) -> PyResult<text::Kind> {
    Ok(match name {
        "time" => text::Kind::Time,
        "count" => text::Kind::Count,
        "count or absent" => text::Kind::CountOrAbsent,
        "protocol" => text::Kind::Protocol,
        "flags" => text::Kind::Flags,
        "bare" => text::Kind::Bare,
        "words" => text::Kind::Words,
        "quoted" => text::Kind::Quoted,
        _ => return Err(PyValueError::new_err("no such kind of value")),
    })
}

fn key_kind(name: &str) -> PyResult<keys::Kind> {
    Ok(match name {
        "time" => keys::Kind::Time,
        "text" => keys::Kind::Text,
        "number" => keys::Kind::Number,
        "milliseconds" => keys::Kind::Milliseconds,
        _ => return Err(PyValueError::new_err("no such kind of key")),
    })
}

fn column_kind(name: &str) -> PyResult<Kind> {
    Ok(match name {
        "text" => Kind::Text,
        "number" => Kind::Number,
        _ => return Err(PyValueError::new_err("no such kind of column")),
    })
}

fn parts_of(dialect: usize, Part { taken, hops }: Part) -> TakenParts {
    let columns = taken.columns.into_iter().map(column_parts).collect();
    (dialect, Memory::new(taken.lines), Memory::new(taken.micros), columns, hops.map(fingerprints::parts_of))
}

fn column_parts(column: Column) -> ColumnParts {
    let validity = (column.validity.absent > 0).then(|| Memory::new(column.validity.bits));
    let values = match column.values {
        Values::Numbers(numbers) => vec![Memory::new(numbers)],
        Values::Texts(texts) => vec![Memory::new(texts.offsets), Memory::new(texts.bytes)],
    };
    (column.number, validity, values)
}

/// The compiled lane.
#[pymodule(name = "_lanes")]
fn lanes(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("PADDING", marks::PADDING)?;
    module.add_function(wrap_pyfunction!(cri::bare_lines, module)?)?;
    module.add_function(wrap_pyfunction!(line_ends, module)?)?;
    module.add_function(wrap_pyfunction!(leaves::leaf_hashes, module)?)?;
    module.add_function(wrap_pyfunction!(leaves::root_of, module)?)?;
    module.add_class::<Lanes>()?;
    module.add_class::<Fingerprints>()
}
