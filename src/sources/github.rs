//! GitHub's REST API.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

/// Why a request has no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was refused, or never arrived: it was not done.
    Refused { status: Option<u16>, words: String },
    /// The answer was lost: it may have been done.
    Lost(String),
}

/// One GitHub.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub fn at(url: &str, limit: Duration) -> Self {
        let http = reqwest::Client::builder().timeout(limit).build().unwrap_or_default();
        Self { http, url: url.to_owned() }
    }

    pub async fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.send(Method::GET, path, None).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| {
            let words = error.to_string();
            if error.is_connect() { Trouble::Refused { status: None, words } } else { Trouble::Lost(words) }
        })?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| Trouble::Lost(error.to_string()))?;
        let value = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        match status.as_u16() {
            200..=299 => Ok(value),
            500..=599 => Err(Trouble::Lost(format!("{status}"))),
            code => Err(Trouble::Refused {
                status: Some(code),
                words: value.get("message").and_then(Value::as_str).unwrap_or("refused").to_owned(),
            }),
        }
    }
}

impl Trouble {
    pub fn words(&self) -> &str {
        let (Self::Refused { words, .. } | Self::Lost(words)) = self;
        words
    }

    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => *status,
            Self::Lost(_) => None,
        }
    }

    pub const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }
}

pub async fn read_for(
    _: &Client,
    _: &crate::sop::repository::GitHubSetting,
    _: &crate::sop::operation::Action,
) -> Result<crate::sop::repository::Repository, Trouble> {
    Err(Trouble::Lost("not read".into()))
}
