//! Who asks: the credentials of a server, read anew now and then, for tokens are renewed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::text::clean;
use crate::config::Endpoint;
use crate::config::secret::SecretSource;

/// A token is read anew after so long, and after every refusal.
const HOLDS: Duration = Duration::from_secs(60);

/// What is sent to say who asks.
#[derive(Clone, Debug)]
pub struct Pass(Option<HeaderValue>);

impl Pass {
    /// The value of `Authorization`; `None` where nobody in particular asks.
    pub(super) const fn header(&self) -> Option<&HeaderValue> {
        self.0.as_ref()
    }
}

/// Where a server's passes come from, and the one that holds.
#[derive(Debug)]
pub(super) struct Passes {
    token: Option<SecretSource>,
    username: Option<String>,
    /// What stands before a token: `Bearer `.
    scheme: &'static str,
    /// With the time at which it was read.
    held: Mutex<Option<(Instant, Pass)>>,
}

impl Passes {
    pub(super) fn new(endpoint: &Endpoint, scheme: &'static str) -> Self {
        let (token, username) = (endpoint.token.clone(), endpoint.username.clone());
        Self { token, username, scheme, held: Mutex::default() }
    }

    /// The one that holds, else the token is read anew. Reading it may run a command.
    ///
    /// # Errors
    /// When its source gives none; in the operator's words.
    pub(super) async fn pass(&self) -> Result<Pass, String> {
        if let Some((read, pass)) = self.held().as_ref()
            && read.elapsed() < HOLDS
        {
            return Ok(pass.clone());
        }
        let pass = self.read().await?;
        *self.held() = Some((Instant::now(), pass.clone()));
        Ok(pass)
    }

    /// It was refused: the next one is read anew.
    pub(super) fn forget(&self) {
        *self.held() = None;
    }

    fn held(&self) -> MutexGuard<'_, Option<(Instant, Pass)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self) -> Result<Pass, String> {
        let Some(source) = &self.token else { return Ok(Pass(None)) };
        let token = source.read().await.map_err(|error| clean(&error.to_string()))?;
        let value = match &self.username {
            Some(username) => basic(username, &token),
            None => format!("{}{}", self.scheme, token.expose_secret()),
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| format!("the token from {source} has a character that no header can have"))?;
        value.set_sensitive(true);
        Ok(Pass(Some(value)))
    }
}

/// RFC 7617.
fn basic(username: &str, password: &SecretString) -> String {
    use base64::Engine as _;
    let pair = format!("{username}:{}", password.expose_secret());
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    // A server that repeats the header shows the password in another form.
    crate::redaction::remember(&SecretString::from(encoded.as_str()));
    format!("Basic {encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_sent_as_the_rfc_says() {
        // The example of RFC 7617, section 2.
        assert_eq!(basic("Aladdin", &"open sesame".into()), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
