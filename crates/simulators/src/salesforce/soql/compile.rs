//! Names to fields, and what a query answers with.

use serde_json::Value;

use super::ast::{FieldGroup, Item, Name, Query, Term};
use super::compiled::{Compiled, Node, OrderKey, Output, Path};
use super::error::{at, malformed, no_such_children, no_such_column, no_such_object, no_such_relationship};
use super::function::Function;
use super::restricted;
use crate::salesforce::error::ApiError;
use crate::salesforce::schema::{Field, FieldKind, ObjectSchema};
use crate::salesforce::state::State;

pub(super) fn compile(state: &State, text: &str, query: &Query) -> Result<Compiled, ApiError> {
    let object = &query.object;
    let table = state
        .find(&object.text)
        .ok_or_else(|| no_such_object(text, object.at, &object.text))?;
    restricted::check(&state.tables[table].schema.name, query)?;
    compile_for(state, text, query, table)
}

fn compile_for(state: &State, text: &str, query: &Query, table: usize) -> Result<Compiled, ApiError> {
    let compiler = Compiler {
        state,
        text,
        table,
        aliases: &query.aliases,
    };
    if query.all_rows {
        return Err(malformed(text, query.object.at, "ALL ROWS not allowed in this context"));
    }
    if query.offset > 2_000 {
        return Err(ApiError::new(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ));
    }
    let output = compiler.output(query)?;
    let filter = query
        .filter
        .as_ref()
        .map(|filter| compiler.filter(filter))
        .transpose()?;
    let grouped = matches!(output, Output::Groups(_));
    let mut order = Vec::with_capacity(query.order.len());
    for key in query.order.iter().filter(|_| !grouped) {
        if key.term.function.is_some() {
            let reason = format!("unexpected function in ORDER BY: {}", key.term.field.text);
            return Err(malformed(text, key.term.field.at, &reason));
        }
        let name = &key.term.field;
        let (path, field) = compiler.path(name, false)?;
        if !field.sortable {
            let reason = format!("field '{}' can not be sorted in a query call", name.text);
            return Err(malformed(text, name.at, &reason));
        }
        order.push(OrderKey {
            path,
            descending: key.descending,
            nulls_last: key.nulls_last,
        });
    }
    Ok(Compiled {
        table,
        output,
        filter,
        order,
        // Groups are counted after they are made.
        limit: query.limit.filter(|_| !grouped),
        offset: if grouped { 0 } else { query.offset },
    })
}

#[derive(Clone, Copy)]
pub(super) struct Compiler<'a> {
    pub(super) state: &'a State,
    pub(super) text: &'a str,
    pub(super) table: usize,
    pub(super) aliases: &'a [(String, Vec<String>)],
}

impl<'a> Compiler<'a> {
    fn output(&self, query: &Query) -> Result<Output, ApiError> {
        if query.select == [Item::CountRows] && query.group.is_none() {
            return Ok(Output::CountRows);
        }
        let aggregates =
            |item: &Item| matches!(item, Item::Term(term, _) if matches!(term.function, Some(Function::Aggregate(_))));
        if query.group.is_some() || query.select.iter().any(aggregates) {
            return self.groups(query).map(Output::Groups);
        }
        if query.having.is_some() {
            return Err(malformed(self.text, query.object.at, "HAVING requires GROUP BY"));
        }
        let schema = &self.state.tables[self.table].schema;
        let mut nodes = Vec::new();
        for item in &query.select {
            match item {
                Item::Term(term, alias) => self.select(&mut nodes, term, alias.as_ref())?,
                Item::Fields(group) => {
                    if *group != FieldGroup::Standard && query.limit.is_none_or(|limit| limit > 200) {
                        return Err(malformed(
                            self.text,
                            0,
                            "The SOQL FIELDS function must have a LIMIT of at most 200",
                        ));
                    }
                    let wanted = |field: &Field| match group {
                        FieldGroup::All => true,
                        FieldGroup::Standard => !field.custom,
                        FieldGroup::Custom => field.custom || field.name == "Id",
                    };
                    let fields = schema.visible().filter(|(_, field)| wanted(field));
                    let new = fields.map(|(index, _)| Node::Field(index));
                    let known = |node: &Node| {
                        nodes
                            .iter()
                            .any(|known| matches!((known, node), (Node::Field(a), Node::Field(b)) if a == b))
                    };
                    let new: Vec<Node> = new.filter(|node| !known(node)).collect();
                    nodes.extend(new);
                }
                Item::CountRows => {
                    return Err(malformed(
                        self.text,
                        0,
                        "COUNT() must be the only element in the SELECT clause",
                    ));
                }
                Item::Children(children) => nodes.push(self.children(children)?),
                Item::TypeOf {
                    relationship,
                    cases,
                    otherwise,
                } => nodes.push(self.type_of(relationship, cases, otherwise)?),
            }
        }
        Ok(Output::Records(nodes))
    }

