//! A migration script's text, read by a grammar of Python: nothing of it is run.

use tree_sitter::{Node, Parser};

use super::hazard::hazards;
use super::{Downgrade, Script, Unread};

/// Reads a script.
///
/// # Errors
/// When it is not Python, or does not say in plain words which revision it is and which it
/// follows: what is worked out when it runs cannot be told.
pub fn read(file: &str, text: &str) -> Result<Script, Unread> {
    parse(file, text).map_err(|why| Unread { file: file.to_owned(), why })
}

fn parse(file: &str, text: &str) -> Result<Script, String> {
    let mut parser = Parser::new();
    let language = tree_sitter_python::LANGUAGE.into();
    parser.set_language(&language).map_err(|error| format!("Python cannot be read: {error}"))?;
    let tree = parser.parse(text, None).ok_or("it cannot be read as Python")?;
    let root = tree.root_node();
    if root.has_error() {
        return Err("it is not Python that can be read".to_owned());
    }
    let module = Module { text, statements: children(root) };
    let revision = match module.words_of("revision")? {
        Some(revision) if revision.len() == 1 => revision.into_iter().next().unwrap_or_default(),
        _ => return Err("it does not say its `revision`".to_owned()),
    };
    let down = module.words_of("down_revision")?.ok_or("it does not say its `down_revision`")?;
    Ok(Script {
        file: file.to_owned(),
        revision,
        title: module.title(),
        down,
        depends: module.words_of("depends_on")?.unwrap_or_default(),
        labels: module.words_of("branch_labels")?.unwrap_or_default(),
        downgrade: module.downgrade(),
        hazards: hazards(root, text),
    })
}

/// The named children of a node, comments left out.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

/// The text of a node.
pub(super) fn text_of<'t>(node: Node<'_>, text: &'t str) -> &'t str {
    text.get(node.byte_range()).unwrap_or_default()
}

struct Module<'t> {
    text: &'t str,
    statements: Vec<Node<'t>>,
}

impl<'t> Module<'t> {
    /// What a name of the module is set to: no word for None, several for a tuple or list.
    fn words_of(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        let is_of = |node: &Node<'_>| {
            let left = node.child_by_field_name("left").filter(|_| node.kind() == "assignment");
            left.is_some_and(|left| text_of(left, self.text) == name)
        };
        let mut nodes = self.statements.iter().flat_map(|statement| children(*statement));
        // The last one counts when it runs.
        let value = nodes.rfind(is_of).and_then(|node| node.child_by_field_name("right"));
        let Some(value) = value else { return Ok(None) };
        let unclear = || format!("its `{name}` is no plain string, tuple of strings or None");
        match value.kind() {
            "none" => Ok(Some(Vec::new())),
            "tuple" | "list" | "set" => {
                let words = children(value).into_iter().map(|node| literal(node, self.text));
                words.collect::<Option<Vec<_>>>().map(Some).ok_or_else(unclear)
            }
            _ => literal(value, self.text).map(|word| Some(vec![word])).ok_or_else(unclear),
        }
    }

    /// The first line of the module's docstring.
    fn title(&self) -> String {
        let first = self.statements.first().filter(|node| node.kind() == "expression_statement");
        let docstring = first.and_then(|node| node.named_child(0)).and_then(|node| literal(node, self.text));
        let line = docstring.as_deref().and_then(|text| text.lines().find(|line| !line.trim().is_empty()));
        line.map(|line| line.trim().to_owned()).unwrap_or_default()
    }

    fn downgrade(&self) -> Downgrade {
        let function = self.statements.iter().rev().find(|node| {
            node.kind() == "function_definition"
                && node
                    .child_by_field_name("name")
                    .is_some_and(|name| text_of(name, self.text) == "downgrade")
        });
        let Some(body) = function.and_then(|node| node.child_by_field_name("body")) else {
            return Downgrade::Missing;
        };
        match children(body).into_iter().any(does_something) {
            true => Downgrade::Written,
            false => Downgrade::Empty,
        }
    }
}

/// Whether a statement changes anything: `pass`, a docstring, `...`, a bare return and a
/// refusal do not.
fn does_something(statement: Node<'_>) -> bool {
    match statement.kind() {
        "pass_statement" | "raise_statement" | "return_statement" => false,
        "expression_statement" => {
            !children(statement).iter().all(|node| matches!(node.kind(), "string" | "ellipsis"))
        }
        _ => true,
    }
}

/// The text of a plain string; `None` of anything that is worked out.
fn literal(node: Node<'_>, text: &str) -> Option<String> {
    if node.kind() == "parenthesized_expression" {
        return node.named_child(0).and_then(|inner| literal_string(inner, text));
    }
    literal_string(node, text)
}

fn literal_string(node: Node<'_>, text: &str) -> Option<String> {
    if node.kind() != "string" {
        return None;
    }
    let mut words = String::new();
    for part in children(node) {
        match part.kind() {
            "string_start" | "string_end" => {}
            "string_content" if part.named_child_count() == 0 => words.push_str(text_of(part, text)),
            _ => return None,
        }
    }
    Some(words)
}
