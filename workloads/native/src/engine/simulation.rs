//! The loop over bars.
//!
//! At each bar, in this order: interest accrues since the last bar; orders decided before fill at the open of the
//! instruments that have a bar, those that reduce positions first; stops are looked at within the bar; the account is
//! marked at the close and recorded; limits are checked; changed targets become orders. Nothing looks ahead: what is
//! decided at a bar is decided from that bar and those before it.

use super::account::Account;
use super::costs::Costs;
use super::market::Market;
use super::records::{Fill, Reason, Records};
use super::rules::Rules;
use super::sizing::share_of_equity;
use super::stops::Levels;
use crate::fixed::{ONE, Overflow, bounded, truncate};

/// An order that waits for an open.
#[derive(Debug, Clone, Copy)]
struct Order {
    /// Share of equity aimed at, in billionths and signed.
    share: i64,
    decision: u32,
    reason: Reason,
}

/// A simulation under way.
pub struct Simulation<'a> {
    market: Market<'a>,
    weights: &'a [i64],
    rules: &'a Rules,
    account: Account,
    acted: Vec<i64>,
    orders: Vec<Option<Order>>,
    levels: Vec<Levels>,
    targets: Vec<(usize, i64)>,
    waiting: usize,
    peak: i128,
    halted: bool,
    holding: bool,
    accruing: bool,
    guarded: bool,
    margined: bool,
    free: bool,
}

impl<'a> Simulation<'a> {
    /// A simulation of targets (`weights`, in billionths, one an instrument and bar) on a market.
    #[must_use]
    pub fn new(market: Market<'a>, weights: &'a [i64], rules: &'a Rules) -> Self {
        let width = market.width();
        Self {
            account: Account::new(rules.capital, &market),
            market,
            weights,
            rules,
            acted: vec![0; width],
            orders: vec![None; width],
            levels: vec![Levels::default(); width],
            targets: Vec::with_capacity(width),
            waiting: 0,
            peak: rules.capital,
            halted: false,
            holding: false,
            accruing: false,
            guarded: false,
            margined: false,
            free: rules.costs.free(),
        }
    }

    /// Runs over all bars.
    ///
    /// # Errors
    /// [`Overflow`] when an amount of money passes what is represented.
    pub fn run(&mut self, records: &mut Records) -> Result<(), Overflow> {
        records.fills.clear();
        records.cash.clear();
        (records.interest, records.held) = (0, 0);
        let mut bar = 0;
        while bar < self.market.length() {
            self.step(bar, records)?;
            bar += 1;
            if self.quiet() {
                bar = self.coast(bar, records);
            }
        }
        Ok(())
    }

    /// One bar.
    fn step(&mut self, bar: usize, records: &mut Records) -> Result<(), Overflow> {
        let width = self.market.width();
        if self.accruing {
            self.accrue(bar, records)?;
        }
        if self.waiting > 0 {
            self.fill_orders(bar, records)?;
        }
        if self.guarded {
            self.fill_stops(bar, records)?;
        }
        let worth = self.record(bar, records);
        let row = bar * width..(bar + 1) * width;
        if (self.margined || self.rules.max_drawdown.is_some()) && self.limits(bar, worth) {
            self.acted.copy_from_slice(&self.weights[row]);
        } else if self.weights[row] != self.acted[..] && !self.halted {
            self.decide(bar);
        }
        Ok(())
    }

    /// Whether nothing can happen to the account before a target changes: the most common state of a single
    /// instrument, which [`Simulation::coast`] passes through faster.
    fn quiet(&self) -> bool {
        self.market.width() == 1
            && self.waiting == 0
            && !(self.accruing || self.guarded || self.margined)
            && self.rules.max_drawdown.is_none()
    }

