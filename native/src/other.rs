//! Lines that are no access lines: what the agent beside Envoy, Envoy inside Istio, and ztunnel say of themselves.
//!
//! A part of what `grammars/other_text.lark` takes: time, a level that no wrapper has in its place, more. Those whose
//! third word is `access` are left alone, for ztunnel's access lines begin so.

use crate::marks::is_plain;
use crate::values::has_form;

/// Up to the point: `2024-11-07T14:35:52.`
const TIME: &[u8] = b"0000-00-00T00:00:00.";

/// Whether the line from `start` to its line end at `end` is surely such a line.
pub fn is_other(levels: &[Vec<u8>], text: &[u8], start: usize, end: usize) -> bool {
    let line = &text[start..end];
    rest_of(levels, line).is_some_and(|rest| {
        let scope = rest.split(|byte| is_blank(*byte)).find(|word| !word.is_empty());
        scope != Some(b"access") && line.iter().all(|&byte| is_plain(byte) || byte == b'\t')
    })
}

/// What is behind the level.
fn rest_of<'a>(levels: &[Vec<u8>], line: &'a [u8]) -> Option<&'a [u8]> {
    let (time, rest) = line.split_at_checked(TIME.len())?;
    has_form(time, TIME).then_some(())?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (3..=9).contains(&digits).then_some(())?;
    let rest = rest[digits..].strip_prefix(b"Z")?;
    let blanks = rest.iter().take_while(|&&byte| is_blank(byte)).count();
    (blanks > 0).then_some(())?;
    let rest = &rest[blanks..];
    let level = rest.iter().position(|&byte| is_blank(byte))?;
    levels.iter().any(|known| known == &rest[..level]).then(|| &rest[level..])
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
