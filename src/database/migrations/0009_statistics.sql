-- Gathers the statistics that a rewritten table has lost, so that the first queries after a takeover are planned as well as later ones.

analyze users, videos, votes;