    /// Marks and records bars up to and with the next at which the target is another, where it decides; gives the bar
    /// after. The same as [`Simulation::step`] at each, without what cannot happen.
    fn coast(&mut self, bar: usize, records: &mut Records) -> usize {
        let acted = self.acted[0];
        let changes = self.weights[bar..].iter().position(|&weight| weight != acted);
        let end = changes.map_or(self.market.length(), |offset| bar + offset + 1);
        let equity = &mut records.equity[bar..end];
        if self.holding {
            let quantity = self.account.positions[0].quantity;
            for (equity, &close) in equity.iter_mut().zip(&self.market.close[bar..end]) {
                *equity = self.account.cash + self.account.value(0, quantity, close);
            }
            records.held += end - bar;
        } else {
            equity.fill(self.account.cash);
        }
        if changes.is_some() {
            self.decide(end - 1);
        }
        end
    }

    /// Charges interest on negative cash and borrow on short positions since the last close.
    fn accrue(&mut self, bar: usize, records: &mut Records) -> Result<(), Overflow> {
        let width = self.market.width();
        let elapsed = self.market.time[bar] - self.market.time[bar - 1];
        let closes = &self.market.close[(bar - 1) * width..bar * width];
        let worth = self.account.worth(closes);
        let short = (worth.gross - worth.net) / 2;
        let costs = &self.rules.costs;
        let borrowed = Costs::interest((-self.account.cash).max(0), costs.financing_rate, elapsed)?;
        let charge = borrowed + Costs::interest(short, costs.borrow_rate, elapsed)?;
        self.account.cash = bounded(self.account.cash - charge)?;
        records.interest = bounded(records.interest + charge)?;
        self.settle();
        Ok(())
    }

    /// Notes what the account's state asks of the loop.
    fn settle(&mut self) {
        self.holding = self.account.holds();
        let short = self.holding && self.account.short();
        self.accruing = self.rules.costs.accrues(self.account.cash, short);
        self.guarded = self.holding && self.rules.stops.any();
        // Paid-up long positions cannot fall below a margin of one or less.
        let paid = !short && self.account.cash >= 0 && i128::from(self.rules.maintenance_margin) <= ONE;
        self.margined = self.holding && !paid;
    }

    /// Fills waiting orders at the open; all are sized from the equity at that open, before any of them fills.
    fn fill_orders(&mut self, bar: usize, records: &mut Records) -> Result<(), Overflow> {
        let (mut equity, mut gross) = self.worth_at_open(bar);
        self.aim(bar, equity);
        for reducing in [true, false] {
            for next in 0..self.targets.len() {
                let (instrument, target) = self.targets[next];
                let held = self.account.positions[instrument].quantity;
                let reduces =
                    target.unsigned_abs() <= held.unsigned_abs() && (target == 0 || (target > 0) == (held > 0));
                if reduces != reducing {
                    continue;
                }
                let price = self.market.open[bar * self.market.width() + instrument];
                let target = if reduces { target } else { self.limited(instrument, target, price, equity, gross)? };
                if let Some(order) = self.orders[instrument].take() {
                    self.waiting -= 1;
                    if target != held {
                        let before = self.account.cash + self.account.value(instrument, held, price);
                        self.execute(bar, instrument, target - held, price, order, records)?;
                        equity += self.account.cash + self.account.value(instrument, target, price) - before;
                        gross += self.account.value(instrument, target, price).abs()
                            - self.account.value(instrument, held, price).abs();
                    }
                }
            }
        }
        self.settle();
        Ok(())
    }

    /// Equity and gross exposure at the opens of a bar, at the last close where an instrument has none.
    fn worth_at_open(&self, bar: usize) -> (i128, i128) {
        if !self.holding {
            return (self.account.cash, 0);
        }
        let width = self.market.width();
        let (mut net, mut gross) = (0, 0);
        for (instrument, position) in self.account.positions.iter().enumerate() {
            let cell = bar * width + instrument;
            let price = if self.market.present[cell] { self.market.open[cell] } else { self.market.close[cell] };
            let value = self.account.value(instrument, position.quantity, price);
            net += value;
            gross += value.abs();
        }
        (self.account.cash + net, gross)
    }

