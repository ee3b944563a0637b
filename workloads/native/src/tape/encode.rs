//! From columns in memory to planes of bytes: one tape has exactly one encoding.

use super::columns::{Columns, Fault};
use super::form::{
    BEGINS, BOUND, EXCHANGE_TIME, Form, LOCAL_TIME, ORDER, Origin, PRICE, QUANTITY, SEQUENCE, Stored, common_divisor,
    event,
};
use super::planes::{CHUNK, split, width_of, zigzag};

/// A column as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedColumn {
    /// Its name; a plane is called by it, `_` and the plane's number.
    pub name: &'static str,
    /// What its numbers start from and are counted in.
    pub origin: Origin,
    /// Its planes, lowest bytes first, as many as the largest number has bytes.
    pub planes: Vec<Vec<u8>>,
}

/// A tape as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Of each message, which is rows that share sequence and times: sequence, exchange and local time.
    pub messages: Vec<EncodedColumn>,
    /// Kind and side of each row, and whether it begins a message.
    pub event: Vec<u8>,
    /// Of each row: price, quantity and, where there is one, order.
    pub rows: Vec<EncodedColumn>,
}

/// Encodes the columns of a tape.
///
/// # Errors
/// [`Fault`] where the columns are no tape, or a value is out of range.
pub fn encode(columns: &Columns<'_>) -> Result<Encoded, Fault> {
    columns.check()?;
    let sequence: &[i64] = bytemuck::cast_slice(columns.sequence);
    let times = [(SEQUENCE, sequence), (EXCHANGE_TIME, columns.exchange_time), (LOCAL_TIME, columns.local_time)];
    times.iter().try_for_each(|(column, values)| within(*column, values))?;
    let mut event: Vec<u8> =
        columns.kind.iter().zip(columns.side).map(|(&kind, &side)| event(kind, side, false)).collect();
    let mut begin = Vec::new();
    for (row, event) in event.iter_mut().enumerate() {
        if row == 0 || times.iter().any(|(_, values)| values[row] != values[row - 1]) {
            *event |= BEGINS;
            begin.push(row);
        }
    }
    let of_message = |(column, values): (Stored, &[i64])| {
        let values: Vec<i64> = begin.iter().map(|&row| values[row]).collect();
        encode_column(column, &values)
    };
    let mut rows = vec![encode_column(PRICE, columns.price)?, encode_column(QUANTITY, columns.quantity)?];
    if !columns.order.is_empty() {
        rows.push(encode_column(ORDER, bytemuck::cast_slice(columns.order))?);
    }
    let messages = times.into_iter().map(of_message).collect::<Result<_, _>>()?;
    Ok(Encoded { messages, event, rows })
}

/// Checks the range of a column's values.
fn within(column: Stored, values: &[i64]) -> Result<(), Fault> {
    if column.form == Form::Names || values.iter().all(|value| (-BOUND..BOUND).contains(value)) {
        return Ok(());
    }
    let row = values.iter().position(|value| !(-BOUND..BOUND).contains(value)).unwrap_or(0);
    Err(Fault::Range(column.name, row))
}

fn encode_column(column: Stored, values: &[i64]) -> Result<EncodedColumn, Fault> {
    within(column, values)?;
    let first = if column.form == Form::Plain { 0 } else { values.first().copied().unwrap_or(0) };
    let (unit, largest) = measure(column.form, values, first);
    let width = width_of(largest).max(column.least);
    let mut planes: Vec<_> = (0..width).map(|_| Vec::with_capacity(values.len())).collect();
    if !planes.is_empty() {
        let quotient = ExactDivision::by(unit);
        numbers(column.form, values, first, quotient, |chunk| split(chunk, &mut planes));
    }
    Ok(EncodedColumn { name: column.name, origin: Origin { first, unit }, planes })
}

