//! The secrets that were read in this run, struck out of everything that is kept or
//! shown: a server may repeat a request in its error, headers and all.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};

/// Most secrets remembered; the oldest goes first. Tokens are few, but are renewed.
const MOST: usize = 32;
/// Shorter ones are not struck out: they would hit ordinary words.
const SHORTEST: usize = 6;
/// What stands in a secret's place.
const STRUCK_OUT: &str = "[secret]";

static KNOWN: RwLock<Vec<SecretString>> = RwLock::new(Vec::new());

/// Remembers a secret, to strike it out from now on.
pub fn remember(secret: &SecretString) {
    let text = secret.expose_secret();
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if text.len() < SHORTEST || known.iter().any(|known| known.expose_secret() == text) {
        return;
    }
    if known.len() == MOST {
        known.remove(0);
    }
    known.push(secret.clone());
}

/// `text` without any secret that is known.
#[must_use]
pub fn strike_out(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut clean = Cow::Borrowed(text);
    for secret in known.iter().map(SecretString::expose_secret) {
        if clean.contains(secret) {
            clean = Cow::Owned(clean.replace(secret, STRUCK_OUT));
        }
    }
    clean
}

/// Writes what is written to it, without the known secrets. Each write must be a
/// whole message, as tracing's are.
#[derive(Debug)]
pub struct Redacting<W>(pub W);

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(strike_out(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_read_is_struck_out_and_short_ones_are_left() {
        assert_eq!(strike_out("Bearer s3cr3t-in-test"), "Bearer s3cr3t-in-test");
        remember(&SecretString::from("s3cr3t-in-test"));
        remember(&SecretString::from("ok"));
        assert_eq!(strike_out("Bearer s3cr3t-in-test, ok"), "Bearer [secret], ok");
        let mut written = Vec::new();
        Redacting(&mut written).write_all(b"x s3cr3t-in-test y").unwrap();
        assert_eq!(written, b"x [secret] y");
    }
}
