//! Envoy's text that is not clean: the few fields that no sender can have written.
//!
//! The rules, and why they hold, are in `hops/dialects/envoy/forged.py`; the shapes below are its patterns. Lines that
//! these rules don't decide (a time that does not exist, text that is not ASCII) are left to it.

use crate::columns::{Row, Span};
use crate::values::{digits, micros};

/// The columns that can be recovered.
pub struct Columns {
    pub response_code: usize,
    pub response_flags: usize,
    pub response_code_details: usize,
    pub connection_termination_details: usize,
    pub requested_server_name: usize,
    pub route_name: usize,
    /// Upstream host, cluster and local address, downstream local and remote address.
    pub tail: [usize; 5],
}

/// From `[` to the quote after the time.
const TIME: usize = 24;

/// The part from protocol to the quote of the failure reason.
struct Head {
    response_code: i64,
    flags: Span,
    kind: HeadKind,
}

enum HeadKind {
    /// Byte counts and duration follow: Envoy's own format.
    Counts,
    /// Details may stand there.
    More(Span),
}

impl Columns {
    /// All of them.
    pub fn columns(&self) -> u64 {
        let others = [
            self.response_code,
            self.response_flags,
            self.response_code_details,
            self.connection_termination_details,
            self.requested_server_name,
            self.route_name,
        ];
        others.iter().chain(&self.tail).fold(0, |bits, column| bits | 1 << column)
    }

    /// Whether something can be recovered from the line from `start` to its newline at `end`; then the row has it.
    pub fn read(&self, text: &[u8], start: usize, end: usize, row: &mut Row) -> bool {
        row.clear();
        self.recovered(text, start, end, row).is_some()
    }

    fn recovered(&self, text: &[u8], start: usize, end: usize, row: &mut Row) -> Option<()> {
        // Searches end at the newline, because no shape reaches over one.
        let text = &text[..end];
        if text[start..].iter().any(|&byte| !(b' '..=0x7f).contains(&byte)) {
            return None;
        }
        row.micros = micros(text.get(start + 1..start + 1 + TIME)?, 3)?;
        let quote = start + 1 + TIME + 2;
        text.get(start + 1 + TIME..=quote)?.eq(b"] \"").then_some(())?;
        let mut heads = (quote..end).filter(|&at| text[at] == b' ').filter_map(|at| head(text, at + 1));
        let first = heads.next()?;
        let head = heads.next().is_none().then_some(first);
        if let Some(head) = &head {
            row.set_number(self.response_code, head.response_code);
            set(text, row, self.response_flags, head.flags);
        }
        let details = match &head {
            Some(Head { kind: HeadKind::Counts, .. }) => return self.envoy_tail(text, start, row),
            Some(Head { kind: HeadKind::More(more), .. }) => details(text, *more),
            None => None,
        };
        self.tail(text, start, details.is_some(), row)?;
        if let Some((code_details, termination)) = details {
            set(text, row, self.response_code_details, code_details);
            set(text, row, self.connection_termination_details, termination);
        }
        Some(())
    }

    /// Envoy's own format ends with the quoted upstream host.
    fn envoy_tail(&self, text: &[u8], start: usize, row: &mut Row) -> Option<()> {
        let last = text.len() - 1;
        (text[last] == b'"').then_some(())?;
        let open = start + text[start..last].iter().rposition(|&byte| byte == b'"')?;
        let host = (open + 1, last);
        (host.0 < last && !text[host.0..last].contains(&b' ')).then_some(())?;
        set(text, row, self.tail[0], host);
        Some(())
    }

    /// The tail's fields if they are certain; None if there is no tail at all.
    fn tail(&self, text: &[u8], start: usize, since_1_9: bool, row: &mut Row) -> Option<()> {
        let tail = (start..text.len()).filter(|&at| text[at] == b'"').find_map(|at| tail(text, at + 1))?;
        let Some((sni, route)) = sni_and_route(text, tail[4].1 + 1) else {
            // An imitation, an SNI with spaces or quotes, or a format that we don't know.
            return Some(());
        };
        if since_1_9 {
            let route = route?;
            set(text, row, self.requested_server_name, sni);
            set(text, row, self.route_name, route);
        }
        for (&column, span) in self.tail.iter().zip(tail) {
            set(text, row, column, span);
        }
        Some(())
    }
}

/// Set a text, or nothing if it is `-`.
fn set(text: &[u8], row: &mut Row, column: usize, (from, to): Span) {
    if &text[from..to] != b"-" {
        row.set_text(column, (from, to));
    }
}

/// `_HEAD` after its space.
fn head(text: &[u8], start: usize) -> Option<Head> {
    let at = literal(text, protocol(text, start)?, b"\" ")?;
    let (response_code, at) = number(text, at)?;
    let flags = word(text, literal(text, at, b" ")?)?;
    let kind = if counts(text, flags.1).is_some() { HeadKind::Counts } else { HeadKind::More(more(text, flags.1)?) };
    Some(Head { response_code, flags, kind })
}

