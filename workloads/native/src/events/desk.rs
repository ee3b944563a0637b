//! The trader's side: what is known, what is held, and what may be sent.

use super::account::Holding;
use super::log::{Log, Row};
use super::view::View;
use crate::book::Half;
use crate::exchange::{Event, Reason, Report, Rules};
use crate::fees::Fees;
use crate::fixed::{LIMIT, Overflow, bounded};
use crate::instrument::{Instrument, Settlement};
use crate::latency::Latency;
use crate::orders::{NewOrder, Request, State, Step};
use crate::risk::{Exposure, Limits, Rate};
use crate::tape::Columns;
use std::collections::VecDeque;
use std::ops::Range;

const DAY: i64 = 86_400_000_000_000;

/// An instrument and how it is traded.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// What it is worth.
    pub instrument: Instrument,
    /// What its venue charges.
    pub fees: Fees,
    /// What risk allows.
    pub limits: Limits,
    /// Cash at the start, in billionths. All instruments are of one account: their cash is added up.
    pub cash: i128,
    /// How the exchange treats orders.
    pub rules: Rules,
}

/// An order, as far as the trader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The order, its price and quantity as last told.
    pub order: NewOrder,
    /// Where it stands.
    pub state: State,
    /// How much is left.
    pub left: i64,
    /// Whether a cancellation or change is on its way.
    pub asked: bool,
    /// Lots that traded.
    pub traded: i64,
    /// Changes of it that are on their way.
    pub changes: Changes,
    /// Of an exit, what its entry has released.
    released: Released,
}

/// What an order's entry has released of it by what it traded, as far as that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Released {
    /// Whether it sells what its entry buys: it takes no more of what is held than that brought.
    covered: bool,
    /// Lots in all.
    lots: i64,
    /// Of these, lots that no report of the order itself has told yet.
    unheard: i64,
}

/// Changes of an order that the trader has not had an answer to: each may have been made already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// How many.
    pub waiting: u32,
    /// The largest quantity that one of them asks for.
    pub quantity: i64,
    /// The highest price that one of them asks for.
    pub price: Option<i64>,
}

impl Ticket {
    fn sent(order: NewOrder) -> Self {
        Self {
            order,
            state: State::Sent,
            left: order.quantity,
            asked: false,
            traded: 0,
            changes: Changes::default(),
            released: Released::default(),
        }
    }

    /// Lots of what is held that an order to sell may take: an exit what its entry has bought, any other all.
    fn promised(&self) -> i64 {
        if !self.released.covered {
            return self.exposed();
        }
        let left = if self.state == State::Sent { 0 } else { self.left };
        left.max(self.changes.quantity).saturating_add(self.released.unheard)
    }

    /// Its entry traded.
    fn release(&mut self, quantity: i64) {
        let more = quantity.min(self.order.quantity.saturating_sub(self.released.lots)).max(0);
        self.released.lots += more;
        self.released.unheard += more;
    }

    /// The most lots of it that may trade yet: an order that waits for another is released part by part, and all of it
    /// may be before that is heard here; what a change on its way asks for may be there already.
    fn exposed(&self) -> i64 {
        let left = if self.order.parent == 0 { self.left } else { self.order.quantity.saturating_sub(self.traded) };
        left.max(self.changes.quantity)
    }

    /// A change was answered.
    fn answer(&mut self) {
        self.changes = match self.changes.waiting {
            0 | 1 => Changes::default(),
            waiting => Changes { waiting: waiting - 1, ..self.changes },
        };
    }
}

/// A request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub arrival: i64,
    pub request: Request,
    /// Of a change: lots of its order that had traded, or another had taken, as far as was known when it was sent.
    pub gone: i64,
}

/// One instrument at the desk.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub view: View,
    pub requests: VecDeque<Sent>,
    /// How long the newest row took to arrive.
    pub feed: i64,
    instrument: Instrument,
    fees: Fees,
    limits: Limits,
    latency: Latency,
    holding: Holding,
    tickets: Vec<Ticket>,
    last_arrival: i64,
}

