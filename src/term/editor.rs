//! The operator's own editor, for texts of more than a line.

use std::io::{self, Read as _, Write as _};
use std::process::Command;

/// Longest text that is read back, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Has the operator edit a text (Markdown) and returns it; `None` when nothing was changed.
/// The terminal must have been given back before. Waits for the editor.
///
/// # Errors
/// When the editor cannot be run, or says that it failed, or the text is too long.
pub fn edit(text: &str) -> io::Result<Option<String>> {
    // Only this user may read it: it tells of what is not released yet.
    let mut file = tempfile::Builder::new().prefix("cutover-").suffix(".md").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    run(&editor, file.path())?;
    let mut edited = String::new();
    // By its name: many editors write another file and give it this name.
    std::fs::File::open(file.path())?.take(LONGEST + 1).read_to_string(&mut edited)?;
    if edited.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("the text is longer than {} KiB", LONGEST >> 10)));
    }
    Ok((edited != text).then_some(edited))
}

/// `EDITOR` may hold arguments: a shell takes it apart, as for git and crontab.
fn run(editor: &str, path: &std::path::Path) -> io::Result<()> {
    let script = format!("{editor} \"$1\"");
    let status = Command::new("sh").args(["-c", &script, "sh"]).arg(path).status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("the editor `{editor}` failed ({status})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_may_have_arguments_and_its_failure_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\n").unwrap();
        run("sed -i s/one/two/", file.path()).unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "two\n");
        let failed = run("false", file.path()).unwrap_err();
        assert!(failed.to_string().contains("the editor `false` failed"), "{failed}");
    }
}
