//! The built-in objects: accounts, people and users.

use std::sync::OnceLock;

use super::ObjectSchema;
use super::build::{ObjectLine, object, setup_object};
use super::permissions::permission_objects;
use super::standard_content::{ATTACHMENT, CONTENT_DOCUMENT, CONTENT_DOCUMENT_LINK, CONTENT_VERSION};
use super::standard_marketing::{CAMPAIGN, CAMPAIGN_MEMBER, EVENT, NOTE};
use super::standard_products::{ASSET, CONTACT_ROLE, CONTRACT, LINE_ITEM, ORDER, PRICEBOOK, PRICEBOOK_ENTRY, PRODUCT};
use super::standard_sales::{CASE, OPPORTUNITY, PROJECT, TASK};
use super::standard_setup::{GROUP, ORGANIZATION, PROFILE, RECORD_TYPE, USER_ROLE};

const ACCOUNT: ObjectLine = ObjectLine {
    name: "Account",
    label: "Account",
    plural: "Accounts",
    prefix: "001",
    mergeable: true,
    writable: true,
    children: "Account.ParentId>ChildAccounts Asset.AccountId>Assets Attachment.ParentId>Attachments Case.AccountId>Cases \
               Contact.AccountId>Contacts ContentDocumentLink.LinkedEntityId>ContentDocumentLinks \
               Contract.AccountId>Contracts Event.WhatId>Events Note.ParentId>Notes Opportunity.AccountId>Opportunities \
               Order.AccountId>Orders Project__c.Account__c>Projects__r Task.WhatId>Tasks",
    fields: "
MasterRecordId | Master Record ID | reference | readonly to=Account as=MasterRecord
Name | Account Name | string(255) | required name
Type | Account Type | picklist | values=Prospect;Customer - Direct;Customer - Channel;Channel Partner / Reseller;Installation Partner;Technology Partner;Other
ParentId | Parent Account ID | reference | to=Account as=Parent
BillingStreet | Billing Street | textarea(255) | in=BillingAddress
BillingCity | Billing City | string(40) | in=BillingAddress
BillingState | Billing State/Province | string(80) | in=BillingAddress
BillingPostalCode | Billing Zip/Postal Code | string(20) | in=BillingAddress
BillingCountry | Billing Country | string(80) | in=BillingAddress
BillingLatitude | Billing Latitude | double | in=BillingAddress scale=15
BillingLongitude | Billing Longitude | double | in=BillingAddress scale=15
BillingAddress | Billing Address | address |
ShippingStreet | Shipping Street | textarea(255) | in=ShippingAddress
ShippingCity | Shipping City | string(40) | in=ShippingAddress
ShippingState | Shipping State/Province | string(80) | in=ShippingAddress
ShippingPostalCode | Shipping Zip/Postal Code | string(20) | in=ShippingAddress
ShippingCountry | Shipping Country | string(80) | in=ShippingAddress
ShippingAddress | Shipping Address | address |
Phone | Account Phone | phone |
Fax | Account Fax | phone |
AccountNumber | Account Number | string(40) |
Website | Website | url |
PhotoUrl | Photo URL | url | readonly
Sic | SIC Code | string(20) |
Industry | Industry | picklist | values=Agriculture;Apparel;Banking;Biotechnology;Chemicals;Communications;Construction;Consulting;Education;Electronics;Energy;Engineering;Entertainment;Environmental;Finance;Food & Beverage;Government;Healthcare;Hospitality;Insurance;Machinery;Manufacturing;Media;Not For Profit;Recreation;Retail;Shipping;Technology;Telecommunications;Transportation;Utilities;Other
AnnualRevenue | Annual Revenue | currency | scale=0
NumberOfEmployees | Employees | int |
Ownership | Ownership | picklist | restricted values=Public;Private;Subsidiary;Other
TickerSymbol | Ticker Symbol | string(20) |
Description | Account Description | textarea(32000) |
Rating | Account Rating | picklist | values=Hot;Warm;Cold
Site | Account Site | string(80) |
OwnerId | Owner ID | reference | default to=User
LastActivityDate | Last Activity | date | readonly
LastViewedDate | Last Viewed Date | datetime | readonly
LastReferencedDate | Last Referenced Date | datetime | readonly
AccountSource | Account Source | picklist | values=Web;Phone Inquiry;Partner Referral;Purchased List;Other
",
};

