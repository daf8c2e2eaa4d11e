//! One line of text that is being typed.

use super::intent::Edit;

/// Most characters that one line takes; what comes after is not taken.
const MOST: usize = 200;

/// A line of text with the cursor at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextLine(String);

impl TextLine {
    /// A line that begins with some text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut line = Self::default();
        line.edit(&Edit::Paste(text.to_owned()));
        line
    }

    /// What was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is anything but white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// Applies one edit. Control characters are never taken.
    pub fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Insert(char) => self.push(*char),
            Edit::Paste(text) => text.chars().for_each(|char| self.push(char)),
            Edit::Backspace => {
                self.0.pop();
            }
            Edit::Clear => self.0.clear(),
        }
    }

    fn push(&mut self, char: char) {
        if !char.is_control() && self.0.chars().count() < MOST {
            self.0.push(char);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_no_control_characters_and_no_novels() {
        let mut line = TextLine::new("blu\u{1b}[31m\n");
        assert_eq!(line.as_str(), "blu[31m");
        line.edit(&Edit::Clear);
        line.edit(&Edit::Paste("x".repeat(1000)));
        assert_eq!(line.as_str().len(), MOST);
        line.edit(&Edit::Backspace);
        assert_eq!(line.as_str().len(), MOST - 1);
    }
}
