//! The HubSpot connector as a plugin.

syncline_plugin::plugin!(syncline_connector_hubspot::HubSpot::new());
