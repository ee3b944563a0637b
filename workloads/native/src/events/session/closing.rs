//! Getting flat: every order is taken back, then what is held is closed at the market, until nothing is left.
//!
//! It answers to reports as a strategy does. An order that may still trade is waited for before a position is closed,
//! so that no position is closed twice; and it gives up after so many requests, as an exchange may refuse for ever.

use crate::events::desk::Desk;
use crate::exchange::Reason;

/// Requests about one instrument before it gives up: rounds of cancellations, and orders that close.
pub const ATTEMPTS: u8 = 8;

/// Where each instrument is on its way to be flat.
#[derive(Debug, Clone)]
pub(super) struct Closing {
    left: Vec<u8>,
    /// The newest order that closes.
    order: Vec<u64>,
}

impl Closing {
    /// Stops trading, and does what can be done at once.
    pub fn begin(desk: &mut Desk) -> Self {
        desk.halt(Reason::None);
        let mut closing = Self { left: vec![ATTEMPTS; desk.width()], order: vec![0; desk.width()] };
        for instrument in 0..desk.width() {
            closing.go_on(desk, instrument);
        }
        closing
    }

    /// Does what can be done about an instrument, after something became of its orders.
    pub fn go_on(&mut self, desk: &mut Desk, instrument: usize) {
        let tickets = desk.tickets(instrument);
        let closes = self.order[instrument];
        let unwanted = tickets.iter().filter(|ticket| !ticket.asked && ticket.order.id != closes);
        let unwanted: Vec<u64> = unwanted.map(|ticket| ticket.order.id).collect();
        let closable = tickets.is_empty() && desk.holding(instrument).position != 0;
        if self.left[instrument] == 0 || (unwanted.is_empty() && !closable) {
            return;
        }
        self.left[instrument] -= 1;
        if closable {
            self.order[instrument] = desk.close(instrument);
        }
        for id in unwanted {
            desk.cancel(instrument, id);
        }
    }

    /// Whether something is held or alive, and no more will be done about it.
    pub fn gave_up(&self, desk: &Desk) -> bool {
        let open = |instrument: usize| {
            let (tickets, position) = (desk.tickets(instrument), desk.holding(instrument).position);
            let waits = tickets.iter().any(|ticket| ticket.asked || ticket.order.id == self.order[instrument]);
            (position != 0 || !tickets.is_empty()) && !waits
        };
        (0..self.left.len()).any(|instrument| self.left[instrument] == 0 && open(instrument))
    }
}
