//! The file that `syncline init` writes.

/// Every setting with its default and what it does; connections, mappings and syncs commented out.
pub(crate) const TEMPLATE: &str = r##"# Syncline's configuration. Paths are relative to this file. `syncline check` looks at all of it.

# Who the records belong to. Nothing crosses tenants.
tenant = "default"

# The zone that `daily at` and `cron` schedules mean.
time_zone = "UTC"

# The tenant's language, for your application; Syncline's own messages are in English.
language = "en"

# Where everything is kept: one SQLite file. The variable SYNCLINE_DATABASE replaces it; in a build with the feature
# `postgres` both may be the URL of a Postgres database.
database = "syncline.db"

# The key that credentials are sealed under. Keep a copy elsewhere, and out of version control. The variable
# SYNCLINE_KEY replaces it.
key_file = "syncline.key"

# --- Limits ----------------------------------------------------------------------------------------------------------
# A run that would change more records than `least`, and more than this share of all linked ones, stops and asks:
# `syncline sync --release-brake` goes on.
#
# [brakes]
# deletes = { least = 50, share = 0.1 }
# overwrites = { least = 1000, share = 0.5 }
#
# How many days things are kept; what is older goes by itself.
#
# [retention]
# runs = 90                                     # finished runs and their errors
# audit = 365                                   # values in the audit; its chain is kept for ever
# operations = 14                               # writes that are done
# tombstones = 90                               # of links that were cut: no less than the CRMs' recycle bins
# events = 7                                    # for your application
# hints = 30                                    # that no run has answered

# --- Connections: accounts at providers ------------------------------------------------------------------------------
# Secrets are never in this file. The client secret comes from the variable SYNCLINE_<CONNECTION>_CLIENT_SECRET (here
# SYNCLINE_SALES_CLIENT_SECRET), or from a file that only you can read. Then: `syncline connect sales`.
#
# [connections.sales]
# provider = "salesforce"                       # or "hubspot"
# client_id = "..."                             # of your app at the provider
# login_url = "https://test.salesforce.com"     # a sandbox, a customer's own domain, a simulator
# client_secret_file = "sales.secret"           # instead of the variable
# redirect_port = 8917                          # registered at the provider as http://127.0.0.1:8917/callback
# allow_loopback = true                         # only for simulators on this machine
# settings = { }                                # `syncline connectors` lists them

# --- Blueprints: kinds of records in your app ------------------------------------------------------------------------
# Types: text long_text integer decimal float bool date datetime choice multi_choice email phone url money reference
# list json. Fields are only ever added: removing one here keeps its values.
#
# [blueprints.contact]
# fields = [
#     { name = "email", type = "email", unique = true },
#     { name = "last_name", required = true, indexed = true },
#     { name = "status", type = "choice", choices = ["new", "customer"] },
#     { name = "account", type = "reference", blueprint = "account" },
# ]
# groups = [["city", "postal_code"]]            # changed together or not at all

# --- Mappings: which field is which ----------------------------------------------------------------------------------
# `syncline map auto sales Contact --write` proposes one and adds it here.
#
# [mappings.sales-contact]
# blueprint = "contact"
# object = "Contact"
# direction = "bidirectional"                   # or "pull" (from the CRM), "push" (to it), "none"
# strategy = "last_write_wins"                  # or crm_wins app_wins manual_review crm_authoritative app_authoritative
# rules = [
#     { field = "email", remote = "Email", lens = ["email"] },
#     { field = "last_name", remote = "LastName", strategy = "manual_review" },
#     { field = "phone", remote = "Phone", lens = [{ lens = "phone", default_region = "AT" }] },
#     { field = "company", remote = "Account.Name", direction = "pull" },
# ]
# empty_overwrites = "always"                   # what is emptied in the CRM is emptied here: or "never", "on_clear_event"
# create_in_app = true                          # a new record in the CRM is created in the app
# create_in_crm = true                          # and the other way round
# marker = "External_Id__c"                     # a unique field that carries our id; `map auto` finds it, `marker` makes one
# match_keys = [{ exact = [{ field = "email", normalise = "email" }] }]
# filter = 'remote.IsTest__c != true'           # which records of the CRM belong; `me.id` is the connection's own user
# excluded = ["Description"]                    # never requested, never written
# on_crm_delete = "unlink"                      # or "delete", "archive"
# on_app_delete = "unlink"
# on_delete_conflict = "review"                 # where a delete meets an edit: or "strategy", "last_write_wins", "crm_wins", "app_wins"
# overdue_conflicts = "14 days => crm_wins"     # what nobody decides: or "36 hours => app_wins"; without it, it waits
# pause_above_conflicts = 500                   # a sync that asks so much is paused

# --- Syncs: mappings at work -----------------------------------------------------------------------------------------
# Schedules: "manual", "hourly", "every 15 minutes", "daily at 06:30", "cron 0 9 * * 1".
#
# [syncs.sales-contacts]
# connection = "sales"
# mapping = "sales-contact"
# schedule = "hourly"
# sweep = "daily"                               # compares all ids, which finds what polls can't: or "every 12 hours", "weekly", "never"
# files = true                                  # carries files to and from the other syncs of the blueprint that say so, too
"##;
