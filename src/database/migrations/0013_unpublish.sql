-- Allows public -> processed: the owner of a public video can withdraw it.

create or replace function record_video_status_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into video_status_changes (video_id, to_status) values (new.id, new.status);
  elsif (old.status, new.status) in (('uploaded', 'processed'), ('processed', 'public'), ('public', 'processed'),
    ('uploaded', 'failed'), ('failed', 'uploaded')) then
    insert into video_status_changes (video_id, from_status, to_status) values (new.id, old.status, new.status);
  else
    raise exception 'Expected the status of video % to change from uploaded to processed or failed, between processed and public, or from failed to uploaded, got % to %',
      new.id, old.status, new.status using errcode = 'check_violation', constraint = 'videos_status_change';
  end if;
  return null;
end
$$;
