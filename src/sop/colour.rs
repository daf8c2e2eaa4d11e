//! Blue and green, the two sides of a deployment (sop.md, "Blue-green deployment").

use std::fmt;
use std::ops::{Index, IndexMut};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two sides. Which of them has the traffic is the Service's
/// business: a colour is a name, not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    Blue,
    Green,
}

impl Colour {
    /// Both colours, in the order in which they are listed everywhere.
    pub const ALL: [Self; 2] = [Self::Blue, Self::Green];

    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// Lower case, as it is typed and configured: `blue`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }

    /// Upper case, as it stands in headings: `BLUE`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Blue => "BLUE",
            Self::Green => "GREEN",
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What was written is neither `blue` nor `green`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a colour: write `blue` or `green`")]
pub struct NotAColour(String);

impl FromStr for Colour {
    type Err = NotAColour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|colour| colour.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| NotAColour(text.to_owned()))
    }
}

/// One value for each colour, indexed by [`Colour`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerColour<T> {
    pub blue: T,
    pub green: T,
}

impl<T> PerColour<T> {
    /// Builds both values from a function of the colour.
    pub fn from_fn(mut of: impl FnMut(Colour) -> T) -> Self {
        Self { blue: of(Colour::Blue), green: of(Colour::Green) }
    }

    /// Both values with their colours, blue first.
    pub fn iter(&self) -> impl Iterator<Item = (Colour, &T)> {
        [(Colour::Blue, &self.blue), (Colour::Green, &self.green)].into_iter()
    }

    /// Converts both values.
    pub fn map<U>(self, mut with: impl FnMut(T) -> U) -> PerColour<U> {
        PerColour { blue: with(self.blue), green: with(self.green) }
    }
}

impl<T> Index<Colour> for PerColour<T> {
    type Output = T;

    fn index(&self, colour: Colour) -> &T {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}

impl<T> IndexMut<Colour> for PerColour<T> {
    fn index_mut(&mut self, colour: Colour) -> &mut T {
        match colour {
            Colour::Blue => &mut self.blue,
            Colour::Green => &mut self.green,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_whatever_their_case() {
        for colour in Colour::ALL {
            assert_eq!(colour.name().parse(), Ok(colour));
            assert_eq!(colour.label().parse(), Ok(colour));
            assert_eq!(colour.other().other(), colour);
        }
        assert_eq!(
            "blu".parse::<Colour>().unwrap_err().to_string(),
            "`blu` is not a colour: write `blue` or `green`"
        );
    }
}
