//! Users of the app, and people who decide what the engine put before them.

use serde_json::{Map, Value as Json};
use syncline_core::error::ErrorKind;
use syncline_core::model::PRESENCE;
use syncline_core::plan::ReviewReason;
use syncline_engine::conflict::{ConflictQuery, FieldChoice, Resolution, Review, ReviewStatus};
use syncline_engine::entity::{EntityListQuery, EntityRead, EntityView};

use super::check::Invariant;
use super::crm::Object;
use super::ghost::{Place, canonical};
use super::history::{Act, New, Reading, Step, Verdict, object};
use super::play::Play;
use super::users::unique;

fn text<'a>(view: &'a EntityView, field: &str) -> &'a str {
    view.values.get(field).and_then(Json::as_str).unwrap_or_default()
}

impl Play {
    pub(super) async fn entities(&self, tenant: usize, object: Object, deleted: bool) -> Vec<EntityView> {
        let (engine, actor) = (self.engine.clone(), self.actor.clone());
        let tenant = self.world.tenant(tenant);
        let query = EntityListQuery {
            deleted,
            limit: 1_000,
            ..EntityListQuery::default()
        };
        let listed = self.call(async move {
            let entities = engine.entities();
            entities.list(tenant, object.blueprint(), &query, &actor).await
        });
        match listed.await {
            Some(Ok(page)) => page
                .entities
                .into_iter()
                .filter(|view| view.deleted == deleted)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A user of the app acts.
    pub(super) async fn app_user(&mut self, step: &Step) {
        match step.act {
            Act::AppCreate {
                tenant,
                person,
                company,
            } => {
                self.app_create(step.number, tenant, person, object(company)).await;
            }
            Act::AppEdit {
                tenant,
                record,
                field,
                new,
                reading,
            } => {
                self.app_edit(step.number, tenant, record, field, new, reading).await;
            }
            Act::AppDelete { tenant, record } => {
                let live = self.entities(tenant, Object::Person, false).await;
                if let Some(view) = live.get(record as usize % live.len().max(1)) {
                    self.app_presence(step.number, tenant, view, false).await;
                }
            }
            Act::AppUndelete { tenant, record } => {
                let gone = self.entities(tenant, Object::Person, true).await;
                if let Some(view) = gone.get(record as usize % gone.len().max(1)) {
                    self.app_presence(step.number, tenant, view, true).await;
                }
            }
            _ => {}
        }
    }

    async fn app_create(&mut self, step: u32, tenant: usize, person: u32, object: Object) {
        let values: Vec<(&'static str, String)> = match object {
            Object::Person => vec![
                ("email", format!("p{person}@example.com")),
                ("last_name", format!("person{person}")),
                ("title", unique("title", step)),
            ],
            Object::Company => vec![("name", format!("company{person}")), ("city", unique("city", step))],
        };
        let given: Map<String, Json> = values
            .iter()
            .map(|(field, value)| ((*field).to_owned(), value.clone().into()))
            .collect();
        let (engine, actor, number) = (self.engine.clone(), self.actor.clone(), self.world.tenant(tenant));
        let made = self.call(async move {
            let entities = engine.entities();
            entities.create(number, object.blueprint(), given, &actor).await
        });
        match made.await {
            Some(Ok(view)) => {
                self.world.story(|| format!("    app: {} {values:?}", view.uid));
                let at = self.world.clock.time();
                let place = Place::App(view.uid.to_string());
                let mut ghost = self.world.ghost();
                for (field, value) in &values {
                    ghost.edit(step, at, tenant, place.clone(), object, field, "", value);
                }
                ghost.presence.push((0, step, place, true));
            }
            Some(Err(error)) => self.world.story(|| format!("    refused: {error}")),
            None => {}
        }
    }

    async fn app_edit(&mut self, step: u32, tenant: usize, record: u32, field: u32, new: New, reading: Reading) {
        let live = self.entities(tenant, Object::Person, false).await;
        let Some(now) = live.get(record as usize % live.len().max(1)) else {
            return;
        };
        let fields: Vec<&'static str> = Object::Person.fields().collect();
        let field = fields[field as usize % fields.len()];
        let earlier = self.read.entry(now.uid.to_string()).or_default();
        let seen = match reading {
            Reading::Old | Reading::WholeForm => earlier.last().unwrap_or(now).clone(),
            _ => now.clone(),
        };
        if earlier
            .last()
            .is_none_or(|last| last.rev != now.rev && reading == Reading::Fresh)
        {
            earlier.push(now.clone());
        }
        let value = match new {
            New::Empty => String::new(),
            New::Padded => format!("{} ", text(&seen, field)),
            New::Again => {
                let ghost = self.world.ghost();
                let place = Place::App(now.uid.to_string());
                let last = ghost
                    .edits
                    .iter()
                    .rev()
                    .find(|edit| edit.place == place && edit.field == field);
                last.map_or_else(|| unique(field, step), |edit| edit.before.clone())
            }
            New::SameAsOther => {
                let crms = self
                    .world
                    .scenario
                    .crms
                    .iter()
                    .enumerate()
                    .filter(|(_, plan)| plan.tenant == tenant);
                let theirs = crms
                    .flat_map(|(crm, _)| self.live(crm, Object::Person))
                    .find(|(_, shown)| canonical(shown.value("last_name")) == canonical(text(now, "last_name")));
                theirs.map_or_else(|| unique(field, step), |(_, shown)| shown.value(field).to_owned())
            }
            _ => unique(field, step),
        };
        if field == "last_name" && value.trim().is_empty() {
            return;
        }
        let mut patch: Map<String, Json> = Map::new();
        if reading == Reading::WholeForm {
            for name in &fields {
                patch.insert((*name).to_owned(), text(&seen, name).into());
            }
        }
        patch.insert(field.to_owned(), value.clone().into());
        let read = match reading {
            Reading::Fresh | Reading::Old => EntityRead::Rev(seen.rev),
            Reading::WholeForm => EntityRead::Values(seen.values.clone()),
            Reading::Blind => EntityRead::Blind,
        };
        let (engine, actor, number, uid) = (
            self.engine.clone(),
            self.actor.clone(),
            self.world.tenant(tenant),
            now.uid,
        );
        let done = self.call(async move {
            let entities = engine.entities();
            entities.update(number, uid, patch, read, &actor).await
        });
        match done.await {
            Some(Ok(edited)) => {
                self.world.story(|| {
                    format!(
                        "    app: {uid} {field}: `{}` -> `{value}` ({reading:?}; changed {:?}, overruled {:?}, conflicts {:?})",
                        text(&seen, field),
                        edited.changed,
                        edited.overruled,
                        edited.conflicts
                    )
                });
                self.world.cover(format!("app edit, {reading:?}"));
                // What it overwrites unseen has to be written down; what it had read is replaced knowingly.
                if canonical(text(&seen, field)) != canonical(&value) {
                    let (at, place) = (self.world.clock.time(), Place::App(uid.to_string()));
                    let mut ghost = self.world.ghost();
                    ghost.edit(
                        step,
                        at,
                        tenant,
                        place,
                        Object::Person,
                        field,
                        text(&seen, field),
                        &value,
                    );
                }
            }
            Some(Err(error)) => self.world.story(|| format!("    refused: {error}")),
            None => {}
        }
    }

    async fn app_presence(&mut self, step: u32, tenant: usize, view: &EntityView, live: bool) {
        let (engine, actor, number, uid) = (
            self.engine.clone(),
            self.actor.clone(),
            self.world.tenant(tenant),
            view.uid,
        );
        let done = self.call(async move {
            let entities = engine.entities();
            if live {
                entities.undelete(number, uid, &actor).await
            } else {
                entities.delete(number, uid, &actor).await
            }
        });
        match done.await {
            Some(Ok(_)) => {
                self.world
                    .story(|| format!("    app: {uid} {}", if live { "is back" } else { "is deleted" }));
                let mut ghost = self.world.ghost();
                if !live {
                    let values = Object::Person.fields().map(|field| text(view, field).to_owned());
                    ghost.replace(tenant, Object::Person, values);
                }
                let seq = ghost.next();
                ghost.presence.push((seq, step, Place::App(uid.to_string()), live));
            }
            Some(Err(error)) => self.world.story(|| format!("    refused: {error}")),
            None => {}
        }
    }

    /// What waits for a person of a tenant, oldest first.
    pub(super) async fn pending(&self, tenant: usize) -> Vec<Review> {
        let (engine, actor, number) = (self.engine.clone(), self.actor.clone(), self.world.tenant(tenant));
        let listed = self.call(async move {
            let query = ConflictQuery {
                status: vec![ReviewStatus::Pending],
                limit: 1_000,
                ..ConflictQuery::default()
            };
            engine.conflicts().list(number, &query, &actor).await
        });
        let mut found = listed.await.and_then(Result::ok).unwrap_or_default();
        found.reverse();
        found
    }

    /// A person decides on one of the open items.
    pub(super) async fn decide(&mut self, step: u32, tenant: usize, item: usize, verdict: Verdict, late: bool) {
        let pending = self.pending(tenant).await;
        if pending.is_empty() {
            return;
        }
        let review = &pending[item % pending.len()];
        let version = if late {
            review.version.saturating_sub(1)
        } else {
            review.version
        };
        let own = || unique(review.fields.first().map_or("", String::as_str), step);
        let resolution = match (review.reason, verdict) {
            (_, Verdict::Ignore) => None,
            (ReviewReason::AmbiguousMatch, Verdict::App) => Some(Resolution::Separate),
            (ReviewReason::AmbiguousMatch, _) => {
                let known = self.entities(tenant, Object::Person, false).await;
                let candidate = known.iter().find(|view| review.candidates.contains(&view.number));
                Some(candidate.map_or(Resolution::Separate, |view| Resolution::Link(view.uid)))
            }
            (ReviewReason::MergeCollision, Verdict::App) => Some(Resolution::KeepBoth),
            (ReviewReason::MergeCollision, _) => Some(Resolution::DeleteRecord),
            (_, Verdict::Crm) if review.group == PRESENCE => Some(Resolution::DeleteRecord),
            (_, _) if review.group == PRESENCE => Some(Resolution::KeepRecord),
            (_, Verdict::App) => Some(Resolution::every(review, &FieldChoice::App)),
            (_, Verdict::Crm) => Some(Resolution::every(review, &FieldChoice::Crm)),
            (_, Verdict::Own) => Some(Resolution::every(review, &FieldChoice::Value(own().into()))),
        };
        let (engine, actor, number, id) = (
            self.engine.clone(),
            self.actor.clone(),
            self.world.tenant(tenant),
            review.id,
        );
        let wanted = resolution.clone();
        let done = self.call(async move {
            let conflicts = engine.conflicts();
            match &wanted {
                Some(resolution) => conflicts.resolve(number, id, version, resolution, &actor).await,
                None => conflicts.ignore(number, id, version, &actor).await,
            }
        });
        let done = done.await;
        self.world.story(|| {
            let outcome = match &done {
                Some(Ok(_)) => "done".to_owned(),
                Some(Err(error)) => format!("refused: {error}"),
                None => "cut off".to_owned(),
            };
            format!(
                "    conflict {id} ({:?} of {}): {resolution:?} {outcome}",
                review.reason, review.uid
            )
        });
        match done {
            Some(Ok(_)) if late => {
                self.world.violate(
                    Invariant::Freeze,
                    format!("conflict {id} was resolved on a view that is stale"),
                );
            }
            Some(Ok(_)) => {
                self.world.cover(format!("resolved {:?}", review.reason));
                if verdict == Verdict::Own && review.group != PRESENCE {
                    let mut chosen = self
                        .world
                        .chosen
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    chosen.push((tenant, own()));
                }
                if resolution == Some(Resolution::Separate) {
                    let separate = self.world.separate.lock();
                    let mut separate = separate.unwrap_or_else(std::sync::PoisonError::into_inner);
                    separate.insert(review.uid.to_string());
                }
                if resolution == Some(Resolution::DeleteRecord) {
                    // The person has seen what goes.
                    let texts = |values: &[Json]| -> Vec<String> {
                        values
                            .iter()
                            .filter_map(|value| value.as_str().map(ToOwned::to_owned))
                            .collect()
                    };
                    let mut values = texts(&review.app);
                    values.extend(review.sides.iter().flat_map(|side| texts(&side.values)));
                    let mut ghost = self.world.ghost();
                    ghost.replace(tenant, Object::Person, values);
                    let seq = ghost.next();
                    ghost
                        .presence
                        .push((seq, step, Place::App(review.uid.to_string()), false));
                }
                if resolution == Some(Resolution::KeepRecord) {
                    let mut ghost = self.world.ghost();
                    let seq = ghost.next();
                    ghost
                        .presence
                        .push((seq, step, Place::App(review.uid.to_string()), true));
                }
            }
            Some(Err(error)) if late && error.kind() == ErrorKind::Stale => {
                self.world.cover("a stale decision is refused");
            }
            _ => {}
        }
    }
}
