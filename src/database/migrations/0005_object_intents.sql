-- Adds the object intents: every key is written down before its object is, and the transaction that makes a row name the key takes
-- the intent away. So each of our objects is named at every moment by an intent or by a row, and whatever crashes in
-- between leaves an intent for the sweep to find.

create table object_intents (
  key text primary key,
  created_at timestamptz not null default now()
);

create index object_intents_created_at_idx on object_intents (created_at);
