//! Where the bytes stand that structure a line: eight bytes are looked at in one step.
//!
//! The steps read whole words, so text must have `PADDING` bytes behind it. Every read is checked.

/// How many bytes must follow a text.
pub const PADDING: usize = 8;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether a byte is a printable character of ASCII, or a blank.
#[inline]
pub fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

/// Eight bytes from a place, the first one lowest.
#[inline]
pub fn word(text: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&text[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// The next byte that is a control character, a blank, `!`, a quote or beyond ASCII.
///
/// A line end is one of these, so that a search in whole lines never leaves its line.
#[inline]
pub fn next_mark(text: &[u8], mut at: usize) -> usize {
    loop {
        let word = word(text, at);
        // The lowest byte that is less than `#` has its high bit set, or one beyond ASCII has its own. (The bits above
        // the lowest may be wrong, for the subtraction borrows: only the lowest counts.)
        let found = (word.wrapping_sub(ONES * u64::from(b'#')) | word) & HIGH;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
}

/// The next quote, backslash, control character or byte beyond ASCII: what may end a JSON string, or may not be in it.
#[inline]
pub fn string_end(text: &[u8], mut at: usize) -> usize {
    loop {
        let word = word(text, at);
        let slash = word ^ (ONES * u64::from(b'\\'));
        let quote = word ^ (ONES * u64::from(b'"'));
        let low = word.wrapping_sub(ONES * u64::from(b' '));
        let found = ((slash.wrapping_sub(ONES) & !slash) | (quote.wrapping_sub(ONES) & !quote) | low | word) & HIGH;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
}

/// The next line end.
#[inline]
pub fn line_end(text: &[u8], mut at: usize) -> usize {
    loop {
        let word = word(text, at) ^ (ONES * u64::from(b'\n'));
        let found = word.wrapping_sub(ONES) & !word & HIGH;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
}

/// How many line ends a text has.
pub fn line_ends(text: &[u8]) -> usize {
    // So few bytes that their number fits a byte: then a processor counts 16 and more of them in one step.
    text.chunks(192)
        .map(|some| usize::from(some.iter().fold(0, |n: u8, &byte| n.wrapping_add((byte == b'\n').into()))))
        .sum()
}
