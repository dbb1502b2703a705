-- Renames the table of pending vote deltas, and keeps its former name as a view for the release before, which may run beside
-- this one or after a rollback. The view is automatically updatable; it exposes ctid because that release deletes rows by it.

alter table vote_gains rename to vote_deltas;
create view vote_gains as select ctid, user_ids, votes from vote_deltas;

comment on table vote_deltas is 'Pending changes of users.votes: a row has the changes of one batch of votes or of one deletion, by user';
comment on view vote_gains is 'vote_deltas under its former name, for earlier releases';
comment on column users.votes is 'Votes that all videos of this user have received, without the pending changes in vote_deltas';
