//! What an exchange answers, and why.

use crate::book::Half;

/// What happened to an order: a row of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Event {
    /// The trader sent it.
    Submit = 0,
    /// The trader asked to take it back.
    AskCancel = 1,
    /// The trader asked to change it.
    AskReplace = 2,
    /// The exchange has it, until the order it belongs to has traded.
    Hold = 3,
    /// The exchange has it, until its trigger is reached.
    Wait = 4,
    /// It is in the book, or trades on arrival.
    Open = 5,
    /// A part of it traded.
    Trade = 6,
    /// The last of it traded.
    Fill = 7,
    /// It has another price or quantity.
    Replace = 8,
    /// It was taken back.
    Cancel = 9,
    /// Its terms ended it.
    Expire = 10,
    /// It was not accepted.
    Refuse = 11,
    /// A cancellation or change was not accepted; the order, where there is one, is as it was.
    Deny = 12,
    /// Trading was stopped.
    Halt = 13,
}

impl Event {
    /// Every event, in the order of its number.
    pub const ALL: [Self; 14] = [
        Self::Submit,
        Self::AskCancel,
        Self::AskReplace,
        Self::Hold,
        Self::Wait,
        Self::Open,
        Self::Trade,
        Self::Fill,
        Self::Replace,
        Self::Cancel,
        Self::Expire,
        Self::Refuse,
        Self::Deny,
        Self::Halt,
    ];
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Nothing to explain.
    None = 0,
    /// The identifier is not above every one before.
    DuplicateId = 1,
    /// No such order is alive.
    UnknownOrder = 2,
    /// The quantity is not above zero.
    NoQuantity = 3,
    /// A price, trigger, distance or quantity is beyond the range of numbers.
    BeyondRange = 4,
    /// The market is at or past the trigger already.
    WrongSide = 5,
    /// There is no trade and no price on the side that would tell where the market is.
    NoMarket = 6,
    /// What it shows is below zero or above its quantity.
    WrongDisplay = 7,
    /// Its kind and how long it stands do not go together.
    WrongTerms = 8,
    /// The other leg is not alive, or has a leg already.
    UnknownPeer = 9,
    /// The order it waits for is not alive, or waits itself.
    UnknownParent = 10,
    /// The exchange holds as many orders as it does.
    TooManyOrders = 11,
    /// It would trade on arrival.
    WouldTake = 12,
    /// It could not trade (whole) on arrival.
    NotFilled = 13,
    /// Nothing is left on the other side.
    NoLiquidity = 14,
    /// An order it belongs to traded or ended.
    Linked = 15,
    /// Risk: more lots than one order may have.
    OrderSize = 16,
    /// Risk: the position could pass its limit.
    Position = 17,
    /// Risk: the order's value is above its limit.
    Notional = 18,
    /// Risk: more orders than may be sent within the window.
    Rate = 19,
    /// Risk: the price is too far from the market.
    Collar = 20,
    /// Risk: the day's loss has reached its limit.
    DailyLoss = 21,
    /// Risk: trading was stopped.
    Halted = 22,
    /// Risk: the limit asks for a market price and there is none.
    NoPrice = 23,
    /// Risk: the cash does not reach.
    NoCash = 24,
}

impl Reason {
    /// Every reason, in the order of its number.
    pub const ALL: [Self; 25] = [
        Self::None,
        Self::DuplicateId,
        Self::UnknownOrder,
        Self::NoQuantity,
        Self::BeyondRange,
        Self::WrongSide,
        Self::NoMarket,
        Self::WrongDisplay,
        Self::WrongTerms,
        Self::UnknownPeer,
        Self::UnknownParent,
        Self::TooManyOrders,
        Self::WouldTake,
        Self::NotFilled,
        Self::NoLiquidity,
        Self::Linked,
        Self::OrderSize,
        Self::Position,
        Self::Notional,
        Self::Rate,
        Self::Collar,
        Self::DailyLoss,
        Self::Halted,
        Self::NoPrice,
        Self::NoCash,
    ];
}

/// An answer of the exchange, made at `exchange_time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// By the exchange's clock.
    pub exchange_time: i64,
    /// What happened.
    pub event: Event,
    /// Why.
    pub reason: Reason,
    /// To which order.
    pub id: u64,
    /// Which buys or sells.
    pub half: Half,
    /// What it traded at; else its limit, or its trigger, or 0.
    pub price: i64,
    /// How much of it traded; else its quantity.
    pub quantity: i64,
    /// How much of it is left.
    pub left: i64,
    /// Whether it took what others offered.
    pub taker: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places_in_the_lists() {
        assert!(Event::ALL.iter().enumerate().all(|(number, &event)| event as usize == number));
        assert!(Reason::ALL.iter().enumerate().all(|(number, &reason)| reason as usize == number));
    }
}