fn protocol(text: &[u8], start: usize) -> Option<usize> {
    if text.get(start) == Some(&b'-') {
        return Some(start + 1);
    }
    let at = literal(text, start, b"HTTP/")?;
    text.get(at)?.is_ascii_digit().then_some(())?;
    let minor = text.get(at + 1) == Some(&b'.') && text.get(at + 2).is_some_and(u8::is_ascii_digit);
    Some(if minor { at + 3 } else { at + 1 })
}

/// ` [0-9]+ [0-9]+ (?:-?[0-9]+|-) `
fn counts(text: &[u8], start: usize) -> Option<()> {
    let mut at = start;
    for _ in 0..2 {
        at = some_digits(text, literal(text, at, b" ")?)?;
    }
    at = literal(text, at, b" ")?;
    let dash = literal(text, at, b"-");
    at = some_digits(text, dash.unwrap_or(at)).or(dash)?;
    literal(text, at, b" ").map(|_| ())
}

/// `(?: [^ "\n][^ \n]*(?: [^"\n]*)?)? "`, without the space and the quote after it.
fn more(text: &[u8], start: usize) -> Option<Span> {
    if literal(text, start, b" \"").is_some() {
        return Some((start, start));
    }
    let first = literal(text, start, b" ")?;
    if matches!(text.get(first), None | Some(b' ')) {
        return None;
    }
    let blank = first + text[first..].iter().position(|&byte| byte == b' ')?;
    // Up to the next quote, if a space is before it; else nothing.
    if let Some(quote) = text[blank + 1..].iter().position(|&byte| byte == b'"').map(|n| blank + 1 + n)
        && quote > blank + 1
        && text[quote - 1] == b' '
    {
        return Some((start, quote - 1));
    }
    literal(text, blank, b" \"").map(|_| (start, blank))
}

/// `_DETAILS`: ` (?P<response_code_details>[^ "\n][^ \n]*) (?P<connection_termination_details>[^"\n]+)`
fn details(text: &[u8], (from, to): Span) -> Option<(Span, Span)> {
    let text = &text[..to];
    let first = literal(text, from, b" ")?;
    if matches!(text.get(first), None | Some(b' ' | b'"')) {
        return None;
    }
    let blank = first + text[first..].iter().position(|&byte| byte == b' ')?;
    let rest = (blank + 1, to);
    (rest.0 < to && !text[rest.0..].contains(&b'"')).then_some(((first, blank), rest))
}

/// `_TAIL` after its quote.
fn tail(text: &[u8], start: usize) -> Option<[Span; 5]> {
    let host = (start, bare_end(text, start));
    let cluster = word(text, literal(text, host.1, b"\" ")?)?;
    let mut spans = [host, cluster, (0, 0), (0, 0), (0, 0)];
    let mut at = cluster.1;
    for span in &mut spans[2..] {
        at = literal(text, at, b" ")?;
        // An address is never all digits. Without this check, the byte counts after a `"-"` would match as a tail.
        if some_digits(text, at).and_then(|end| literal(text, end, b" ")).is_some() {
            return None;
        }
        *span = (at, bare_end(text, at));
        at = span.1;
    }
    literal(text, at, b" ")?;
    Some(spans)
}

/// `_SNI_AND_ROUTE` to the line's end.
fn sni_and_route(text: &[u8], start: usize) -> Option<(Span, Option<Span>)> {
    let sni = word(text, start)?;
    if sni.1 == text.len() {
        return Some((sni, None));
    }
    let route = word(text, literal(text, sni.1, b" ")?)?;
    (route.1 == text.len()).then_some((sni, Some(route)))
}

/// Where the literal that is here ends.
fn literal(text: &[u8], at: usize, literal: &[u8]) -> Option<usize> {
    text.get(at..)?.starts_with(literal).then_some(at + literal.len())
}

/// `[^ "\n]*`: where it ends.
fn bare_end(text: &[u8], start: usize) -> usize {
    text[start..].iter().position(|&byte| matches!(byte, b' ' | b'"')).map_or(text.len(), |n| start + n)
}

/// `[^ "\n]+`
fn word(text: &[u8], start: usize) -> Option<Span> {
    let end = bare_end(text, start);
    (end > start).then_some((start, end))
}

/// `[0-9]+`: where it ends.
fn some_digits(text: &[u8], start: usize) -> Option<usize> {
    let end = start + text.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (end > start).then_some(end)
}

/// `[0-9]{1,18}` with something behind it.
fn number(text: &[u8], start: usize) -> Option<(i64, usize)> {
    (some_digits(text, start)? < text.len()).then_some(())?;
    digits(text, start)
}
