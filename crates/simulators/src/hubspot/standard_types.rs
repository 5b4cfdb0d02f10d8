//! The object types that every portal has beside contacts, companies, deals, tickets, notes and tasks.

use super::builtin;
use super::schema::ObjectType;

/// One line of [`TYPES`].
struct Row {
    type_id: &'static str,
    singular: &'static str,
    plural: &'static str,
    labels: (&'static str, &'static str),
    upper: &'static str,
    /// What the type is shown by, looked through by `query`, and shown by default.
    display: &'static str,
    required: &'static [&'static str],
    scope: &'static str,
}

const TYPES: &[Row] = &[
    row(
        "0-48",
        "call",
        "calls",
        ("Call", "Calls"),
        "CALL",
        "hs_call_title",
        &["hs_timestamp"],
        "contacts",
    ),
    row(
        "0-49",
        "email",
        "emails",
        ("Email", "Emails"),
        "EMAIL",
        "hs_email_subject",
        &["hs_timestamp", "hs_email_direction"],
        "contacts",
    ),
    row(
        "0-47",
        "meeting",
        "meetings",
        ("Meeting", "Meetings"),
        "MEETING_EVENT",
        "hs_meeting_title",
        &["hs_timestamp"],
        "contacts",
    ),
    row(
        "0-18",
        "communication",
        "communications",
        ("Communication", "Communications"),
        "COMMUNICATION",
        "hs_communication_body",
        &["hs_timestamp"],
        "contacts",
    ),
    row(
        "0-116",
        "postal_mail",
        "postal_mail",
        ("Postal mail", "Postal mail"),
        "POSTAL_MAIL",
        "hs_postal_mail_body",
        &["hs_timestamp"],
        "contacts",
    ),
    row(
        "0-7",
        "product",
        "products",
        ("Product", "Products"),
        "PRODUCT",
        "name",
        &["name"],
        "e-commerce",
    ),
    row(
        "0-8",
        "line_item",
        "line_items",
        ("Line item", "Line items"),
        "LINE_ITEM",
        "name",
        &[],
        "line_items",
    ),
    row(
        "0-14",
        "quote",
        "quotes",
        ("Quote", "Quotes"),
        "QUOTE",
        "hs_title",
        &["hs_title", "hs_expiration_date"],
        "quotes",
    ),
    row(
        "0-136",
        "lead",
        "leads",
        ("Lead", "Leads"),
        "LEAD",
        "hs_lead_name",
        &["hs_lead_name"],
        "leads",
    ),
    row(
        "0-123",
        "order",
        "orders",
        ("Order", "Orders"),
        "ORDER",
        "hs_order_name",
        &[],
        "orders",
    ),
    row(
        "0-142",
        "cart",
        "carts",
        ("Cart", "Carts"),
        "CART",
        "hs_cart_name",
        &[],
        "carts",
    ),
    row(
        "0-53",
        "invoice",
        "invoices",
        ("Invoice", "Invoices"),
        "INVOICE",
        "hs_title",
        &[],
        "invoices",
    ),
    row(
        "0-69",
        "subscription",
        "subscriptions",
        ("Subscription", "Subscriptions"),
        "SUBSCRIPTION",
        "hs_name",
        &[],
        "subscriptions",
    ),
    row(
        "0-74",
        "goal_target",
        "goal_targets",
        ("Goal", "Goals"),
        "GOAL_TARGET",
        "hs_goal_name",
        &[],
        "goals",
    ),
    row(
        "0-19",
        "feedback_submission",
        "feedback_submissions",
        ("Feedback submission", "Feedback submissions"),
        "FEEDBACK_SUBMISSION",
        "hs_content",
        &[],
        "feedback_submissions",
    ),
    row(
        "0-115",
        "user",
        "users",
        ("User", "Users"),
        "USER",
        "hs_given_name",
        &[],
        "users",
    ),
    row(
        "0-421",
        "appointment",
        "appointments",
        ("Appointment", "Appointments"),
        "APPOINTMENT",
        "hs_appointment_name",
        &["hs_appointment_start"],
        "appointments",
    ),
    row(
        "0-410",
        "course",
        "courses",
        ("Course", "Courses"),
        "COURSE",
        "hs_course_name",
        &["hs_course_name"],
        "courses",
    ),
    row(
        "0-420",
        "listing",
        "listings",
        ("Listing", "Listings"),
        "LISTING",
        "hs_name",
        &["hs_name"],
        "listings",
    ),
    row(
        "0-162",
        "service",
        "services",
        ("Service", "Services"),
        "SERVICE",
        "hs_name",
        &["hs_name"],
        "services",
    ),
    row(
        "0-101",
        "commerce_payment",
        "commerce_payments",
        ("Payment", "Payments"),
        "COMMERCE_PAYMENT",
        "hs_reference_number",
        &[],
        "commercepayments",
    ),
    row(
        "0-84",
        "discount",
        "discounts",
        ("Discount", "Discounts"),
        "DISCOUNT",
        "hs_label",
        &[],
        "line_items",
    ),
    row(
        "0-85",
        "fee",
        "fees",
        ("Fee", "Fees"),
        "FEE",
        "hs_label",
        &[],
        "line_items",
    ),
    row(
        "0-86",
        "tax",
        "taxes",
        ("Tax", "Taxes"),
        "TAX",
        "hs_label",
        &[],
        "line_items",
    ),
    row(
        "0-145",
        "partner_client",
        "partner_clients",
        ("Partner client", "Partner clients"),
        "PARTNER_CLIENT",
        "hs_partner_client_name",
        &[],
        "partner-clients",
    ),
    row(
        "0-146",
        "partner_service",
        "partner_services",
        ("Partner service", "Partner services"),
        "PARTNER_SERVICE",
        "hs_partner_service_name",
        &[],
        "partner-services",
    ),
];

