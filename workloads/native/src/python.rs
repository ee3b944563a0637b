//! The Python module `tradeplane_native._native`: arrays in, arrays out, and nothing decided here.

mod exchange;
mod levels;
mod signing;
mod simd;
mod spool;
mod tape;

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyArithmeticError, PyValueError};
use pyo3::prelude::*;

use crate::bootstrap::{self, Resampling};
use crate::engine::{Costs, Market, Method, Records, Rules, Simulation, Sizing, Stops, Tier, Units};
use crate::fixed::{ONE, Overflow};
use crate::indicators;
use crate::pcg64::Pcg64;
use crate::statistics::{self, Year};

mod events;

type Series<'py> = Bound<'py, PyArray1<f64>>;
type Words<'py> = Bound<'py, PyArray2<u64>>;

impl From<Overflow> for PyErr {
    fn from(overflow: Overflow) -> Self {
        PyArithmeticError::new_err(overflow.to_string())
    }
}

/// Simple moving average.
#[pyfunction]
fn sma<'py>(py: Python<'py>, series: PyReadonlyArray1<'py, f64>, period: usize) -> PyResult<Series<'py>> {
    let series = series.as_slice()?;
    Ok(PyArray1::from_vec(py, py.detach(|| indicators::sma(series, period))))
}

/// Exponential moving average.
#[pyfunction]
fn ema<'py>(py: Python<'py>, series: PyReadonlyArray1<'py, f64>, period: usize) -> PyResult<Series<'py>> {
    let series = series.as_slice()?;
    Ok(PyArray1::from_vec(py, py.detach(|| indicators::ema(series, period))))
}

/// Relative strength index.
#[pyfunction]
fn rsi<'py>(py: Python<'py>, series: PyReadonlyArray1<'py, f64>, period: usize) -> PyResult<Series<'py>> {
    let series = series.as_slice()?;
    Ok(PyArray1::from_vec(py, py.detach(|| indicators::rsi(series, period))))
}

/// Standard score.
#[pyfunction]
fn zscore<'py>(py: Python<'py>, series: PyReadonlyArray1<'py, f64>, period: usize) -> PyResult<Series<'py>> {
    let series = series.as_slice()?;
    Ok(PyArray1::from_vec(py, py.detach(|| indicators::zscore(series, period))))
}

/// Three lines of one length.
type Lines<'py> = (Series<'py>, Series<'py>, Series<'py>);

/// Moving average convergence divergence: line, signal, histogram.
#[pyfunction]
fn macd<'py>(
    py: Python<'py>,
    series: PyReadonlyArray1<'py, f64>,
    fast: usize,
    slow: usize,
    signal: usize,
) -> PyResult<Lines<'py>> {
    let series = series.as_slice()?;
    let lines = py.detach(|| indicators::macd(series, fast, slow, signal));
    let array = |line| PyArray1::from_vec(py, line);
    Ok((array(lines.macd), array(lines.signal), array(lines.histogram)))
}

/// Bollinger bands: upper, middle, lower.
#[pyfunction]
fn bollinger<'py>(
    py: Python<'py>,
    series: PyReadonlyArray1<'py, f64>,
    period: usize,
    width: f64,
) -> PyResult<Lines<'py>> {
    let series = series.as_slice()?;
    let bands = py.detach(|| indicators::bollinger(series, period, width));
    let array = |line| PyArray1::from_vec(py, line);
    Ok((array(bands.upper), array(bands.middle), array(bands.lower)))
}

/// Average true range.
#[pyfunction]
fn atr<'py>(
    py: Python<'py>,
    high: PyReadonlyArray1<'py, f64>,
    low: PyReadonlyArray1<'py, f64>,
    close: PyReadonlyArray1<'py, f64>,
    period: usize,
) -> PyResult<Series<'py>> {
    let (high, low, close) = (high.as_slice()?, low.as_slice()?, close.as_slice()?);
    if high.len() != close.len() || low.len() != close.len() {
        return Err(PyValueError::new_err("high, low and close have different lengths"));
    }
    Ok(PyArray1::from_vec(py, py.detach(|| indicators::atr(high, low, close, period))))
}

/// Random numbers by PCG64; the same draws on every processor.
#[pyclass(module = "tradeplane_native")]
struct Generator(Pcg64);

#[pymethods]
impl Generator {
    #[new]
    fn new(seed: u64) -> Self {
        Self(Pcg64::new(seed))
    }

