//! The built-in objects of activities and campaigns.

use super::build::ObjectLine;

pub(super) const EVENT: ObjectLine = ObjectLine {
    name: "Event",
    label: "Event",
    plural: "Events",
    prefix: "00U",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
WhoId | Name ID | reference | to=Contact,Lead
WhatId | Related To ID | reference | to=Account,Asset,Campaign,Case,Contract,Opportunity,Order,Product2,Project__c
Subject | Subject | combobox(255) | values=Call;Email;Meeting;Send Letter/Quote;Other
Location | Location | string(255) |
IsAllDayEvent | All-Day Event | boolean |
ActivityDateTime | Due Date Time | datetime |
ActivityDate | Due Date Only | date |
DurationInMinutes | Duration | int |
StartDateTime | Start Date Time | datetime |
EndDateTime | End Date Time | datetime |
Description | Description | textarea(32000) |
OwnerId | Assigned To ID | reference | default to=User
IsPrivate | Private | boolean |
ShowAs | Show Time As | picklist(40) | default restricted values=*Busy;OutOfOffice;Free
IsArchived | Archived | boolean | readonly
",
};

pub(super) const CAMPAIGN: ObjectLine = ObjectLine {
    name: "Campaign",
    label: "Campaign",
    plural: "Campaigns",
    prefix: "701",
    mergeable: false,
    writable: true,
    children: "CampaignMember.CampaignId>CampaignMembers Campaign.ParentId>ChildCampaigns",
    fields: "
Name | Name | string(80) | required name
ParentId | Parent Campaign ID | reference | to=Campaign
Type | Type | picklist(40) | values=Conference;Webinar;Trade Show;Public Relations;Partners;Referral Program;Advertisement;Banner Ads;Direct Mail;Email;Telemarketing;Other
Status | Status | picklist(40) | default values=*Planned;In Progress;Completed;Aborted
StartDate | Start Date | date |
EndDate | End Date | date |
ExpectedRevenue | Expected Revenue in Campaign | currency |
BudgetedCost | Budgeted Cost in Campaign | currency |
ActualCost | Actual Cost in Campaign | currency |
IsActive | Active | boolean |
Description | Description | textarea(32000) |
OwnerId | Owner ID | reference | default to=User
",
};

pub(super) const CAMPAIGN_MEMBER: ObjectLine = ObjectLine {
    name: "CampaignMember",
    label: "Campaign Member",
    plural: "Campaign Members",
    prefix: "00v",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
CampaignId | Campaign ID | reference | required createonly to=Campaign
LeadId | Lead ID | reference | createonly to=Lead
ContactId | Contact ID | reference | createonly to=Contact
Status | Status | picklist(40) | default values=*Sent;Responded
HasResponded | Responded | boolean | readonly
FirstRespondedDate | First Responded Date | date | readonly
",
};

pub(super) const NOTE: ObjectLine = ObjectLine {
    name: "Note",
    label: "Note",
    plural: "Notes",
    prefix: "002",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
ParentId | Parent ID | reference | required createonly to=Account,Contact,Lead,Opportunity
Title | Title | string(80) | required name
IsPrivate | Private | boolean |
Body | Body | textarea(32000) |
OwnerId | Owner ID | reference | default to=User
",
};
