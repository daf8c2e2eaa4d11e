//! A question by HTTP: the status, and the field that must be there.

use std::time::Duration;

use reqwest::{Client, Response, redirect};
use serde_json::Value;

use super::{Answer, expected, is_as_expected, shown};
use crate::sop::checklist::Http;
use crate::sop::checklist::evidence::{Found, Inputs};
use crate::sources::kubernetes::explain_error;

/// Most bytes of an answer that are read.
const LONGEST_BODY: usize = 256 * 1024;

/// Asks once.
///
/// # Errors
/// Why it could not be found out.
pub(super) async fn ask(asked: &Http, limit: Duration, release: &Inputs) -> Result<Answer, String> {
    let url = release.fill(&asked.url)?;
    let client = Client::builder()
        .user_agent(concat!("cutover/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(limit)
        .build()
        .map_err(|error| explain_error(&error))?;
    let mut response = client.get(url).send().await.map_err(|error| explain_error(&error))?;
    let status = response.status().as_u16();
    if status != asked.status {
        return Ok((of_status(status), format!("it answers {status}, not {}", asked.status)));
    }
    let body = bounded(&mut response).await?;
    let Some(pointer) = &asked.field else {
        let text = String::from_utf8_lossy(&body);
        return Ok(match is_as_expected(&asked.expect, text.trim(), release)? {
            true => (Found::Pass, format!("{status}: {}", shown(&text))),
            // Whatever it is, it is not the answer that was to be expected.
            false => {
                (Found::Unknown, format!("its answer is not {}: {}", expected(&asked.expect), shown(&text)))
            }
        });
    };
    let value: Value = serde_json::from_slice(&body).map_err(|_| {
        format!("it answers {status} without JSON: {}", shown(&String::from_utf8_lossy(&body)))
    })?;
    let text = match value.pointer(pointer) {
        None | Some(Value::Null) => return Err(format!("it answers {status} without {pointer}")),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Ok(match is_as_expected(&asked.expect, &text, release)? {
        true => (Found::Pass, format!("{pointer} is {}", shown(&text))),
        false => {
            (Found::Fail, format!("{pointer} is {}, expected {}", shown(&text), expected(&asked.expect)))
        }
    })
}

/// A server in trouble, and one that will not tell us, say nothing about what was asked.
const fn of_status(status: u16) -> Found {
    match status {
        401 | 403 | 407 | 408 | 429 | 500.. | ..=399 => Found::Unknown,
        _ => Found::Fail,
    }
}

async fn bounded(response: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| explain_error(&error))? {
        if body.len() + chunk.len() > LONGEST_BODY {
            return Err(format!("its answer has more than {LONGEST_BODY} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
