//! Rows of numbers and texts, each kept once under a number: equal rows get the same number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use crate::columns::{Column, Kind};

/// Rows remembered at most. A hostile sender can make any number of them; so many take some hundred MiB.
const MOST: usize = 1 << 18;

/// Rows one behind the other, as bytes: equal rows have equal bytes.
///
/// A row is its numbers, a word that says which of its texts are present, and each of these with its length before it.
#[derive(Default)]
pub struct Rows {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    present: u32,
    texts: u32,
    word: usize,
}

impl Rows {
    /// Begin a row.
    #[inline]
    pub fn begin(&mut self, numbers: &[u32]) {
        for number in numbers {
            self.bytes.extend_from_slice(&number.to_ne_bytes());
        }
        self.word = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        (self.present, self.texts) = (0, 0);
    }

    /// Its next text.
    #[inline]
    pub fn text(&mut self, text: Option<&[u8]>) {
        if let Some(text) = text {
            self.present |= 1 << self.texts;
            // A line is shorter than 4 GiB, as its block is.
            self.bytes.extend_from_slice(&(text.len() as u32).to_ne_bytes());
            self.bytes.extend_from_slice(text);
        }
        self.texts += 1;
    }

    /// End it.
    #[inline]
    pub fn end(&mut self) {
        self.bytes[self.word..self.word + 4].copy_from_slice(&self.present.to_ne_bytes());
        self.ends.push(self.bytes.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

/// Numbers for rows of so many numbers, then so many texts. Threads share it.
///
/// Memory is bounded: a row that was not seen for long may get a second number.
pub struct Distinct {
    numbers: usize,
    texts: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<Arc<[u8]>, i32, RandomState>,
    /// Rows that `new_rows` has not returned yet; the last one has the number `next - 1`.
    new: Vec<Arc<[u8]>>,
    next: i32,
}

impl Distinct {
    pub fn new(numbers: usize, texts: usize) -> Self {
        Distinct { numbers, texts, state: Mutex::default() }
    }

    /// Append the number of each row to `numbers`; empties `rows`.
    pub fn number(&self, rows: &mut Rows, numbers: &mut Vec<i32>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut start = 0;
        for &end in &rows.ends {
            numbers.push(state.number(&rows.bytes[start..end]));
            start = end;
        }
        rows.bytes.clear();
        rows.ends.clear();
    }

    /// The rows that are new since the last call, column by column, and the number of the first; the others follow it.
    pub fn new_rows(&self) -> (i32, Vec<Column>) {
        let (new, next) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (std::mem::take(&mut state.new), state.next)
        };
        let kinds = (0..self.numbers + self.texts).map(|n| if n < self.numbers { Kind::Number } else { Kind::Text });
        let mut columns: Vec<Column> =
            kinds.enumerate().map(|(number, kind)| Column::new(number, kind, new.len())).collect();
        for row in &new {
            let mut rest = &row[..];
            let (numbers, texts) = columns.split_at_mut(self.numbers);
            for column in numbers {
                column.push_number(i64::from(first(&mut rest)));
            }
            let present = first(&mut rest);
            for (n, column) in texts.iter_mut().enumerate() {
                column.push_text((present >> n & 1 == 1).then(|| {
                    let length = first(&mut rest);
                    split(&mut rest, length as usize)
                }));
            }
        }
        (next - new.len() as i32, columns)
    }
}

impl State {
    fn number(&mut self, row: &[u8]) -> i32 {
        if let Some(&number) = self.known.get(row) {
            return number;
        }
        if self.known.len() == MOST {
            self.known.clear();
        }
        let (row, number): (Arc<[u8]>, i32) = (row.into(), self.next);
        self.known.insert(row.clone(), number);
        self.new.push(row);
        self.next += 1;
        number
    }
}

fn first(rest: &mut &[u8]) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(split(rest, 4));
    u32::from_ne_bytes(bytes)
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (head, tail) = rest.split_at(length);
    *rest = tail;
    head
}
