//! `html_to_text`: the text of a remote HTML field. A text that did not change leaves the HTML as it is.
//!
//! Options: `write` (`never` or `paragraphs`, default `never`): with `never` the rule is one-way; with `paragraphs` a
//! changed text is written as plain paragraphs, which loses the formatting there was.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("html_to_text")])?;
//! assert_eq!(lens.get(&[Value::text("<p>Fish &amp; <b>chips</b></p>")], &NoLinks)?, [Value::text("Fish & chips")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::{Error, ErrorKind, Result};
use crate::lens::text::{excerpt, non_empty};
use crate::lens::whitespace;
use crate::lens::{LensKind, LensOption, ValueLens, single};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "write",
        meaning: "never: one-way (default); paragraphs: a changed text is written as plain paragraphs",
    }];
    LensKind::new("The text of a remote HTML field.", OPTIONS, |options| {
        let write = options.one_of("write", &[("never", false), ("paragraphs", true)])?;
        Ok(single(HtmlToText {
            write: write.unwrap_or(false),
        }))
    })
}

#[derive(Debug)]
struct HtmlToText {
    write: bool,
}

/// Far more than either CRM lets a rich text field hold.
const LONGEST: usize = 1 << 20;

/// Tags nested deeper than any editor writes; the parser's work grows with their square.
const DEEPEST: usize = 256;

/// White space folded, and at most one empty line between others: HTML can't say more.
fn fold_lines(text: &str) -> String {
    // HTML has no control characters, and a zero-width space is a place to break a line: neither comes back.
    let is_visible = |char: &char| matches!(char, '\n' | '\r' | '\t') || !(char.is_control() || *char == '\u{200b}');
    let visible: String = text.chars().filter(is_visible).collect();
    let mut folded = whitespace::fold_lines(&visible);
    while folded.contains("\n\n\n") {
        folded = folded.replace("\n\n\n", "\n\n");
    }
    folded
}

fn text_of(html: &str) -> Result<String> {
    if !html.contains(['<', '&']) {
        return Ok(fold_lines(html));
    }
    if html.len() > LONGEST || nesting(html) > DEEPEST {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the HTML is too long or nested too deeply to be read as text ({} bytes)",
                html.len()
            ),
        ));
    }
    // Wide enough that no line is wrapped.
    const WIDTH: usize = 1 << 24;
    html2text::config::with_decorator(html2text::render::TrivialDecorator::new())
        .no_table_borders()
        .string_from_read(html.as_bytes(), WIDTH)
        .map(|text| fold_lines(&text))
        .map_err(|source| Error::new(ErrorKind::Invalid, "the HTML can't be read as text").because(source))
}

/// The text as it reads after it was written, so that what is written is not taken for an edit.
fn settled(mut text: String) -> Result<String> {
    const PASSES: usize = 3;
    for _ in 0..PASSES {
        let again = text_of(&html_of(&text))?;
        if again == text {
            break;
        }
        text = again;
    }
    Ok(text)
}

/// An upper bound of the depth of tags.
fn nesting(html: &str) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    for tag in html.split('<').skip(1) {
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if tag.starts_with(|char: char| char.is_ascii_alphabetic()) && !is_void(tag) {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

fn is_void(tag: &str) -> bool {
    let end = tag
        .find(|char: char| !char.is_ascii_alphanumeric())
        .unwrap_or(tag.len());
    matches!(
        tag[..end].to_ascii_lowercase().as_str(),
        "area"
            | "base"
            | "br"
            | "col"
            | "hr"
            | "img"
            | "input"
            | "li"
            | "link"
            | "meta"
            | "p"
            | "td"
            | "th"
            | "tr"
            | "wbr"
    )
}

fn html_of(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let paragraphs = escaped
        .split("\n\n")
        .map(|paragraph| format!("<p>{}</p>", paragraph.replace('\n', "<br>")));
    paragraphs.collect()
}

impl ValueLens for HtmlToText {
    fn get(&self, raw: &Value) -> Result<Value> {
        match raw {
            Value::Text(html) if self.write => settled(text_of(html)?).map(non_empty),
            Value::Text(html) => text_of(html).map(non_empty),
            other if other.is_empty() => Ok(Value::Null),
            other => Ok(other.clone()),
        }
    }

    fn put(&self, canonical: &Value, _: &Value) -> Result<Value> {
        match canonical {
            _ if !self.write => Err(Error::new(
                ErrorKind::Invalid,
                "a changed text can't be written to an HTML field; the `html_to_text` lens allows it with \
                 `write: paragraphs`",
            )),
            Value::Text(text) => {
                let text = settled(fold_lines(text))?;
                let html = html_of(&text);
                match text_of(&html) {
                    Ok(read) if read == text => Ok(if text.is_empty() {
                        Value::Null
                    } else {
                        Value::Text(html)
                    }),
                    _ => Err(Error::new(
                        ErrorKind::Invalid,
                        format!("`{}` can't be written as HTML", excerpt(canonical)),
                    )),
                }
            }
            other if other.is_empty() => Ok(Value::Null),
            other => Ok(other.clone()),
        }
    }

    fn is_two_way(&self) -> bool {
        self.write
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::NoLinks;

    #[test]
    fn paragraphs_line_breaks_lists_and_entities_are_read() {
        let html = "<p>One</p><p>Two<br>three &lt;3</p><ul><li>a</li><li>b</li></ul><script>alert(1)</script>";
        let text = text_of(html).unwrap();
        assert!(text.starts_with("One\n\nTwo\nthree <3"), "{text:?}");
        assert!(text.contains("a\n") && !text.contains("alert"), "{text:?}");
    }

    #[test]
    fn a_link_is_its_text() {
        assert_eq!(
            text_of("see <a href=\"https://acme.com\">Acme</a>").unwrap(),
            "see Acme"
        );
    }

    #[test]
    fn an_unchanged_text_keeps_the_html_and_a_changed_one_is_refused() {
        let lens = single(HtmlToText { write: false });
        let old = [Value::text("<p><i>Hello</i></p>")];
        assert_eq!(lens.put(&["Hello".into()], &old, &NoLinks).unwrap(), old);
        assert!(lens.put(&["Bye".into()], &old, &NoLinks).is_err());
        assert!(!lens.is_two_way());
    }

    #[test]
    fn a_changed_text_is_written_as_paragraphs_when_asked_for() {
        let lens = single(HtmlToText { write: true });
        let put = lens
            .put(&["a < b\nc\n\nd".into()], &["<b>x</b>".into()], &NoLinks)
            .unwrap();
        assert_eq!(put, [Value::text("<p>a &lt; b<br>c</p><p>d</p>")]);
        assert_eq!(lens.get(&put, &NoLinks).unwrap(), [Value::text("a < b\nc\n\nd")]);
    }

    #[test]
    fn hostile_html_is_refused_and_does_not_exhaust_the_stack() {
        assert!(text_of(&"<div>".repeat(100_000)).is_err());
        assert!(text_of(&"<b>x".repeat(2_000_000)).is_err());
        assert!(text_of(&"<p>".repeat(50_000)).is_ok());
        assert!(text_of(&"<table><tr><td>".repeat(200)).is_ok());
        assert!(text_of(&"<".repeat(100_000)).is_ok());
    }
}
