//! Describe documents of our own making, with every key that the real ones have.

use serde_json::{Map, Value, json};

use super::{Field, ObjectSchema};

/// Builds a field from one line of the form `Name | Label | type(length) | options`.
///
/// Options, separated by blanks: `required`, `default` (filled on create), `readonly`, `createonly`, `calculated`,
/// `unique`, `external`, `lookup` (idLookup), `sensitive`, `name` (name field), `person` (compound of a person's
/// names), `restricted`, `auto` (auto number), `in=Compound`, `to=A,B` (reference), `as=Relationship`, `scale=N`, and
/// last `values=A;B;*C` with a star before the default.
pub(crate) fn describe_field(line: &str) -> Option<Field> {
    let mut parts = line.splitn(4, '|').map(str::trim);
    let (name, label, type_text) = (parts.next()?, parts.next()?, parts.next()?);
    let options = parts.next().unwrap_or_default();
    let (options, values) = match options.split_once("values=") {
        Some((before, values)) => (before, values),
        None => (options, ""),
    };
    let (type_name, length) = match type_text.split_once('(') {
        Some((type_name, length)) => (type_name, length.trim_end_matches(')').parse().unwrap_or(0)),
        None => (type_text, default_length(type_text)),
    };
    let words: Vec<&str> = options.split_whitespace().collect();
    let has = |word: &str| words.contains(&word);
    let option = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));

    let custom = name.ends_with("__c");
    let calculated = has("calculated");
    let compound = type_name == "address" || has("person");
    let readonly = has("readonly") || calculated || compound || has("auto") || type_name == "id";
    let long = type_name == "textarea" && length > 255 || type_name == "base64";
    let boolean = type_name == "boolean";
    let numeric = matches!(type_name, "double" | "currency" | "percent");
    let scale: u64 = option("scale=")
        .and_then(|scale| scale.parse().ok())
        .unwrap_or(if numeric { 2 } else { 0 });
    let references: Vec<&str> = option("to=")
        .map(|names| names.split(',').collect())
        .unwrap_or_default();
    let relationship = option("as=")
        .map(str::to_owned)
        .or_else(|| default_relationship(name, &references));
    let choices: Vec<Value> = values
        .split(';')
        .filter(|value| !value.trim().is_empty())
        .map(|value| {
            let value = value.trim();
            let (default, value) = value.strip_prefix('*').map_or((false, value), |rest| (true, rest));
            json!({"active": true, "defaultValue": default, "label": value, "validFor": null, "value": value})
        })
        .collect();
    let soap_type = match type_name {
        "id" | "reference" => "tns:ID",
        "boolean" => "xsd:boolean",
        "int" => "xsd:int",
        "double" | "currency" | "percent" => "xsd:double",
        "date" => "xsd:date",
        "datetime" => "xsd:dateTime",
        "address" => "urn:address",
        "base64" => "xsd:base64Binary",
        _ => "xsd:string",
    };
    // In two halves, as the macro cannot hold them all.
    let mut describe = entries(json!({
        "aggregatable": !boolean && !long && !compound,
        "aiPredictionField": false,
        "autoNumber": has("auto"),
        "byteLength": if type_name == "id" || type_name == "reference" { 18 } else { length * 3 },
        "calculated": calculated,
        "calculatedFormula": null,
        "cascadeDelete": false,
        "caseSensitive": has("sensitive"),
        "compoundFieldName": option("in="),
        "controllerName": null,
        "createable": !readonly,
        "custom": custom,
        "defaultValue": if boolean { json!(false) } else { Value::Null },
        "defaultValueFormula": null,
        "defaultedOnCreate": has("default") || boolean || type_name == "id" || has("auto"),
        "dependentPicklist": false,
        "deprecatedAndHidden": false,
        "digits": if type_name == "int" { 8 } else { 0 },
        "displayLocationInDecimal": false,
        "encrypted": false,
        "externalId": has("external"),
        "extraTypeInfo": if has("person") || option("in=") == Some("Name") { json!("personname") } else { Value::Null },
        "filterable": !long,
        "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false,
        "groupable": !long && !numeric && !compound && type_name != "datetime",
        "highScaleNumber": false,
        "htmlFormatted": false,
        "idLookup": type_name == "id" || has("lookup") || has("external"),
        "inlineHelpText": null
    }));
    describe.extend(entries(json!({
        "label": label,
        "length": length,
        "mask": null,
        "maskType": null,
        "name": name,
        "nameField": has("name"),
        "namePointing": references.len() > 1,
        "nillable": !(has("required") || has("default") || boolean || type_name == "id" || has("auto")),
        "permissionable": !(readonly || has("required")),
        "picklistValues": choices,
        "polymorphicForeignKey": references.len() > 1,
        "precision": if numeric { 18 } else { 0 },
        "queryByDistance": false,
        "referenceTargetField": null,
        "referenceTo": references,
        "relationshipName": relationship,
        "relationshipOrder": null,
        "restrictedDelete": false,
        "restrictedPicklist": has("restricted"),
        "scale": scale,
        "searchPrefilterable": type_name == "reference",
        "soapType": soap_type,
        "sortable": !long && !compound || has("person"),
        "type": type_name,
        "unique": has("unique"),
        "updateable": !readonly && !has("createonly"),
        "writeRequiresMasterRead": false
    })));
    Field::from_describe(describe)
}

