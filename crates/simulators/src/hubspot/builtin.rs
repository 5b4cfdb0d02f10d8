//! The properties that every portal has, as far as a sync meets them.

use super::property::{Property, PropertyOption, PropertyTable, Source};
use super::stamp::Stamp;
use super::standard_types;

/// One line of a table: name, label, type, field type, group, flags and options, separated by semicolons; the last
/// ones may be left out. Options are `value=Label` separated by `|`, or `@` and the name of a list below.
///
/// Flags: `r` the value is read-only, `c` calculated, `e` its options live elsewhere, `h` hidden, `u` unique,
/// `f` offered in forms, `x` made by the portal's users rather than HubSpot, `o` refers to owners.
#[derive(Debug, Default)]
struct Row<'a> {
    name: &'a str,
    label: &'a str,
    type_name: &'a str,
    field_type: &'a str,
    group: &'a str,
    flags: &'a str,
    options: &'a str,
}

fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    table.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let mut parts = line.split(';').map(str::trim);
        let mut part = || parts.next().unwrap_or_default();
        Row {
            name: part(),
            label: part(),
            type_name: part(),
            field_type: part(),
            group: part(),
            flags: part(),
            options: match part() {
                "@stages" => STAGES,
                "@lead_status" => LEAD_STATUS,
                "@yes_no" => YES_NO,
                options => options,
            },
        }
    })
}

const STAGES: &str = "subscriber=Subscriber|lead=Lead|marketingqualifiedlead=Marketing Qualified Lead|\
     salesqualifiedlead=Sales Qualified Lead|opportunity=Opportunity|customer=Customer|evangelist=Evangelist|\
     other=Other";
const LEAD_STATUS: &str = "NEW=New|OPEN=Open|IN_PROGRESS=In Progress|OPEN_DEAL=Open Deal|UNQUALIFIED=Unqualified|\
     ATTEMPTED_TO_CONTACT=Attempted to Contact|CONNECTED=Connected|BAD_TIMING=Bad Timing";
const YES_NO: &str = "true=Yes|false=No";

/// `hs_lastmodifieddate` is defined on contacts too, and never filled there: a filter on it finds nothing.
const CONTACT: &str = "
email ; Email ; string ; text ; contactinformation ; f
firstname ; First Name ; string ; text ; contactinformation ; f
lastname ; Last Name ; string ; text ; contactinformation ; f
salutation ; Salutation ; string ; text ; contactinformation ; f
phone ; Phone Number ; string ; phonenumber ; contactinformation ; f
mobilephone ; Mobile Phone Number ; string ; phonenumber ; contactinformation ; f
fax ; Fax Number ; string ; phonenumber ; contactinformation ; f
jobtitle ; Job Title ; string ; text ; contactinformation ; f
company ; Company Name ; string ; text ; contactinformation ; f
website ; Website URL ; string ; text ; contactinformation ; f
address ; Street Address ; string ; text ; contactinformation ; f
city ; City ; string ; text ; contactinformation ; f
state ; State/Region ; string ; text ; contactinformation ; f
zip ; Postal Code ; string ; text ; contactinformation ; f
country ; Country/Region ; string ; text ; contactinformation ; f
date_of_birth ; Date of birth ; string ; text ; contactinformation ; f
gender ; Gender ; string ; text ; contactinformation ; f
message ; Message ; string ; textarea ; contactinformation ; f
industry ; Industry ; string ; text ; contactinformation ; f
annualrevenue ; Annual Revenue ; string ; text ; contactinformation ; f
numemployees ; Number of Employees ; enumeration ; select ; contactinformation ; f ; 1-5=1-5|5-25=5-25|25-50=25-50|50-100=50-100|100-500=100-500|500-1000=500-1000|1000+=1000+
lifecyclestage ; Lifecycle Stage ; enumeration ; radio ; contactinformation ; f ; @stages
hs_lead_status ; Lead Status ; enumeration ; radio ; sales_properties ; f ; @lead_status
hubspot_owner_id ; Contact owner ; enumeration ; select ; sales_properties ; eo
hs_buying_role ; Buying Role ; enumeration ; checkbox ; contactinformation ; f ; BLOCKER=Blocker|BUDGET_HOLDER=Budget Holder|CHAMPION=Champion|DECISION_MAKER=Decision Maker|END_USER=End User|INFLUENCER=Influencer|OTHER=Other
hs_email_optout ; Unsubscribed from all email ; bool ; booleancheckbox ; emailinformation ; r ; @yes_no
hs_content_membership_notes ; Membership Notes ; string ; textarea ; contactinformation
associatedcompanyid ; Primary Associated Company ID ; number ; number ; contactinformation ; eh
hs_additional_emails ; Additional email addresses ; enumeration ; checkbox ; contactinformation ; r
hs_all_contact_vids ; All vids for a contact ; enumeration ; checkbox ; contactinformation ; rh
hs_calculated_merged_vids ; Merged vids with timestamps ; enumeration ; select ; contactinformation ; rch
hs_email_domain ; Email Domain ; string ; text ; emailinformation ; r
hs_is_contact ; Is a contact ; bool ; booleancheckbox ; contactinformation ; rch ; @yes_no
hs_is_unworked ; Contact unworked ; bool ; booleancheckbox ; sales_properties ; rc ; @yes_no
hs_pipeline ; Pipeline ; enumeration ; select ; contactinformation ; eh
hubspotscore ; HubSpot Score ; number ; calculation_score ; contactinformation ; rc
num_associated_deals ; Number of Associated Deals ; number ; calculation_rollup ; contactinformation ; rc
notes_last_contacted ; Last Contacted ; datetime ; date ; sales_properties ; r
hs_lastmodifieddate ; Object last modified date/time ; datetime ; date ; contactinformation ; rh
";