    /// Uniform draws in [0, 1).
    fn uniform<'py>(&mut self, py: Python<'py>, count: usize) -> Series<'py> {
        PyArray1::from_iter(py, (0..count).map(|_| self.0.uniform()))
    }

    /// Standard normal draws.
    fn normal<'py>(&mut self, py: Python<'py>, count: usize) -> Series<'py> {
        PyArray1::from_iter(py, (0..count).map(|_| self.0.normal()))
    }

    /// Draws in `low <= x < high`, without bias.
    fn integers<'py>(
        &mut self,
        py: Python<'py>,
        low: i64,
        high: i64,
        count: usize,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        if high <= low {
            return Err(PyValueError::new_err(format!("no integer lies in {low} <= x < {high}")));
        }
        let bound = high.wrapping_sub(low) as u64;
        Ok(PyArray1::from_iter(py, (0..count).map(|_| low.wrapping_add(self.0.below(bound) as i64))))
    }
}

/// What Python's `Settings` carries; see `tradeplane_workloads.engine.settings`.
#[derive(FromPyObject)]
struct Settings {
    capital: i128,
    commission_per_trade: i128,
    commission_per_share: i128,
    commission_tiers: Vec<(i128, i128)>,
    slippage_basis_points: i128,
    borrow_rate: i128,
    financing_rate: i128,
    sizing: String,
    fraction: i64,
    target_volatility: f64,
    window: usize,
    stop_loss: Option<i64>,
    take_profit: Option<i64>,
    trailing_stop: Option<i64>,
    max_leverage: i64,
    maintenance_margin: i64,
    max_drawdown: Option<i64>,
    allow_short: bool,
    periods_per_year: u32,
    risk_free_rate: f64,
}

impl Settings {
    fn rules(self) -> PyResult<Rules> {
        let method = match self.sizing.as_str() {
            "FixedFraction" => Method::FixedFraction,
            "VolatilityTarget" => Method::VolatilityTarget,
            "Kelly" => Method::Kelly,
            other => return Err(PyValueError::new_err(format!("unknown sizing method {other}"))),
        };
        let tier = |(from_notional, basis_points)| Tier { from_notional, basis_points };
        Ok(Rules {
            capital: self.capital,
            costs: Costs {
                per_trade: self.commission_per_trade,
                per_share: self.commission_per_share,
                tiers: self.commission_tiers.into_iter().map(tier).collect(),
                slippage: self.slippage_basis_points,
                borrow_rate: self.borrow_rate,
                financing_rate: self.financing_rate,
            },
            sizing: Sizing {
                method,
                fraction: self.fraction,
                target_volatility: self.target_volatility,
                window: self.window,
            },
            stops: Stops { loss: self.stop_loss, profit: self.take_profit, trailing: self.trailing_stop },
            max_leverage: self.max_leverage,
            maintenance_margin: self.maintenance_margin,
            max_drawdown: self.max_drawdown,
            allow_short: self.allow_short,
            periods_per_year: f64::from(self.periods_per_year),
            risk_free_rate: self.risk_free_rate,
        })
    }
}

/// The columns of bars, kept alive while they are simulated.
struct Columns {
    time: Py<PyArray1<i64>>,
    prices: [Py<PyArray2<i64>>; 4],
    present: Py<PyArray2<bool>>,
    weights: Py<PyArray2<i64>>,
}

/// A simulation of targets on bars: room for its records is made here, once, and every run fills it anew.
#[pyclass(module = "tradeplane_native")]
struct Simulator {
    columns: Columns,
    units: Vec<Units>,
    rules: Rules,
    records: Records,
}

