//! The Salesforce connector as a plugin.

syncline_plugin::plugin!(syncline_connector_salesforce::Salesforce::new());
