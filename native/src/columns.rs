//! The values of one line, and the columns of many lines, in Arrow's layout
//! (<https://arrow.apache.org/docs/format/Columnar.html>).

/// The most columns of a line: which of them have a value fits into one word.
pub const MOST: usize = 64;

/// A stretch of the text: from, to.
pub type Span = (usize, usize);

/// The values of one line, by the numbers of their columns.
pub struct Row {
    /// Microseconds since 1970.
    pub micros: i64,
    texts: [Span; MOST],
    numbers: [i64; MOST],
    present: u64,
}

impl Row {
    pub fn new() -> Self {
        Row { micros: 0, texts: [(0, 0); MOST], numbers: [0; MOST], present: 0 }
    }

    /// Forget the previous line.
    pub fn clear(&mut self) {
        self.present = 0;
    }

    pub fn set_text(&mut self, column: usize, span: Span) {
        self.texts[column] = span;
        self.present |= 1 << column;
    }

    pub fn set_number(&mut self, column: usize, number: i64) {
        self.numbers[column] = number;
        self.present |= 1 << column;
    }

    /// Whether all columns whose bits are set have a value.
    pub fn has(&self, columns: u64) -> bool {
        self.present & columns == columns
    }

    /// Whether any of them has one.
    #[inline]
    pub fn any(&self, columns: u64) -> bool {
        self.present & columns != 0
    }

    /// A column's text; None if it has none.
    #[inline]
    pub fn text<'a>(&self, column: usize, text: &'a [u8]) -> Option<&'a [u8]> {
        let (from, to) = self.texts[column];
        self.any(1 << column).then(|| &text[from..to])
    }

    /// A column's number; 0 if it has none.
    #[inline]
    pub fn number(&self, column: usize) -> i64 {
        if self.any(1 << column) { self.numbers[column] } else { 0 }
    }
}

/// The type in which a column is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
}

/// The lines that one dialect took of a block.
pub struct Taken {
    pub lines: Vec<i64>,
    pub micros: Vec<i64>,
    pub columns: Vec<Column>,
}

impl Taken {
    /// With those of the wanted columns whose bits are set.
    pub fn new(wanted: &[(usize, Kind)], columns: u64, lines: usize) -> Self {
        let own = wanted.iter().filter(|(number, _)| columns >> number & 1 == 1);
        let columns = own.map(|&(number, kind)| Column::new(number, kind, lines)).collect();
        Taken { lines: Vec::with_capacity(lines), micros: Vec::with_capacity(lines), columns }
    }

    #[inline]
    pub fn push(&mut self, line: usize, row: &Row, text: &[u8]) {
        self.lines.push(line as i64);
        self.micros.push(row.micros);
        for column in &mut self.columns {
            column.push(row, text);
        }
    }
}

/// One column of the lines that were taken.
pub struct Column {
    pub number: usize,
    pub validity: Validity,
    pub values: Values,
}

/// The values of a column.
pub enum Values {
    Texts(Texts),
    Numbers(Vec<i64>),
}

impl Column {
    pub fn new(number: usize, kind: Kind, lines: usize) -> Self {
        let values = match kind {
            Kind::Text => Values::Texts(Texts::new(lines)),
            Kind::Number => Values::Numbers(Vec::with_capacity(lines)),
        };
        Column { number, validity: Validity::default(), values }
    }

    #[inline]
    fn push(&mut self, row: &Row, text: &[u8]) {
        match &mut self.values {
            Values::Numbers(numbers) => {
                let present = row.any(1 << self.number);
                self.validity.push(present);
                numbers.push(if present { row.numbers[self.number] } else { 0 });
            }
            Values::Texts(texts) => {
                let value = row.text(self.number, text);
                self.validity.push(value.is_some());
                texts.push(value.unwrap_or_default());
            }
        }
    }

    /// The next line's number.
    pub fn push_number(&mut self, number: i64) {
        if let Values::Numbers(numbers) = &mut self.values {
            self.validity.push(true);
            numbers.push(number);
        }
    }

    /// The next line's text.
    pub fn push_text(&mut self, text: Option<&[u8]>) {
        if let Values::Texts(texts) = &mut self.values {
            self.validity.push(text.is_some());
            texts.push(text.unwrap_or_default());
        }
    }
}

/// Texts one after the other, and where each ends.
pub struct Texts {
    pub offsets: Vec<i32>,
    pub bytes: Vec<u8>,
}

impl Texts {
    fn new(lines: usize) -> Self {
        let mut offsets = Vec::with_capacity(lines + 1);
        offsets.push(0);
        Texts { offsets, bytes: Vec::with_capacity(lines * 16) }
    }

    #[inline]
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        // A block is smaller than 2 GiB, or `take` refuses it.
        self.offsets.push(self.bytes.len() as i32);
    }
}

/// One bit for each line, whether it has a value; the first line's is the lowest.
#[derive(Default)]
pub struct Validity {
    pub bits: Vec<u8>,
    lines: usize,
    pub absent: usize,
}

impl Validity {
    #[inline]
    fn push(&mut self, present: bool) {
        if self.lines.is_multiple_of(8) {
            self.bits.push(0);
        }
        if let Some(last) = self.bits.last_mut() {
            *last |= u8::from(present) << (self.lines % 8);
        }
        self.lines += 1;
        self.absent += usize::from(!present);
    }
}