const CONTACT: ObjectLine = ObjectLine {
    name: "Contact",
    label: "Contact",
    plural: "Contacts",
    prefix: "003",
    mergeable: true,
    writable: true,
    children: "Asset.ContactId>Assets Attachment.ParentId>Attachments CampaignMember.ContactId>CampaignMembers \
               Case.ContactId>Cases Contact.ReportsToId>ReportsTo ContentDocumentLink.LinkedEntityId>ContentDocumentLinks \
               Event.WhoId>Events Note.ParentId>Notes Opportunity.ContactId>Opportunities \
               OpportunityContactRole.ContactId>OpportunityContactRoles Task.WhoId>Tasks",
    fields: "
MasterRecordId | Master Record ID | reference | readonly to=Contact as=MasterRecord
AccountId | Account ID | reference | to=Account
LastName | Last Name | string(80) | required in=Name
FirstName | First Name | string(40) | in=Name
Salutation | Salutation | picklist(40) | in=Name values=Mr.;Ms.;Mrs.;Dr.;Prof.
Name | Full Name | string(121) | person name
OtherStreet | Other Street | textarea(255) | in=OtherAddress
OtherCity | Other City | string(40) | in=OtherAddress
OtherState | Other State/Province | string(80) | in=OtherAddress
OtherPostalCode | Other Zip/Postal Code | string(20) | in=OtherAddress
OtherCountry | Other Country | string(80) | in=OtherAddress
OtherAddress | Other Address | address |
MailingStreet | Mailing Street | textarea(255) | in=MailingAddress
MailingCity | Mailing City | string(40) | in=MailingAddress
MailingState | Mailing State/Province | string(80) | in=MailingAddress
MailingPostalCode | Mailing Zip/Postal Code | string(20) | in=MailingAddress
MailingCountry | Mailing Country | string(80) | in=MailingAddress
MailingLatitude | Mailing Latitude | double | in=MailingAddress scale=15
MailingLongitude | Mailing Longitude | double | in=MailingAddress scale=15
MailingAddress | Mailing Address | address |
Phone | Business Phone | phone |
Fax | Business Fax | phone |
MobilePhone | Mobile Phone | phone |
HomePhone | Home Phone | phone |
OtherPhone | Other Phone | phone |
AssistantPhone | Asst. Phone | phone |
ReportsToId | Reports To ID | reference | to=Contact
Email | Email | email | lookup
Title | Title | string(128) |
Department | Department | string(80) |
AssistantName | Assistant's Name | string(40) |
LeadSource | Lead Source | picklist | values=Web;Phone Inquiry;Partner Referral;Purchased List;Other
Birthdate | Birthdate | date |
Description | Contact Description | textarea(32000) |
OwnerId | Owner ID | reference | default to=User
HasOptedOutOfEmail | Email Opt Out | boolean |
DoNotCall | Do Not Call | boolean |
LastActivityDate | Last Activity | date | readonly
LastViewedDate | Last Viewed Date | datetime | readonly
LastReferencedDate | Last Referenced Date | datetime | readonly
EmailBouncedReason | Email Bounced Reason | string(255) |
EmailBouncedDate | Email Bounced Date | datetime |
IsEmailBounced | Is Email Bounced | boolean | calculated
PhotoUrl | Photo URL | url | readonly
",
};

