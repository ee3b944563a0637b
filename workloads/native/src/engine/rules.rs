//! What a simulation is told besides its bars and targets.

use super::costs::Costs;

/// How a target becomes a share of equity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The target times a fraction.
    FixedFraction,
    /// The target times target volatility over estimated volatility.
    VolatilityTarget,
    /// The target times a fraction of the Kelly bet in its direction.
    Kelly,
}

/// Sizing of positions.
#[derive(Debug, Clone, Copy)]
pub struct Sizing {
    /// The method.
    pub method: Method,
    /// Share of equity, or of the Kelly bet, in billionths.
    pub fraction: i64,
    /// Yearly volatility aimed at.
    pub target_volatility: f64,
    /// Bars over which volatility and drift are estimated.
    pub window: usize,
}

/// Exits by price; billionths of the average entry price, or of the best price since entry for the trailing stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stops {
    /// Loss that ends a position.
    pub loss: Option<i64>,
    /// Gain that ends a position.
    pub profit: Option<i64>,
    /// Fall from the best price that ends a position.
    pub trailing: Option<i64>,
}

impl Stops {
    /// Whether any stop is set.
    #[must_use]
    pub fn any(self) -> bool {
        self.loss.is_some() || self.profit.is_some() || self.trailing.is_some()
    }
}

/// Everything that decides a simulation besides bars and targets.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Cash at the start, in billionths.
    pub capital: i128,
    /// Costs.
    pub costs: Costs,
    /// Sizing.
    pub sizing: Sizing,
    /// Stops.
    pub stops: Stops,
    /// Gross exposure over equity at most, in billionths.
    pub max_leverage: i64,
    /// Equity over gross exposure below which everything is closed, in billionths.
    pub maintenance_margin: i64,
    /// Drawdown that ends trading, in billionths.
    pub max_drawdown: Option<i64>,
    /// Whether positions below zero are taken.
    pub allow_short: bool,
    /// Bars in a year.
    pub periods_per_year: f64,
    /// Yearly risk-free rate, subtracted from the drift of the Kelly bet.
    pub risk_free_rate: f64,
}