    /// A field of the record or its parents, or a form of one for people.
    fn select(&self, nodes: &mut Vec<Node>, term: &Term, alias: Option<&Name>) -> Result<(), ApiError> {
        let name = &term.field;
        match (term.function, alias) {
            (None, None) => {
                let segments = self.segments(name);
                let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
                self.add_node(nodes, self.table, &segments, name)
            }
            (None, Some(alias)) => Err(malformed(
                self.text,
                alias.at,
                "only aggregate expressions use field aliasing",
            )),
            (Some(Function::Shown(shown)), alias) => {
                let (path, field) = self.path(name, false)?;
                let key = alias.map_or_else(|| field.name.clone(), |alias| alias.text.clone());
                nodes.push(Node::Shown(key, path, shown, field.type_name.clone()));
                Ok(())
            }
            (Some(_), _) => Err(malformed(
                self.text,
                name.at,
                &format!("Field must be grouped or aggregated: {}", name.text),
            )),
        }
    }

    /// `(SELECT … FROM Contacts)`.
    fn children(&self, query: &Query) -> Result<Node, ApiError> {
        let schema = &self.state.tables[self.table].schema;
        let wanted = query.object.text.rsplit('.').next().unwrap_or_default();
        let relationship = schema
            .describe
            .get("childRelationships")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|child| {
                let name = child.get("relationshipName").and_then(Value::as_str);
                name.is_some_and(|name| name.eq_ignore_ascii_case(wanted))
            });
        let text = |key: &str| relationship.and_then(|child| child.get(key)?.as_str());
        let place = text("childSObject").and_then(|object| self.state.find(object));
        let field = place.and_then(|table| self.state.tables[table].schema.find(text("field")?));
        let (Some(table), Some(field)) = (place, field) else {
            return Err(no_such_children(self.text, query.object.at, wanted));
        };
        let compiled = compile_for(self.state, self.text, query, table)?;
        if !matches!(compiled.output, Output::Records(_)) {
            let reason = "Aggregate functions are not allowed in a query of children";
            return Err(malformed(self.text, query.object.at, reason));
        }
        let name = text("relationshipName").unwrap_or(wanted).to_owned();
        Ok(Node::Children(name, field, Box::new(compiled)))
    }

    fn type_of(&self, relationship: &Name, cases: &[(Name, Vec<Name>)], otherwise: &[Name]) -> Result<Node, ApiError> {
        let schema = &self.state.tables[self.table].schema;
        let lookup = schema
            .find_relationship(&relationship.text)
            .filter(|lookup| schema.field(*lookup).polymorphic)
            .ok_or_else(|| no_such_relationship(self.text, relationship.at, &relationship.text))?;
        let mut targets = Vec::new();
        let nodes = |target: usize, names: &[Name]| {
            let mut nodes = Vec::new();
            for name in names {
                let segments: Vec<&str> = name.text.split('.').collect();
                self.add_node(&mut nodes, target, &segments, name)?;
            }
            Ok(nodes)
        };
        for (kind, names) in cases {
            let target = self
                .state
                .find(&kind.text)
                .ok_or_else(|| no_such_object(self.text, kind.at, &kind.text))?;
            targets.push((target, nodes(target, names)?));
        }
        for target in self.targets(lookup, self.table) {
            if targets.iter().any(|(known, _)| *known == target) {
                continue;
            }
            let mut rest = Vec::new();
            for name in otherwise {
                let segments: Vec<&str> = name.text.split('.').collect();
                if let Err(error) = self.add_node(&mut rest, target, &segments, name) {
                    // Every object that a lookup may lead to has these, by this name or another.
                    let common = [
                        "Name",
                        "Email",
                        "FirstName",
                        "LastName",
                        "Phone",
                        "Title",
                        "Username",
                        "Alias",
                    ];
                    if !common.iter().any(|common| common.eq_ignore_ascii_case(&name.text)) {
                        return Err(error);
                    }
                    rest.push(self.lacking(target, &name.text));
                }
            }
            targets.push((target, rest));
        }
        let name = schema.field(lookup).relationship.clone().unwrap_or_default();
        Ok(Node::Parent(name, lookup, targets))
    }

    /// The steps of a name, without the alias or the object's own name before them.
    fn segments(&self, name: &Name) -> Vec<String> {
        let schema = &self.state.tables[self.table].schema;
        let mut steps: Vec<String> = name.text.split('.').map(str::to_owned).collect();
        if steps.len() > 1 && schema.find_relationship(&steps[0]).is_none() {
            let alias = self
                .aliases
                .iter()
                .find(|(alias, _)| alias.eq_ignore_ascii_case(&steps[0]));
            if let Some((_, path)) = alias {
                steps.splice(..1, path.iter().cloned());
            } else if steps[0].eq_ignore_ascii_case(&schema.name) {
                steps.remove(0);
            }
        }
        steps
    }

    fn add_node(&self, nodes: &mut Vec<Node>, table: usize, segments: &[&str], name: &Name) -> Result<(), ApiError> {
        let schema = &self.state.tables[table].schema;
        let [first, rest @ ..] = segments else {
            return Err(malformed(self.text, name.at, "empty field path"));
        };
        if rest.is_empty() {
            let index = schema
                .find(first)
                .ok_or_else(|| no_such_column(self.text, name.at, first, &schema.name))?;
            if nodes
                .iter()
                .any(|node| matches!(node, Node::Field(known) if *known == index))
            {
                return Err(malformed(
                    self.text,
                    name.at,
                    &format!("duplicate field selected: {first}"),
                ));
            }
            nodes.push(Node::Field(index));
            return Ok(());
        }
        let lookup = schema
            .find_relationship(first)
            .ok_or_else(|| no_such_relationship(self.text, name.at, first))?;
        let known = nodes
            .iter()
            .position(|node| matches!(node, Node::Parent(_, field, _) if *field == lookup));
        let place = match known {
            Some(place) => place,
            None => {
                let relationship = schema.field(lookup).relationship.clone().unwrap_or_default();
                let targets = self
                    .targets(lookup, table)
                    .into_iter()
                    .map(|target| (target, Vec::new()))
                    .collect();
                nodes.push(Node::Parent(relationship, lookup, targets));
                nodes.len() - 1
            }
        };
        let Some(Node::Parent(_, _, targets)) = nodes.get_mut(place) else {
            return Ok(());
        };
        let several = schema.field(lookup).polymorphic;
        if let (true, [last]) = (several, rest)
            && last.eq_ignore_ascii_case("Type")
        {
            for (_, children) in targets {
                children.push(Node::Kind);
            }
            return Ok(());
        }
        let mut failure = no_such_relationship(self.text, name.at, first);
        let (mut found, mut lacking) = (None, Vec::new());
        for (place, (target, children)) in targets.iter_mut().enumerate() {
            match self.add_node(children, *target, rest, name) {
                Ok(()) => found = found.or(Some((*target, rest))),
                Err(error) => {
                    failure = error;
                    lacking.push(place);
                }
            }
        }
        let Some((target, rest)) = found else {
            return Err(failure);
        };
        if let [last] = rest {
            let schema = &self.state.tables[target].schema;
            let known = schema
                .find(last)
                .map_or(*last, |field| schema.field(field).name.as_str());
            for place in lacking {
                if let Some((target, children)) = targets.get_mut(place) {
                    children.push(self.lacking(*target, known));
                }
            }
        }
        Ok(())
    }

    /// What stands for a field that other targets of a lookup have: the name, whatever this one calls it, or null.
    fn lacking(&self, target: usize, name: &str) -> Node {
        match name_field(&self.state.tables[target].schema) {
            Some(field) if name.eq_ignore_ascii_case("Name") => Node::Named(field),
            _ => Node::Lacking(name.to_owned()),
        }
    }

    /// The simulated tables that a lookup can lead to.
    fn targets(&self, lookup: u16, table: usize) -> Vec<usize> {
        let field = self.state.tables[table].schema.field(lookup);
        field
            .reference_to
            .iter()
            .filter_map(|name| self.state.find(name))
            .collect()
    }

    pub(super) fn path(&self, name: &Name, filtering: bool) -> Result<(Path, &'a Field), ApiError> {
        let segments = self.segments(name);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (path, field) = self.path_from(self.table, &segments, name)?;
        if filtering && (!field.filterable || field.kind == FieldKind::Address) {
            let reason = format!("field '{}' can not be filtered in a query call", name.text);
            return Err(at(self.text, name.at, "INVALID_FIELD", &reason));
        }
        Ok((path, field))
    }

    fn path_from(&self, table: usize, segments: &[&str], name: &Name) -> Result<(Path, &'a Field), ApiError> {
        let schema = &self.state.tables[table].schema;
        let [first, rest @ ..] = segments else {
            return Err(malformed(self.text, name.at, "empty field path"));
        };
        if rest.is_empty() {
            let index = schema
                .find(first)
                .ok_or_else(|| no_such_column(self.text, name.at, first, &schema.name))?;
            return Ok((Path::Own(index), schema.field(index)));
        }
        let lookup = schema
            .find_relationship(first)
            .ok_or_else(|| no_such_relationship(self.text, name.at, first))?;
        let targets = self.targets(lookup, table);
        if let (true, [kind]) = (schema.field(lookup).polymorphic, rest)
            && kind.eq_ignore_ascii_case("Type")
        {
            // Compared as the text that a name is.
            let like = targets.iter().find_map(|target| {
                let schema = &self.state.tables[*target].schema;
                schema.find("Name").map(|field| schema.field(field))
            });
            if let Some(like) = like {
                let found = targets.into_iter().map(|target| (target, Path::Kind)).collect();
                return Ok((Path::Parent(lookup, found), like));
            }
        }
        let several = schema.field(lookup).polymorphic;
        let mut failure = no_such_relationship(self.text, name.at, first);
        let mut found = Vec::new();
        let mut last = None;
        for target in targets {
            match self.path_from(target, rest, name) {
                Ok((path, field)) => {
                    found.push((target, path));
                    last = Some(field);
                }
                Err(error) => {
                    failure = error;
                    let named = name_field(&self.state.tables[target].schema);
                    if let (true, [last], Some(field)) = (several, rest, named)
                        && last.eq_ignore_ascii_case("Name")
                    {
                        found.push((target, Path::Own(field)));
                    }
                }
            }
        }
        last.map(|field| (Path::Parent(lookup, found), field)).ok_or(failure)
    }
}

/// The field that names a record of an object, which not all of them call `Name`.
fn name_field(schema: &ObjectSchema) -> Option<u16> {
    let names = |field: &Field| field.describe.get("nameField").and_then(Value::as_bool) == Some(true);
    (0_u16..)
        .zip(&schema.fields)
        .find(|(_, field)| names(field))
        .map(|(index, _)| index)
}
