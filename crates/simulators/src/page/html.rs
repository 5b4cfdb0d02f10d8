//! HTML by hand: every text is escaped here, and nothing needs a script.

use axum::response::Html;

/// Text as it may stand in an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A link to a place of this site.
pub(super) fn link(place: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escaped(place), escaped(text))
}

/// A row of cells that are HTML already.
pub(super) fn row(cells: &[String]) -> String {
    format!("<tr><td>{}</td></tr>", cells.join("</td><td>"))
}

/// A table of rows that are HTML already.
pub(super) fn table(head: &[&str], rows: &str) -> String {
    let head: Vec<String> = head.iter().map(|name| escaped(name)).collect();
    format!("<table><tr><th>{}</th></tr>{rows}</table>", head.join("</th><th>"))
}

/// A whole page.
pub(super) fn document(title: &str, heading: &str, body: &str) -> Html<String> {
    let (title, heading) = (escaped(title), escaped(heading));
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>\
         body{{font:14px/1.5 sans-serif;margin:2em;max-width:80em}}table{{border-collapse:collapse}}\
         td,th{{border-bottom:1px solid #ccc;padding:.2em .8em .2em 0;text-align:left;vertical-align:top}}\
         form{{margin:0}}</style></head><body><h1>{heading}</h1>{body}</body></html>"
    ))
}
