//! What proxies write: times and numbers. Each reader takes less than the dialects in Python, never something else.

/// Digits that always fit an `i64`; `converters.MAX_DIGITS` of the dialects in Python.
const MAX_DIGITS: usize = 18;

/// A whole number of ASCII digits from a place, and where it ends; None where there is none, or one that is too long.
#[inline]
pub fn digits(text: &[u8], start: usize) -> Option<(i64, usize)> {
    let mut number: i64 = 0;
    let mut at = start;
    while text[at].is_ascii_digit() {
        if at - start == MAX_DIGITS {
            return None;
        }
        number = number * 10 + i64::from(text[at] - b'0');
        at += 1;
    }
    (at > start).then_some((number, at))
}

/// The number that a whole text is.
pub fn number(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > MAX_DIGITS {
        return None;
    }
    text.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// Microseconds since 1970 of a time like `2024-11-07T14:35:52.428Z` with so many digits behind its point (3 or 6).
#[inline]
pub fn micros(text: &[u8], fraction: usize) -> Option<i64> {
    if text.len() != 21 + fraction {
        return None;
    }
    let fixed = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (20 + fraction, b'Z')];
    if fixed.iter().any(|&(at, byte)| text[at] != byte) {
        return None;
    }
    let part = |from: usize, to: usize| number(&text[from..to]);
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_of(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let parts = part(20, 20 + fraction)? * if fraction == 3 { 1000 } else { 1 };
    Some(((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + parts)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Howard Hinnant's `days_from_civil` (<https://howardhinnant.github.io/date_algorithms.html>), for years from 1 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Whether a text has this form: a digit for each `0`, every other byte as it stands.
#[inline]
pub fn has_form(text: &[u8], form: &[u8]) -> bool {
    let fits = |(&byte, &form): (&u8, &u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() == form.len() && text.iter().zip(form).all(fits)
}
