//! Property values that HubSpot computes from others.

use super::portal::Portal;
use super::record::Record;

impl Portal {
    /// Values that follow from others.
    pub(super) fn derive(&self, object: usize, record: &mut Record, created: bool) {
        let object_type = &self.store(object).object;
        let table = &object_type.properties;
        let read = |record: &Record, name: &str| record.read_named(table, name);
        let mut derived: Vec<(&str, Option<String>)> = Vec::new();
        match object_type.plural {
            "contacts" => {
                let domain =
                    read(record, "email").and_then(|email| email.split_once('@').map(|(_, domain)| domain.to_owned()));
                derived.push(("hs_email_domain", domain));
            }
            "companies" if created && read(record, "website").is_none() => {
                derived.push(("website", read(record, "domain")));
            }
            "deals" => {
                let stage = read(record, "dealstage");
                let found = self.pipelines(object).iter().find_map(|pipeline| {
                    let stage = pipeline
                        .stages
                        .iter()
                        .find(|known| Some(known.id.as_str()) == stage.as_deref())?;
                    Some((pipeline.id.clone(), stage.clone()))
                });
                if let Some((pipeline, stage)) = found {
                    derived.push(("pipeline", Some(pipeline)));
                    derived.push(("hs_is_closed", Some(stage.closed().to_string())));
                    derived.push(("hs_is_closed_won", Some(stage.won().to_string())));
                    derived.push(("hs_deal_stage_probability", Some(stage.probability().to_owned())));
                }
                derived.push(("amount_in_home_currency", read(record, "amount")));
            }
            "tickets" => {
                let stage = read(record, "hs_pipeline_stage");
                let closed = self
                    .pipelines(object)
                    .iter()
                    .flat_map(|pipeline| &pipeline.stages)
                    .any(|known| Some(known.id.as_str()) == stage.as_deref() && known.closed());
                if read(record, "hs_pipeline").is_none() {
                    derived.push(("hs_pipeline", Some("0".to_owned())));
                }
                match (closed, read(record, "closed_date")) {
                    (true, None) => derived.push(("closed_date", Some(self.now().to_string()))),
                    (false, Some(_)) => derived.push(("closed_date", None)),
                    _ => {}
                }
            }
            _ => {}
        }
        for (name, value) in derived {
            if let Some(number) = table.number(name) {
                record.set(number, value.map(Into::into));
            }
        }
    }
}