/// The trader's side.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(super) now: i64,
    pub(super) timer: Option<i64>,
    pub(super) places: Vec<Place>,
    log: Log,
    rate: Option<Rate>,
    last_id: u64,
    day: i64,
    /// What the account was worth when the day began.
    opening: i128,
    halted: bool,
    pub(super) stopped: bool,
}

impl Desk {
    pub(super) fn new(setups: &[Setup], rate: Option<Rate>, log: Log) -> Self {
        Self {
            now: 0,
            timer: None,
            places: setups.iter().map(Place::new).collect(),
            log,
            rate,
            last_id: 0,
            day: i64::MIN,
            opening: setups.iter().map(|setup| setup.cash).sum(),
            halted: false,
            stopped: false,
        }
    }

    /// The local time.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Number of instruments.
    #[must_use]
    pub fn width(&self) -> usize {
        self.places.len()
    }

    /// An instrument's market.
    #[must_use]
    pub fn view(&self, instrument: usize) -> &View {
        &self.places[instrument].view
    }

    /// Best bid and ask of an instrument, where there are both.
    #[must_use]
    pub fn touch(&self, instrument: usize) -> Option<(i64, i64)> {
        self.places[instrument].view.book().touch()
    }

    /// What is held of an instrument.
    #[must_use]
    pub fn holding(&self, instrument: usize) -> &Holding {
        &self.places[instrument].holding
    }

