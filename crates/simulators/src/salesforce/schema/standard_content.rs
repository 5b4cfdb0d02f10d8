//! The built-in objects of files: versions, the documents that they are versions of, and what those are linked to; and
//! classic attachments.

use super::build::ObjectLine;

pub(super) const CONTENT_DOCUMENT: ObjectLine = ObjectLine {
    name: "ContentDocument",
    label: "Content Document",
    plural: "Content Documents",
    prefix: "069",
    mergeable: false,
    writable: true,
    children: "ContentDocumentLink.ContentDocumentId>ContentDocumentLinks ContentVersion.ContentDocumentId>ContentVersions",
    fields: "
Title | Title | string(255) | default name
FileType | File Type | string(20) | readonly
FileExtension | File Extension | string(40) | readonly
ContentSize | Size | int | readonly
Description | Description | textarea(1000) |
LatestPublishedVersionId | Latest Published Version ID | reference | readonly to=ContentVersion
PublishStatus | Publish Status | picklist(40) | readonly values=*P;R;U
ContentModifiedDate | Content Modified Date | datetime | readonly
OwnerId | Owner ID | reference | default to=User
",
};

pub(super) const CONTENT_VERSION: ObjectLine = ObjectLine {
    name: "ContentVersion",
    label: "Content Version",
    plural: "Content Versions",
    prefix: "068",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
ContentDocumentId | ContentDocument ID | reference | createonly to=ContentDocument
IsLatest | Is Latest | boolean | readonly
VersionNumber | Version Number | string(20) | readonly
Title | Title | string(255) | default name
Description | Description | textarea(1000) |
ReasonForChange | Reason For Change | string(1000) |
PathOnClient | Path On Client | string(500) | createonly
FileType | File Type | string(20) | readonly
FileExtension | File Extension | string(40) | readonly
ContentSize | Size | int | readonly
Checksum | Checksum | string(50) | readonly
Origin | Content Origin | picklist(40) | default createonly values=C;*H
ContentLocation | Content Location | picklist(40) | default createonly values=*S;E;L
PublishStatus | Publish Status | picklist(40) | readonly values=*P;R;U
FirstPublishLocationId | First Publish Location ID | reference | createonly to=Account,Asset,Campaign,Case,Contact,Contract,Event,Lead,Opportunity,Order,Product2,Project__c,Task,User
VersionData | Version Data | base64 | createonly
OwnerId | Owner ID | reference | default to=User
",
};

pub(super) const CONTENT_DOCUMENT_LINK: ObjectLine = ObjectLine {
    name: "ContentDocumentLink",
    label: "Content Document Link",
    plural: "Content Document Links",
    prefix: "06A",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
LinkedEntityId | Linked Entity ID | reference | required createonly to=Account,Asset,Campaign,Case,Contact,Contract,Event,Lead,Opportunity,Order,Product2,Project__c,Task,User
ContentDocumentId | ContentDocument ID | reference | required createonly to=ContentDocument
ShareType | Share Type | picklist(40) | default restricted values=*V;C;I
Visibility | Visibility | picklist(40) | default restricted values=*AllUsers;InternalUsers;SharedUsers
",
};

pub(super) const ATTACHMENT: ObjectLine = ObjectLine {
    name: "Attachment",
    label: "Attachment",
    plural: "Attachments",
    prefix: "00P",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
ParentId | Parent ID | reference | required createonly to=Account,Asset,Campaign,Case,Contact,Contract,Event,Lead,Opportunity,Order,Product2,Project__c,Task
Name | File Name | string(255) | required name
IsPrivate | Private | boolean |
ContentType | Content Type | string(120) |
BodyLength | Body Length | int | readonly
Body | Body | base64 |
Description | Description | textarea(500) |
OwnerId | Owner ID | reference | default to=User
",
};
