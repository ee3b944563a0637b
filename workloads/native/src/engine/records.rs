//! What a simulation leaves: the account at each close, and its fills.

/// Why a fill happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// The strategy's target changed.
    Signal = 0,
    /// The loss from entry reached its limit.
    StopLoss = 1,
    /// The gain from entry reached its limit.
    TakeProfit = 2,
    /// The price fell by its limit from the best since entry.
    TrailingStop = 3,
    /// Equity fell below the maintenance margin.
    MarginCall = 4,
    /// The drawdown reached its limit, which ends trading.
    DrawdownHalt = 5,
}

/// One fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Bar at which it was decided; that of the fill itself for a stop.
    pub decision: u32,
    /// Bar in which it filled.
    pub bar: u32,
    /// Instrument.
    pub instrument: u32,
    /// Why.
    pub reason: Reason,
    /// Lots, below zero for a sale.
    pub quantity: i64,
    /// Position afterwards.
    pub position: i64,
    /// Money exchanged, slippage included, zero or more.
    pub notional: i128,
    /// Commission paid.
    pub commission: i128,
    /// Part of the notional that slippage made worse.
    pub slippage: i128,
    /// Profit of what was closed, net of its commissions.
    pub realized: i128,
    /// Entry value of the position afterwards.
    pub entry_value: i128,
}

/// What a simulation records; room is made before it starts.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Cash and value of positions at each close.
    pub equity: Vec<i128>,
    /// Cash from a bar's close on, at each change.
    pub cash: Vec<(u32, i128)>,
    /// Absolute value of positions at each close; empty for one instrument, where it follows from equity and cash.
    pub gross: Vec<i128>,
    /// Number of closes at which a position was held.
    pub held: usize,
    /// Fills in the order they happened.
    pub fills: Vec<Fill>,
    /// Interest and borrow paid in all.
    pub interest: i128,
}

impl Records {
    /// Records with room for a number of bars and instruments.
    #[must_use]
    pub fn new(bars: usize, width: usize) -> Self {
        Self {
            equity: vec![0; bars],
            gross: vec![0; if width == 1 { 0 } else { bars }],
            cash: Vec::with_capacity(bars / 8 + 16),
            fills: Vec::with_capacity(bars / 8 + 16),
            ..Self::default()
        }
    }

    /// Cash at each close.
    #[must_use]
    pub fn cash_column(&self) -> Vec<i128> {
        let ends = self.cash.iter().skip(1).map(|&(bar, _)| bar as usize).chain([self.equity.len()]);
        let runs = self.cash.iter().zip(ends);
        runs.flat_map(|(&(bar, cash), end)| std::iter::repeat_n(cash, end - bar as usize)).collect()
    }

    /// Absolute value of positions at each close.
    #[must_use]
    pub fn gross_column(&self) -> Vec<i128> {
        if self.gross.is_empty() {
            return self.equity.iter().zip(self.cash_column()).map(|(equity, cash)| (equity - cash).abs()).collect();
        }
        self.gross.clone()
    }
}
