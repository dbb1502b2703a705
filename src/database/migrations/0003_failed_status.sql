-- Adds the status `failed`, for a video the worker gave up on. Alone in its migration: PostgreSQL lets nobody use a new value of
-- an enum type in the transaction that added it.

alter type videostatus add value if not exists 'failed';
