//! The connection to GitHub's REST API. octocrab carries the requests, over the HTTP
//! client that everything here uses; it repeats nothing and follows nothing: both could
//! carry a mutation out twice, or elsewhere.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt as _;
use octocrab::Octocrab;
use reqwest::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cache::{Cache, Kept};
use super::limits::Limits;
use super::{links, refusal};
use crate::config::GitHub;
use crate::sop::repository::Rate;
use crate::sources::http::spoken;
use crate::sources::kubernetes::explain_error;
use crate::sources::pass::Passes;
use crate::sources::text::clean;

/// Largest answer that is read, in bytes: a hundred jobs with their steps take a tenth.
const LONGEST_BODY: usize = 8 << 20;
/// The form of answers that the API recommends.
const JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");

/// Why a request has no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was refused, or never arrived: it was not done. `status`: GitHub's, where it
    /// answered.
    Refused { status: Option<u16>, words: String },
    /// The answer was lost, or tells nothing: it may have been done.
    Lost(String),
}

impl Trouble {
    /// What went wrong and what to do.
    #[must_use]
    pub fn words(&self) -> &str {
        let (Self::Refused { words, .. } | Self::Lost(words)) = self;
        words
    }

    /// The status of a refusal.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => *status,
            Self::Lost(_) => None,
        }
    }

    /// Whether it may have been done all the same.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }
}

/// One GitHub: github.com's, or an Enterprise server's.
#[derive(Debug)]
pub struct Client {
    octocrab: Octocrab,
    /// For addresses outside the API: nothing of ours goes with it.
    stranger: reqwest::Client,
    /// The API's address, without a trailing slash.
    url: String,
    passes: Passes,
    limit: Duration,
    cache: Mutex<Cache>,
    limits: Mutex<Limits>,
}

/// An answer that is a success, or the one that still holds.
#[derive(Debug)]
pub(super) struct Answer {
    pub body: Arc<[u8]>,
    /// The path of the next page.
    pub next: Option<String>,
}

/// An answer's head and body.
struct Heard {
    status: StatusCode,
    headers: HeaderMap,
    body: Result<Vec<u8>, String>,
    /// How long GitHub wants to be left alone, where the answer is a limit.
    pause: Option<Duration>,
}

impl Heard {
    /// What a status that is no success means.
    fn words(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        refusal::words(self.status, &self.headers, body, self.pause)
    }
}

impl Client {
    /// A client of which nothing was asked yet. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// In the operator's words, when the certificates or headers cannot be used.
    pub async fn new(config: &GitHub) -> Result<Self, String> {
        let endpoint = &config.endpoint;
        let http = crate::sources::http::client(endpoint, "github").await?;
        let bare = crate::config::Endpoint { headers: Vec::new(), org_id: None, ..endpoint.clone() };
        let octocrab = Octocrab::builder().build_with_reqwest(http).map_err(|error| explain_error(&error))?;
        Ok(Self {
            octocrab,
            stranger: crate::sources::http::client(&bare, "github").await?,
            url: endpoint.url.clone(),
            passes: Passes::new(endpoint, "Bearer "),
            limit: endpoint.timeout,
            cache: Mutex::default(),
            limits: Mutex::default(),
        })
    }