    /// What is held of an instrument is worth at the middle of the touch; where there is none, at the last trade.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn worth(&self, instrument: usize) -> Result<i128, Overflow> {
        let place = &self.places[instrument];
        let prices = place.view.book().touch().or_else(|| place.view.last().map(|price| (price, price)));
        match prices {
            Some((bid, ask)) if place.holding.position != 0 => {
                place.instrument.worth_between(place.holding.position, bid, ask)
            }
            _ => Ok(0),
        }
    }

    /// Lots of an instrument that an amount of money is worth at the middle of the touch, rounded toward zero; `None`
    /// where there is no touch.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn lots(&self, instrument: usize, amount: i128) -> Result<Option<i64>, Overflow> {
        let place = &self.places[instrument];
        let touch = place.view.book().touch();
        touch.map(|(bid, ask)| place.instrument.lots_between(amount, bid, ask)).transpose()
    }

    /// Cash, and what all positions are worth.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn equity(&self) -> Result<i128, Overflow> {
        let mut equity = 0;
        for (instrument, place) in self.places.iter().enumerate() {
            equity = bounded(equity + place.holding.cash + self.worth(instrument)?)?;
        }
        Ok(equity)
    }

    /// Orders of an instrument that are not over, in the order they were sent.
    #[must_use]
    pub fn tickets(&self, instrument: usize) -> &[Ticket] {
        &self.places[instrument].tickets
    }

    /// Whether trading was stopped.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The highest name of an order that was sent.
    #[must_use]
    pub fn last_order(&self) -> u64 {
        self.last_id
    }

    pub(super) fn into_log(self) -> Log {
        self.log
    }

    /// Asks for [`super::Strategy::on_timer`] at a time, or at once where that has passed. There is one timer.
    pub fn wake(&mut self, time: i64) {
        self.timer = Some(time.max(self.now));
    }

    /// Sends a new order; an identifier of 0 is replaced by the next one.
    ///
    /// # Errors
    /// The [`Reason`] risk refuses it, which is in the log as well. What is impossible at the exchange is refused there.
    pub fn submit(&mut self, instrument: usize, mut order: NewOrder) -> Result<u64, Reason> {
        if order.id == 0 {
            order.id = self.last_id.saturating_add(1);
        }
        if let Err(reason) = self.check(instrument, &order) {
            self.write(instrument, Event::Refuse, reason, &order);
            return Err(reason);
        }
        Ok(self.dispatch(instrument, order))
    }

    /// Sends what closes a position at the market. Risk has no say: it only gets less by it.
    pub(super) fn close(&mut self, instrument: usize) -> u64 {
        let position = self.places[instrument].holding.position;
        let half = if position > 0 { Half::Ask } else { Half::Bid };
        let id = self.last_id.saturating_add(1);
        let order = NewOrder::new(id, half, crate::orders::Kind::Market, position.saturating_abs());
        self.dispatch(instrument, order)
    }

    fn dispatch(&mut self, instrument: usize, order: NewOrder) -> u64 {
        self.last_id = order.id;
        self.write(instrument, Event::Submit, Reason::None, &order);
        let place = &mut self.places[instrument];
        let ticket = place.sent(order);
        place.tickets.push(ticket);
        self.send(instrument, Request::Submit(order));
        order.id
    }

    /// Asks to take an order back. Of one that is not known to be alive, the exchange denies it.
    pub fn cancel(&mut self, instrument: usize, id: u64) {
        let order = self.ask(instrument, id);
        self.write(instrument, Event::AskCancel, Reason::None, &order);
        self.send(instrument, Request::Cancel { id });
    }

    /// Asks to give an order another price, and what is left of it another quantity.
    ///
    /// # Errors
    /// The [`Reason`] risk refuses it, as for a new order of that price and quantity.
    pub fn replace(&mut self, instrument: usize, id: u64, price: i64, quantity: i64) -> Result<(), Reason> {
        let order = self.changed(instrument, id, price, quantity);
        let checked = self.check_replaced(instrument, &order);
        if let Err(reason) = checked {
            self.write(instrument, Event::Deny, reason, &order);
            return Err(reason);
        }
        self.ask(instrument, id);
        if let Some(ticket) = self.places[instrument].tickets.iter_mut().find(|ticket| ticket.order.id == id) {
            ticket.changes = Changes {
                waiting: ticket.changes.waiting.saturating_add(1),
                quantity: ticket.changes.quantity.max(quantity),
                price: ticket.changes.price.max(Some(price)),
            };
        }
        self.write(instrument, Event::AskReplace, Reason::None, &order);
        self.send(instrument, Request::Replace { id, price, quantity });
        Ok(())
    }

    /// An order as [`Desk::replace`] would have it; a limit order to buy where none of this name is known.
    #[must_use]
    pub fn changed(&self, instrument: usize, id: u64, price: i64, quantity: i64) -> NewOrder {
        let kind = crate::orders::Kind::Limit { price };
        let known = self.ticket(instrument, id).map(|ticket| ticket.order);
        NewOrder { id, kind, quantity, ..known.unwrap_or_else(|| NewOrder::new(id, Half::Bid, kind, quantity)) }
    }

    /// Stops trading: every order is to be taken back, and no more are sent.
    pub fn halt(&mut self, reason: Reason) {
        if self.halted {
            return;
        }
        self.halted = true;
        for instrument in 0..self.places.len() {
            self.write(instrument, Event::Halt, reason, &NewOrder::new(0, Half::Bid, crate::orders::Kind::Market, 0));
            let alive: Vec<u64> = self.tickets(instrument).iter().map(|ticket| ticket.order.id).collect();
            for id in alive {
                self.cancel(instrument, id);
            }
        }
    }

    /// Ends the run here.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Notes how long the newest row of an instrument took to arrive.
    #[inline]
    pub(super) fn time_feed(&mut self, instrument: usize, columns: &Columns<'_>, newest: usize) {
        self.places[instrument].feed = self.now - columns.exchange_time[newest];
    }

    /// Takes in rows of one message about an instrument, and asks nobody.
    pub(super) fn see(&mut self, instrument: usize, columns: &Columns<'_>, rows: Range<usize>) {
        self.time_feed(instrument, columns, rows.end - 1);
        self.places[instrument].view.rows(columns, rows);
    }

    /// The oldest request about an instrument that has not gone out: there is one for each row of the log that says so.
    pub(super) fn take_request(&mut self, instrument: usize) -> Option<Request> {
        self.places[instrument].requests.pop_front().map(|sent| sent.request)
    }

    /// Takes in a report that arrived: orders, holdings, log; then looks at the day's loss.
    ///
    /// # Errors
    /// [`Overflow`] when an amount does not fit.
    pub(super) fn receive(&mut self, instrument: usize, report: &Report) -> Result<(), Overflow> {
        let place = &mut self.places[instrument];
        let traded = matches!(report.event, Event::Trade | Event::Fill);
        let fee = if traded { place.fill(report)? } else { 0 };
        place.track(report);
        self.log.push(&Row {
            local_time: self.now,
            exchange_time: report.exchange_time,
            instrument: instrument as u32,
            event: report.event,
            reason: report.reason,
            order: report.id,
            half: report.half,
            price: report.price,
            quantity: report.quantity,
            left: report.left,
            taker: report.taker,
            fee,
        });
        if traded && self.has_lost(instrument)? {
            self.halt(Reason::DailyLoss);
        }
        Ok(())
    }

    fn check(&mut self, instrument: usize, order: &NewOrder) -> Result<(), Reason> {
        if self.halted {
            return Err(Reason::Halted);
        }
        if order.id <= self.last_id {
            return Err(Reason::DuplicateId);
        }
        self.check_limits(instrument, order)
    }

    fn check_replaced(&mut self, instrument: usize, order: &NewOrder) -> Result<(), Reason> {
        if self.halted {
            return Err(Reason::Halted);
        }
        self.check_limits(instrument, order)
    }

    fn check_limits(&mut self, instrument: usize, order: &NewOrder) -> Result<(), Reason> {
        if self.has_lost(instrument).unwrap_or(true) {
            self.halt(Reason::DailyLoss);
            return Err(Reason::DailyLoss);
        }
        let place = &self.places[instrument];
        place.limits.check(&place.instrument, order, &self.exposure(instrument, order))?;
        if self.rate.as_mut().is_some_and(|rate| !rate.admit(self.now)) {
            return Err(Reason::Rate);
        }
        Ok(())
    }

    /// What risk looks at: of the position, one instrument; of cash, where the instrument is paid for, the account.
    fn exposure(&self, instrument: usize, order: &NewOrder) -> Exposure {
        let place = &self.places[instrument];
        // Only what is bought with cash is held against it; an order for a future need not look at all instruments.
        let paid = place.instrument.settlement == Settlement::Spot;
        let account = if paid { &self.places[..] } else { &[] };
        Exposure {
            position: place.holding.position,
            alive: place.alive(order),
            promised: if paid { place.promised(order) } else { 0 },
            cash: account.iter().map(|place| place.holding.cash).sum(),
            committed: account.iter().map(|place| place.committed(order)).fold(0, i128::saturating_add),
            touch: place.view.book().touch(),
        }
    }

    /// Whether the account's loss of the day, at the prices it could be closed at, has reached an instrument's limit.
    fn has_lost(&mut self, instrument: usize) -> Result<bool, Overflow> {
        let Some(most) = self.places[instrument].limits.daily_loss else {
            return Ok(false);
        };
        let mut equity = 0;
        for place in &self.places {
            equity = bounded(equity + place.closing_equity()?)?;
        }
        let day = self.now.div_euclid(DAY);
        if day != self.day {
            if self.day != i64::MIN {
                self.opening = equity;
            }
            self.day = day;
        }
        Ok(self.opening - equity >= most)
    }

    fn ticket(&self, instrument: usize, id: u64) -> Option<&Ticket> {
        self.places[instrument].ticket(id)
    }

    /// Notes that a cancellation or change of an order is on its way, and gives the order as far as it is known.
    fn ask(&mut self, instrument: usize, id: u64) -> NewOrder {
        match self.places[instrument].tickets.iter_mut().find(|ticket| ticket.order.id == id) {
            Some(ticket) => {
                ticket.asked = true;
                ticket.order
            }
            None => NewOrder::new(id, Half::Bid, crate::orders::Kind::Market, 0),
        }
    }

    fn send(&mut self, instrument: usize, request: Request) {
        let place = &mut self.places[instrument];
        let arrival = self.now.saturating_add(place.latency.entry(self.now, place.feed));
        place.last_arrival = place.last_arrival.max(arrival);
        let gone = match request {
            Request::Replace { id, .. } => place.ticket(id).map_or(0, |ticket| ticket.order.quantity - ticket.left),
            _ => 0,
        };
        place.requests.push_back(Sent { arrival: place.last_arrival, request, gone });
    }

    fn write(&mut self, instrument: usize, event: Event, reason: Reason, order: &NewOrder) {
        self.log.push(&Row {
            local_time: self.now,
            exchange_time: 0,
            instrument: instrument as u32,
            event,
            reason,
            order: order.id,
            half: order.half,
            price: order.kind.price(),
            quantity: order.quantity,
            left: order.quantity,
            taker: false,
            fee: 0,
        });
    }
}

