//! What is asked, by whom, and which part of a list.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::rehearsal::github::json::Show;
use crate::rehearsal::github::people::{Person, Right, VIEWER};
use crate::rehearsal::github::{GitHub, Held, Refused};

/// Entries of a page where nobody says how many, and at most.
const PER_PAGE: (usize, usize) = (30, 100);

/// What the door knows of a request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub caller: &'static Person,
    /// The whole path, and the query.
    pub uri: Uri,
    pub body: Bytes,
}

/// A request, for a handler.
pub(super) struct Ask {
    pub world: Held,
    pub caller: &'static Person,
    uri: Uri,
    body: Bytes,
    query: HashMap<String, String>,
}

impl FromRequestParts<Held> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, world: &Held) -> Result<Self, Infallible> {
        let asked = parts.extensions.remove::<Asked>();
        // Whatever did not come through the door may do nothing.
        let asked =
            asked.unwrap_or_else(|| Asked { caller: VIEWER, uri: parts.uri.clone(), body: Bytes::new() });
        let query = Query::try_from_uri(&asked.uri).map(|Query(query)| query).unwrap_or_default();
        Ok(Self { world: world.clone(), caller: asked.caller, uri: asked.uri, body: asked.body, query })
    }
}

impl Ask {
    pub(super) fn github(&self) -> &GitHub {
        &self.world.github
    }

    /// Shows something as it is now.
    pub(super) fn show<T>(&self, look: impl FnOnce(Show<'_>) -> T) -> T {
        self.github().show(look)
    }

    /// A parameter of the query, if it is there.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether something agrees with a parameter, which may be absent.
    pub(super) fn agrees(&self, name: &str, value: &str) -> bool {
        self.parameter(name).is_none_or(|wanted| wanted == value)
    }

    /// Refuses those whose right does not reach that far.
    pub(super) fn needs(&self, right: Right) -> Result<(), Refused> {
        if self.caller.may(right) { Ok(()) } else { Err(Refused::forbidden()) }
    }

    /// The body, read.
    pub(super) fn body<T: DeserializeOwned + Default>(&self) -> Result<T, Refused> {
        if self.body.is_empty() {
            return Ok(T::default());
        }
        let value: Value =
            serde_json::from_slice(&self.body).map_err(|_| Refused::new(400, "Problems parsing JSON"))?;
        serde_json::from_value(value)
            .map_err(|error| Refused::new(422, format!("Invalid request.\n\n{error}.")))
    }

    /// One page of a list.
    pub(super) fn page<T>(&self, items: &[T], show: impl FnMut(&T) -> Value) -> Answer {
        let (shown, link) = self.cut(items, show);
        Answer::ok(json!(shown)).linked(link)
    }

    /// One page of a list that stands under a name, with the number of all.
    pub(super) fn page_in<T>(&self, name: &str, items: &[T], show: impl FnMut(&T) -> Value) -> Answer {
        let (shown, link) = self.cut(items, show);
        Answer::ok(json!({"total_count": items.len(), name: shown})).linked(link)
    }

    fn cut<T>(&self, items: &[T], show: impl FnMut(&T) -> Value) -> (Vec<Value>, Option<String>) {
        let number = |name: &str| self.parameter(name).and_then(|value| value.parse::<usize>().ok());
        let per_page = number("per_page").filter(|n| *n > 0).unwrap_or(PER_PAGE.0).min(PER_PAGE.1);
        let page = number("page").filter(|n| *n > 0).unwrap_or(1);
        let last = items.len().div_ceil(per_page).max(1);
        let first = (page - 1).saturating_mul(per_page).min(items.len());
        let shown = items[first..].iter().take(per_page).map(show).collect();
        (shown, self.link(page, last))
    }

    /// Where the other pages are (RFC 8288), in the order that GitHub has.
    fn link(&self, page: usize, last: usize) -> Option<String> {
        let base = self.show(|show| show.state.base.clone());
        let (path, query) = (self.uri.path(), self.uri.query().unwrap_or_default());
        let kept: Vec<&str> =
            query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
        let to = |page: usize, rel: &str| {
            let query: Vec<String> =
                kept.iter().map(|pair| (*pair).to_owned()).chain([format!("page={page}")]).collect();
            format!("<{base}{path}?{}>; rel=\"{rel}\"", query.join("&"))
        };
        let mut links = Vec::new();
        if page > 1 {
            links.push(to((page - 1).min(last), "prev"));
        }
        if page < last {
            links.extend([to(page + 1, "next"), to(last, "last")]);
        }
        if page > 1 {
            links.push(to(1, "first"));
        }
        (!links.is_empty()).then(|| links.join(", "))
    }
}
