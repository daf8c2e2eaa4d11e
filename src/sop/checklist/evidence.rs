//! What a verifier found out, and what of the release it was found out about.

use serde::{Deserialize, Serialize};

use crate::sop::cluster::image_version;
use crate::sop::moment::Moment;

/// What a verifier found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    Pass,
    Fail,
    /// It could not find out. Never a pass.
    Unknown,
}

/// What was seen, from where and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub found: Found,
    /// What was seen, or why nothing was.
    pub seen: String,
    /// Where it was seen: a URL, a program, `clock`.
    pub from: String,
    pub at: Moment,
    /// What the release was then.
    pub of: Inputs,
}

/// What evidence may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The head commit of the release.
    Head,
    /// The image on the idle colour.
    Image,
}

impl Input {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Head, Self::Image];

    /// The word in files and on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Image => "image",
        }
    }
}

/// What the release is, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inputs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The version, where something other than the image names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Inputs {
    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.head.is_none() && self.image.is_none() && self.version.is_none()
    }

    /// One of them, where it is known.
    #[must_use]
    pub fn get(&self, input: Input) -> Option<&str> {
        match input {
            Input::Head => self.head.as_deref(),
            Input::Image => self.image.as_deref(),
        }
    }

    /// The first of some inputs that is now known to be another one than it was.
    #[must_use]
    pub fn changed(&self, now: &Self, among: &[Input]) -> Option<Input> {
        among.iter().copied().find(|input| now.get(*input).is_some() && now.get(*input) != self.get(*input))
    }

    /// A text with what it names of the release put in.
    ///
    /// # Errors
    /// Why it cannot be put in.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = text.to_owned();
        let version = self.version.as_deref().or_else(|| self.image.as_deref().and_then(image_version));
        let known = [("version", version), ("image", self.image.as_deref()), ("head", self.head.as_deref())];
        for (name, value) in known {
            let place = format!("{{{{{name}}}}}");
            if text.contains(&place) {
                let value = value.ok_or_else(|| format!("the {name} of the release is not known yet"))?;
                filled = filled.replace(&place, value);
            }
        }
        Ok(filled)
    }
}
