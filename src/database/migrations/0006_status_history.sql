-- Keeps a history of every video's status and refuses any change but uploaded -> processed -> public, uploaded -> failed and
-- failed -> uploaded. Videos that are there already begin their history with the status they have.

create table video_status_changes (
  id bigint generated always as identity primary key,
  video_id bigint not null references videos (id) on delete cascade,
  from_status videostatus,
  to_status videostatus not null,
  changed_at timestamptz not null default clock_timestamp()
);

create index video_status_changes_video_id_idx on video_status_changes (video_id, id);

insert into video_status_changes (video_id, to_status) select id, status from videos order by id;

create function record_video_status_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into video_status_changes (video_id, to_status) values (new.id, new.status);
  elsif (old.status, new.status) in
    (('uploaded', 'processed'), ('processed', 'public'), ('uploaded', 'failed'), ('failed', 'uploaded')) then
    insert into video_status_changes (video_id, from_status, to_status) values (new.id, old.status, new.status);
  else
    raise exception 'Expected the status of video % to go from uploaded to processed or failed, from processed to public or from failed to uploaded, got % to %',
      new.id, old.status, new.status using errcode = 'check_violation', constraint = 'videos_status_change';
  end if;
  return null;
end
$$;

create trigger videos_status_insert after insert on videos
for each row execute function record_video_status_change();

create trigger videos_status_update after update of status on videos
for each row when (old.status is distinct from new.status) execute function record_video_status_change();
