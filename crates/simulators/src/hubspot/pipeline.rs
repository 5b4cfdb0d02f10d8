//! Pipelines and their stages.

use serde_json::{Map, Value, json};

use super::stamp::Stamp;

/// One pipeline of an object type.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) display_order: i64,
    pub(super) stages: Vec<Stage>,
    pub(super) created: Stamp,
    pub(super) updated: Stamp,
}

/// One stage of a pipeline.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) display_order: i64,
    /// Values are strings, whatever they mean.
    pub(super) metadata: Map<String, Value>,
    pub(super) created: Stamp,
    pub(super) updated: Stamp,
}

impl Stage {
    fn text(&self, key: &str) -> &str {
        self.metadata.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a record in this stage is done.
    pub(super) fn closed(&self) -> bool {
        self.text("isClosed") == "true" || self.text("ticketState") == "CLOSED"
    }

    /// Whether a deal in this stage is won.
    pub(super) fn won(&self) -> bool {
        self.text("probability").parse() == Ok(1.0)
    }

    /// The probability of a deal in this stage.
    pub(super) fn probability(&self) -> &str {
        self.text("probability")
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "label": self.label,
            "displayOrder": self.display_order,
            "metadata": self.metadata,
            "id": self.id,
            "createdAt": self.created.to_string(),
            "updatedAt": self.updated.to_string(),
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "archived": false,
        })
    }
}

impl Pipeline {
    pub(super) fn json(&self) -> Value {
        let stages: Vec<Value> = self.stages.iter().map(Stage::json).collect();
        json!({
            "label": self.label,
            "displayOrder": self.display_order,
            "id": self.id,
            "stages": stages,
            "createdAt": self.created.to_string(),
            "updatedAt": self.updated.to_string(),
            "archived": false,
        })
    }
}

/// The stages of one pipeline as id, label and state: closing probability of a deal's, `OPEN` or `CLOSED` of others.
type Stages = &'static [(&'static str, &'static str, &'static str)];

/// The pipelines of an object type by its plural name; none for types without.
pub(super) fn pipelines(plural: &str) -> Vec<Pipeline> {
    let described: &[(&str, &str, Stages)] = match plural {
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
        "leads" => &[(
            "lead-pipeline-id",
            "Lead pipeline",
            &[
                ("new-stage-id", "New", "OPEN"),
                ("connected-stage-id", "Connected", "OPEN"),
                ("qualified-stage-id", "Qualified", "CLOSED"),
            ],
        )],
        "appointments" => &[(
            "appointment-pipeline",
            "Appointment pipeline",
            &[("scheduled", "Scheduled", "OPEN"), ("attended", "Attended", "CLOSED")],
        )],
        _ => &[],
    };
    described
        .iter()
        .zip(0..)
        .map(|((id, label, stages), display_order)| Pipeline {
            id: (*id).to_owned(),
            label: (*label).to_owned(),
            display_order,
            stages: stages
                .iter()
                .zip(0..)
                .map(|(stage, order)| builtin(stage, order))
                .collect(),
            created: Stamp(0),
            updated: Stamp(0),
        })
        .collect()
}

fn builtin((id, label, state): &(&str, &str, &str), display_order: i64) -> Stage {
    let metadata = match state.parse::<f64>() {
        Ok(probability) => {
            let closed = probability <= 0.0 || probability >= 1.0;
            json!({"isClosed": closed.to_string(), "probability": state})
        }
        Err(_) => json!({"ticketState": state, "isClosed": (*state == "CLOSED").to_string()}),
    };
    Stage {
        id: (*id).to_owned(),
        label: (*label).to_owned(),
        display_order,
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        created: Stamp(0),
        updated: Stamp(0),
    }
}
