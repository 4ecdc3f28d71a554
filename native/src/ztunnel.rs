//! ztunnel's text: keys in any order, each once, each value bare or quoted.
//!
//! Only lines without a backslash are taken: there, every quoted value ends at its second quote.

use crate::columns::Row;
use crate::keys::{Key, Keys, Kind, Order};
use crate::marks::string_end;
use crate::values::{micros, number};

const TIME_DIGITS: usize = 6;
const TIME: usize = 21 + TIME_DIGITS;

/// Where a line's message is said.
pub struct Message {
    pub column: usize,
    pub known: Vec<Vec<u8>>,
}

/// Whether the line from `start` to its newline at `end` is an access line; then the row has its values.
#[inline]
pub fn read(
    keys: &Keys,
    message: &Message,
    order: &mut Order,
    text: &[u8],
    start: usize,
    end: usize,
    row: &mut Row,
) -> bool {
    row.clear();
    let Some(mut at) = head(message, text, start, end, row) else { return false };
    let mut seen: u64 = 0;
    for place in 0.. {
        if at == end {
            return place > 0 && row.has(keys.required);
        }
        let Some(begin) = blanks(text, at) else { return false };
        let Some(length) = text[begin..end].iter().position(|&byte| byte == b'=') else { return false };
        let Some(key) = keys.find(&text[begin..begin + length], place, order) else { return false };
        if seen >> key.column & 1 == 1 {
            return false;
        }
        seen |= 1 << key.column;
        let Some(next) = value(key, text, begin + length + 1, row) else { return false };
        at = next;
    }
    false
}

/// Time, level, scope and message; where the message ends.
#[inline]
fn head(message: &Message, text: &[u8], start: usize, end: usize, row: &mut Row) -> Option<usize> {
    row.micros = micros(text.get(start..start + TIME)?, TIME_DIGITS)?;
    let level = blanks(text, start + TIME)?;
    let level_end = level + text[level..end].iter().position(|byte| !byte.is_ascii_lowercase())?;
    (level_end > level).then_some(())?;
    let scope = blanks(text, level_end)?;
    text[scope..end].starts_with(b"access").then_some(())?;
    let at = blanks(text, scope + "access".len())?;
    let known = message.known.iter().find(|known| text[at..end].starts_with(known))?;
    row.set_text(message.column, (at, at + known.len()));
    Some(at + known.len())
}

/// Where the spaces and TABs end that must be here.
#[inline]
fn blanks(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while matches!(text[at], b' ' | b'\t') {
        at += 1;
    }
    (at > start).then_some(at)
}

/// Where the value that begins at `at` ends; None if it does not have the key's type.
#[inline]
fn value(key: &Key, text: &[u8], at: usize, row: &mut Row) -> Option<usize> {
    let (from, to, next) = if text[at] == b'"' {
        let mut end = string_end(text, at + 1);
        while text[end] == b'\t' {
            end = string_end(text, end + 1);
        }
        (text[end] == b'"').then_some((at + 1, end, end + 1))?
    } else {
        let mut end = at;
        while !matches!(text[end], 0..=b' ' | b'"' | b'\\' | 0x80..) {
            end += 1;
        }
        // Anything but a TAB or space here is not between two pairs: it ends the line, or the line is not an access
        // line.
        (end > at).then_some((at, end, end))?
    };
    match key.kind {
        Kind::Text => row.set_text(key.column, (from, to)),
        Kind::Number => row.set_number(key.column, number(&text[from..to])?),
        Kind::Milliseconds => row.set_number(key.column, number(text[from..to].strip_suffix(b"ms")?)?),
        Kind::Time => return None,
    }
    Some(next)
}
