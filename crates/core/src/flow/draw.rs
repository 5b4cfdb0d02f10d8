//! A flow as a picture: Mermaid and DOT.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::model::{Flow, Transition};

impl Flow {
    /// The flow as a Mermaid state diagram.
    ///
    /// ```
    /// use syncline_core::flow::{Flow, Transition};
    /// let mut flow = Flow::new("door", "door", "state");
    /// flow.initial = vec!["OPEN".into()];
    /// flow.finals = vec!["SHUT".into()];
    /// flow.transitions = vec![Transition::new("shut", ["OPEN"], "SHUT").guard("people == 0")];
    /// assert_eq!(
    ///     flow.to_mermaid(),
    ///     "stateDiagram-v2\n    [*] --> OPEN\n    OPEN --> SHUT: shut [people == 0]\n    SHUT --> [*]\n"
    /// );
    /// ```
    pub fn to_mermaid(&self) -> String {
        let names = self.numbered();
        let id = |state: &str| names.get(state).map_or(state, String::as_str).to_owned();
        let mut text = "stateDiagram-v2\n".to_owned();
        for (state, id) in names.iter().filter(|(state, id)| state != id) {
            let _ = writeln!(text, "    state \"{}\" as {id}", mermaid(state));
        }
        for state in &self.initial {
            let _ = writeln!(text, "    [*] --> {}", id(state));
        }
        for transition in &self.transitions {
            for from in &transition.from {
                let label = mermaid(&caption(transition));
                let _ = writeln!(text, "    {} --> {}: {label}", id(from), id(&transition.to));
            }
        }
        for state in &self.finals {
            let _ = writeln!(text, "    {} --> [*]", id(state));
        }
        text
    }

    /// The flow as a graph in DOT, which Graphviz draws.
    ///
    /// ```
    /// use syncline_core::flow::{Flow, Transition};
    /// let mut flow = Flow::new("door", "door", "state");
    /// flow.initial = vec!["OPEN".into()];
    /// flow.finals = vec!["SHUT".into()];
    /// flow.transitions = vec![Transition::new("shut", ["OPEN"], "SHUT")];
    /// assert!(flow.to_dot().contains("\"OPEN\" -> \"SHUT\" [label=\"shut\"];"));
    /// ```
    pub fn to_dot(&self) -> String {
        let mut text = format!(
            "digraph \"{}\" {{\n    rankdir=LR;\n    node [shape=box, style=rounded];\n",
            dot(&self.name)
        );
        let _ = writeln!(text, "    \"\" [shape=point];");
        for state in self.states() {
            let peripheries = if self.is_final(state) { " [peripheries=2]" } else { "" };
            let _ = writeln!(text, "    \"{}\"{peripheries};", dot(state));
        }
        for state in &self.initial {
            let _ = writeln!(text, "    \"\" -> \"{}\";", dot(state));
        }
        for transition in &self.transitions {
            for from in &transition.from {
                let _ = writeln!(
                    text,
                    "    \"{}\" -> \"{}\" [label=\"{}\"];",
                    dot(from),
                    dot(&transition.to),
                    dot(&caption(transition))
                );
            }
        }
        text.push_str("}\n");
        text
    }

    /// All states that the flow names, in the order in which it does.
    pub fn states(&self) -> Vec<&str> {
        let named = self.transitions.iter().flat_map(|transition| {
            let from = transition.from.iter().map(String::as_str);
            from.chain(std::iter::once(transition.to.as_str()))
        });
        let all = self.initial.iter().map(String::as_str);
        let all = all.chain(named).chain(self.finals.iter().map(String::as_str));
        let mut states = Vec::new();
        for state in all {
            if !states.contains(&state) {
                states.push(state);
            }
        }
        states
    }

    /// States by the names that Mermaid takes: their own where they are plain words.
    fn numbered(&self) -> BTreeMap<&str, String> {
        let is_plain = |state: &str| {
            !state.is_empty() && state != "end" && state.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
        };
        let states = self.states();
        let mut number = 0;
        let mut ids = BTreeMap::new();
        for state in &states {
            let id = if is_plain(state) {
                (*state).to_owned()
            } else {
                loop {
                    number += 1;
                    let id = format!("state{number}");
                    if !states.contains(&id.as_str()) {
                        break id;
                    }
                }
            };
            ids.insert(*state, id);
        }
        ids
    }
}

/// What is written at an arrow: name, what has to be given, guard and roles.
fn caption(transition: &Transition) -> String {
    let mut text = transition.title().to_owned();
    if !transition.inputs.is_empty() {
        let _ = write!(text, " ({})", transition.inputs.join(", "));
    }
    if let Some(guard) = &transition.guard {
        let _ = write!(text, " [{guard}]");
    }
    if !transition.roles.is_empty() {
        let _ = write!(text, " by {}", transition.roles.join(" or "));
    }
    text
}

/// Mermaid ends a label at a line's end and reads some signs as its own; entities stand for them.
fn mermaid(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\r' | '\t' => escaped.push(' '),
            '"' => escaped.push_str("#quot;"),
            '#' => escaped.push_str("#35;"),
            ';' => escaped.push_str("#59;"),
            ':' => escaped.push_str("#58;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
