//! Numbers as little-endian bytes, and back.

/// Bytes that end before a value does, or hold one that has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(&'a [u8]);

macro_rules! numbers {
    ($($name:ident: $kind:ty),*) => {
        $(pub fn $name(&mut self) -> Result<$kind, Malformed> {
            self.array().map(<$kind>::from_le_bytes)
        })*
    };
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    numbers!(u8: u8, u32: u32, u64: u64, u128: u128, i64: i64, i128: i128);

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (first, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(first)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    /// A byte that is 0 or 1.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    /// One of a list, by its place there.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> Result<T, Malformed> {
        all.get(usize::from(self.u8()?)).copied().ok_or(Malformed)
    }

    /// A number in as many groups of 7 bits as it needs, the lowest first; one has one form.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for group in 0..10 {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if (group == 9 && bits > 1) || (group > 0 && byte == 0) {
                return Err(Malformed);
            }
            number |= bits << (7 * group);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    /// A number that may be below zero, as [`Cursor::number`].
    pub fn signed(&mut self) -> Result<i64, Malformed> {
        let folded = self.number()?;
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    /// That nothing is left.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// Appends a number as [`Cursor::number`] reads it.
pub(crate) fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a number as [`Cursor::signed`] reads it: 0, -1, 1, -2 and so on are 0, 1, 2, 3.
pub(crate) fn push_signed(bytes: &mut Vec<u8>, number: i64) {
    push_number(bytes, (number << 1 ^ number >> 63) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_have_one_form() {
        let read = |bytes: &[u8]| Cursor::new(bytes).number();
        assert_eq!([read(&[0]), read(&[0x7f]), read(&[0x80, 1])], [Ok(0), Ok(127), Ok(128)]);
        let [mut most, mut beyond] = [[0xff; 10]; 2];
        (most[9], beyond[9]) = (1, 2);
        assert_eq!((read(&most), read(&beyond)), (Ok(u64::MAX), Err(Malformed)));
        for wrong in [&[0x80, 0][..], &[0x80], &[], &[0xff; 11]] {
            assert_eq!(read(wrong), Err(Malformed), "{wrong:?}");
        }
        let mut bytes = Vec::new();
        [0, -1, 1, -2].into_iter().for_each(|number| push_signed(&mut bytes, number));
        assert_eq!(bytes, [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<i64>(), shift in 0u32..64) {
            let number = number >> shift;
            let mut bytes = Vec::new();
            push_signed(&mut bytes, number);
            push_number(&mut bytes, number as u64);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!((cursor.signed(), cursor.number(), cursor.end()), (Ok(number), Ok(number as u64), Ok(())));
        }
    }
}
