//! Layouts of an object, as pages of the product show its fields.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::schema::Field;
use crate::salesforce::state::State;

/// `GET /sobjects/{object}/describe/layouts` and its siblings.
pub(super) fn answer(
    state: &State,
    request: &ApiRequest,
    object: &str,
    rest: &[&str],
) -> Result<ApiResponse, ApiError> {
    let table = state.find(object).ok_or_else(ApiError::not_found)?;
    let schema = &state.tables[table].schema;
    let base = format!("{}/sobjects/{}/describe", request.base, schema.name);
    let body = match rest {
        ["layouts"] => json!({
            "layouts": [layout(&schema.fields)],
            "recordTypeMappings": [{
                "active": true, "available": true, "defaultRecordTypeMapping": true, "developerName": "Master",
                "layoutId": "00h000000000001AAA", "master": true, "name": "Master", "picklistsForRecordType": null,
                "recordTypeId": "012000000000000AAA",
                "urls": {"layout": format!("{base}/layouts/012000000000000AAA")}
            }],
            "recordTypeSelectorRequired": [false]
        }),
        ["layouts", _] => layout(&schema.fields),
        ["compactLayouts"] => json!({
            "compactLayouts": [], "defaultCompactLayoutId": null, "recordTypeCompactLayoutMappings": [],
            "urls": {"primary": format!("{base}/compactLayouts/primary")}
        }),
        ["compactLayouts", "primary"] => json!({
            "actions": [], "fieldItems": [], "id": null, "imageItems": [], "label": "System Default",
            "name": "SYSTEM", "objectType": schema.name
        }),
        ["approvalLayouts"] => json!({"approvalLayouts": []}),
        _ => return Err(ApiError::not_found()),
    };
    Ok(ApiResponse::json(200, &body))
}

fn layout(fields: &[Field]) -> Value {
    let items = |editing: bool| -> Vec<Value> {
        fields
            .iter()
            .filter(|field| !editing || field.updateable)
            .map(|field| {
                json!({"layoutItems": [{
                    "editableForNew": field.createable, "editableForUpdate": field.updateable, "label": field.label,
                    "layoutComponents": [{
                        "details": field.describe, "displayLines": 1, "tabOrder": 1, "type": "Field",
                        "value": field.name
                    }],
                    "placeholder": false, "required": field.required()
                }], "numItems": 1})
            })
            .collect()
    };
    let section = |editing: bool| {
        let rows = items(editing);
        json!([{
            "collapsed": false, "columns": 1, "heading": "Information", "layoutRows": rows, "layoutSectionId": null,
            "parentLayoutId": "00h000000000001AAA", "rows": rows.len(), "tabOrder": "LeftToRight",
            "useCollapsibleSection": false, "useHeading": true
        }])
    };
    json!({
        "buttonLayoutSection": null, "detailLayoutSections": section(false), "editLayoutSections": section(true),
        "id": "00h000000000001AAA", "multirowEditLayoutSections": [], "offlineLinks": [],
        "quickActionList": {"quickActionListItems": []}, "relatedContent": null, "relatedLists": [],
        "saveOptions": []
    })
}
