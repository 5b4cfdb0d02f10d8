//! The objects for people of both CRMs.

use serde_json::json;

use super::short_schema::{field, schema};
use crate::schema::ObjectSchema;

pub(super) fn salesforce_contact(people_file: bool) -> ObjectSchema {
    let mut fields = vec![
        field("Id", "Contact ID", "id"),
        json!({ "path": "AccountId", "label": "Account ID", "kind": "reference", "references": ["Account"], "relationship": "Account" }),
        json!({ "path": "LastName", "label": "Last Name", "kind": "text", "flags": "required" }),
        field("FirstName", "First Name", "text"),
        field("Salutation", "Salutation", "choice"),
        field("OtherStreet", "Other Street", "long_text"),
        field("OtherCity", "Other City", "text"),
        field("MailingStreet", "Mailing Street", "long_text"),
        field("MailingCity", "Mailing City", "text"),
        field("MailingState", "Mailing State/Province", "text"),
        field("MailingPostalCode", "Mailing Zip/Postal Code", "text"),
        field("MailingCountry", "Mailing Country", "text"),
        field("Phone", "Business Phone", "phone"),
        field("Fax", "Business Fax", "phone"),
        field("MobilePhone", "Mobile Phone", "phone"),
        field("HomePhone", "Home Phone", "phone"),
        json!({ "path": "ReportsToId", "label": "Reports To ID", "kind": "reference", "references": ["Contact"], "relationship": "ReportsTo" }),
        field("Email", "Email", "email"),
        field("Title", "Title", "text"),
        field("Department", "Department", "text"),
        field("Birthdate", "Birthdate", "date"),
        json!({ "path": "OwnerId", "label": "Owner ID", "kind": "reference", "references": ["User"], "relationship": "Owner" }),
        json!({ "path": "SystemModstamp", "label": "System Modstamp", "kind": "date_time", "flags": "readonly" }),
        json!({ "path": "External_Id__c", "label": "External ID", "kind": "text", "flags": "external" }),
    ];
    if people_file {
        fields.extend([
            field("Address_2__c", "Address 2", "text"),
            field("Date_Of_Birth__c", "Date Of Birth", "text"),
            field("Soc_Sec_Id__c", "Soc Sec Id", "text"),
            field("Rec_Id__c", "Rec Id", "text"),
        ]);
    }
    schema(json!({ "object": "Contact", "fields": fields }))
}

pub(super) fn hubspot_contacts(people_file: bool) -> ObjectSchema {
    let mut fields = vec![
        json!({ "path": "email", "label": "Email", "kind": "email", "flags": "unique" }),
        field("firstname", "First Name", "text"),
        field("lastname", "Last Name", "text"),
        field("salutation", "Salutation", "text"),
        field("phone", "Phone Number", "phone"),
        field("mobilephone", "Mobile Phone Number", "phone"),
        field("fax", "Fax Number", "phone"),
        field("jobtitle", "Job Title", "text"),
        field("company", "Company Name", "text"),
        field("website", "Website URL", "url"),
        field("address", "Street Address", "text"),
        field("city", "City", "text"),
        field("state", "State/Region", "text"),
        field("zip", "Postal Code", "text"),
        field("country", "Country/Region", "text"),
        field("date_of_birth", "Date of birth", "text"),
        field("gender", "Gender", "text"),
        json!({ "path": "lifecyclestage", "label": "Lifecycle Stage", "kind": "choice", "flags": "restricted", "choices": [["lead", "Lead"]] }),
        json!({ "path": "hubspot_owner_id", "label": "Contact owner", "kind": "reference", "references": ["owners"] }),
        field("associatedcompanyid", "Primary Associated Company ID", "decimal"),
        json!({ "path": "hs_object_id", "label": "Record ID", "kind": "id", "flags": "readonly" }),
        json!({ "path": "external_id", "label": "External ID", "kind": "text", "flags": "external" }),
        json!({ "path": "associations.company", "label": "Primary company", "kind": "reference", "references": ["companies"] }),
    ];
    if people_file {
        fields.extend([
            field("address_2", "address_2", "text"),
            field("soc_sec_id", "soc_sec_id", "text"),
            field("rec_id", "rec_id", "text"),
        ]);
    }
    schema(json!({ "object": "contacts", "fields": fields }))
}