#[expect(clippy::too_many_arguments, reason = "a table reads better in lines than in blocks")]
const fn row(
    type_id: &'static str,
    singular: &'static str,
    plural: &'static str,
    labels: (&'static str, &'static str),
    upper: &'static str,
    display: &'static str,
    required: &'static [&'static str],
    scope: &'static str,
) -> Row {
    Row {
        type_id,
        singular,
        plural,
        labels,
        upper,
        display,
        required,
        scope,
    }
}

/// What its records hold, one line per property as in [`builtin`]; types that are left out have only what all have.
pub(super) fn properties(plural: &str) -> &'static str {
    match plural {
        "calls" => CALL,
        "emails" => EMAIL,
        "meetings" => MEETING,
        "communications" => COMMUNICATION,
        "postal_mail" => POSTAL_MAIL,
        "products" => PRODUCT,
        "line_items" => LINE_ITEM,
        "quotes" => QUOTE,
        "leads" => LEAD,
        "orders" => ORDER,
        "carts" => CART,
        "invoices" => INVOICE,
        "subscriptions" => SUBSCRIPTION,
        "goal_targets" => GOAL,
        "feedback_submissions" => FEEDBACK,
        "users" => USER,
        "appointments" => APPOINTMENT,
        "courses" => COURSE,
        "listings" => LISTING,
        "services" => SERVICE,
        "commerce_payments" => PAYMENT,
        "discounts" | "fees" | "taxes" => PRICE_PART,
        "partner_clients" => PARTNER_CLIENT,
        "partner_services" => PARTNER_SERVICE,
        _ => "",
    }
}

