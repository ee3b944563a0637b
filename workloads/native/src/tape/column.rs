//! One column being decoded, and refused where it can be no encoding.
//!
//! All but the running sums is the same for each row whatever the others are, so it is compiled for every width of vector.

use fearless_simd::Simd;

use super::form::{BOUND, Form, Origin, Stored, common_divisor};
use super::planes::{CHUNK, join, unzigzag, width_of};
use super::refusal::Refusal;
use crate::simd::{self, Kernel, Path};

/// Most planes a column can have.
const WIDEST: usize = 8;

/// A column being decoded, and what has to be known of all its numbers at the end.
#[derive(Debug)]
pub(super) struct Column {
    stored: Stored,
    origin: Origin,
    pub width: usize,
    value: i64,
    begun: bool,
    moved: bool,
    /// The bits that any number has.
    bits: u64,
    divisor: u64,
    outside: u64,
}

impl Column {
    pub fn new(stored: Stored, origin: Origin, width: usize, rows: usize) -> Result<Self, Refusal> {
        let unit = match stored.form {
            Form::Names => origin.unit == 1,
            _ => origin.unit >= 1 && i64::try_from(origin.unit).is_ok(),
        };
        let first = match stored.form {
            Form::Names => rows > 0 || origin.first == 0,
            Form::Plain => origin.first == 0,
            Form::Ascending => (0..BOUND).contains(&origin.first),
            Form::Walk => (-BOUND..BOUND).contains(&origin.first),
        };
        if !unit || !first || width > WIDEST || (rows == 0 && origin != (Origin { first: 0, unit: 1 })) {
            return Err(Refusal::Origin(stored.name));
        }
        let value = origin.first;
        Ok(Self { stored, origin, width, value, begun: false, moved: false, bits: 0, divisor: 0, outside: 0 })
    }

    /// Decodes as many rows as there is room for, from planes as long.
    pub fn push(&mut self, planes: &[&[u8]], room: &mut [i64]) {
        self.push_on(simd::active(), planes, room);
    }

    fn push_on(&mut self, path: Path, planes: &[&[u8]], room: &mut [i64]) {
        path.run(Batch { column: self, planes, room });
    }

    #[inline(always)]
    fn decode(&mut self, planes: &[&[u8]], room: &mut [i64]) {
        let mut chunk = [0u64; CHUNK];
        let mut part = [&[][..]; WIDEST];
        for (index, room) in room.chunks_mut(CHUNK).enumerate() {
            let start = index * CHUNK;
            for (part, plane) in part.iter_mut().zip(planes) {
                *part = &plane[start..start + room.len()];
            }
            let numbers = &mut chunk[..room.len()];
            join(&part[..planes.len()], numbers);
            self.measure(numbers);
            self.values(numbers, room);
        }
    }

    #[inline(always)]
    fn measure(&mut self, numbers: &[u64]) {
        if !self.begun {
            self.begun = true;
            self.moved = self.stored.form != Form::Plain && numbers[0] != 0;
        }
        let bits = numbers.iter().fold(0, |bits, &number| bits | number);
        self.bits |= bits;
        if self.overflows(bits) && numbers.iter().any(|&number| self.overflows(number)) {
            self.outside = u64::MAX;
        }
        if self.divisor == 1 || self.stored.form == Form::Names {
            return;
        }
        for &number in numbers {
            let size = if self.stored.form == Form::Walk { unzigzag(number).unsigned_abs() } else { number };
            self.divisor = common_divisor(self.divisor, size);
            if self.divisor == 1 {
                break;
            }
        }
    }

    /// Values from numbers. First what each row adds, which rows do not wait for each other for, then the sums.
    #[inline(always)]
    fn values(&mut self, numbers: &[u64], room: &mut [i64]) {
        let unit = self.origin.unit as i64;
        let signed = matches!(self.stored.form, Form::Walk | Form::Names);
        let rows = room.iter_mut().zip(numbers);
        match (signed, unit) {
            (true, 1) => rows.for_each(|(step, &number)| *step = unzigzag(number)),
            (true, _) => rows.for_each(|(step, &number)| *step = unzigzag(number).wrapping_mul(unit)),
            (false, 1) => rows.for_each(|(step, &number)| *step = number as i64),
            (false, _) => rows.for_each(|(step, &number)| *step = (number as i64).wrapping_mul(unit)),
        }
        if self.stored.form == Form::Plain {
            self.outside |= room.iter().fold(0, |bits, &value| bits | value as u64) << 1;
            return;
        }
        let (mut value, mut outside) = (self.value, self.outside);
        for step in room {
            value = value.wrapping_add(*step);
            outside |= value.wrapping_add(BOUND) as u64;
            *step = value;
        }
        (self.value, self.outside) = (value, outside);
    }

    /// Says whether all that came can be the encoding of what it was decoded to.
    pub fn check(&self) -> Result<(), Refusal> {
        let name = self.stored.name;
        if self.moved {
            return Err(Refusal::First(name));
        }
        if width_of(self.bits).max(self.stored.least) != self.width {
            return Err(Refusal::Width(name));
        }
        let common = if self.divisor == 0 { self.origin.unit == 1 } else { self.divisor == 1 };
        if self.stored.form != Form::Names && !common {
            return Err(Refusal::Unit(name));
        }
        if self.stored.form != Form::Names && self.outside >> 63 != 0 {
            return Err(Refusal::Range(name));
        }
        Ok(())
    }

    /// Whether a number in units is a difference or value that no two values in the range have.
    #[inline(always)]
    fn overflows(&self, number: u64) -> bool {
        let size = if self.stored.form == Form::Walk { number.div_ceil(2) } else { number };
        size.checked_mul(self.origin.unit).is_none_or(|product| product > i64::MAX as u64)
    }
}

/// A batch of a column.
struct Batch<'a, 'p> {
    column: &'a mut Column,
    planes: &'a [&'p [u8]],
    room: &'a mut [i64],
}

impl Kernel for Batch<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.column.decode(self.planes, self.room);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::form::{PRICE, QUANTITY, SEQUENCE};
    use super::super::planes::split;
    use super::*;

    prop_compose! {
        fn numbers()(width in 0usize..=8)(
            width in Just(width),
            numbers in prop::collection::vec(0..=u64::MAX.checked_shr(64 - 8 * width as u32).unwrap_or(0), 1..3_000),
        ) -> (usize, Vec<u64>) {
            (width, numbers)
        }
    }

    proptest! {
        #[test]
        fn every_path_decodes_the_same(
            (width, numbers) in numbers(),
            stored in prop_oneof![Just(SEQUENCE), Just(PRICE), Just(QUANTITY)],
            unit in prop_oneof![Just(1u64), 2..1_000u64],
        ) {
            let mut planes = vec![Vec::new(); width];
            split(&numbers, &mut planes);
            let planes: Vec<&[u8]> = planes.iter().map(Vec::as_slice).collect();
            let decoded = |path| {
                let mut column = Column::new(stored, Origin { first: 0, unit }, width, numbers.len()).unwrap();
                let mut room = vec![0; numbers.len()];
                column.push_on(path, &planes, &mut room);
                (room, column.check())
            };
            let scalar = decoded(Path::scalar());
            for path in Path::available() {
                prop_assert_eq!(&decoded(path), &scalar, "{}", path.name());
            }
        }
    }
}
