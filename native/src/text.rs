//! Envoy's text: a line is taken if and only if its quotes and spaces are exactly where the format has them, and every
//! value has its type. Then no value contains a quote, and no bare value a space, so no sender has moved a field (see
//! `hops/dialects/envoy/default_text.py`).

use crate::columns::Row;
use crate::marks::{next_mark, word};
use crate::values::{digits, micros};

/// What a value may be: the terminals of `hops/dialects/envoy/format_string.py`.
#[derive(Clone, Copy)]
pub enum Kind {
    Time,
    /// Digits.
    Count,
    /// Digits, perhaps after a `-`; or just `-`.
    CountOrAbsent,
    Protocol,
    Flags,
    /// No spaces and no quotes.
    Bare,
    /// Bare words with single spaces between them; a quote follows.
    Words,
    /// Whatever is between two quotes.
    Quoted,
}

/// One value and the literal text before it.
pub struct Step {
    pub before: Literal,
    pub kind: Kind,
    pub column: Option<usize>,
}

/// A format: its values, and the literal text after the last one.
pub struct Format {
    pub steps: Vec<Step>,
    pub tail: Vec<u8>,
}

const TIME: usize = 24;

impl Format {
    /// The columns that its values fill.
    pub fn columns(&self) -> u64 {
        self.steps.iter().filter_map(|step| step.column).fold(0, |bits, column| bits | 1 << column)
    }

    /// Whether the line from `start` to its newline at `end` has this format; then the row has its values.
    #[inline]
    pub fn read(&self, text: &[u8], start: usize, end: usize, row: &mut Row) -> bool {
        row.clear();
        let mut at = start;
        for step in &self.steps {
            if !step.before.stands(text, at) {
                return false;
            }
            at += step.before.length;
            let Some(next) = step.value(text, at, row) else { return false };
            at = next;
        }
        text[at..end] == self.tail[..]
    }
}

/// Literal text of at most eight bytes, as one word.
pub struct Literal {
    bytes: u64,
    mask: u64,
    length: usize,
}

impl Literal {
    /// None if it is longer.
    pub fn new(text: &[u8]) -> Option<Self> {
        let bytes = |of: &dyn Fn(u8) -> u8| {
            let mut all = [0; 8];
            all.iter_mut().zip(text).for_each(|(to, &from)| *to = of(from));
            u64::from_le_bytes(all)
        };
        (text.len() <= 8).then(|| Literal { bytes: bytes(&|byte| byte), mask: bytes(&|_| 0xff), length: text.len() })
    }

    /// Whether the literal is at this place. No literal contains a newline, so a match is within the line.
    #[inline]
    fn stands(&self, text: &[u8], at: usize) -> bool {
        word(text, at) & self.mask == self.bytes
    }
}

impl Step {
    /// Where the value that begins at `at` ends; None if there is no such value.
    #[inline]
    fn value(&self, text: &[u8], at: usize, row: &mut Row) -> Option<usize> {
        let end = match self.kind {
            Kind::Time => {
                row.micros = micros(text.get(at..at + TIME)?, 3)?;
                return Some(at + TIME);
            }
            Kind::Count => return self.count(text, at, row),
            Kind::CountOrAbsent if text[at] == b'-' => {
                let Some((number, end)) = digits(text, at + 1) else { return Some(at + 1) };
                self.set_number(-number, row);
                return Some(end);
            }
            Kind::CountOrAbsent => return self.count(text, at, row),
            Kind::Protocol => protocol(text, at)?,
            Kind::Flags => flags(text, at)?,
            Kind::Bare => bare(text, at)?,
            Kind::Words => words(text, at)?,
            Kind::Quoted => quoted(text, at),
        };
        if let Some(column) = self.column
            && &text[at..end] != b"-"
        {
            row.set_text(column, (at, end));
        }
        Some(end)
    }

    fn count(&self, text: &[u8], at: usize, row: &mut Row) -> Option<usize> {
        let (number, end) = digits(text, at)?;
        self.set_number(number, row);
        Some(end)
    }

    fn set_number(&self, number: i64, row: &mut Row) {
        if let Some(column) = self.column {
            row.set_number(column, number);
        }
    }
}

/// To the next space or quote; not empty.
#[inline]
fn bare(text: &[u8], start: usize) -> Option<usize> {
    let mut at = next_mark(text, start);
    while text[at] == b'!' {
        at = next_mark(text, at + 1);
    }
    (at > start).then_some(at)
}

/// To the space before the next quote.
#[inline]
fn words(text: &[u8], start: usize) -> Option<usize> {
    let mut at = bare(text, start)?;
    while text[at] == b' ' && text[at + 1] != b'"' {
        at = bare(text, at + 1)?;
    }
    Some(at)
}

/// To the next quote, or to a byte that no taken line has: then the literal after the value does not match.
#[inline]
fn quoted(text: &[u8], start: usize) -> usize {
    let mut at = next_mark(text, start);
    while matches!(text[at], b' ' | b'!') {
        at = next_mark(text, at + 1);
    }
    at
}

/// `HTTP/1.1`, `HTTP/2` or `-`.
fn protocol(text: &[u8], start: usize) -> Option<usize> {
    if text[start] == b'-' {
        return Some(start + 1);
    }
    if !text[start..].starts_with(b"HTTP/") || !text[start + 5].is_ascii_digit() {
        return None;
    }
    let end = start + 6;
    Some(if text[end] == b'.' && text[end + 1].is_ascii_digit() { end + 2 } else { end })
}

/// Response flags, joined by `,`, or `-`.
fn flags(text: &[u8], start: usize) -> Option<usize> {
    if text[start] == b'-' {
        return Some(start + 1);
    }
    let mut at = start;
    loop {
        let begin = at;
        while matches!(text[at], b'A'..=b'Z' | b'0'..=b'9' | b'_') {
            at += 1;
        }
        if at == begin {
            return None;
        }
        if text[at] != b',' {
            return Some(at);
        }
        at += 1;
    }
}