#[pymethods]
impl Simulator {
    #[new]
    #[allow(clippy::too_many_arguments)] // one an array of Bars
    fn new(
        time_ns: PyReadonlyArray1<'_, i64>,
        open: PyReadonlyArray2<'_, i64>,
        high: PyReadonlyArray2<'_, i64>,
        low: PyReadonlyArray2<'_, i64>,
        close: PyReadonlyArray2<'_, i64>,
        present: PyReadonlyArray2<'_, bool>,
        weights: PyReadonlyArray2<'_, i64>,
        exponents: Vec<(i32, i32)>,
        settings: Settings,
    ) -> PyResult<Self> {
        let bars = time_ns.len();
        let shape = [bars, exponents.len()];
        let shapes = [open.shape(), high.shape(), low.shape(), close.shape(), present.shape(), weights.shape()];
        if shapes.iter().any(|other| *other != shape) || exponents.is_empty() || bars == 0 {
            return Err(PyValueError::new_err(format!("every array of bars and weights must have shape {shape:?}")));
        }
        let unit = |(price_exponent, quantity_exponent)| Units { price_exponent, quantity_exponent };
        Ok(Self {
            columns: Columns {
                time: time_ns.as_unbound().clone_ref(time_ns.py()),
                prices: [open, high, low, close].map(|column| column.as_unbound().clone_ref(column.py())),
                present: present.as_unbound().clone_ref(present.py()),
                weights: weights.as_unbound().clone_ref(weights.py()),
            },
            units: exponents.into_iter().map(unit).collect(),
            rules: settings.rules()?,
            records: Records::new(shape[0], shape[1]),
        })
    }

    /// Runs over all bars; the same every time.
    fn run(&mut self, py: Python<'_>) -> PyResult<()> {
        let time = self.columns.time.bind(py).readonly();
        let prices = self.columns.prices.each_ref().map(|column| column.bind(py).readonly());
        let present = self.columns.present.bind(py).readonly();
        let weights = self.columns.weights.bind(py).readonly();
        let market = Market {
            time: time.as_slice()?,
            open: prices[0].as_slice()?,
            high: prices[1].as_slice()?,
            low: prices[2].as_slice()?,
            close: prices[3].as_slice()?,
            present: present.as_slice()?,
            units: &self.units,
        };
        let weights = weights.as_slice()?;
        let (rules, records) = (&self.rules, &mut self.records);
        py.detach(|| Simulation::new(market, weights, rules).run(records))?;
        Ok(())
    }

    /// A column of the equity table, 128-bit integers as pairs of little-endian words: `equity`, `cash`, `gross` or
    /// `net`.
    fn equity_column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Words<'py>> {
        let records = &self.records;
        match name {
            "equity" => words(py, &records.equity),
            "cash" => words(py, &records.cash_column()),
            "gross" => words(py, &records.gross_column()),
            "net" => {
                let net = records.equity.iter().zip(records.cash_column()).map(|(equity, cash)| equity - cash);
                words(py, &net.collect::<Vec<_>>())
            }
            other => Err(PyValueError::new_err(format!("the equity table has no column {other}"))),
        }
    }

    /// An integer column of the fills: `decision`, `bar`, `instrument`, `reason`, `quantity` or `position`.
    fn fill_integers<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let fills = &self.records.fills;
        let column: Vec<i64> = match name {
            "decision" => fills.iter().map(|fill| i64::from(fill.decision)).collect(),
            "bar" => fills.iter().map(|fill| i64::from(fill.bar)).collect(),
            "instrument" => fills.iter().map(|fill| i64::from(fill.instrument)).collect(),
            "reason" => fills.iter().map(|fill| fill.reason as i64).collect(),
            "quantity" => fills.iter().map(|fill| fill.quantity).collect(),
            "position" => fills.iter().map(|fill| fill.position).collect(),
            other => return Err(PyValueError::new_err(format!("fills have no integer column {other}"))),
        };
        Ok(PyArray1::from_vec(py, column))
    }

    /// A column of amounts of the fills, as pairs of words: `price`, `notional`, `commission`, `slippage`, `realized`
    /// or `average_price` (of the position afterwards, 0 when flat).
    fn fill_amounts<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Words<'py>> {
        let fills = &self.records.fills;
        let per_unit = |instrument: u32, amount: i128, quantity: i64| {
            let lots = i128::from(quantity).abs();
            if lots == 0 {
                return Ok(0);
            }
            let units = self.units[instrument as usize].quantity();
            units.inverse(amount, ONE, lots)
        };
        let column: Result<Vec<i128>, Overflow> = match name {
            "price" => fills.iter().map(|fill| per_unit(fill.instrument, fill.notional, fill.quantity)).collect(),
            "average_price" => {
                fills.iter().map(|fill| per_unit(fill.instrument, fill.entry_value, fill.position)).collect()
            }
            "notional" => Ok(fills.iter().map(|fill| fill.notional).collect()),
            "commission" => Ok(fills.iter().map(|fill| fill.commission).collect()),
            "slippage" => Ok(fills.iter().map(|fill| fill.slippage).collect()),
            "realized" => Ok(fills.iter().map(|fill| fill.realized).collect()),
            other => return Err(PyValueError::new_err(format!("fills have no amounts {other}"))),
        };
        words(py, &column?)
    }

    /// Interest and borrow paid in all, in billionths.
    #[getter]
    fn interest(&self) -> i128 {
        self.records.interest
    }

    /// Figures of the summary.
    fn figures(&self) -> Figures {
        let year = Year { periods: self.rules.periods_per_year, risk_free_rate: self.rules.risk_free_rate };
        Figures::of(&self.records, self.rules.capital, year)
    }
}

