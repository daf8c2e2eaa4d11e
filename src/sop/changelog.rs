//! The section of a change log that tells about one release (keepachangelog.com and what
//! is like it: a heading a version, the newest first).

use super::chain::version_in;

/// A version's part of a change log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'t> {
    /// `None`: what is not released yet.
    pub version: Option<&'t str>,
    /// What stands under its heading.
    pub text: &'t str,
}

/// The section of the newest version, else what is not released yet; `None` when nothing
/// is told.
#[must_use]
pub fn newest(changelog: &str) -> Option<Section<'_>> {
    let sections = sections(changelog);
    let told = |section: &&Section<'_>| !section.text.is_empty();
    let newest = sections.iter().filter(told).find(|section| section.version.is_some());
    newest.or_else(|| sections.iter().find(told)).copied()
}

/// All sections, in their order. They are the headings of the level at which the first
/// version, or what is not released, stands.
fn sections(changelog: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    // Level of the sections; where the open one's text begins, and its version.
    let mut open: Option<(usize, usize, Option<&str>)> = None;
    let mut at = 0;
    for line in changelog.split_inclusive('\n') {
        let (begin, end) = (at, at + line.len());
        at = end;
        let Some((level, heading)) = heading(line) else { continue };
        let version = version_in(heading);
        let is_section = version.is_some() || heading.to_lowercase().contains("unreleased");
        match open {
            Some((depth, ..)) if level > depth => continue,
            Some((_, from, version)) => sections.push(section(changelog, from, begin, version)),
            None => {}
        }
        open = is_section.then_some((level, end, version));
    }
    if let Some((_, from, version)) = open {
        sections.push(section(changelog, from, changelog.len(), version));
    }
    sections
}

fn section<'t>(text: &'t str, from: usize, to: usize, version: Option<&'t str>) -> Section<'t> {
    Section { version, text: text.get(from..to).unwrap_or_default().trim() }
}

/// A heading's level and text.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (level > 0 && text.starts_with(' ')).then(|| (level, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: &str = "# Changelog\n\nAll changes.\n\n## [Unreleased]\n\n## [1.1.0] - 2025-10-20\n\n### Added\n\n- POST /declarations\n\n### Fixed\n\n- BUG-123\n\n## [1.0.0]\n\n- First\n";

    #[test]
    fn the_newest_version_is_found_with_its_parts() {
        let section = newest(KEPT).unwrap();
        assert_eq!(section.version, Some("1.1.0"));
        assert_eq!(section.text, "### Added\n\n- POST /declarations\n\n### Fixed\n\n- BUG-123");
    }

    #[test]
    fn what_is_not_released_is_taken_where_there_is_no_version() {
        let section = newest("# Changelog\n## Unreleased\n- one\n").unwrap();
        assert_eq!((section.version, section.text), (None, "- one"));
    }

    #[test]
    fn the_procedures_own_form_is_read() {
        let notes =
            "# Release v1.1.0 - 2025-10-20\n\n## New Features\n- a\n\n# Release v1.0.0 - 2025-10-01\n- b\n";
        let section = newest(notes).unwrap();
        assert_eq!((section.version, section.text), (Some("v1.1.0"), "## New Features\n- a"));
    }

    #[test]
    fn a_text_without_sections_tells_nothing() {
        for text in ["", "no heading\n#hash\n", "# Changelog\n\ntext\n", "## v1.0.0\n"] {
            assert_eq!(newest(text), None, "{text:?}");
        }
    }
}
