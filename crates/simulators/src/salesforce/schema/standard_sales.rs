//! The built-in objects: deals, cases, activities, and one custom object.

use super::build::ObjectLine;

pub(super) const OPPORTUNITY: ObjectLine = ObjectLine {
    name: "Opportunity",
    label: "Opportunity",
    plural: "Opportunities",
    prefix: "006",
    mergeable: false,
    writable: true,
    children: "Event.WhatId>Events OpportunityContactRole.OpportunityId>OpportunityContactRoles \
               OpportunityLineItem.OpportunityId>OpportunityLineItems Note.ParentId>Notes Task.WhatId>Tasks",
    fields: "
AccountId | Account ID | reference | to=Account
Pricebook2Id | Price Book ID | reference | to=Pricebook2 as=Pricebook2
IsPrivate | Private | boolean |
Name | Name | string(120) | required name
Description | Description | textarea(32000) |
StageName | Stage | picklist | required values=Prospecting;Qualification;Needs Analysis;Value Proposition;Id. Decision Makers;Perception Analysis;Proposal/Price Quote;Negotiation/Review;Closed Won;Closed Lost
Amount | Amount | currency |
Probability | Probability (%) | percent | scale=0
ExpectedRevenue | Expected Amount | currency | calculated
TotalOpportunityQuantity | Quantity | double |
CloseDate | Close Date | date | required
Type | Opportunity Type | picklist | values=Existing Customer - Upgrade;Existing Customer - Replacement;Existing Customer - Downgrade;New Customer
NextStep | Next Step | string(255) |
LeadSource | Lead Source | picklist | values=Web;Phone Inquiry;Partner Referral;Purchased List;Other
IsClosed | Closed | boolean | readonly
IsWon | Won | boolean | readonly
ForecastCategoryName | Forecast Category | picklist | values=Omitted;Pipeline;Best Case;Commit;Closed
OwnerId | Owner ID | reference | default to=User
LastActivityDate | Last Activity | date | readonly
FiscalQuarter | Fiscal Quarter | int | readonly
FiscalYear | Fiscal Year | int | readonly
ContactId | Contact ID | reference | createonly to=Contact as=Contact
",
};

pub(super) const CASE: ObjectLine = ObjectLine {
    name: "Case",
    label: "Case",
    plural: "Cases",
    prefix: "500",
    mergeable: false,
    writable: true,
    children: "Case.ParentId>Cases Event.WhatId>Events Task.WhatId>Tasks",
    fields: "
MasterRecordId | Master Record ID | reference | readonly to=Case as=MasterRecord
CaseNumber | Case Number | string(30) | auto name lookup
ContactId | Contact ID | reference | to=Contact
AccountId | Account ID | reference | to=Account
ParentId | Parent Case ID | reference | to=Case
SuppliedName | Name | string(80) |
SuppliedEmail | Email Address | email |
SuppliedPhone | Phone | string(40) |
SuppliedCompany | Company | string(80) |
Type | Case Type | picklist | values=Mechanical;Electrical;Electronic;Structural;Other
Status | Status | picklist | default values=*New;Working;Escalated;Closed
Reason | Case Reason | picklist | values=Installation;Equipment Complexity;Performance;Breakdown;Equipment Design;Feedback;Other
Origin | Case Origin | picklist | values=Phone;Email;Web
Subject | Subject | string(255) |
Priority | Priority | picklist | default values=High;*Medium;Low
Description | Description | textarea(32000) |
IsClosed | Closed | boolean | readonly
ClosedDate | Closed Date | datetime | readonly
IsEscalated | Escalated | boolean |
OwnerId | Owner ID | reference | default to=Group,User
Comments | Internal Comments | textarea(4000) |
",
};

pub(super) const TASK: ObjectLine = ObjectLine {
    name: "Task",
    label: "Task",
    plural: "Tasks",
    prefix: "00T",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
WhoId | Name ID | reference | to=Contact,Lead
WhatId | Related To ID | reference | to=Account,Asset,Campaign,Case,Contract,Opportunity,Order,Product2,Project__c
Subject | Subject | combobox(255) | values=Call;Send Letter;Send Quote;Other
ActivityDate | Due Date Only | date |
Status | Status | picklist | default values=*Not Started;In Progress;Completed;Waiting on someone else;Deferred
Priority | Priority | picklist | default values=High;*Normal;Low
IsHighPriority | High Priority | boolean | readonly
OwnerId | Assigned To ID | reference | default to=Group,User
Description | Description | textarea(32000) |
IsClosed | Closed | boolean | readonly
CallDurationInSeconds | Call Duration | int |
CallType | Call Type | picklist(40) | restricted values=Internal;Inbound;Outbound
IsArchived | Archived | boolean | readonly
",
};

pub(super) const PROJECT: ObjectLine = ObjectLine {
    name: "Project__c",
    label: "Project",
    plural: "Projects",
    prefix: "a00",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
OwnerId | Owner ID | reference | default to=Group,User
Name | Project Name | string(80) | default name lookup
Account__c | Account | reference | to=Account
Lead_Contact__c | Lead Contact | reference | to=Contact
Status__c | Status | picklist | restricted values=*Planned;Active;On Hold;Done
Regions__c | Regions | multipicklist | restricted values=Americas;Asia;Europe;Oceania
Start_Date__c | Start Date | date |
Kickoff__c | Kick-off | datetime |
Budget__c | Budget | currency |
Completion__c | Completion | percent | scale=0
Score__c | Score | double | scale=3
Billable__c | Billable | boolean |
Website__c | Website | url |
Contact_Email__c | Contact Email | email |
Notes__c | Notes | textarea(32768) |
Project_Key__c | Project Key | string(40) | unique external sensitive
Code_Name__c | Code Name | string(1300) | calculated
",
};
