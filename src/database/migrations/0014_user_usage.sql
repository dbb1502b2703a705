-- Adds the function that locks a user and returns what the videos of the user take up. Each statement of a function sees what was
-- committed before it, so that the sum is read behind the lock: uploads at once cannot pass a limit together.

create function lock_user_usage(user_to_lock bigint) returns table (bytes bigint, waiting bigint) language plpgsql volatile as $$
begin
  perform 1 from users where id = user_to_lock for no key update;
  if found then
    return query
      select coalesce(sum(size_bytes), 0)::bigint, count(*) filter (where status = 'uploaded')
      from videos where user_id = user_to_lock;
  end if;
end
$$;
