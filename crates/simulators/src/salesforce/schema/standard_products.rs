//! The built-in objects of what is sold: products, prices, and who decides about a deal.

use super::build::ObjectLine;

pub(super) const PRODUCT: ObjectLine = ObjectLine {
    name: "Product2",
    label: "Product",
    plural: "Products",
    prefix: "01t",
    mergeable: false,
    writable: true,
    children: "PricebookEntry.Product2Id>PricebookEntries OpportunityLineItem.Product2Id>OpportunityLineItems Asset.Product2Id>Assets",
    fields: "
Name | Product Name | string(255) | required name
ProductCode | Product Code | string(255) |
Description | Product Description | textarea(4000) |
IsActive | Active | boolean |
Family | Product Family | picklist | values=None
StockKeepingUnit | Product SKU | string(180) |
QuantityUnitOfMeasure | Quantity Unit Of Measure | picklist | values=Each
",
};

pub(super) const PRICEBOOK: ObjectLine = ObjectLine {
    name: "Pricebook2",
    label: "Price Book",
    plural: "Price Books",
    prefix: "01s",
    mergeable: false,
    writable: true,
    children: "PricebookEntry.Pricebook2Id>PricebookEntries Opportunity.Pricebook2Id>Opportunities",
    fields: "
Name | Price Book Name | string(255) | required name
IsActive | Active | boolean |
IsStandard | Is Standard Price Book | boolean | readonly
Description | Description | string(255) |
",
};

pub(super) const PRICEBOOK_ENTRY: ObjectLine = ObjectLine {
    name: "PricebookEntry",
    label: "Price Book Entry",
    plural: "Price Book Entries",
    prefix: "01u",
    mergeable: false,
    writable: true,
    children: "OpportunityLineItem.PricebookEntryId>OpportunityLineItems",
    fields: "
Name | Product Name | string(255) | readonly name
Pricebook2Id | Price Book ID | reference | required createonly to=Pricebook2 as=Pricebook2
Product2Id | Product ID | reference | required createonly to=Product2 as=Product2
UnitPrice | List Price | currency | required
IsActive | Active | boolean |
UseStandardPrice | Use Standard Price | boolean |
ProductCode | Product Code | string(255) | readonly
",
};

pub(super) const LINE_ITEM: ObjectLine = ObjectLine {
    name: "OpportunityLineItem",
    label: "Opportunity Product",
    plural: "Opportunity Product",
    prefix: "00k",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
OpportunityId | Opportunity ID | reference | required createonly to=Opportunity
SortOrder | Sort Order | int |
PricebookEntryId | Price Book Entry ID | reference | createonly to=PricebookEntry
Product2Id | Product ID | reference | createonly to=Product2 as=Product2
ProductCode | Product Code | string(255) | readonly
Name | Opportunity Product Name | string(376) | readonly name
Quantity | Quantity | double | required
UnitPrice | Sales Price | currency |
TotalPrice | Total Price | currency |
ListPrice | List Price | currency | readonly
ServiceDate | Date | date |
Description | Line Description | string(255) |
",
};

pub(super) const CONTACT_ROLE: ObjectLine = ObjectLine {
    name: "OpportunityContactRole",
    label: "Opportunity Contact Role",
    plural: "Opportunity Contact Role",
    prefix: "00K",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
OpportunityId | Opportunity ID | reference | required createonly to=Opportunity
ContactId | Contact ID | reference | required createonly to=Contact
Role | Role | picklist(40) | values=Business User;Decision Maker;Economic Buyer;Economic Decision Maker;Evaluator;Executive Sponsor;Influencer;Technical Buyer;Other
IsPrimary | Primary | boolean |
",
};

pub(super) const ASSET: ObjectLine = ObjectLine {
    name: "Asset",
    label: "Asset",
    plural: "Assets",
    prefix: "02i",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
ContactId | Contact ID | reference | to=Contact
AccountId | Account ID | reference | to=Account
Product2Id | Product ID | reference | to=Product2 as=Product2
Name | Asset Name | string(255) | required name
SerialNumber | Serial Number | string(80) |
InstallDate | Install Date | date |
PurchaseDate | Purchase Date | date |
Status | Status | picklist | values=Shipped;Installed;Registered;Obsolete;Purchased
Price | Price | currency | scale=0
Quantity | Quantity | double |
Description | Description | textarea(32000) |
OwnerId | Owner ID | reference | default to=User
",
};

pub(super) const CONTRACT: ObjectLine = ObjectLine {
    name: "Contract",
    label: "Contract",
    plural: "Contracts",
    prefix: "800",
    mergeable: false,
    writable: true,
    children: "Order.ContractId>Orders",
    fields: "
AccountId | Account ID | reference | required to=Account
ContractNumber | Contract Number | string(30) | auto name lookup
StartDate | Contract Start Date | date |
EndDate | Contract End Date | date | readonly
ContractTerm | Contract Term | int |
Status | Status | picklist | default values=*Draft;In Approval Process;Activated
OwnerId | Owner ID | reference | default to=User
Description | Description | textarea(32000) |
",
};

pub(super) const ORDER: ObjectLine = ObjectLine {
    name: "Order",
    label: "Order",
    plural: "Orders",
    prefix: "801",
    mergeable: false,
    writable: true,
    children: "",
    fields: "
OrderNumber | Order Number | string(30) | auto name lookup
AccountId | Account ID | reference | to=Account
ContractId | Contract ID | reference | to=Contract
Pricebook2Id | Price Book ID | reference | to=Pricebook2 as=Pricebook2
EffectiveDate | Order Start Date | date | required
EndDate | Order End Date | date |
Status | Status | picklist | required values=Draft;Activated
Type | Order Type | picklist | values=Standard
TotalAmount | Order Amount | currency | readonly
OwnerId | Owner ID | reference | default to=Group,User
Description | Description | textarea(32000) |
",
};
