//! The built-in objects that say how an organisation is set up. Nobody writes them through the API here.

use super::build::ObjectLine;

pub(super) const ORGANIZATION: ObjectLine = ObjectLine {
    name: "Organization",
    label: "Organization",
    plural: "Organizations",
    prefix: "00D",
    mergeable: false,
    writable: false,
    children: "",
    fields: "
Name | Name | string(80) | required name
Division | Division | string(80) |
Country | Country | string(80) |
Phone | Phone | phone |
PrimaryContact | Primary Contact | string(80) |
DefaultLocaleSidKey | Locale | picklist(40) | default restricted values=*en_US;de_DE;en_GB
TimeZoneSidKey | Time Zone | picklist(40) | default restricted values=*America/Los_Angeles;Europe/Berlin;Europe/London;Etc/UTC
LanguageLocaleKey | Language | picklist(40) | default restricted values=*en_US;de
OrganizationType | Edition | picklist(40) | readonly values=Developer Edition;Enterprise Edition;Unlimited Edition
NamespacePrefix | Namespace Prefix | string(15) | readonly
InstanceName | Instance Name | string(5) | readonly
IsSandbox | Is Sandbox | boolean | readonly
FiscalYearStartMonth | Fiscal Year Starts In | int |
",
};

pub(super) const PROFILE: ObjectLine = ObjectLine {
    name: "Profile",
    label: "Profile",
    plural: "Profile",
    prefix: "00e",
    mergeable: false,
    writable: false,
    children: "User.ProfileId>Users",
    fields: "
Name | Name | string(255) | required name
UserType | User Type | picklist(40) | readonly values=Standard;PowerPartner;CsnOnly
Description | Description | string(255) |
",
};

pub(super) const USER_ROLE: ObjectLine = ObjectLine {
    name: "UserRole",
    label: "Role",
    plural: "Role",
    prefix: "00E",
    mergeable: false,
    writable: false,
    children: "User.UserRoleId>Users",
    fields: "
Name | Name | string(80) | required name
DeveloperName | Developer Name | string(80) |
ParentRoleId | Parent Role ID | reference | to=UserRole as=ParentRole
",
};

pub(super) const GROUP: ObjectLine = ObjectLine {
    name: "Group",
    label: "Group",
    plural: "Group",
    prefix: "00G",
    mergeable: false,
    writable: false,
    children: "",
    fields: "
Name | Name | string(40) | required name
DeveloperName | Developer Name | string(80) |
Type | Type | picklist(40) | restricted values=Regular;Role;Organization;Queue
Email | Email | email |
DoesSendEmailToMembers | Send Email to Members | boolean |
",
};

pub(super) const RECORD_TYPE: ObjectLine = ObjectLine {
    name: "RecordType",
    label: "Record Type",
    plural: "Record Types",
    prefix: "012",
    mergeable: false,
    writable: false,
    children: "",
    fields: "
Name | Name | string(80) | required name
DeveloperName | Record Type Name | string(80) | required
NamespacePrefix | Namespace Prefix | string(15) |
Description | Description | string(255) |
SobjectType | SObject Type Name | picklist(40) | required values=Account;Case;Contact;Lead;Opportunity
IsActive | Active | boolean |
",
};
