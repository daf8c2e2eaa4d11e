//! Names as parts of an address of the API: what would end a part is escaped (RFC 3986).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same where slashes are part of a name, as in a branch's.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// A text as one part: a value of the query, or one segment of the path.
pub(crate) fn part(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A name in a path whose slashes stay.
pub(crate) fn in_path(name: &str) -> String {
    utf8_percent_encode(name, RESERVED_IN_PATH).to_string()
}

/// Parameters of an address.
pub(super) fn query(parameters: &[(&str, &str)]) -> String {
    let each = parameters.iter().map(|(name, value)| format!("{name}={}", part(value)));
    each.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_branches_do_not_end_an_address() {
        assert_eq!(
            query(&[("head", "taxasge:fix/a&b#c"), ("base", "main")]),
            "head=taxasge%3Afix%2Fa%26b%23c&base=main"
        );
    }
}
