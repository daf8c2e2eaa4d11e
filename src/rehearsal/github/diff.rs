//! What changed between two trees, file by file.

use super::git::{Tree, blob_id};

/// One file that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub path: String,
    /// `added`, `removed` or `modified`.
    pub status: &'static str,
    /// The id of the text as it is now; for a removed file as it was.
    pub blob: String,
    pub additions: usize,
    pub deletions: usize,
    /// The changed lines, as one hunk.
    pub patch: String,
}

/// The files that differ, by path.
#[must_use]
pub fn changes(before: &Tree, after: &Tree) -> Vec<Change> {
    let removed = before.keys().filter(|path| !after.contains_key(*path));
    let mut paths: Vec<&String> = after.keys().chain(removed).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| change(path, before.get(path), after.get(path))).collect()
}

fn change(path: &str, before: Option<&String>, after: Option<&String>) -> Option<Change> {
    if before == after {
        return None;
    }
    let status = match (before, after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "modified",
    };
    let (old, new) = (before.map_or("", String::as_str), after.map_or("", String::as_str));
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_at_start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (&old[same_at_start..], &new[same_at_start..]);
    let same_at_end =
        old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let gone = &old_rest[..old_rest.len() - same_at_end];
    let come = &new_rest[..new_rest.len() - same_at_end];
    let begin = |count: usize| if count == 0 { 0 } else { same_at_start + 1 };
    let mut patch =
        format!("@@ -{},{} +{},{} @@", begin(gone.len()), gone.len(), begin(come.len()), come.len());
    for (sign, lines) in [('-', gone), ('+', come)] {
        for line in lines {
            patch.push('\n');
            patch.push(sign);
            patch.push_str(line);
        }
    }
    Some(Change {
        path: path.to_owned(),
        status,
        blob: blob_id(after.or(before).map_or("", String::as_str)),
        additions: come.len(),
        deletions: gone.len(),
        patch,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let tree = |files: &[(&str, &str)]| -> Tree {
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
        };
        let before = tree(&[("a", "1\n2\n3\n"), ("gone", "x\n"), ("same", "s\n")]);
        let after = tree(&[("a", "1\ntwo\nand a half\n3\n"), ("new", "n\n"), ("same", "s\n")]);
        let changes = changes(&before, &after);
        let told: Vec<_> =
            changes.iter().map(|c| (c.path.as_str(), c.status, c.additions, c.deletions)).collect();
        assert_eq!(told, [("a", "modified", 2, 1), ("gone", "removed", 0, 1), ("new", "added", 1, 0)]);
        assert_eq!(changes[0].patch, "@@ -2,1 +2,2 @@\n-2\n+two\n+and a half");
    }
}