const COMPANY: &str = "
name ; Company name ; string ; text ; companyinformation ; f
domain ; Company Domain Name ; string ; text ; companyinformation ; f
website ; Website URL ; string ; text ; companyinformation ; f
phone ; Phone Number ; string ; phonenumber ; companyinformation ; f
address ; Street Address ; string ; text ; companyinformation ; f
address2 ; Street Address 2 ; string ; text ; companyinformation ; f
city ; City ; string ; text ; companyinformation ; f
state ; State/Region ; string ; text ; companyinformation ; f
zip ; Postal Code ; string ; text ; companyinformation ; f
country ; Country/Region ; string ; text ; companyinformation ; f
description ; Description ; string ; textarea ; companyinformation ; f
numberofemployees ; Number of Employees ; number ; number ; companyinformation ; f
annualrevenue ; Annual Revenue ; number ; number ; companyinformation ; f
founded_year ; Year Founded ; string ; text ; companyinformation ; f
is_public ; Is Public ; bool ; booleancheckbox ; companyinformation ; f ; @yes_no
timezone ; Time Zone ; string ; text ; companyinformation ; f
facebookfans ; Facebook Fans ; number ; number ; socialmediainformation
linkedin_company_page ; LinkedIn Company Page ; string ; text ; socialmediainformation ; f
industry ; Industry ; enumeration ; select ; companyinformation ; f ; ACCOUNTING=Accounting|BANKING=Banking|BIOTECHNOLOGY=Biotechnology|CHEMICALS=Chemicals|COMPUTER_SOFTWARE=Computer Software|CONSTRUCTION=Construction|CONSUMER_ELECTRONICS=Consumer Electronics|EDUCATION_MANAGEMENT=Education Management|FARMING=Farming|FINANCIAL_SERVICES=Financial Services|HOSPITAL_HEALTH_CARE=Hospital & Health Care|HOSPITALITY=Hospitality|INFORMATION_TECHNOLOGY_AND_SERVICES=Information Technology and Services|INSURANCE=Insurance|MACHINERY=Machinery|MANAGEMENT_CONSULTING=Management Consulting|MARITIME=Maritime|MECHANICAL_OR_INDUSTRIAL_ENGINEERING=Mechanical or Industrial Engineering|MEDIA_PRODUCTION=Media Production|OIL_ENERGY=Oil & Energy|REAL_ESTATE=Real Estate|RETAIL=Retail|TRANSPORTATION_TRUCKING_RAILROAD=Transportation/Trucking/Railroad|TELECOMMUNICATIONS=Telecommunications|UTILITIES=Utilities
type ; Type ; enumeration ; select ; companyinformation ; f ; PROSPECT=Prospect|PARTNER=Partner|RESELLER=Reseller|VENDOR=Vendor|OTHER=Other
lifecyclestage ; Lifecycle Stage ; enumeration ; radio ; companyinformation ; f ; @stages
hs_lead_status ; Lead Status ; enumeration ; radio ; companyinformation ; f ; @lead_status
hubspot_owner_id ; Company owner ; enumeration ; select ; companyinformation ; eo
hs_parent_company_id ; Parent Company ; number ; number ; companyinformation ; r
hs_additional_domains ; Additional Domains ; enumeration ; checkbox ; companyinformation ; r
hs_pipeline ; Pipeline ; enumeration ; select ; companyinformation ; eh
num_associated_contacts ; Number of Associated Contacts ; number ; calculation_rollup ; companyinformation ; rc
";

