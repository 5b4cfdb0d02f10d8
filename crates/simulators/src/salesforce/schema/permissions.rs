//! Permission sets: who may see which field.

use super::ObjectSchema;
use super::build::{ObjectLine, setup_object};

const PERMISSION_SET: ObjectLine = ObjectLine {
    name: "PermissionSet",
    label: "Permission Set",
    plural: "Permission Sets",
    prefix: "0PS",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
Name | Permission Set Name | string(80) | required unique
Label | Permission Set Label | string(80) | required
Description | Description | textarea(255) |
IsOwnedByProfile | Is Owned By Profile | boolean | readonly
",
};

const PERMISSION_SET_ASSIGNMENT: ObjectLine = ObjectLine {
    name: "PermissionSetAssignment",
    label: "Permission Set Assignment",
    plural: "Permission Set Assignments",
    prefix: "0Pa",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
PermissionSetId | PermissionSet ID | reference | required to=PermissionSet
AssigneeId | Assignee ID | reference | required to=User
",
};

const FIELD_PERMISSIONS: ObjectLine = ObjectLine {
    name: "FieldPermissions",
    label: "Field Permissions",
    plural: "Field Permissions",
    prefix: "01k",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
ParentId | Parent ID | reference | required to=PermissionSet
SobjectType | Sobject Type | string(40) | required
Field | Field Name | string(255) | required
PermissionsRead | Read Field | boolean |
PermissionsEdit | Edit Field | boolean |
",
};

const USER_PERMISSION_ACCESS: ObjectLine = ObjectLine {
    name: "UserPermissionAccess",
    label: "User Permission Access",
    plural: "User Permission Access",
    prefix: "08A",
    mergeable: false,
    writable: false,
    children: "",
    fields: "
PermissionsViewEncryptedData | View Encrypted Data | boolean | readonly
",
};

/// The objects of permissions, which every organisation has and nobody adds fields to.
pub(super) fn permission_objects(changed: i64) -> impl Iterator<Item = ObjectSchema> {
    [
        FIELD_PERMISSIONS,
        PERMISSION_SET,
        PERMISSION_SET_ASSIGNMENT,
        USER_PERMISSION_ACCESS,
    ]
    .into_iter()
    .filter_map(move |line| setup_object(&line, changed))
}
