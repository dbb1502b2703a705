import { randomUUID } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import multipart from '@fastify/multipart';
import { fastify } from 'fastify';

/** Implements the upload as one writes it with Fastify: its multipart plugin, and the file's stream passed to lib-storage. */
const { PORT, S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
const client = new S3Client({
  region: 'us-east-1',
  endpoint: S3_ENDPOINT ?? '',
  forcePathStyle: true,
  credentials: { accessKeyId: AWS_ACCESS_KEY_ID ?? '', secretAccessKey: AWS_SECRET_ACCESS_KEY ?? '' },
});

const app = fastify({ bodyLimit: 101 * 1024 * 1024 });
await app.register(multipart, { limits: { fileSize: 100 * 1024 * 1024, files: 1 } });
app.get('/', async () => 'ready');
app.post('/api/videos/upload', async (request, reply) => {
  let title: unknown;
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      title = part.value;
      continue;
    }
    const params = { Bucket: 'bench', Key: `uploads/${randomUUID()}.mp4`, Body: part.file, ContentType: part.mimetype };
    await new Upload({ client, params }).done();
    if (part.file.truncated) return reply.code(400).send({ detail: 'too large' });
  }
  return reply.code(201).send({ message: 'uploaded', title });
});
await app.listen({ port: Number(PORT), host: '127.0.0.1' });
process.on('SIGTERM', () => process.exit(0));
