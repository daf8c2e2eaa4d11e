//! What a scraper reads: Prometheus' text form (exposition format 0.0.4).

use super::series::{Labels, NAME};

/// Most lines of one scrape that are taken over.
const MOST_LINES: usize = 5_000;

/// The series of a text and their values. A line that cannot be read is passed over,
/// unlike in Prometheus, which gives the whole scrape up: the texts are our own.
pub(super) fn read(text: &str) -> Vec<(Labels, f64)> {
    text.lines().take(MOST_LINES).filter_map(line).collect()
}

fn line(line: &str) -> Option<(Labels, f64)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(['{', ' ', '\t'])?;
    let mut labels = Labels::default().with(NAME, &line[..end]);
    let rest = match line[end..].strip_prefix('{') {
        Some(rest) => read_labels(rest, &mut labels)?,
        None => &line[end..],
    };
    // A time may stand behind the value.
    let value = rest.split_whitespace().next()?;
    Some((labels, number(value)?))
}

/// Reads labels up to the closing brace; what stands behind it.
fn read_labels<'t>(mut rest: &'t str, labels: &mut Labels) -> Option<&'t str> {
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(behind) = rest.strip_prefix('}') {
            return Some(behind);
        }
        let (name, behind) = rest.split_once('=')?;
        let (value, behind) = quoted(behind.trim_start())?;
        labels.set(name.trim(), &value);
        rest = behind;
    }
}

/// A text in double quotes and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_read_with_their_labels_and_nonsense_is_passed_over() {
        let text = "# HELP a b\n# TYPE a counter\na 1\nb{le=\"+Inf\",path=\"/x \\\"y\\\\\"} +Inf 1700000000000\n\
                    c{ d = \"e\" , } NaN\nbroken{x=\"1 2\nnothing\nf{} 1e3\n";
        let read = read(text);
        let told: Vec<(String, f64)> = read
            .iter()
            .map(|(labels, value)| {
                (labels.iter().map(|(name, value)| format!("{name}={value};")).collect(), *value)
            })
            .collect();
        assert_eq!(told[0], ("__name__=a;".to_owned(), 1.0));
        assert_eq!(told[1], ("__name__=b;le=+Inf;path=/x \"y\\;".to_owned(), f64::INFINITY));
        assert!(told[2].0 == "__name__=c;d=e;" && told[2].1.is_nan());
        assert_eq!(told[3], ("__name__=f;".to_owned(), 1000.0));
        assert_eq!(told.len(), 4);
    }
}
