//! Pipelines and their stages, for deals and tickets.

use serde_json::{Value, json};

/// One pipeline of an object type.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) id: &'static str,
    label: &'static str,
    display_order: usize,
    pub(super) stages: Vec<Stage>,
}

/// One stage of a pipeline.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) id: &'static str,
    label: &'static str,
    /// Closing probability of a deal stage, or `OPEN` and `CLOSED` of a ticket stage.
    state: &'static str,
    deal: bool,
}

impl Stage {
    /// Whether a record in this stage is done.
    pub(super) fn closed(&self) -> bool {
        matches!(self.state, "CLOSED" | "1.0" | "0.0")
    }

    /// Whether a deal in this stage is won.
    pub(super) fn won(&self) -> bool {
        self.state == "1.0"
    }

    /// The probability of a deal in this stage.
    pub(super) fn probability(&self) -> &'static str {
        self.state
    }

    fn json(&self, display_order: usize) -> Value {
        // Metadata values are strings, whatever they mean.
        let metadata = if self.deal {
            json!({"isClosed": self.closed().to_string(), "probability": self.state})
        } else {
            json!({"ticketState": self.state, "isClosed": self.closed().to_string()})
        };
        json!({
            "label": self.label,
            "displayOrder": display_order,
            "metadata": metadata,
            "id": self.id,
            "createdAt": "1970-01-01T00:00:00Z",
            "updatedAt": "1970-01-01T00:00:00Z",
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "archived": false,
        })
    }
}

impl Pipeline {
    pub(super) fn json(&self) -> Value {
        let stages: Vec<Value> = self
            .stages
            .iter()
            .enumerate()
            .map(|(order, stage)| stage.json(order))
            .collect();
        json!({
            "label": self.label,
            "displayOrder": self.display_order,
            "id": self.id,
            "stages": stages,
            "createdAt": "1970-01-01T00:00:00Z",
            "updatedAt": "1970-01-01T00:00:00Z",
            "archived": false,
        })
    }
}

/// The stages of one pipeline as id, label and state.
type Stages = &'static [(&'static str, &'static str, &'static str)];

/// The pipelines of an object type by its plural name; none for types without.
pub(super) fn pipelines(plural: &str) -> Vec<Pipeline> {
    let deal = plural == "deals";
    let described: &[(&'static str, &'static str, Stages)] = match plural {
        "deals" => &[
            (
                "default",
                "Sales Pipeline",
                &[
                    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
                    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
                    ("presentationscheduled", "Presentation Scheduled", "0.6"),
                    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
                    ("contractsent", "Contract Sent", "0.9"),
                    ("closedwon", "Closed Won", "1.0"),
                    ("closedlost", "Closed Lost", "0.0"),
                ],
            ),
            (
                "75530001",
                "Renewals",
                &[
                    ("145530001", "Due", "0.5"),
                    ("145530002", "Renewed", "1.0"),
                    ("145530003", "Lapsed", "0.0"),
                ],
            ),
        ],
        "tickets" => &[(
            "0",
            "Support Pipeline",
            &[
                ("1", "New", "OPEN"),
                ("2", "Waiting on contact", "OPEN"),
                ("3", "Waiting on us", "OPEN"),
                ("4", "Closed", "CLOSED"),
            ],
        )],
        _ => &[],
    };
    described
        .iter()
        .enumerate()
        .map(|(display_order, (id, label, stages))| Pipeline {
            id,
            label,
            display_order,
            stages: stages
                .iter()
                .map(|(id, label, state)| Stage { id, label, state, deal })
                .collect(),
        })
        .collect()
}
