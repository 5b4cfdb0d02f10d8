//! Paths: templates of the documents, and the dated paths that they do not have yet.

use std::fmt;

/// A path with parameters in braces.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<String>);

impl Template {
    pub(super) fn new(path: &str) -> Self {
        Self(segments(path).map(str::to_owned).collect())
    }

    /// How many segments are literal.
    pub(super) fn literals(&self) -> usize {
        self.0.iter().filter(|segment| !segment.starts_with('{')).count()
    }

    /// Whether a path is one of these.
    pub(super) fn fits(&self, path: &str) -> bool {
        let mut given = segments(path);
        let all = self.0.iter().all(|segment| {
            given
                .next()
                .is_some_and(|given| segment.starts_with('{') || segment == given)
        });
        all && given.next().is_none()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The numbered path that a dated one stands for; others as they are.
pub(super) fn numbered(path: &str) -> String {
    let mut parts: Vec<&str> = segments(path).collect();
    let dated = |part: &str| part.len() == 7 && part.as_bytes()[4] == b'-' && part.starts_with("20");
    let Some(at) = parts.iter().position(|part| dated(part)) else {
        return path.to_owned();
    };
    let version = match parts.as_slice() {
        ["crm", "associations", ..] => "v4",
        ["crm", "objects", _, _, _, "associations", ..] => "v4",
        ["oauth", ..] => "v1",
        _ => "v3",
    };
    match parts.first().copied() {
        // The version stands before the resource in numbered paths, and behind it in dated ones.
        Some("crm") => {
            parts.remove(at);
            parts.insert(1, version);
        }
        Some(_) => parts[at] = version,
        None => {}
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_paths_stand_for_numbered_ones() {
        for (dated, expected) in [
            (
                "/crm/objects/2026-09/contacts/batch/read",
                "/crm/v3/objects/contacts/batch/read",
            ),
            (
                "/crm/objects/2026-09/contacts/1/associations/companies/2",
                "/crm/v4/objects/contacts/1/associations/companies/2",
            ),
            (
                "/crm/associations/2026-03/contacts/companies/batch/read",
                "/crm/v4/associations/contacts/companies/batch/read",
            ),
            ("/crm-object-schemas/2026-09/schemas", "/crm-object-schemas/v3/schemas"),
            ("/crm/owners/2026-09", "/crm/v3/owners"),
            ("/crm/v3/owners", "/crm/v3/owners"),
        ] {
            assert_eq!(numbered(dated), expected);
        }
    }

    #[test]
    fn a_template_fits_paths_of_its_length_only() {
        let template = Template::new("/crm/v3/owners/{ownerId}");
        assert!(template.fits("/crm/v3/owners/7") && !template.fits("/crm/v3/owners") && !template.fits("/crm/v3/x/7"));
        assert_eq!(template.literals(), 3);
    }
}