/// Figures as decimal strings; see `docs/results.md`.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
struct Figures {
    final_equity: String,
    total_return: String,
    annual_return: Option<String>,
    volatility: Option<String>,
    sharpe: Option<String>,
    sortino: Option<String>,
    calmar: Option<String>,
    max_drawdown: String,
    max_drawdown_bars: Option<(usize, usize)>,
    turnover: Option<String>,
    exposure: String,
    hit_rate: Option<String>,
}

impl Figures {
    fn of(records: &Records, capital: i128, year: Year) -> Self {
        let figures = statistics::figures(records, capital, year);
        let decimal = |figure: Option<f64>| figure.map(statistics::decimal);
        Self {
            final_equity: statistics::decimal_billionths(records.equity[records.equity.len() - 1]),
            total_return: statistics::decimal_billionths(figures.total_return),
            annual_return: decimal(figures.annual_return),
            volatility: decimal(figures.volatility),
            sharpe: decimal(figures.sharpe),
            sortino: decimal(figures.sortino),
            calmar: decimal(figures.calmar),
            max_drawdown: statistics::decimal(figures.drawdown.map_or(0.0, |fall| fall.depth)),
            max_drawdown_bars: figures.drawdown.map(|fall| (fall.peak, fall.trough)),
            turnover: decimal(figures.turnover),
            exposure: statistics::decimal(figures.exposure),
            hit_rate: decimal(figures.hit_rate),
        }
    }
}

/// The Sharpe ratios of samples drawn anew of a run's returns, ascending; none where its own is not defined.
#[pyfunction]
#[pyo3(signature = (equity, *, periods_per_year, risk_free_rate, samples, block, seed))]
fn bootstrap_sharpe(
    py: Python<'_>,
    equity: PyReadonlyArray2<'_, u64>,
    periods_per_year: f64,
    risk_free_rate: f64,
    samples: usize,
    block: u64,
    seed: u64,
) -> PyResult<Option<Vec<f64>>> {
    if equity.shape()[1] != 2 || block == 0 || periods_per_year.is_nan() || periods_per_year <= 0.0 {
        return Err(PyValueError::new_err(
            "equity must have two words an amount, and block and periods_per_year must be above zero",
        ));
    }
    let amounts: Vec<i128> =
        equity.as_slice()?.chunks_exact(2).map(|pair| i128::from(pair[1] as i64) << 64 | i128::from(pair[0])).collect();
    let year = Year { periods: periods_per_year, risk_free_rate };
    Ok(py.detach(|| bootstrap::sharpe_ratios(&amounts, year, Resampling { samples, block, seed })))
}

/// 128-bit integers as an array of shape (n, 2) of words, the lower first.
fn words<'py>(py: Python<'py>, column: &[i128]) -> PyResult<Words<'py>> {
    let flat: &[u64] = bytemuck::cast_slice(column);
    PyArray1::from_slice(py, flat).reshape([column.len(), 2])
}

/// The Python module `tradeplane_native._native`.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    simd::add_to(module)?;
    tape::register(module)?;
    spool::register(module)?;
    levels::register(module)?;
    signing::register(module)?;
    module.add_class::<Generator>()?;
    module.add_class::<Simulator>()?;
    module.add_class::<Figures>()?;
    events::register(module)?;
    exchange::register(module)?;
    module.add_function(wrap_pyfunction!(bootstrap_sharpe, module)?)?;
    module.add_function(wrap_pyfunction!(sma, module)?)?;
    module.add_function(wrap_pyfunction!(ema, module)?)?;
    module.add_function(wrap_pyfunction!(rsi, module)?)?;
    module.add_function(wrap_pyfunction!(macd, module)?)?;
    module.add_function(wrap_pyfunction!(bollinger, module)?)?;
    module.add_function(wrap_pyfunction!(zscore, module)?)?;
    module.add_function(wrap_pyfunction!(atr, module)?)
}