impl Place {
    fn new(setup: &Setup) -> Self {
        Self {
            view: View::new(setup.rules.window),
            requests: VecDeque::with_capacity(64),
            feed: 0,
            instrument: setup.instrument,
            fees: setup.fees.clone(),
            limits: setup.limits,
            latency: setup.rules.latency.clone(),
            holding: Holding { cash: setup.cash, ..Holding::default() },
            tickets: Vec::with_capacity(64),
            last_arrival: i64::MIN,
        }
    }

    fn fill(&mut self, report: &Report) -> Result<i128, Overflow> {
        let lots = report.half.sign() * report.quantity;
        self.holding.fill(&self.instrument, &self.fees, lots, report.price, report.taker)
    }

    /// The ticket of an order that is sent now.
    fn sent(&self, order: NewOrder) -> Ticket {
        let mut ticket = Ticket::sent(order);
        if let Some(entry) = self.ticket(order.parent) {
            ticket.released.covered = self.is_covered(&order);
            ticket.release(entry.traded);
        }
        ticket
    }

    fn ticket(&self, id: u64) -> Option<&Ticket> {
        self.tickets.iter().find(|ticket| ticket.order.id == id)
    }

    /// Whether a new order sells what its entry buys: one exit of an entry does, or two of which one cancels the other.
    fn is_covered(&self, order: &NewOrder) -> bool {
        let exit = |ticket: &Ticket| ticket.released.covered && ticket.order.parent == order.parent;
        let another = self.tickets.iter().any(|ticket| exit(ticket) && ticket.order.id != order.peer);
        let buys = self.ticket(order.parent).is_some_and(|entry| entry.order.half == Half::Bid);
        order.half == Half::Ask && buys && !another
    }

