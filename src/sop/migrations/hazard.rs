//! What a script's upgrade destroys: calls by their names, and the SQL that it runs. What
//! is worked out when it runs is pointed out as well: nobody knows what it does.

use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::Hazard;
use super::python::{children, text_of};

/// Most that are listed of one script.
const MOST: usize = 50;
/// Longest name or piece of SQL that is shown, in characters.
const SHOWN: usize = 60;

/// SQL that destroys data or refuses what the previous version writes.
static DESTROYS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(drop|delete|truncate|rename)\b|\bset\s+not\s+null\b|\balter\s+(column\s+)?\S+\s+(set\s+data\s+)?type\b").ok()
});
/// What a foreign key does, which nobody runs now; and what SQL leaves out.
static HARMLESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?is)\bon\s+delete\b|--[^\n]*|/\*.*?\*/|\bdrop\s+index\b").ok());

/// Everything outside the functions of the downgrade.
pub(super) fn hazards(root: Node<'_>, text: &str) -> Vec<Hazard> {
    let mut found = Vec::new();
    // No recursion: a script may be nested deeper than a stack.
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        if is_downgrade(node, text) {
            continue;
        }
        if node.kind() == "call"
            && let Some(what) = destroys(node, text)
        {
            found.push(Hazard { line: node.start_position().row + 1, what });
            if found.len() == MOST {
                break;
            }
        }
        open.extend(children(node).into_iter().rev());
    }
    found.sort_by_key(|hazard| hazard.line);
    found
}

fn is_downgrade(node: Node<'_>, text: &str) -> bool {
    node.kind() == "function_definition"
        && node.child_by_field_name("name").is_some_and(|name| text_of(name, text).starts_with("downgrade"))
}

/// What a call destroys, in words.
fn destroys(call: Node<'_>, text: &str) -> Option<String> {
    let function = call.child_by_field_name("function")?;
    let name = match function.kind() {
        "attribute" => text_of(function.child_by_field_name("attribute")?, text),
        "identifier" => text_of(function, text),
        _ => return None,
    };
    let arguments = call.child_by_field_name("arguments")?;
    match name {
        "drop_index" | "drop_table_comment" => None,
        "drop_table" | "drop_column" | "drop_constraint" | "rename_table" => {
            Some(with_names(name, arguments, text))
        }
        "drop" | "drop_all" | "delete" => Some(shortened(text_of(call, text))),
        "alter_column" => {
            let changes: Vec<&str> = children(arguments)
                .into_iter()
                .filter(|node| node.kind() == "keyword_argument")
                .filter_map(|node| changes(node, text))
                .collect();
            let names = with_names(name, arguments, text);
            (!changes.is_empty()).then(|| format!("{names}: {}", changes.join(", ")))
        }
        "execute" | "exec_driver_sql" | "execute_if" => sql(arguments, text),
        // Operations of plug-ins: what they are called is all that is known.
        name if name.starts_with("drop_") => Some(with_names(name, arguments, text)),
        _ => None,
    }
}

/// What an argument of `alter_column` changes for the previous version.
fn changes(argument: Node<'_>, text: &str) -> Option<&'static str> {
    let name = text_of(argument.child_by_field_name("name")?, text);
    let value = argument.child_by_field_name("value")?;
    match (name, value.kind()) {
        ("type_", _) => Some("another type"),
        ("nullable", "false") => Some("not null"),
        ("nullable", "true") => None,
        ("nullable", _) => Some("perhaps not null"),
        ("new_column_name", kind) if kind != "none" => Some("renamed"),
        _ => None,
    }
}

/// `drop_column users.email`.
fn with_names(operation: &str, arguments: Node<'_>, text: &str) -> String {
    let names = children(arguments).into_iter().filter(|node| node.kind() == "string");
    let names: Vec<&str> =
        names.take(2).map(|node| text_of(node, text).trim_matches(|c| matches!(c, '"' | '\''))).collect();
    shortened(&format!("{operation} {}", names.join(".")))
}

/// What SQL among the arguments destroys; that which is worked out may destroy anything.
fn sql(arguments: Node<'_>, text: &str) -> Option<String> {
    let all = children(arguments);
    let given = all.iter().copied().find(|node| node.kind() != "keyword_argument");
    let given = given.or_else(|| all.first().and_then(|node| node.child_by_field_name("value")))?;
    let statement = strings_in(given, text);
    let readable = HARMLESS.as_ref().map(|harmless| harmless.replace_all(&statement, " "));
    let destroys = match (readable, DESTROYS.as_ref()) {
        (Some(readable), Some(destroys)) => destroys.is_match(&readable),
        _ => true,
    };
    match (destroys, is_literal(given, text)) {
        (true, _) => Some(format!("execute {}", shortened(&statement))),
        (false, true) => None,
        (false, false) => {
            Some(format!("SQL that is worked out when it runs: {}", shortened(text_of(given, text))))
        }
    }
}

/// All that stands in strings, in its order.
fn strings_in(node: Node<'_>, text: &str) -> String {
    let mut words = String::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match node.kind() {
            "string_content" => words.push_str(text_of(node, text)),
            _ => open.extend(children(node).into_iter().rev()),
        }
    }
    words
}

/// Whether it is a string without anything put in, perhaps within `text(…)` or brackets.
fn is_literal(node: Node<'_>, text: &str) -> bool {
    let mut node = node;
    // As deep as anybody writes it.
    for _ in 0..4 {
        let inner = match node.kind() {
            "string" => return children(node).iter().all(|part| part.kind() != "interpolation"),
            "concatenated_string" => {
                let mut parts = children(node).into_iter();
                return parts.all(|part| children(part).iter().all(|part| part.kind() != "interpolation"));
            }
            "parenthesized_expression" => node.named_child(0),
            "call" => {
                let of = node.child_by_field_name("function").map(|function| text_of(function, text));
                let is_text = of.is_some_and(|name| name == "text" || name.ends_with(".text"));
                let arguments = node.child_by_field_name("arguments").filter(|_| is_text);
                arguments.and_then(|arguments| children(arguments).into_iter().next())
            }
            _ => None,
        };
        let Some(inner) = inner else { return false };
        node = inner;
    }
    false
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