/// The unit of a column and the largest number it has in that unit.
fn measure(form: Form, values: &[i64], first: i64) -> (u64, u64) {
    let (mut divisor, mut rising, mut falling) = (0, 0u64, 0u64);
    let mut before = first;
    for &value in values {
        let difference = value.wrapping_sub(before);
        if form != Form::Plain {
            before = value;
        }
        let size = difference.unsigned_abs();
        if divisor != 1 && size != 0 && (divisor == 0 || !size.is_multiple_of(divisor)) {
            divisor = common_divisor(divisor, size);
        }
        if difference < 0 {
            falling = falling.max(size);
        } else {
            rising = rising.max(size);
        }
    }
    let unit = if form == Form::Names { 1 } else { divisor.max(1) };
    let largest = match form {
        Form::Plain | Form::Ascending => rising / unit,
        Form::Walk | Form::Names => zigzag((rising / unit) as i64).max(zigzag((falling / unit).wrapping_neg() as i64)),
    };
    (unit, largest)
}

/// Hands out the stored numbers of a column, chunk by chunk.
fn numbers(form: Form, values: &[i64], first: i64, quotient: ExactDivision, mut each: impl FnMut(&[u64])) {
    let mut chunk = [0u64; CHUNK];
    let mut before = first;
    for part in values.chunks(CHUNK) {
        let room = &mut chunk[..part.len()];
        match form {
            Form::Plain => {
                for (number, &value) in room.iter_mut().zip(part) {
                    *number = quotient.of(value) as u64;
                }
            }
            Form::Ascending => {
                for (number, &value) in room.iter_mut().zip(part) {
                    *number = quotient.of(value.wrapping_sub(before)) as u64;
                    before = value;
                }
            }
            Form::Walk | Form::Names => {
                for (number, &value) in room.iter_mut().zip(part) {
                    *number = zigzag(quotient.of(value.wrapping_sub(before)));
                    before = value;
                }
            }
        }
        each(room);
    }
}

/// Division without a division, of what is known to be a multiple: by a power of two, and by the inverse of the odd
/// rest modulo 2^64.
#[derive(Clone, Copy)]
struct ExactDivision {
    shift: u32,
    inverse: i64,
}

impl ExactDivision {
    fn by(unit: u64) -> Self {
        let shift = unit.trailing_zeros();
        let odd = unit >> shift;
        // Each step of Newton's method doubles the bits that are right; an odd number is its own inverse to three.
        let inverse = (0..5).fold(odd, |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse))));
        Self { shift, inverse: inverse as i64 }
    }

    fn of(self, multiple: i64) -> i64 {
        (multiple >> self.shift).wrapping_mul(self.inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_is_exact() {
        for unit in [1u64, 2, 3, 5, 8, 10, 1_000_000, (1 << 61) - 1, 1 << 61] {
            for quotient in [0i64, 1, -1, 2, -2] {
                assert_eq!(ExactDivision::by(unit).of(quotient * unit as i64), quotient, "{unit}");
            }
        }
    }

    #[test]
    fn a_column_is_as_narrow_as_its_unit_allows() {
        let times = [5_000_000, 5_000_000, 7_000_000, 6_000_000];
        let encoded = encode_column(EXCHANGE_TIME, &times).unwrap();
        assert_eq!(encoded.origin, Origin { first: 5_000_000, unit: 1_000_000 });
        assert_eq!(encoded.planes, [[0, 0, 4, 1]]);
        let same = encode_column(LOCAL_TIME, &[9, 9]).unwrap();
        assert_eq!((same.origin, same.planes.len()), (Origin { first: 9, unit: 1 }, 0));
    }

    #[test]
    fn quantities_are_stored_themselves() {
        let encoded = encode_column(QUANTITY, &[300, 0, 25_600]).unwrap();
        assert_eq!(encoded.origin, Origin { first: 0, unit: 100 });
        assert_eq!(encoded.planes, [[3, 0, 0], [0, 0, 1]]);
    }

    #[test]
    fn names_may_be_any_bits() {
        let encoded = encode_column(ORDER, bytemuck::cast_slice(&[u64::MAX, 0])).unwrap();
        assert_eq!(encoded.planes, [[0, 2]]);
        let wide = encode_column(ORDER, &[0, i64::MIN]).unwrap();
        assert_eq!(wide.planes.len(), 8);
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        assert_eq!(encode_column(PRICE, &[0, BOUND]), Err(Fault::Range("price", 1)));
        assert_eq!(encode_column(PRICE, &[-BOUND - 1]), Err(Fault::Range("price", 0)));
        assert!(encode_column(PRICE, &[-BOUND, BOUND - 1]).is_ok());
    }
}
