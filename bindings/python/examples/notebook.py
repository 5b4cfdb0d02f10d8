# %% [markdown]
# # A first sync, cell by cell
# Open it in a notebook (VS Code and Jupytext read the cells), or run it: `python examples/notebook.py`. The CRM is a
# simulator, so nothing here needs an account.

# %%
import syncline

sf = syncline.simulators.Salesforce(records=50)
sl = syncline.open(":memory:", actor="ada", allow_loopback=True)
acme = sl.tenant("Acme")
sales = acme.connections.with_tokens("salesforce", "sales", **sf.tokens)

# %% What would be mapped, and why: the last value of a cell shows itself as a table.
proposal = acme.connections.propose(sales, "Contact")
proposal

# %% What that makes of live records, before anything is saved
acme.syncs.preview(sales, proposal, records=3)

# %% The first read
acme.syncs.save("contacts", sales, proposal)
(run,) = acme.runs.run(progress=lambda moment: print(f"\r{moment.stage} {moment.ledger.read}", end=""))
run

# %% Edits on both sides at once: different fields of one record never conflict
people = acme.entities("person")
ada = people.first()
assert ada is not None
record = ada.links[0].record or ""
people.update(ada, first_name="Augusta")
sf.update("Contact", record, LastName="Lovelace")
(planned,) = acme.runs.run(dry_run=True)
planned.plan

# %% Carried out
(run,) = acme.runs.run()
both = people.get(ada.uid)
print()
print(f"app: {both['first_name']} {both['last_name']}")
crm = sf.record("Contact", record)
assert crm is not None
print(f"CRM: {crm['FirstName']} {crm['LastName']}")
assert (both["first_name"], both["last_name"]) == (crm["FirstName"], crm["LastName"]) == ("Augusta", "Lovelace")

# %% Taken back
back = acme.runs.rollback(run)
print(f"{back.status}, left alone: {back.diverged_count}")

# %%
sl.close()
sf.close()