    /// Notes the positions that the waiting orders of instruments with a bar aim at.
    fn aim(&mut self, bar: usize, equity: i128) {
        let width = self.market.width();
        self.targets.clear();
        for (instrument, order) in self.orders.iter().enumerate() {
            let cell = bar * width + instrument;
            if let (Some(order), true) = (order, self.market.present[cell]) {
                let target = self.quantity(instrument, order.share, self.market.open[cell], equity);
                self.targets.push((instrument, target));
            }
        }
    }

    /// Lots that a share of equity buys at a price, toward zero.
    fn quantity(&self, instrument: usize, share: i64, price: i64, equity: i128) -> i64 {
        if share == 0 || equity <= 0 || price <= 0 {
            return 0;
        }
        let budget = match i128::from(share) {
            ONE => equity,
            share => truncate(equity * share, ONE),
        };
        self.lots(instrument, budget, price)
    }

    /// Lots that an amount buys at a price, toward zero.
    fn lots(&self, instrument: usize, amount: i128, price: i64) -> i64 {
        use super::market::Valuation::{Divide, Multiply};
        let lots = match self.account.valuation(instrument) {
            Multiply(factor) => truncate(amount, i128::from(price) * factor),
            Divide(divisor) => truncate(amount.saturating_mul(divisor), i128::from(price)),
        };
        i64::try_from(lots).unwrap_or(if lots > 0 { i64::MAX } else { -i64::MAX })
    }

    /// A target cut to what leverage allows once its own costs are paid; never less than what is held on that side.
    fn limited(&self, instrument: usize, target: i64, price: i64, equity: i128, gross: i128) -> Result<i64, Overflow> {
        let held = self.account.positions[instrument].quantity;
        let others = gross - self.account.value(instrument, held, price).abs();
        let mut limited = target;
        // Each round pays the costs of the round before; they shrink with the order, so it settles at once but for
        // tiers that charge a smaller trade more.
        for _ in 0..8 {
            let charge = if self.free { 0 } else { self.charge(instrument, limited - held, price)? };
            let leverage = i128::from(self.rules.max_leverage);
            let wealth = (equity - charge).max(0);
            let allowed = if leverage == ONE { wealth } else { truncate(wealth.saturating_mul(leverage), ONE) };
            let room = (allowed - others).max(0);
            if self.account.value(instrument, limited, price).abs() <= room {
                return Ok(limited);
            }
            let most = self.lots(instrument, room, price);
            let floor = if (target > 0) == (held > 0) { held.saturating_abs() } else { 0 };
            if most <= floor {
                return Ok(floor * target.signum());
            }
            limited = most * target.signum();
        }
        Ok(if (target > 0) == (held > 0) { held } else { 0 })
    }

    /// What an order costs besides its value.
    fn charge(&self, instrument: usize, delta: i64, price: i64) -> Result<i128, Overflow> {
        let value = bounded(self.account.value(instrument, delta, price).abs())?;
        let units = self.market.units[instrument].quantity().apply(i128::from(delta).abs());
        let slippage = self.rules.costs.slippage(value)?;
        let notional = if delta > 0 { value + slippage } else { value - slippage };
        Ok(slippage + self.rules.costs.commission(notional, units)?)
    }

    /// Trades `delta` lots at a price.
    fn execute(
        &mut self,
        bar: usize,
        instrument: usize,
        delta: i64,
        price: i64,
        order: Order,
        records: &mut Records,
    ) -> Result<(), Overflow> {
        let value = bounded(self.account.value(instrument, delta, price))?;
        let (mut slippage, mut commission) = (0, 0);
        if !self.free {
            let units = self.market.units[instrument].quantity().apply(i128::from(delta).abs());
            slippage = self.rules.costs.slippage(value.abs())?;
            commission = self.rules.costs.commission((value + slippage).abs(), units)?;
        }
        let paid = value + slippage;
        let position = &mut self.account.positions[instrument];
        let realized = position.change(delta, paid.abs(), commission, price)?;
        let (quantity, entry_value) = (position.quantity, position.entry_value);
        self.account.cash = bounded(self.account.cash - paid - commission)?;
        self.account.check(instrument)?;
        if self.rules.stops.any() && quantity != 0 {
            let valuation = self.account.valuation(instrument);
            self.levels[instrument] = Levels::of(&self.account.positions[instrument], &self.rules.stops, valuation)?;
        }
        records.fills.push(Fill {
            decision: order.decision,
            bar: bar as u32,
            instrument: instrument as u32,
            reason: order.reason,
            quantity: delta,
            position: quantity,
            notional: paid.abs(),
            commission,
            slippage,
            realized,
            entry_value,
        });
        Ok(())
    }

