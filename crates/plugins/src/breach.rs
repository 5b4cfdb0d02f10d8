//! What a plugin did that it must not do, as an error for people.

use syncline_core::{Error, ErrorKind};
use wasmtime::Trap;

/// A plugin broke its contract, or went past a limit.
pub(crate) fn breach(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Plugin, message)
}

/// Why a call ended in the middle.
pub(crate) fn ended(error: &wasmtime::Error) -> Error {
    let advice = "report it to the plugin's maker";
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return breach(format!("the plugin could not be run; {advice}")).because(error.to_string());
    };
    breach(match trap {
        Trap::StackOverflow => "the plugin called itself deeper than its stack allows".to_owned(),
        Trap::MemoryOutOfBounds => {
            format!(
                "the plugin crashed: it reached outside of its memory, as it does where its stack is too deep; {advice}"
            )
        }
        Trap::OutOfFuel => "the plugin used up the instructions that one call may take".to_owned(),
        Trap::UnreachableCodeReached => format!("the plugin crashed; {advice}"),
        other => format!("the plugin crashed: {other}; {advice}"),
    })
}

/// A text of a plugin's, fit to be shown: short, and without what moves a terminal's cursor.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let clean = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    let mut shown: String = clean.clone().take(most).collect();
    if clean.count() > most {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugins_text_is_cut_and_moves_no_cursor() {
        assert_eq!(shown("a\u{1b}[2Jb\nc", 5), "a [2J…");
        assert_eq!(shown("short", 5), "short");
    }
}
