//! A look at the top of a JSON line for its level, without parsing the rest.
//! Lines may be cut or malformed: whatever is not understood gives no level.

use super::level::{Level, is_level_key};

/// The level that a JSON object's top-level keys tell (or `log.level`, nested as the
/// Elastic Common Schema has it).
pub(super) fn level(line: &str) -> Option<Level> {
    let mut cursor = Cursor { text: line, at: 0 };
    cursor.take(b'{')?;
    in_object(&mut cursor, true)
}

/// Goes through one object's keys; the cursor stands after its `{`.
fn in_object(cursor: &mut Cursor<'_>, top: bool) -> Option<Level> {
    loop {
        let key = cursor.string()?;
        cursor.take(b':')?;
        if is_level_key(key) {
            return cursor.level();
        }
        if top && key == "log" && cursor.take(b'{').is_some() {
            if let Some(level) = in_object(cursor, false) {
                return Some(level);
            }
        } else {
            cursor.skip_value()?;
        }
        cursor.take(b',')?;
    }
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// A string's content, its escapes as they stand.
    fn string(&mut self) -> Option<&'t str> {
        self.take(b'"')?;
        let (bytes, start) = (self.text.as_bytes(), self.at);
        while *bytes.get(self.at)? != b'"' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        let content = self.text.get(start..self.at);
        self.at += 1;
        content
    }

    fn level(&mut self) -> Option<Level> {
        if self.peek()? == b'"' {
            return Level::from_word(self.string()?);
        }
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        Level::from_number(self.text.get(self.at..self.at + digits)?.parse().ok()?)
    }

    /// Passes over one value of any kind.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_u32;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b'}' | b']' if depth == 0 => return Some(()),
                _ => self.at += 1,
            }
        }
    }
}
