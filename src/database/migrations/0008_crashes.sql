-- Adds the count of attempts that ended without a word (the worker or its FFmpeg was killed): a video that does that too often is
-- given up instead of taking the next worker along.

alter table videos add column crashes smallint not null default 0;

comment on column videos.crashes is 'Attempts that ended without a word, since the upload or the last retry';