fn entries(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn default_length(type_name: &str) -> u64 {
    match type_name {
        "id" | "reference" => 18,
        "picklist" | "url" | "string" | "textarea" => 255,
        "email" => 80,
        "phone" => 40,
        "multipicklist" => 4099,
        _ => 0,
    }
}

fn default_relationship(name: &str, references: &[&str]) -> Option<String> {
    if references.is_empty() {
        return None;
    }
    name.strip_suffix("__c")
        .map(|stem| format!("{stem}__r"))
        .or_else(|| name.strip_suffix("Id").map(str::to_owned))
}

/// A field as an administrator would add it: `Name__c`, a label, and a type such as `string(40)` or `double`.
pub(crate) fn custom_field(name: &str, label: &str, type_text: &str) -> Option<Field> {
    describe_field(&format!("{name} | {label} | {type_text} |"))
}

/// What an object is like beside its fields.
pub(super) struct ObjectLine {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) plural: &'static str,
    pub(super) prefix: &'static str,
    pub(super) mergeable: bool,
    pub(super) writable: bool,
    /// Children as `Object.Field>RelationshipName`, separated by blanks.
    pub(super) children: &'static str,
    pub(super) fields: &'static str,
}

/// The fields that every object has.
pub(super) const SYSTEM_FIELDS: &str = "
CreatedDate | Created Date | datetime | readonly default
CreatedById | Created By ID | reference | readonly default to=User as=CreatedBy
LastModifiedDate | Last Modified Date | datetime | readonly default
LastModifiedById | Last Modified By ID | reference | readonly default to=User as=LastModifiedBy
SystemModstamp | System Modstamp | datetime | readonly default
";

/// What the specification gives every standard object.
pub(super) const EXTERNAL_ID: &str = "External_Id__c | External Id | string(255) | unique external";

pub(super) fn object(line: &ObjectLine, changed: i64) -> Option<ObjectSchema> {
    build(line, if line.writable { EXTERNAL_ID } else { "" }, changed)
}

/// An object that takes no custom fields.
pub(super) fn setup_object(line: &ObjectLine, changed: i64) -> Option<ObjectSchema> {
    build(line, "", changed)
}

fn build(line: &ObjectLine, external: &str, changed: i64) -> Option<ObjectSchema> {
    let head = format!(
        "Id | {} ID | id |\nIsDeleted | Deleted | boolean | readonly",
        line.label
    );
    let fields = [head.as_str(), line.fields, SYSTEM_FIELDS, external]
        .iter()
        .flat_map(|block| block.lines())
        .filter(|text| !text.trim().is_empty())
        .filter_map(describe_field)
        .collect();
    ObjectSchema::new(object_describe(line), fields, changed)
}

fn object_describe(line: &ObjectLine) -> Map<String, Value> {
    let children: Vec<Value> = line
        .children
        .split_whitespace()
        .filter_map(|child| {
            let (object, rest) = child.split_once('.')?;
            let (field, relationship) = rest.split_once('>')?;
            Some(json!({
                "cascadeDelete": false, "childSObject": object, "deprecatedAndHidden": false, "field": field,
                "junctionIdListNames": [], "junctionReferenceTo": [], "relationshipName": relationship,
                "restrictedDelete": false
            }))
        })
        .collect();
    let mut describe = entries(json!({
        "actionOverrides": [], "activateable": false, "associateEntityType": null, "associateParentEntity": null,
        "childRelationships": children, "compactLayoutable": true, "createable": line.writable,
        "custom": line.name.ends_with("__c"), "customSetting": false, "deepCloneable": false,
        "defaultImplementation": null, "deletable": line.writable, "deprecatedAndHidden": false, "extendedBy": null,
        "extendsInterfaces": null, "feedEnabled": true, "hasSubtypes": false, "implementedBy": null,
        "implementsInterfaces": null, "isInterface": false, "isSubtype": false, "keyPrefix": line.prefix
    }));
    describe.extend(entries(json!({
        "label": line.label, "labelPlural": line.plural, "layoutable": true, "listviewable": null,
        "lookupLayoutable": null, "mergeable": line.mergeable, "mruEnabled": true, "name": line.name,
        "namedLayoutInfos": [], "networkScopeFieldName": null, "queryable": true,
        "recordTypeInfos": [{
            "active": true, "available": true, "defaultRecordTypeMapping": true, "developerName": "Master",
            "master": true, "name": "Master", "recordTypeId": "012000000000000AAA", "urls": {}
        }],
        "replicateable": true, "retrieveable": true, "searchLayoutable": true, "searchable": true,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [
            {"label": format!("All {}", line.plural.to_lowercase()), "name": "everything"},
            {"label": format!("My {}", line.plural.to_lowercase()), "name": "mine"}
        ],
        "triggerable": true, "undeletable": line.writable, "updateable": line.writable
    })));
    describe
}
