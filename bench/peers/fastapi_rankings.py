"""The rankings as the older system implements them: FastAPI and SQLAlchemy count all votes for every request."""

import os

from fastapi import FastAPI
from sqlalchemy import create_engine, text

url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg2://", 1)
engine = create_engine(url, pool_size=10, max_overflow=0)
app = FastAPI()

ranking = text(
    """
    select u.id, u.first_name, u.last_name, u.city, count(votes.id) as votes
    from users u
    left join videos on videos.user_id = u.id
    left join votes on votes.video_id = videos.id
    group by u.id
    order by count(votes.id) desc, u.id
    limit :limit offset :offset
    """
)


@app.get("/")
def health():
    return "ready"


@app.get("/api/public/rankings")
def rankings(page: int = 1, limit: int = 10):
    offset = (page - 1) * limit
    with engine.connect() as connection:
        rows = connection.execute(ranking, {"limit": limit, "offset": offset}).all()
    return [
        {
            "position": offset + i + 1,
            "username": f"{row.first_name} {row.last_name}",
            "city": row.city or "",
            "votes": row.votes,
        }
        for i, row in enumerate(rows)
    ]
