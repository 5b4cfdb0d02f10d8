//! Pipelines and stages over HTTP.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::pipeline::{Pipeline, Stage};
use super::portal::Portal;
use super::request::{ApiRequest, text_or_number};
use super::stamp::Stamp;

impl Portal {
    /// Requests below `pipelines/{type}`.
    pub(super) fn pipelines_request(&mut self, request: &ApiRequest, object: usize, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let results: Vec<Value> = self.pipelines(object).iter().map(Pipeline::json).collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("POST", []) => self.create_pipeline(request, object),
            (_, [id]) => self.one_pipeline(request, object, id),
            ("GET", [id, "audit"] | [id, "stages", _, "audit"]) => {
                let entry = json!({"portalId": self.id, "identifier": id, "action": "CREATE",
                    "timestamp": self.now().to_string(), "fromUserId": self.signed_in_user()});
                Answer::json(200, &json!({"results": [entry]}))
            }
            ("GET", [id, "stages"]) => match self.pipeline(object, id) {
                Some(pipeline) => {
                    let results: Vec<Value> = pipeline.stages.iter().map(Stage::json).collect();
                    Answer::json(200, &json!({"results": results}))
                }
                None => self.not_found(),
            },
            ("POST", [id, "stages"]) => self.create_stage(request, object, id),
            (_, [id, "stages", stage]) => self.one_stage(request, object, id, stage),
            _ => self.not_found(),
        }
    }

    fn pipeline(&mut self, object: usize, id: &str) -> Option<&mut Pipeline> {
        self.pipelines_mut(object)?
            .iter_mut()
            .find(|pipeline| pipeline.id == id)
    }

    /// A number that no pipeline or stage of the account has.
    fn new_pipeline_id(&mut self) -> String {
        (900_000_000 + self.next_revision()).to_string()
    }

    fn create_pipeline(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let (Some(label), Some(order)) = (text(&body, "label"), body.get("displayOrder").and_then(Value::as_i64))
        else {
            return self.invalid("Some required fields were not set: [label, displayOrder]");
        };
        if self.pipelines(object).iter().any(|pipeline| pipeline.label == label) {
            let message = format!("Pipeline with label {label} already exists");
            return self.problem(409, "OBJECT_ALREADY_EXISTS", &message, Value::Null);
        }
        let now = self.now();
        let mut stages = Vec::new();
        for input in body.get("stages").and_then(Value::as_array).into_iter().flatten() {
            let id = text(input, "stageId").unwrap_or_else(|| self.new_pipeline_id());
            stages.push(stage(id, input, now));
        }
        let pipeline = Pipeline {
            id: text(&body, "pipelineId").unwrap_or_else(|| self.new_pipeline_id()),
            label,
            display_order: order,
            stages,
            created: now,
            updated: now,
        };
        let shown = pipeline.json();
        if let Some(pipelines) = self.pipelines_mut(object) {
            pipelines.push(pipeline);
        }
        Answer::json(201, &shown).touching(1)
    }

    fn one_pipeline(&mut self, request: &ApiRequest, object: usize, id: &str) -> Answer {
        let now = self.now();
        let body = request.json().unwrap_or_default();
        let Some(pipeline) = self.pipeline(object, id) else {
            return self.not_found();
        };
        match request.method.as_str() {
            "GET" => {}
            "PATCH" | "PUT" => {
                if let Some(label) = text(&body, "label") {
                    pipeline.label = label;
                }
                if let Some(order) = body.get("displayOrder").and_then(Value::as_i64) {
                    pipeline.display_order = order;
                }
                pipeline.updated = now;
                if request.method == "PUT"
                    && let Some(stages) = body.get("stages").and_then(Value::as_array)
                {
                    let mut replaced = Vec::new();
                    for input in stages {
                        let id = text(input, "stageId").unwrap_or_else(|| self.new_pipeline_id());
                        replaced.push(stage(id, input, now));
                    }
                    if let Some(pipeline) = self.pipeline(object, id) {
                        pipeline.stages = replaced;
                    }
                }
            }
            "DELETE" => {
                if let Some(pipelines) = self.pipelines_mut(object) {
                    pipelines.retain(|pipeline| pipeline.id != id);
                }
                return Answer::empty().touching(1);
            }
            _ => return self.not_found(),
        }
        match self.pipeline(object, id) {
            Some(pipeline) => Answer::json(200, &pipeline.json()),
            None => self.not_found(),
        }
    }

    fn create_stage(&mut self, request: &ApiRequest, object: usize, id: &str) -> Answer {
        let body = request.json().unwrap_or_default();
        if text(&body, "label").is_none() {
            return self.invalid("Some required fields were not set: [label]");
        }
        let (now, stage_id) = (self.now(), self.new_pipeline_id());
        let made = stage(text(&body, "stageId").unwrap_or(stage_id), &body, now);
        let shown = made.json();
        let Some(pipeline) = self.pipeline(object, id) else {
            return self.not_found();
        };
        pipeline.stages.push(made);
        Answer::json(201, &shown).touching(1)
    }

    fn one_stage(&mut self, request: &ApiRequest, object: usize, id: &str, stage_id: &str) -> Answer {
        let now = self.now();
        let body = request.json().unwrap_or_default();
        let Some(pipeline) = self.pipeline(object, id) else {
            return self.not_found();
        };
        let Some(position) = pipeline.stages.iter().position(|stage| stage.id == stage_id) else {
            return self.not_found();
        };
        if request.method == "DELETE" {
            pipeline.stages.remove(position);
            return Answer::empty().touching(1);
        }
        let Some(found) = pipeline.stages.get_mut(position) else {
            return self.not_found();
        };
        match request.method.as_str() {
            "GET" => {}
            "PUT" => *found = stage(stage_id.to_owned(), &body, now),
            "PATCH" => {
                if let Some(label) = text(&body, "label") {
                    found.label = label;
                }
                if let Some(order) = body.get("displayOrder").and_then(Value::as_i64) {
                    found.display_order = order;
                }
                found.metadata.extend(metadata(&body));
                found.updated = now;
            }
            _ => return self.not_found(),
        }
        match self
            .pipeline(object, id)
            .and_then(|pipeline| pipeline.stages.get(position))
        {
            Some(stage) => Answer::json(200, &stage.json()),
            None => self.not_found(),
        }
    }
}

fn text(body: &Value, key: &str) -> Option<String> {
    text_or_number(body.get(key)).filter(|text| !text.is_empty())
}

fn metadata(body: &Value) -> Map<String, Value> {
    let given = body.get("metadata").and_then(Value::as_object).into_iter().flatten();
    given
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (key.clone(), value.into())
        })
        .collect()
}

fn stage(id: String, body: &Value, now: Stamp) -> Stage {
    let mut metadata = metadata(body);
    if let Some(probability) = metadata.get("probability").and_then(Value::as_str) {
        let closed = matches!(probability.parse::<f64>(), Ok(value) if value <= 0.0 || value >= 1.0);
        metadata.entry("isClosed").or_insert_with(|| closed.to_string().into());
    }
    Stage {
        id,
        label: text(body, "label").unwrap_or_default(),
        display_order: body.get("displayOrder").and_then(Value::as_i64).unwrap_or(-1),
        metadata,
        created: now,
        updated: now,
    }
}
