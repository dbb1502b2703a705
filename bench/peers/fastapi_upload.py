"""The upload as one writes it with FastAPI: UploadFile (python-multipart, a spooled temporary file), passed to boto3."""

import os
import uuid
from typing import Annotated

import boto3
import uvicorn
from botocore.handlers import add_expect_header
from fastapi import FastAPI, File, Form, HTTPException, UploadFile

s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=os.environ["S3_ENDPOINT"])
# boto3 would wait a second for a 100 Continue that not every S3 server sends.
s3.meta.events.unregister("before-call.s3", add_expect_header)
app = FastAPI()


@app.get("/")
def ready() -> str:
    return "ready"


@app.post("/api/videos/upload", status_code=201)
def upload(video_file: Annotated[UploadFile, File()], title: Annotated[str, Form()]) -> dict[str, str]:
    if (video_file.size or 0) > 100 * 1024 * 1024:
        raise HTTPException(400, "too large")
    key = f"uploads/{uuid.uuid4()}.mp4"
    s3.upload_fileobj(video_file.file, "bench", key, ExtraArgs={"ContentType": video_file.content_type})
    return {"message": "uploaded", "title": title}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
