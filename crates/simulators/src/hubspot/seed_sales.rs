//! A few deals, tickets and projects around the generated people.

use std::sync::Arc;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::portal::Portal;
use super::record::Record;
use super::stamp::{DAY, Stamp};

/// One deal and one ticket for so many people.
const PEOPLE_PER_DEAL: usize = 20;
/// The most of one kind.
const MOST: usize = 1_000;
/// One project for so many people.
const PEOPLE_PER_PROJECT: usize = 100;

impl Portal {
    /// Adds deals, tickets and projects for `people` contacts with ids from `first_contact`, and links them.
    pub(super) fn seed_sales(&mut self, seed: u64, people: usize, first_contact: u64) {
        let mut dice = ChaCha8Rng::seed_from_u64(seed ^ 0x7361_6c65);
        let now = self.now();
        for (plural, per) in [
            ("deals", PEOPLE_PER_DEAL),
            ("tickets", PEOPLE_PER_DEAL),
            ("projects", PEOPLE_PER_PROJECT),
        ] {
            let (Some(object), Some(contacts)) = (self.object(plural), self.object("contacts")) else {
                continue;
            };
            let count = people.div_ceil(per).min(MOST);
            for index in 0..count {
                let id = self.store(object).object.first_id + index as u64;
                let contact = first_contact + (index * per) as u64;
                let created = Stamp(now.0 - 10 * DAY - DAY * (count - index) as i64 / count as i64);
                let mut record = Record::new(id, created);
                for (name, value) in values(plural, index, &mut dice, now) {
                    if let Some(number) = self.store(object).object.properties.number(name) {
                        record.set(number, Some(Arc::from(value)));
                    }
                }
                self.derive(object, &mut record, true);
                record.revision = self.next_revision();
                self.store_mut(object).load(record);
                self.associations.change((object, contacts), id, contact, 1, 0);
                if let Some(companies) = self.object("companies")
                    && let Some(company) = self.associations.primary((contacts, companies), contact)
                {
                    let primary = self
                        .associations
                        .primary_bit((object, companies))
                        .map_or(0, |bit| 1 << bit);
                    self.associations
                        .change((object, companies), id, company, 1 | primary, 0);
                    self.seed_primary(object, id, company);
                }
            }
        }
    }

    /// Names the primary company without history or a new stamp.
    fn seed_primary(&mut self, object: usize, id: u64, company: u64) {
        let Some(name) = super::lifecycle::primary_property(self.store(object).object.plural) else {
            return;
        };
        let Some(number) = self.store(object).object.properties.number(name) else {
            return;
        };
        let Some(record) = self.store(object).live(id) else {
            return;
        };
        let mut record = Record::clone(record);
        record.set(number, Some(Arc::from(company.to_string())));
        self.store_mut(object).load(record);
    }
}

fn values(plural: &str, index: usize, dice: &mut ChaCha8Rng, now: Stamp) -> Vec<(&'static str, String)> {
    let mut pick = |choices: &[&'static str]| choices.choose(dice).copied().unwrap_or_default().to_owned();
    match plural {
        "deals" => {
            let kind = pick(&["newbusiness", "existingbusiness"]);
            let stage = pick(&[
                "appointmentscheduled",
                "qualifiedtobuy",
                "contractsent",
                "closedwon",
                "closedlost",
            ]);
            vec![
                ("dealname", format!("Subscription {}", index + 1)),
                ("dealtype", kind),
                ("dealstage", stage),
                ("amount", (dice.random_range(1..2_000_u32) * 50).to_string()),
                ("deal_currency_code", "EUR".to_owned()),
                (
                    "closedate",
                    Stamp(now.0.div_euclid(DAY) * DAY + dice.random_range(1..90) * DAY).to_string(),
                ),
            ]
        }
        "tickets" => vec![
            ("subject", format!("Ticket {}", index + 1)),
            ("content", "The customer asks for help.".to_owned()),
            ("hs_pipeline", "0".to_owned()),
            ("hs_pipeline_stage", pick(&["1", "2", "3", "4"])),
            ("hs_ticket_priority", pick(&["LOW", "MEDIUM", "HIGH"])),
            ("source_type", pick(&["CHAT", "EMAIL", "PHONE"])),
        ],
        _ => vec![
            ("name", format!("Project {}", index + 1)),
            ("code", format!("P-{:05}", index + 1)),
            ("phase", pick(&["planned", "running", "done"])),
            ("active", pick(&["true", "false"])),
            ("budget", (dice.random_range(1..500_u32) * 1_000).to_string()),
            ("start_date", Stamp(now.0 - dice.random_range(0..400) * DAY).date_text()),
        ],
    }
}