const DEAL: &str = "
dealname ; Deal Name ; string ; text ; dealinformation ; f
amount ; Amount ; number ; number ; dealinformation ; f
deal_currency_code ; Currency ; enumeration ; select ; dealinformation ;  ; EUR=EUR|USD=USD|GBP=GBP|AUD=AUD
closedate ; Close Date ; datetime ; date ; dealinformation
pipeline ; Pipeline ; enumeration ; select ; deal_activity ; e
dealstage ; Deal Stage ; enumeration ; radio ; deal_activity ; e
dealtype ; Deal Type ; enumeration ; radio ; dealinformation ; f ; newbusiness=New Business|existingbusiness=Existing Business
hs_priority ; Priority ; enumeration ; select ; dealinformation ;  ; low=Low|medium=Medium|high=High
description ; Deal Description ; string ; textarea ; dealinformation ; f
hs_next_step ; Next step ; string ; textarea ; dealinformation
closed_lost_reason ; Closed Lost Reason ; string ; textarea ; dealinformation
closed_won_reason ; Closed Won Reason ; string ; textarea ; dealinformation
hubspot_owner_id ; Deal owner ; enumeration ; select ; dealinformation ; eo
amount_in_home_currency ; Amount in company currency ; number ; calculation_equation ; dealinformation ; rc
hs_is_closed ; Is Deal Closed? ; bool ; calculation_equation ; deal_revenue ; rc ; @yes_no
hs_is_closed_won ; Is Closed Won ; bool ; calculation_equation ; deal_revenue ; rc ; @yes_no
hs_deal_stage_probability ; Deal probability ; number ; number ; deal_revenue ; r
hs_primary_associated_company ; Primary Associated Company ; number ; number ; dealinformation ; r
";

const TICKET: &str = "
subject ; Ticket name ; string ; text ; ticketinformation ; f
content ; Ticket description ; string ; textarea ; ticketinformation ; f
hs_pipeline ; Pipeline ; enumeration ; select ; ticketinformation ; e
hs_pipeline_stage ; Ticket status ; enumeration ; select ; ticketinformation ; e
hs_ticket_priority ; Priority ; enumeration ; select ; ticketinformation ; f ; LOW=Low|MEDIUM=Medium|HIGH=High|URGENT=Urgent
hs_ticket_category ; Category ; enumeration ; checkbox ; ticketinformation ; f ; PRODUCT_ISSUE=Product Issue|BILLING_ISSUE=Billing Issue|FEATURE_REQUEST=Feature Request|GENERAL_INQUIRY=General Inquiry
source_type ; Source ; enumeration ; select ; ticketinformation ;  ; CHAT=Chat|EMAIL=Email|FORM=Form|PHONE=Phone
hubspot_owner_id ; Ticket owner ; enumeration ; select ; ticketinformation ; eo
closed_date ; Close date ; datetime ; date ; ticketinformation ; r
time_to_close ; Time to close ; number ; number ; ticketinformation ; rc
hs_primary_company_id ; Primary Company ID ; number ; number ; ticketinformation ; r
";

const NOTE: &str = "
hs_timestamp ; Activity date ; datetime ; date ; engagement
hs_note_body ; Note body ; string ; html ; note
hs_attachment_ids ; Attached content IDs ; enumeration ; checkbox ; engagement ; e
hubspot_owner_id ; Activity assigned to ; enumeration ; select ; engagement ; eo
";

const TASK: &str = "
hs_timestamp ; Due date ; datetime ; date ; engagement
hs_task_subject ; Task Title ; string ; text ; task
hs_task_body ; Task Notes ; string ; html ; task
hs_task_status ; Task Status ; enumeration ; select ; task ;  ; NOT_STARTED=Not started|IN_PROGRESS=In progress|WAITING=Waiting|COMPLETED=Completed|DEFERRED=Deferred
hs_task_priority ; Priority ; enumeration ; select ; task ;  ; NONE=None|LOW=Low|MEDIUM=Medium|HIGH=High
hs_task_type ; Task Type ; enumeration ; select ; task ;  ; TODO=To-do|CALL=Call|EMAIL=Email
hubspot_owner_id ; Activity assigned to ; enumeration ; select ; engagement ; eo
";

const PROJECT: &str = "
name ; Name ; string ; text ; project_information ; x
code ; Code ; string ; text ; project_information ; xu
budget ; Budget ; number ; number ; project_information ; x
start_date ; Start date ; date ; date ; project_information ; x
active ; Active ; bool ; booleancheckbox ; project_information ; x ; @yes_no
phase ; Phase ; enumeration ; select ; project_information ; x ; planned=Planned|running=Running|done=Done
tags ; Tags ; enumeration ; checkbox ; project_information ; x ; internal=Internal|urgent=Urgent|pilot=Pilot
notes ; Notes ; string ; textarea ; project_information ; x
hubspot_owner_id ; Owner ; enumeration ; select ; project_information ; eo
";