    /// The API's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was last told of the hour's requests.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        locked(&self.limits).rate()
    }

    /// How long GitHub wants to be left alone.
    #[must_use]
    pub fn rest(&self) -> Option<Duration> {
        locked(&self.limits).rest()
    }

    /// Reads what is at `path`, which begins with `/`. An answer that still holds is
    /// not sent again, and costs nothing of the hour's requests.
    ///
    /// # Errors
    /// When there is no answer, it is a refusal, or not JSON.
    pub async fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.read(path).await
    }

    /// [`get`](Self::get) for what has a form.
    pub(super) async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        parse(&self.answer(path).await?.body)
    }

    /// Changes something, once: it is never repeated here.
    ///
    /// # Errors
    /// [`Trouble::Refused`] when it was not done, [`Trouble::Lost`] when it may have been.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let heard = self.exchange(method, path, body, None).await?;
        if heard.status.is_success() {
            return done(&heard).ok_or_else(|| Trouble::Lost(refusal::page().to_owned()));
        }
        Err(match heard.status {
            // What stands before GitHub gives up while GitHub may go on.
            StatusCode::REQUEST_TIMEOUT => Trouble::Lost(heard.words()),
            status if status.is_server_error() => Trouble::Lost(heard.words()),
            status => Trouble::Refused { status: Some(status.as_u16()), words: heard.words() },
        })
    }

    /// What is at `path`, or what was there last where that still holds.
    pub(super) async fn answer(&self, path: &str) -> Result<Answer, Trouble> {
        let kept = locked(&self.cache).find(path);
        let heard = self.exchange(Method::GET, path, None, kept.as_ref()).await?;
        if let (StatusCode::NOT_MODIFIED, Some(kept)) = (heard.status, kept) {
            return Ok(Answer { body: kept.body, next: kept.next });
        }
        if !heard.status.is_success() {
            let words = heard.words();
            return Err(match heard.status.is_server_error() {
                true => Trouble::Lost(words),
                false => Trouble::Refused { status: Some(heard.status.as_u16()), words },
            });
        }
        if refusal::is_page(&heard.headers) {
            return Err(Trouble::Lost(refusal::page().to_owned()));
        }
        let body: Arc<[u8]> = heard.body.map_err(Trouble::Lost)?.into();
        let next = links::next(&heard.headers, &self.url);
        match heard.headers.get(ETAG) {
            Some(mark) => {
                let kept = Kept { mark: mark.clone(), body: Arc::clone(&body), next: next.clone() };
                locked(&self.cache).keep(path, kept);
            }
            None => locked(&self.cache).forget(path),
        }
        Ok(Answer { body, next })
    }

    /// The address that an answer sends on to, for what GitHub keeps elsewhere; `Err`
    /// with the answer itself where it is here.
    pub(super) async fn location(&self, path: &str) -> Result<Result<Url, Vec<u8>>, Trouble> {
        let heard = self.exchange(Method::GET, path, None, None).await?;
        if heard.status.is_redirection()
            && let Some(to) = links::location(&heard.headers, &self.url)
        {
            return Ok(Ok(to));
        }
        if heard.status.is_success() {
            return heard.body.map(Err).map_err(Trouble::Lost);
        }
        Err(Trouble::Refused { status: Some(heard.status.as_u16()), words: heard.words() })
    }

    /// Asks a stranger: neither token nor headers of ours go there.
    pub(super) fn ask_stranger(&self, url: Url) -> reqwest::RequestBuilder {
        self.stranger.get(url)
    }

    /// Sends one request and hears the whole answer, whatever it is.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        kept: Option<&Kept>,
    ) -> Result<Heard, Trouble> {
        let refused = |words: String| Trouble::Refused { status: None, words };
        let pass = self.passes.pass().await.map_err(refused)?;
        let mut builder =
            hyper::Request::builder().method(method).uri(format!("{}{path}", self.url)).header(ACCEPT, JSON);
        if let Some(value) = pass.header() {
            builder = builder.header(AUTHORIZATION, value.clone());
        }
        if let Some(kept) = kept {
            builder = builder.header(IF_NONE_MATCH, kept.mark.clone());
        }
        let request = self.octocrab.build_request(builder, body);
        let request = request.map_err(|error| refused(explain_error(&error)))?;
        let response = match self.octocrab.execute(request).await {
            Ok(response) => response,
            Err(error) if was_not_sent(&error) => return Err(refused(self.unanswered(&error))),
            Err(error) => return Err(Trouble::Lost(self.unanswered(&error))),
        };
        let (head, mut stream) = response.into_parts();
        let mut bytes = Vec::new();
        let body = loop {
            match stream.frame().await {
                None => break Ok(bytes),
                Some(Err(error)) => break Err(self.unanswered(&error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if bytes.len() + data.len() > LONGEST_BODY => {
                        break Err(format!("its answer has more than {} MiB", LONGEST_BODY >> 20));
                    }
                    Ok(data) => bytes.extend_from_slice(&data),
                    Err(_) => {}
                },
            }
        };
        if head.status == StatusCode::UNAUTHORIZED {
            self.passes.forget();
        }
        let text = body.as_deref().map(|body| &body[..body.len().min(4096)]).map(String::from_utf8_lossy);
        let text = text.unwrap_or_default();
        let pause = locked(&self.limits).heard(head.status, &head.headers, &text);
        Ok(Heard { status: head.status, headers: head.headers, body, pause })
    }

    fn unanswered(&self, error: &(dyn Error + 'static)) -> String {
        let timed_out = of_reqwest(error).is_some_and(reqwest::Error::is_timeout);
        if timed_out {
            return format!("no answer from GitHub within {}", spoken(self.limit));
        }
        explain_error(error)
    }
}

/// The answer of what was done: it need not have a body. `None`: somebody else answered.
fn done(heard: &Heard) -> Option<Value> {
    if refusal::is_page(&heard.headers) {
        return None;
    }
    let body = heard.body.as_deref().unwrap_or_default();
    Some(serde_json::from_slice(body).unwrap_or_default())
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| {
        let why = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early".to_owned(),
            serde_json::error::Category::Data => clean(&error.to_string()),
            _ => "it is not JSON".to_owned(),
        };
        Trouble::Lost(format!("GitHub's answer cannot be read: {why}"))
    })
}

/// Whether nothing of the request can have reached GitHub.
fn was_not_sent(error: &(dyn Error + 'static)) -> bool {
    of_reqwest(error).is_some_and(|error| error.is_connect() || error.is_builder())
}

/// The transport's own error, somewhere among the causes.
fn of_reqwest<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e reqwest::Error> {
    let mut next = Some(error);
    // No honest error has this many causes.
    for _ in 0..20 {
        let cause = next?;
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