    /// Lots of what is held that orders to sell may take with this one, which may be one that is changed.
    fn promised(&self, order: &NewOrder) -> i64 {
        let others = self.together(order, Half::Ask, |ticket| i128::from(ticket.promised()));
        let changed = self.ticket(order.id).is_some();
        let mine = if changed { order.quantity } else { self.sent(*order).promised() };
        i64::try_from(others.saturating_add(i128::from(mine))).unwrap_or(i64::MAX)
    }

    /// What an order's ticket becomes by a report.
    fn track(&mut self, report: &Report) {
        if matches!(report.event, Event::Trade | Event::Fill) {
            for exit in self.tickets.iter_mut().filter(|ticket| ticket.order.parent == report.id) {
                exit.release(report.quantity);
            }
        }
        let Some(index) = self.tickets.iter().position(|ticket| ticket.order.id == report.id) else {
            return;
        };
        let ticket = &mut self.tickets[index];
        let step = match report.event {
            Event::Hold => Step::Hold,
            Event::Wait => Step::Wait,
            Event::Open => Step::Open,
            Event::Trade => Step::Trade,
            Event::Fill => Step::Fill,
            Event::Replace => Step::Replace,
            Event::Cancel => Step::Cancel,
            Event::Expire => Step::Expire,
            Event::Refuse => Step::Refuse,
            _ => {
                ticket.asked = false;
                ticket.answer();
                return;
            }
        };
        if matches!(step, Step::Trade | Step::Fill) {
            ticket.traded = ticket.traded.saturating_add(report.quantity);
        }
        match (ticket.state.after(step), step) {
            (Ok(state), _) => ticket.state = state,
            // Where reports come from a wire, one may be missing or late: what ends an order or trades it is believed
            // all the same, and that it was taken in is no news then.
            (Err(_), Step::Hold | Step::Wait | Step::Open) => return,
            (Err(_), Step::Trade) => ticket.state = State::Open,
            (Err(_), Step::Replace) => {}
            (Err(_), Step::Fill | Step::Cancel | Step::Expire | Step::Refuse) => {
                self.tickets.remove(index);
                return;
            }
        }
        ticket.left = report.left;
        if step != Step::Hold {
            ticket.released.unheard = 0;
        }
        if report.event == Event::Replace && report.reason == Reason::None {
            ticket.asked = false;
            ticket.answer();
            ticket.order.kind = ticket.order.kind.at(report.price);
            ticket.released.lots += report.quantity - ticket.order.quantity;
            ticket.order.quantity = report.quantity;
        }
        if ticket.state.is_over() {
            self.tickets.remove(index);
        }
    }