/// What every type has besides.
const COMMON: &str = "
hs_merged_object_ids ; Merged object IDs ; enumeration ; checkbox ;  ; rh
hs_object_source ; Record source ; string ; text ;  ; rh
hs_object_source_id ; Record source ID ; string ; text ;  ; rh
hs_object_source_label ; Record source label ; enumeration ; select ;  ; re
hs_created_by_user_id ; Created by user ID ; number ; number ;  ; r
hs_updated_by_user_id ; Updated by user ID ; number ; number ;  ; r
external_id ; External ID ; string ; text ;  ; xu
";

/// The definition of properties that predate the portal.
const DEFINED: Stamp = Stamp(1_561_852_677_277);

/// The table of a built-in object type, by its plural name; an empty one for any other.
pub(super) fn table(plural: &str) -> PropertyTable {
    let (own, groups): (&str, &[(&str, &str)]) = match plural {
        "contacts" => (
            CONTACT,
            &[
                ("contactinformation", "Contact information"),
                ("emailinformation", "Email information"),
                ("sales_properties", "Sales properties"),
            ],
        ),
        "companies" => (
            COMPANY,
            &[
                ("companyinformation", "Company information"),
                ("socialmediainformation", "Social media information"),
            ],
        ),
        "deals" => (
            DEAL,
            &[
                ("dealinformation", "Deal information"),
                ("deal_activity", "Deal activity"),
                ("deal_revenue", "Deal revenue"),
            ],
        ),
        "tickets" => (TICKET, &[("ticketinformation", "Ticket information")]),
        "notes" => (
            NOTE,
            &[("engagement", "Engagement information"), ("note", "Note information")],
        ),
        "tasks" => (
            TASK,
            &[("engagement", "Engagement information"), ("task", "Task information")],
        ),
        "projects" => (PROJECT, &[("project_information", "Project information")]),
        other => (standard_types::properties(other), &[("information", "Information")]),
    };
    let mut table = PropertyTable::default();
    for (name, label) in groups {
        table.group(name, label);
    }
    let group = groups.first().map_or("", |(name, _)| name);
    for row in rows(own).chain(rows(COMMON)) {
        table.define(property(&row, group));
    }
    for (name, label, source) in computed(plural) {
        let mut property = Property::new(name, label, "datetime", "date", group);
        property.source = source;
        if source == Source::Id {
            "number".clone_into(&mut property.type_name);
            "number".clone_into(&mut property.field_type);
            property.kind = super::property::Kind::Number;
        }
        property.read_only_value = true;
        property.read_only_definition = true;
        property.hubspot_defined = true;
        property.created = Some(DEFINED);
        property.updated = Some(DEFINED);
        table.define(property);
    }
    table
}

fn computed(plural: &str) -> Vec<(&'static str, &'static str, Source)> {
    let mut all = vec![("hs_object_id", "Record ID", Source::Id)];
    match plural {
        "contacts" => {
            all.push(("createdate", "Create Date", Source::Created));
            all.push(("lastmodifieddate", "Last Modified Date", Source::Modified));
        }
        "companies" | "deals" | "tickets" => {
            all.push(("createdate", "Create Date", Source::Created));
            all.push(("hs_createdate", "Object create date/time", Source::Created));
            all.push(("hs_lastmodifieddate", "Last Modified Date", Source::Modified));
        }
        _ => {
            all.push(("hs_createdate", "Object create date/time", Source::Created));
            all.push((
                "hs_lastmodifieddate",
                "Object last modified date/time",
                Source::Modified,
            ));
        }
    }
    all
}

fn property(row: &Row<'_>, default_group: &str) -> Property {
    let Row {
        name,
        label,
        type_name,
        field_type,
        group,
        flags,
        options,
    } = *row;
    let has = |flag: char| flags.contains(flag);
    let mut property = Property::new(
        name,
        label,
        type_name,
        field_type,
        if group.is_empty() { default_group } else { group },
    );
    property.options = options
        .split('|')
        .filter(|option| !option.is_empty())
        .zip(0..)
        .map(|(option, display_order)| {
            let (value, label) = option.split_once('=').unwrap_or((option, option));
            PropertyOption {
                label: label.to_owned(),
                value: value.to_owned(),
                description: None,
                display_order,
                hidden: false,
            }
        })
        .collect();
    property.read_only_value = has('r');
    property.calculated = has('c');
    property.external_options = has('e');
    property.hidden = has('h');
    property.unique = has('u');
    property.form_field = has('f');
    property.hubspot_defined = !has('x');
    property.read_only_definition = !has('x');
    property.created = Some(DEFINED);
    property.updated = Some(DEFINED);
    if has('o') {
        property.referenced_object = Some("OWNER".to_owned());
    } else if name == "associatedcompanyid" {
        property.referenced_object = Some("COMPANY".to_owned());
    }
    property
}