const PAYMENT: &str = "
hs_reference_number ; Reference Number ; string ; text ; information
hs_initial_amount ; Gross amount ; number ; number ; information
hs_currency_code ; Currency ; string ; text ; information
hs_initiated_date ; Payment date ; datetime ; date ; information
hs_customer_email ; Customer email ; string ; text ; information
hs_latest_status ; Status ; enumeration ; select ; information ; ; processing=Processing|succeeded=Succeeded|failed=Failed|refunded=Refunded
";
const PRICE_PART: &str = "
hs_label ; Label ; string ; text ; information
hs_duration ; Duration ; enumeration ; select ; information ; ; ONCE=Once|FOREVER=Forever
hs_type ; Type ; enumeration ; select ; information ; ; PERCENT=Percent|FIXED=Fixed
hs_value ; Value ; number ; number ; information
hs_sort_order ; Sort order ; number ; number ; information
";
const PARTNER_CLIENT: &str = "
hs_partner_client_name ; Name ; string ; text ; information
hs_hub_id ; Hub id ; number ; number ; information
";
const PARTNER_SERVICE: &str = "
hs_partner_service_name ; Name ; string ; text ; information
hs_hub_id ; Hub id ; number ; number ; information
";
const CALL: &str = "
hs_timestamp ; Activity date ; datetime ; date ; information
hs_call_title ; Call Title ; string ; text ; information
hs_call_body ; Call notes ; string ; html ; information
hs_call_direction ; Call direction ; enumeration ; select ; information ; ; INBOUND=Inbound|OUTBOUND=Outbound
hs_call_status ; Call status ; enumeration ; select ; information ; ; COMPLETED=Completed|CONNECTING=Connecting|FAILED=Failed|NO_ANSWER=No answer|QUEUED=Queued|RINGING=Ringing
hs_call_duration ; Call duration ; number ; number ; information
hs_call_from_number ; From number ; string ; text ; information
hs_call_to_number ; To number ; string ; text ; information
hubspot_owner_id ; Activity assigned to ; enumeration ; select ; information ; eo
";
const EMAIL: &str = "
hs_timestamp ; Activity date ; datetime ; date ; information
hs_email_subject ; Email subject ; string ; text ; information
hs_email_text ; Email body ; string ; textarea ; information
hs_email_html ; Email HTML ; string ; html ; information
hs_email_direction ; Email Direction ; enumeration ; select ; information ; ; EMAIL=Email|INCOMING_EMAIL=Incoming email|FORWARDED_EMAIL=Forwarded email
hs_email_status ; Email send status ; enumeration ; select ; information ; ; BOUNCED=Bounced|FAILED=Failed|SCHEDULED=Scheduled|SENDING=Sending|SENT=Sent
hubspot_owner_id ; Activity assigned to ; enumeration ; select ; information ; eo
";
const MEETING: &str = "
hs_timestamp ; Activity date ; datetime ; date ; information
hs_meeting_title ; Meeting name ; string ; text ; information
hs_meeting_body ; Meeting description ; string ; html ; information
hs_meeting_start_time ; Meeting start time ; datetime ; date ; information
hs_meeting_end_time ; Meeting end time ; datetime ; date ; information
hs_meeting_location ; Meeting location ; string ; text ; information
hs_meeting_outcome ; Meeting outcome ; enumeration ; select ; information ; ; SCHEDULED=Scheduled|COMPLETED=Completed|RESCHEDULED=Rescheduled|NO_SHOW=No Show|CANCELED=Canceled
hubspot_owner_id ; Activity assigned to ; enumeration ; select ; information ; eo
";
const COMMUNICATION: &str = "
hs_timestamp ; Activity date ; datetime ; date ; information
hs_communication_channel_type ; Channel type ; enumeration ; select ; information ; ; SMS=SMS|WHATS_APP=WhatsApp|LINKEDIN_MESSAGE=LinkedIn message
hs_communication_body ; Communication body ; string ; textarea ; information
hs_communication_logged_from ; Logged from ; string ; text ; information
hubspot_owner_id ; Activity assigned to ; enumeration ; select ; information ; eo
";
const POSTAL_MAIL: &str = "
hs_timestamp ; Activity date ; datetime ; date ; information
hs_postal_mail_body ; Body ; string ; textarea ; information
hs_postal_mail_type ; Type ; enumeration ; select ; information ; ; CALENDAR=Calendar|EMAIL=Email
hubspot_owner_id ; Activity assigned to ; enumeration ; select ; information ; eo
";
const PRODUCT: &str = "
name ; Name ; string ; text ; information
description ; Product description ; string ; textarea ; information
price ; Unit price ; number ; number ; information
hs_sku ; SKU ; string ; text ; information
hs_cost_of_goods_sold ; Unit cost ; number ; number ; information
hs_recurring_billing_period ; Term ; string ; text ; information
hs_folder ; Folder ; string ; text ; information
";
const LINE_ITEM: &str = "
name ; Name ; string ; text ; information
quantity ; Quantity ; number ; number ; information
price ; Unit price ; number ; number ; information
amount ; Net price ; number ; number ; information ; c
hs_product_id ; Product ID ; number ; number ; information
hs_sku ; SKU ; string ; text ; information
discount ; Unit discount ; number ; number ; information
";
const QUOTE: &str = "
hs_title ; Quote name ; string ; text ; information
hs_expiration_date ; Expiration date ; datetime ; date ; information
hs_status ; Quote status ; enumeration ; select ; information ; ; DRAFT=Draft|APPROVAL_NOT_NEEDED=Approval not needed|PENDING_APPROVAL=Pending approval|APPROVED=Approved|REJECTED=Rejected
hs_quote_amount ; Quote amount ; number ; number ; information ; rc
hs_currency ; Currency ; string ; text ; information
hubspot_owner_id ; Owner ; enumeration ; select ; information ; eo
";
const LEAD: &str = "
hs_lead_name ; Lead name ; string ; text ; information
hs_lead_label ; Lead label ; enumeration ; select ; information ; ; WARM=Warm|COLD=Cold|HOT=Hot
hs_lead_type ; Lead type ; enumeration ; select ; information ; ; NEW_BUSINESS=New business|UPSELL=Upsell|REENGAGE=Re-engage
hs_pipeline ; Pipeline ; enumeration ; select ; information ; e
hs_pipeline_stage ; Pipeline stage ; enumeration ; select ; information ; e
hubspot_owner_id ; Owner ; enumeration ; select ; information ; eo
";
const ORDER: &str = "
hs_order_name ; Order name ; string ; text ; information
hs_external_order_id ; External order ID ; string ; text ; information
hs_total_price ; Total price ; number ; number ; information
hs_currency_code ; Currency code ; string ; text ; information
hs_pipeline ; Pipeline ; enumeration ; select ; information ; e
hs_pipeline_stage ; Pipeline stage ; enumeration ; select ; information ; e
";
const CART: &str = "
hs_cart_name ; Cart name ; string ; text ; information
hs_external_cart_id ; External cart ID ; string ; text ; information
hs_total_price ; Total price ; number ; number ; information
hs_currency_code ; Currency code ; string ; text ; information
";
const INVOICE: &str = "
hs_title ; Title ; string ; text ; information
hs_number ; Invoice number ; string ; text ; information ; r
hs_invoice_date ; Invoice date ; datetime ; date ; information
hs_due_date ; Due date ; datetime ; date ; information
hs_amount_billed ; Amount billed ; number ; number ; information ; rc
hs_currency ; Currency ; string ; text ; information
";
const SUBSCRIPTION: &str = "
hs_name ; Name ; string ; text ; information
hs_subscription_status ; Status ; enumeration ; select ; information ; ; active=Active|past_due=Past due|canceled=Canceled|expired=Expired
hs_recurring_billing_start_date ; Start date ; date ; date ; information
";
const GOAL: &str = "
hs_goal_name ; Goal name ; string ; text ; information ; r
hs_target_amount ; Target amount ; number ; number ; information ; r
hs_start_datetime ; Start ; datetime ; date ; information ; r
hs_end_datetime ; End ; datetime ; date ; information ; r
";
const FEEDBACK: &str = "
hs_content ; Response ; string ; textarea ; information ; r
hs_sentiment ; Sentiment ; enumeration ; select ; information ; r ; PASSIVE=Passive|PROMOTER=Promoter|DETRACTOR=Detractor
hs_survey_type ; Survey type ; string ; text ; information ; r
";
const USER: &str = "
hs_given_name ; Given name ; string ; text ; information ; r
hs_family_name ; Family name ; string ; text ; information ; r
hs_email ; Email ; string ; text ; information ; r
hs_job_title ; Job title ; string ; text ; information
hs_availability_status ; Availability ; enumeration ; select ; information ; ; available=Available|away=Away
";
const APPOINTMENT: &str = "
hs_appointment_name ; Appointment name ; string ; text ; information
hs_appointment_start ; Appointment start ; datetime ; date ; information
hs_appointment_end ; Appointment end ; datetime ; date ; information
hs_pipeline ; Pipeline ; enumeration ; select ; information ; e
hs_pipeline_stage ; Pipeline stage ; enumeration ; select ; information ; e
hubspot_owner_id ; Owner ; enumeration ; select ; information ; eo
";
const COURSE: &str = "
hs_course_name ; Course name ; string ; text ; information
hs_course_description ; Description ; string ; textarea ; information
hs_course_id ; Course ID ; string ; text ; information
hs_pipeline ; Pipeline ; enumeration ; select ; information ; e
hs_pipeline_stage ; Pipeline stage ; enumeration ; select ; information ; e
";
const LISTING: &str = "
hs_name ; Listing name ; string ; text ; information
hs_price ; Price ; number ; number ; information
hs_address_1 ; Address ; string ; text ; information
hs_city ; City ; string ; text ; information
hs_pipeline ; Pipeline ; enumeration ; select ; information ; e
hs_pipeline_stage ; Pipeline stage ; enumeration ; select ; information ; e
";
const SERVICE: &str = "
hs_name ; Name ; string ; text ; information
hs_description ; Description ; string ; textarea ; information
hs_amount_paid ; Amount paid ; number ; number ; information
hs_pipeline ; Pipeline ; enumeration ; select ; information ; e
hs_pipeline_stage ; Pipeline stage ; enumeration ; select ; information ; e
";

/// These types, each without a record.
pub(super) fn types() -> impl Iterator<Item = ObjectType> {
    TYPES.iter().zip(70_000_000_001_u64..).map(|(row, number)| {
        let display = std::slice::from_ref(&row.display);
        ObjectType {
            type_id: row.type_id,
            singular: row.singular,
            plural: row.plural,
            singular_label: row.labels.0,
            plural_label: row.labels.1,
            upper: row.upper,
            custom: false,
            created_property: "hs_createdate",
            modified_property: "hs_lastmodifieddate",
            defaults: display,
            required: row.required,
            required_2026_09: &[],
            searchable: display,
            display: row.display,
            scope: row.scope,
            // A range of ids for each type, so that an id that is taken for another type's is not found.
            first_id: 1 + (number % 1_000) * 1_000_000_000 + 70_000_000_000,
            properties: builtin::table(row.plural),
        }
    })
}