const LEAD: ObjectLine = ObjectLine {
    name: "Lead",
    label: "Lead",
    plural: "Leads",
    prefix: "00Q",
    mergeable: true,
    writable: true,
    children: "Attachment.ParentId>Attachments CampaignMember.LeadId>CampaignMembers \
               ContentDocumentLink.LinkedEntityId>ContentDocumentLinks Event.WhoId>Events Note.ParentId>Notes Task.WhoId>Tasks",
    fields: "
MasterRecordId | Master Record ID | reference | readonly to=Lead as=MasterRecord
LastName | Last Name | string(80) | required in=Name
FirstName | First Name | string(40) | in=Name
Salutation | Salutation | picklist(40) | in=Name values=Mr.;Ms.;Mrs.;Dr.;Prof.
Name | Full Name | string(121) | person name
Title | Title | string(128) |
Company | Company | string(255) | required
Street | Street | textarea(255) | in=Address
City | City | string(40) | in=Address
State | State/Province | string(80) | in=Address
PostalCode | Zip/Postal Code | string(20) | in=Address
Country | Country | string(80) | in=Address
Address | Address | address |
Phone | Phone | phone |
MobilePhone | Mobile Phone | phone |
Fax | Fax | phone |
Email | Email | email | lookup
Website | Website | url |
Description | Description | textarea(32000) |
LeadSource | Lead Source | picklist | values=Web;Phone Inquiry;Partner Referral;Purchased List;Other
Status | Status | picklist | default values=*Open - Not Contacted;Working - Contacted;Closed - Converted;Closed - Not Converted
Industry | Industry | picklist | values=Agriculture;Banking;Biotechnology;Chemicals;Construction;Consulting;Education;Electronics;Energy;Engineering;Finance;Healthcare;Hospitality;Insurance;Manufacturing;Media;Retail;Shipping;Technology;Telecommunications;Transportation;Utilities;Other
Rating | Rating | picklist | values=Hot;Warm;Cold
AnnualRevenue | Annual Revenue | currency | scale=0
NumberOfEmployees | Employees | int |
OwnerId | Owner ID | reference | default to=Group,User
IsConverted | Converted | boolean | readonly
ConvertedDate | Converted Date | date | readonly
ConvertedAccountId | Converted Account ID | reference | readonly to=Account
ConvertedContactId | Converted Contact ID | reference | readonly to=Contact
ConvertedOpportunityId | Converted Opportunity ID | reference | readonly to=Opportunity
IsUnreadByOwner | Unread By Owner | boolean |
LastActivityDate | Last Activity | date | readonly
",
};

const USER: ObjectLine = ObjectLine {
    name: "User",
    label: "User",
    plural: "Users",
    prefix: "005",
    mergeable: false,
    writable: false,
    children: "",
    fields: "
Username | Username | string(80) | required lookup unique
LastName | Last Name | string(80) | required in=Name
FirstName | First Name | string(40) | in=Name
Name | Full Name | string(121) | person name
CompanyName | Company Name | string(80) |
Department | Department | string(80) |
Title | Title | string(80) |
Email | Email | email(128) | required
Alias | Alias | string(8) | required
IsActive | Active | boolean |
TimeZoneSidKey | Time Zone | picklist(40) | restricted values=*America/Los_Angeles;Europe/Berlin;Europe/London;Etc/UTC
LocaleSidKey | Locale | picklist(40) | restricted values=*en_US;de_DE;en_GB
LanguageLocaleKey | Language | picklist(40) | restricted values=*en_US;de
UserType | User Type | picklist(40) | readonly values=*Standard;PowerPartner;CsnOnly
FederationIdentifier | SAML Federation ID | string(512) | unique lookup
ProfileId | Profile ID | reference | to=Profile
UserRoleId | Role ID | reference | to=UserRole
",
};

/// The built-in objects, in alphabetical order. They are put together once: every organisation starts with them.
pub(crate) fn standard_objects(changed: i64) -> Vec<ObjectSchema> {
    static BUILT: OnceLock<(i64, Vec<ObjectSchema>)> = OnceLock::new();
    let built = BUILT.get_or_init(|| (changed, build(changed)));
    if built.0 == changed {
        built.1.clone()
    } else {
        build(changed)
    }
}

fn build(changed: i64) -> Vec<ObjectSchema> {
    let with_external_id = [
        ACCOUNT,
        ASSET,
        CAMPAIGN,
        CASE,
        CONTACT,
        CONTRACT,
        EVENT,
        LEAD,
        LINE_ITEM,
        OPPORTUNITY,
        ORDER,
        PRICEBOOK,
        PRICEBOOK_ENTRY,
        PRODUCT,
        PROJECT,
        TASK,
    ];
    let without = [
        ATTACHMENT,
        CAMPAIGN_MEMBER,
        CONTACT_ROLE,
        CONTENT_DOCUMENT,
        CONTENT_DOCUMENT_LINK,
        CONTENT_VERSION,
        GROUP,
        NOTE,
        ORGANIZATION,
        PROFILE,
        RECORD_TYPE,
        USER,
        USER_ROLE,
    ];
    let mut objects: Vec<ObjectSchema> = with_external_id
        .iter()
        .filter_map(|line| object(line, changed))
        .chain(without.iter().filter_map(|line| setup_object(line, changed)))
        .chain(permission_objects(changed))
        .collect();
    objects.sort_by(|left, right| left.name.cmp(&right.name));
    objects
}
