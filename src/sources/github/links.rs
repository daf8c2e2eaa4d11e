//! Where an answer goes on: the next page, or the place where GitHub keeps something.

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK, LOCATION};

/// The path of the next page below the API's address (RFC 8288); `None` where there is
/// none, or where it would lead elsewhere: the token goes to GitHub alone.
pub(super) fn next(headers: &HeaderMap, api: &str) -> Option<String> {
    let header = headers.get(LINK)?.to_str().ok()?;
    let link = header.split(',').find(|link| {
        let mut parameters = link.split(';').skip(1).map(|parameter| parameter.trim().replace('"', ""));
        parameters.any(|parameter| parameter == "rel=next")
    })?;
    let address = link.split(';').next()?.trim().strip_prefix('<')?.strip_suffix('>')?;
    let path = address.strip_prefix(api)?;
    path.starts_with('/').then(|| path.to_owned())
}

/// Where an answer sends on to. An API that is asked over TLS sends to nothing that is
/// not.
pub(super) fn location(headers: &HeaderMap, api: &str) -> Option<Url> {
    let api = Url::parse(api).ok()?;
    let to = api.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    let sound = to.scheme() == "https" || (to.scheme() == "http" && api.scheme() == "http");
    sound.then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_followed_only_where_the_token_may_go() {
        let api = "https://ghe.example.com/api/v3";
        let next = |link: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, link.parse().unwrap());
            next(&headers, api)
        };
        let usual = r#"<https://ghe.example.com/api/v3/x?page=1>; rel="prev", <https://ghe.example.com/api/v3/repositories/1/x?page=3&per_page=100>; rel="next", <https://ghe.example.com/api/v3/x?page=9>; rel="last""#;
        assert_eq!(next(usual).as_deref(), Some("/repositories/1/x?page=3&per_page=100"));
        for stranger in [
            r#"<https://evil.example.com/api/v3/x?page=2>; rel="next""#,
            r#"<https://ghe.example.com/api/v3.evil.com/x>; rel="next""#,
            r#"<https://ghe.example.com/api/v3/x?page=9>; rel="last""#,
            "nonsense; rel=next",
            "",
        ] {
            assert_eq!(next(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_redirect_leaves_tls_for_nothing() {
        let to = |api: &str, to: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, to.parse().unwrap());
            location(&headers, api).map(String::from)
        };
        let api = "https://api.github.com";
        assert_eq!(
            to(api, "https://blob.example.com/log?sig=1").as_deref(),
            Some("https://blob.example.com/log?sig=1")
        );
        assert_eq!(to(api, "http://blob.example.com/log"), None);
        assert_eq!(to(api, "file:///etc/passwd"), None);
        assert_eq!(to("http://127.0.0.1:9", "/logs/7").as_deref(), Some("http://127.0.0.1:9/logs/7"));
    }
}
