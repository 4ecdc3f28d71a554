//! The keys that a dialect's lines have.

/// What a key's value must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Time,
    Text,
    Number,
    /// A number and `ms`.
    Milliseconds,
}

/// One known key.
pub struct Key {
    pub name: Vec<u8>,
    pub column: usize,
    pub kind: Kind,
}

/// The known keys of a dialect, and which columns every access line must have.
pub struct Keys {
    pub keys: Vec<Key>,
    pub required: u64,
}

/// The order of the last line's keys: the next line usually has the same.
#[derive(Default)]
pub struct Order(Vec<usize>);

impl Keys {
    /// The columns that the keys fill.
    pub fn columns(&self) -> u64 {
        self.keys.iter().fold(0, |bits, key| bits | 1 << key.column)
    }

    /// The key of this name, which is the line's key number `place` (from 0).
    #[inline]
    pub fn find(&self, name: &[u8], place: usize, order: &mut Order) -> Option<&Key> {
        if let Some(&expected) = order.0.get(place)
            && self.keys[expected].name == name
        {
            return Some(&self.keys[expected]);
        }
        let found = self.keys.iter().position(|key| key.name == name)?;
        order.0.truncate(place);
        if order.0.len() == place {
            order.0.push(found);
        }
        Some(&self.keys[found])
    }
}
