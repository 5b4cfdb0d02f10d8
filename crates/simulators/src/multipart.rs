//! Forms of several parts, as files are sent in.

/// One part of a form.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    /// What a file is called by who sent it.
    pub(crate) file_name: Option<String>,
    pub(crate) content: &'a [u8],
}

/// The parts of a form. Its first line is the boundary.
pub(crate) fn parts(body: &[u8]) -> Vec<Part<'_>> {
    let find = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len().max(1)).position(|part| part == needle);
    let Some(end) = find(body, b"\r\n") else {
        return Vec::new();
    };
    let boundary = &body[..end];
    let mut parts = Vec::new();
    let mut rest = &body[end..];
    while let Some(next) = find(rest, boundary) {
        let part = &rest[..next];
        rest = &rest[next + boundary.len()..];
        let Some(blank) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&part[..blank]).into_owned();
        let content = part.get(blank + 4..).unwrap_or_default();
        parts.push(Part {
            name: parameter(&head, "name").unwrap_or_default(),
            file_name: parameter(&head, "filename"),
            content: content.strip_suffix(b"\r\n").unwrap_or(content),
        });
    }
    parts
}

/// A parameter of `Content-Disposition`, quoted or not.
fn parameter(head: &str, name: &str) -> Option<String> {
    let line = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    line.split(';').find_map(|piece| {
        let (key, value) = piece.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name)
            .then(|| value.trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn parts_are_told_apart_by_name_and_keep_their_bytes() {
        let body = b"--x\r\nContent-Disposition: form-data; filename=\"a.txt\"; name=\"file\"\r\nContent-Type: text/plain\r\n\r\n\
                     one\r\ntwo\r\n--x\r\ncontent-disposition: form-data; name=options\r\n\r\n{}\r\n--x--\r\n";
        let found = parts(body);
        let shown: Vec<_> = found
            .iter()
            .map(|part| (part.name.as_str(), part.file_name.as_deref()))
            .collect();
        assert_eq!(shown, [("file", Some("a.txt")), ("options", None)]);
        assert_eq!(found[0].content, b"one\r\ntwo");
    }
}