    /// Lots of orders alive, to buy and to sell, counted as by [`Place::together`].
    fn alive(&self, order: &NewOrder) -> [i64; 2] {
        [Half::Bid, Half::Ask].map(|half| {
            let lots = self.together(order, half, |ticket| i128::from(ticket.exposed()));
            i64::try_from(lots).unwrap_or(i64::MAX)
        })
    }

    /// What the orders to buy that are alive would cost, counted likewise.
    fn committed(&self, order: &NewOrder) -> i128 {
        let ask = self.view.book().touch().map(|(_, ask)| ask);
        self.together(order, Half::Bid, |ticket| match ticket.order.kind.limit().or(ask).max(ticket.changes.price) {
            Some(price) => self.instrument.value(ticket.exposed(), price).unwrap_or(LIMIT),
            None => 0,
        })
    }

    /// What orders of a side come to. Of two legs of which one cancels the other, the larger counts; of an order that
    /// is changed, or is the other leg of `order`, nothing does.
    fn together(&self, order: &NewOrder, half: Half, size: impl Fn(&Ticket) -> i128) -> i128 {
        let counts = |ticket: &&Ticket| {
            let linked = order.peer == ticket.order.id || order.id == ticket.order.peer;
            ticket.order.half == half && ticket.order.id != order.id && !linked
        };
        let counted = self.tickets.iter().filter(counts).map(|ticket| {
            let leg = Some(ticket.order.peer).filter(|&leg| leg != 0);
            let other = leg.and_then(|leg| self.tickets.iter().filter(counts).find(|other| other.order.id == leg));
            (size(ticket) - other.map_or(0, &size)).max(0)
        });
        counted.fold(0, i128::saturating_add)
    }

    /// Cash and what the position could be closed for; where there is no market, the price of the last trade counts,
    /// and before any, nothing.
    fn closing_equity(&self) -> Result<i128, Overflow> {
        let long = self.holding.position > 0;
        let touch = self.view.book().touch().map(|(bid, ask)| if long { bid } else { ask });
        match touch.or(self.view.last()) {
            Some(price) => self.holding.equity(&self.instrument, price),
            None => Ok(self.holding.cash),
        }
    }
}
