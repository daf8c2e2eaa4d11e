//! Figures as people read them: 1,043 rps, 412 ms, 0.31 %.

use serde::{Deserialize, Serialize};

/// What a signal's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A part of a whole, from 0 to 1; shown in per cent.
    Share,
    Milliseconds,
    PerSecond,
    Count,
    Bytes,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 5] = [Self::Share, Self::Milliseconds, Self::PerSecond, Self::Count, Self::Bytes];

    /// A value with its unit, as short as it can be read: about three digits.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return "?".into();
        }
        match self {
            Self::Share => format!("{} %", digits(value * 100.0)),
            Self::Milliseconds if value.abs() >= 9_999.5 => format!("{} s", digits(value / 1000.0)),
            Self::Milliseconds => format!("{} ms", digits(value)),
            Self::PerSecond => format!("{} rps", digits(value)),
            Self::Count => digits(value),
            Self::Bytes => bytes(value),
        }
    }
}

/// Up to two decimals for the small, none for the large, thousands apart. Zeroes that
/// say nothing are left out.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let written = format!("{value:.places$}");
    let written = match written.contains('.') {
        true => written.trim_end_matches('0').trim_end_matches('.'),
        false => &written,
    };
    if written == "-0" { "0".into() } else { grouped(written) }
}

/// A count for people: `1,240`.
#[must_use]
pub fn counted(number: u64) -> String {
    grouped(&number.to_string())
}

/// A whole number, its thousands apart; what is not one stays as it is.
fn grouped(written: &str) -> String {
    let (sign, figures) = written.strip_prefix('-').map_or(("", written), |rest| ("-", rest));
    if figures.contains('.') || figures.len() <= 3 {
        return written.to_owned();
    }
    let mut out = sign.to_owned();
    for (place, figure) in figures.chars().enumerate() {
        if place > 0 && (figures.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(figure);
    }
    out
}

fn bytes(value: f64) -> String {
    const STEPS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut step) = (value, 0);
    while value.abs() >= 1023.5 && step + 1 < STEPS.len() {
        value /= 1024.0;
        step += 1;
    }
    format!("{} {}", digits(value), STEPS[step])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_told_apart() {
        let cases = [
            (Unit::PerSecond, 1043.4, "1,043 rps"),
            (Unit::PerSecond, 12.345, "12.3 rps"),
            (Unit::PerSecond, 0.0, "0 rps"),
            (Unit::Milliseconds, 412.4, "412 ms"),
            (Unit::Milliseconds, 1_040.0, "1,040 ms"),
            (Unit::Milliseconds, 12_500.0, "12.5 s"),
            (Unit::Share, 0.0031, "0.31 %"),
            (Unit::Share, 0.062, "6.2 %"),
            (Unit::Share, 1.0, "100 %"),
            (Unit::Share, -0.000_001, "0 %"),
            (Unit::Count, 1_234_567.0, "1,234,567"),
            (Unit::Count, -1_234.0, "-1,234"),
            (Unit::Bytes, 1024.0, "1 KiB"),
            (Unit::Bytes, 1_610_612_736.0, "1.5 GiB"),
            (Unit::Share, f64::NAN, "?"),
        ];
        for (unit, value, shown) in cases {
            assert_eq!(unit.show(value), shown, "{value}");
        }
    }
}
