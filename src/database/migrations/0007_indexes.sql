-- Adds an index for each question that is asked often: a user's videos, the public list, the videos that wait, a task, the owner of
-- an object's key, recent processing times, and the ranking, whole and by city.

create index videos_user_id_idx on videos (user_id, uploaded_at desc, id desc);
create index videos_public_idx on videos (uploaded_at desc, id desc) where status = 'public';
create index videos_waiting_idx on videos (uploaded_at, id) where status = 'uploaded';
create index videos_task_id_idx on videos (task_id);
create index videos_original_url_idx on videos (original_url);
create index videos_processed_url_idx on videos (processed_url);
create index videos_poster_url_idx on videos (poster_url);
create index videos_finished_idx on videos (processed_at desc)
  where processing_started_at is not null and processed_at is not null;

create index users_ranking_idx on users (votes desc, id) include (first_name, last_name, city);
create index users_city_ranking_idx on users (city_folded, votes desc, id) include (first_name, last_name, city)
  where city_folded is not null;
