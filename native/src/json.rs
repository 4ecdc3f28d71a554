//! Envoy's JSON lines, without spaces between keys and values, as Envoy writes them.
//!
//! Only lines without a backslash are taken: there, every quote ends a string, so nothing within a string can pass for
//! a key. Only known keys are taken, each once.

use crate::columns::Row;
use crate::keys::{Key, Keys, Kind, Order};
use crate::marks::string_end;
use crate::values::{digits, micros, number};

const TIME_DIGITS: usize = 3;

/// Whether the line from `start` to its newline at `end` is an access line; then the row has its values.
#[inline]
pub fn read(keys: &Keys, order: &mut Order, text: &[u8], start: usize, end: usize, row: &mut Row) -> bool {
    row.clear();
    let mut at = start;
    let mut seen: u64 = 0;
    for place in 0.. {
        if text[at] != if place == 0 { b'{' } else { b',' } || text[at + 1] != b'"' {
            return place > 0 && text[at] == b'}' && at + 1 == end && row.has(keys.required);
        }
        let name_end = string_end(text, at + 2);
        if text[name_end] != b'"' || text[name_end + 1] != b':' {
            return false;
        }
        let Some(key) = keys.find(&text[at + 2..name_end], place, order) else { return false };
        if seen >> key.column & 1 == 1 {
            return false;
        }
        seen |= 1 << key.column;
        let Some(next) = value(key, text, name_end + 2, row) else { return false };
        at = next;
    }
    false
}

/// Where the value that begins at `at` ends; None if it does not have the key's type.
#[inline]
fn value(key: &Key, text: &[u8], at: usize, row: &mut Row) -> Option<usize> {
    match text[at] {
        b'"' => {
            let end = string_end(text, at + 1);
            (text[end] == b'"').then_some(())?;
            let inner = &text[at + 1..end];
            match key.kind {
                Kind::Time => {
                    row.micros = micros(inner, TIME_DIGITS)?;
                    // So it is there, which is required.
                    row.set_number(key.column, row.micros);
                }
                _ if inner == b"-" => {}
                Kind::Number => row.set_number(key.column, number(inner)?),
                Kind::Text => row.set_text(key.column, (at + 1, end)),
                Kind::Milliseconds => return None,
            }
            Some(end + 1)
        }
        b'n' => text[at..].starts_with(b"null").then_some(at + 4),
        _ if key.kind == Kind::Number => {
            let (number, end) = digits(text, at)?;
            // A JSON number never has a leading zero.
            if text[at] == b'0' && end > at + 1 {
                return None;
            }
            row.set_number(key.column, number);
            Some(end)
        }
        _ => None,
    }
}