    /// Ends positions whose stops lie within the bar, and moves the best prices on.
    fn fill_stops(&mut self, bar: usize, records: &mut Records) -> Result<(), Overflow> {
        let width = self.market.width();
        for instrument in 0..width {
            let cell = bar * width + instrument;
            let position = self.account.positions[instrument];
            if position.quantity == 0 || !self.market.present[cell] {
                continue;
            }
            let (open, high, low) = (self.market.open[cell], self.market.high[cell], self.market.low[cell]);
            match self.levels[instrument].exit(&position, &self.rules.stops, open, high, low) {
                Some((price, reason)) => {
                    let order = Order { share: 0, decision: bar as u32, reason };
                    self.execute(bar, instrument, -position.quantity, price, order, records)?;
                }
                None => {
                    let best = &mut self.account.positions[instrument].best;
                    *best = if position.quantity > 0 { high.max(*best) } else { low.min(*best) };
                }
            }
        }
        self.settle();
        Ok(())
    }

    /// Marks the account at the close; gives equity and gross exposure.
    fn record(&self, bar: usize, records: &mut Records) -> (i128, i128) {
        let width = self.market.width();
        let cash = self.account.cash;
        let (mut equity, mut gross) = (cash, 0);
        if self.holding {
            let worth = self.account.worth(&self.market.close[bar * width..(bar + 1) * width]);
            equity += worth.net;
            gross = worth.gross;
            records.held += 1;
        }
        if records.cash.last().is_none_or(|&(_, before)| before != cash) {
            records.cash.push((bar as u32, cash));
        }
        records.equity[bar] = equity;
        if width > 1 {
            records.gross[bar] = gross;
        }
        (equity, gross)
    }

    /// Closes everything where the margin or the drawdown asks for it; whether it did.
    fn limits(&mut self, bar: usize, (equity, gross): (i128, i128)) -> bool {
        self.peak = self.peak.max(equity);
        if let (Some(limit), false) = (self.rules.max_drawdown, self.halted)
            && (self.peak - equity) * ONE >= i128::from(limit) * self.peak
            && self.peak > equity
        {
            self.halted = true;
            self.close_all(bar, Reason::DrawdownHalt);
            return true;
        }
        if self.halted || !self.margined || equity * ONE >= i128::from(self.rules.maintenance_margin) * gross {
            return false;
        }
        self.close_all(bar, Reason::MarginCall);
        true
    }

    /// Replaces all orders by orders to close what is held; one that already waits to close for that reason stays.
    fn close_all(&mut self, bar: usize, reason: Reason) {
        for (order, position) in self.orders.iter_mut().zip(&self.account.positions) {
            let stays = order.is_some_and(|waiting| waiting.reason == reason);
            if position.quantity == 0 {
                *order = None;
            } else if !stays {
                *order = Some(Order { share: 0, decision: bar as u32, reason });
            }
        }
        self.waiting = self.orders.iter().flatten().count();
    }

    /// Turns changed targets into orders for the next open.
    fn decide(&mut self, bar: usize) {
        let width = self.market.width();
        for instrument in 0..width {
            let asked = self.weights[bar * width + instrument];
            if asked == self.acted[instrument] {
                continue;
            }
            let weight = if self.rules.allow_short { asked } else { asked.max(0) };
            let Some(share) = share_of_equity(&self.market, self.rules, bar, instrument, weight) else {
                continue;
            };
            self.acted[instrument] = asked;
            self.orders[instrument] = Some(Order { share, decision: bar as u32, reason: Reason::Signal });
        }
        self.waiting = self.orders.iter().flatten().count();
    }
}
