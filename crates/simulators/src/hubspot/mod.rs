//! In-process HubSpot simulator.
